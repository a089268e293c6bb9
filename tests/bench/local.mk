# Benchmarks. Nothing here is built by "all" or "check": the drivers build what they need.
#   make bench           the inventory at 1,000, 10,000 and 60,000 devices and on this machine
#   make bench-quick     1,000 and 10,000 devices, fewer rounds
#   make bench-set       the safe set of a device, on small hosts and on a large one
#   make bench-reconcile 1,000 claims with nothing to do on 10,000 devices
#   make bench-bindings  10,000 devices from C, Go and Python, and 10,000 rounds of making everything
bench_programs = \
	tests/bench/claims \
	tests/bench/crowd \
	tests/bench/floor \
	tests/bench/maketree \
	tests/bench/measure \
	tests/bench/open \
	tests/bench/peer-libpci \
	tests/bench/peer-sddevice \
	tests/bench/peer-udev \
	tests/bench/set \
	tests/bench/snapshot \
	tests/bench/transaction
EXTRA_PROGRAMS = $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/bindings tests/bench/inventory tests/bench/inventory-vm \
	tests/bench/reconcile tests/bench/safe-set tests/bench/transaction-vm

bench_figures = tests/bench/figures.c tests/bench/figures.h

tests_bench_maketree_SOURCES = tests/bench/maketree.c
tests_bench_claims_SOURCES = tests/bench/claims.c
tests_bench_claims_LDADD = libpcipt-core.la $(JSON_C_LIBS)
tests_bench_measure_SOURCES = tests/bench/measure.c
tests_bench_floor_SOURCES = tests/bench/floor.c $(bench_figures)
tests_bench_floor_LDADD = -lpthread
tests_bench_open_SOURCES = tests/bench/open.c $(bench_figures)
tests_bench_open_LDADD = -ldl
tests_bench_peer_libpci_SOURCES = tests/bench/peer-libpci.c $(bench_figures)
tests_bench_peer_libpci_LDADD = -lpci
tests_bench_peer_sddevice_SOURCES = tests/bench/peer-sddevice.c $(bench_figures)
tests_bench_peer_sddevice_LDADD = -lsystemd
tests_bench_peer_udev_SOURCES = tests/bench/peer-udev.c $(bench_figures)
tests_bench_peer_udev_LDADD = -ludev
tests_bench_snapshot_SOURCES = tests/bench/snapshot.c $(bench_figures)
tests_bench_snapshot_LDADD = libpcipt.la
# The program itself, not a script that sets a path for it: its start is measured too.
tests_bench_snapshot_LDFLAGS = $(AM_LDFLAGS) -no-install
tests_bench_crowd_SOURCES = tests/bench/crowd.c
# With the archive: it asks for what the library hides.
tests_bench_set_SOURCES = tests/bench/set.c
tests_bench_set_LDADD = libpcipt-core.la
tests_bench_transaction_SOURCES = tests/bench/transaction.c
tests_bench_transaction_LDADD = libpcipt.la -lpthread
tests_bench_transaction_LDFLAGS = $(AM_LDFLAGS) -no-install

bench: all
	$(srcdir)/tests/bench/inventory --build $(abs_builddir) --host 1000 10000 60000
bench-quick: all
	$(srcdir)/tests/bench/inventory --build $(abs_builddir) --quick
bench-set: all
	$(srcdir)/tests/bench/safe-set --build $(abs_builddir)
bench-vm: all
	$(srcdir)/tests/bench/inventory-vm --build $(abs_builddir)
	$(srcdir)/tests/bench/transaction-vm --build $(abs_builddir)
bench-reconcile: all
	$(srcdir)/tests/bench/reconcile --build $(abs_builddir)
.PHONY: bench bench-quick bench-reconcile bench-set bench-vm
