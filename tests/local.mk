# Tests that need no hardware and no privilege.
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	PCIPT_LIBRARY='$(abs_top_builddir)/.libs/libpcipt.so'; export PCIPT_LIBRARY; \
	CC='$(CC)'; export CC;

# What can be seen in the sources and in the objects without running anything.
TESTS += tests/boot-units
EXTRA_DIST += tests/boot-units
TESTS += tests/abi/symbols tests/abi/headers tests/abi/recorded tests/layers tests/manual
EXTRA_DIST += tests/abi/symbols tests/abi/headers tests/abi/recorded tests/abi/interface tests/layers tests/manual

# What is said of a recorded machine is what was said on that machine.
TESTS += tests/data/check
EXTRA_DIST += tests/data

check_PROGRAMS += tests/abi/quiet
TESTS += tests/abi/quiet
tests_abi_quiet_SOURCES = \
	tests/abi/quiet.c \
	tests/unit/tree.c tests/unit/tree.h
tests_abi_quiet_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
# The program loads the library by itself; make must only see to it that there is one.
tests_abi_quiet_LDADD = -ldl
EXTRA_tests_abi_quiet_DEPENDENCIES = libpcipt.la

if UNIT_TESTS
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
endif

fake_kernel = \
	tests/fake-kernel/bus.c \
	tests/fake-kernel/files.c \
	tests/fake-kernel/model.c tests/fake-kernel/model.h \
	tests/fake-kernel/processes.c \
	tests/fake-kernel/records.c \
	tests/fake-kernel/sim.c tests/fake-kernel/sim.h \
	tests/fake-kernel/sriov.c \
	tests/fake-kernel/vfio.c \
	tests/fake-kernel/watch.c \
	tests/fake-kernel/writer.c

tests_unit_unit_SOURCES = $(fake_kernel) \
	tests/unit/exhaustive.c tests/unit/exhaustive.h \
	tests/unit/failing.c tests/unit/failing.h \
	tests/unit/leftovers.c tests/unit/leftovers.h \
	tests/unit/machine.c tests/unit/machine.h \
	tests/unit/scene.c tests/unit/scene.h \
	tests/unit/test_address.c \
	tests/unit/test_adopt.c \
	tests/unit/test_apply.c \
	tests/unit/test_apply_odd.c \
	tests/unit/test_article.c \
	tests/unit/test_base.c \
	tests/unit/test_block.c \
	tests/unit/test_boot.c \
	tests/unit/test_block_odd.c \
	tests/unit/storage.c tests/unit/storage.h \
	tests/unit/test_cells.c \
	tests/unit/test_claim.c \
	tests/unit/test_closure.c \
	tests/unit/test_compare.c \
	tests/unit/test_strays.c \
	tests/unit/test_confined.c \
	tests/unit/test_describe.c \
	tests/unit/test_details.c \
	tests/unit/test_display.c \
	tests/unit/test_error.c \
	tests/unit/test_exhaustive.c \
	tests/unit/test_findings.c \
	tests/unit/test_guarded.c \
	tests/unit/test_foreign.c \
	tests/unit/test_helper.c \
	tests/unit/test_holders.c \
	tests/unit/test_hostile.c \
	tests/unit/test_interrupted.c \
	tests/unit/test_judge.c \
	tests/unit/test_killed.c \
	tests/unit/test_monitor.c \
	tests/unit/test_net.c \
	tests/unit/test_persistent.c \
	tests/unit/test_pins.c \
	tests/unit/test_plan.c \
	tests/unit/test_recheck.c \
	tests/unit/test_reconcile.c \
	tests/unit/test_rivals.c \
	tests/unit/test_record.c \
	tests/unit/test_recover.c \
	tests/unit/test_release.c \
	tests/unit/test_scoped.c \
	tests/unit/test_selector.c \
	tests/unit/test_snapshot.c \
	tests/unit/test_store.c \
	tests/unit/test_unreadable.c \
	tests/unit/test_usb.c \
	tests/unit/topology.c tests/unit/topology.h \
	tests/unit/tree.c tests/unit/tree.h \
	tests/unit/unit.c tests/unit/unit.h
tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests \
	-DPCIPT_SOURCE_FOLDER='"$(abs_top_srcdir)"'
tests_unit_unit_CFLAGS = $(AM_CFLAGS) -pthread $(CHECK_CFLAGS) $(JSON_C_CFLAGS)
tests_unit_unit_LDADD = libpcipt-core.la $(CHECK_LIBS) $(JSON_C_LIBS)

# Just the unit tests, with what they print.
check-unit: tests/unit/unit$(EXEEXT)
	tests/unit/unit$(EXEEXT)

.PHONY: check-unit

# The simulated kernel does what the real one did: the same scripts on both.
check_PROGRAMS += tests/conformance/conform
TESTS += tests/conformance/check
# File by file: the folder in the build tree has objects.
EXTRA_DIST += tests/conformance/check tests/conformance/compare tests/conformance/differences \
	tests/conformance/gpu-pair.script tests/conformance/gpu-pair-6.1.trace \
	tests/conformance/gpu-pair-6.12.trace \
	tests/conformance/shared-bridge.script tests/conformance/shared-bridge-6.1.trace \
	tests/conformance/shared-bridge-6.12.trace \
	tests/conformance/sriov.script tests/conformance/sriov-6.1.trace \
	tests/conformance/sriov-6.12.trace
tests_conformance_conform_SOURCES = $(fake_kernel) \
	tests/conformance/conform.c \
	tests/conformance/hold.c \
	tests/conformance/library.c \
	tests/conformance/load.c \
	tests/conformance/names.c \
	tests/conformance/operations.c \
	tests/conformance/run.h \
	tests/conformance/state.c \
	tests/conformance/writes.c
tests_conformance_conform_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_conformance_conform_CFLAGS = $(AM_CFLAGS) -pthread $(JSON_C_CFLAGS)
tests_conformance_conform_LDADD = libpcipt-core.la $(JSON_C_LIBS)
