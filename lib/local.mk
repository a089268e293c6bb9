# The library, and the same as an archive that is not installed: unit tests link
# that one, so they reach what is hidden in the shared library.
lib_LTLIBRARIES += libpcipt.la
noinst_LTLIBRARIES += libpcipt-core.la

libpcipt_core_la_SOURCES = \
	lib/base/context.c lib/base/context.h \
	lib/base/error-codes.def lib/base/error.c lib/base/error.h \
	lib/base/json.c lib/base/json.h \
	lib/base/options.c lib/base/options.h \
	lib/base/util.c lib/base/util.h \
	lib/base/words.c \
	lib/kernel/board.h \
	lib/kernel/confined.c \
	lib/kernel/disk.c \
	lib/kernel/guarded-files.c \
	lib/kernel/guarded.c \
	lib/kernel/helper.c \
	lib/kernel/kernel.c lib/kernel/kernel.h \
	lib/kernel/library.c lib/kernel/library.h \
	lib/kernel/locks.c \
	lib/kernel/modules.c \
	lib/kernel/namespaces.c \
	lib/kernel/netlink.c lib/kernel/netlink.h lib/kernel/networks.h \
	lib/kernel/netlink-copy.c \
	lib/kernel/open-files.c \
	lib/kernel/pipe.c lib/kernel/pipe.h \
	lib/kernel/process.c lib/kernel/process.h \
	lib/kernel/raw.h \
	lib/kernel/real.c lib/kernel/real.h \
	lib/kernel/records.c \
	lib/kernel/signature.c lib/kernel/signature.h \
	lib/kernel/uevent.c \
	lib/kernel/watch.c lib/kernel/watch.h \
	lib/kernel/writer.c \
	lib/inventory/address.c lib/inventory/address.h \
	lib/inventory/arena.c lib/inventory/arena.h \
	lib/inventory/config-space.c lib/inventory/config-space.h \
	lib/inventory/describe.c \
	lib/inventory/details.c \
	lib/inventory/device-details.c \
	lib/inventory/device.c \
	lib/inventory/facts.c \
	lib/inventory/group.c \
	lib/inventory/identity.c \
	lib/inventory/identity-compare.c \
	lib/inventory/inventory.h \
	lib/inventory/modules-alias.c lib/inventory/modules-alias.h \
	lib/inventory/modules.c \
	lib/inventory/resources.c lib/inventory/resources.h \
	lib/inventory/scan.c \
	lib/inventory/scope.c \
	lib/inventory/selector.c lib/inventory/selector.h \
	lib/inventory/snapshot.c \
	lib/inventory/topology.c \
	lib/inventory/vpd.c lib/inventory/vpd.h \
	lib/usage/block.c lib/usage/block.h \
	lib/usage/block-boot.c \
	lib/usage/block-btrfs.c \
	lib/usage/block-disks.c \
	lib/usage/block-entries.c \
	lib/usage/block-look.c \
	lib/usage/block-map.c \
	lib/usage/block-mounts.c \
	lib/usage/block-remote.c \
	lib/usage/block-target.c \
	lib/usage/block-tell.c \
	lib/usage/display.c \
	lib/usage/efi-boot.c lib/usage/efi-boot.h \
	lib/usage/evidence.c lib/usage/evidence.h \
	lib/usage/holders.c lib/usage/holders.h \
	lib/usage/foreign.c \
	lib/usage/host.c \
	lib/usage/mountinfo.c lib/usage/mountinfo.h \
	lib/usage/net.c lib/usage/net.h \
	lib/usage/net-graph.c lib/usage/net-graph.h \
	lib/usage/kernel.c \
	lib/usage/net-logins.c \
	lib/usage/net-messages.c \
	lib/usage/net-sessions.c \
	lib/usage/net-settle.c \
	lib/usage/net-uses.c \
	lib/usage/nodes.c lib/usage/nodes.h \
	lib/usage/origin.c lib/usage/origin.h \
	lib/usage/pins.c \
	lib/usage/record.c lib/usage/record.h \
	lib/usage/records.c \
	lib/usage/strays.c \
	lib/usage/rivals.c \
	lib/usage/tcp.c lib/usage/tcp.h \
	lib/usage/usb.c lib/usage/usb.h \
	lib/usage/uses.c lib/usage/uses.h \
	lib/safety/allow.c \
	lib/safety/closure.c lib/safety/closure.h \
	lib/safety/finding.c lib/safety/finding.h lib/safety/findings.def \
	lib/safety/judge.c lib/safety/judge.h \
	lib/safety/judge-group.c \
	lib/safety/judge-host.c \
	lib/safety/judge-owner.c \
	lib/safety/judge-reset.c \
	lib/safety/judge-use.c \
	lib/safety/plan.c lib/safety/plan.h \
	lib/safety/reset.c lib/safety/reset.h \
	lib/safety/set.c lib/safety/set.h \
	lib/safety/steps.c \
	lib/transaction/apply.c \
	lib/transaction/batch.c \
	lib/transaction/bind.c \
	lib/transaction/check.c \
	lib/transaction/compare.c \
	lib/transaction/from-record.c \
	lib/transaction/journal.c \
	lib/transaction/load.c \
	lib/transaction/locks.c \
	lib/transaction/recover.c \
	lib/transaction/release.c \
	lib/transaction/report.c \
	lib/transaction/result.c \
	lib/transaction/state.c \
	lib/transaction/step.c \
	lib/transaction/transaction.h \
	lib/transaction/undo.c \
	lib/claims/adopt.c \
	lib/claims/bind.c \
	lib/claims/boot.c lib/claims/boot.h \
	lib/claims/boot-list.c \
	lib/claims/claim.c \
	lib/claims/claims.h \
	lib/claims/compare.c lib/claims/compare.h \
	lib/claims/reconcile.def lib/claims/situations.def \
	lib/claims/event.c lib/claims/event.h \
	lib/claims/health.c lib/claims/health.h lib/claims/health.def \
	lib/claims/monitor.c lib/claims/monitor.h \
	lib/claims/monitor-claims.c \
	lib/claims/monitor-devices.c \
	lib/claims/name.c \
	lib/claims/reconcile.c \
	lib/claims/recover.c \
	lib/claims/release.c \
	lib/claims/store.c
if WITH_LIBPCI
libpcipt_core_la_SOURCES += lib/inventory/names-libpci.c
else
libpcipt_core_la_SOURCES += lib/inventory/names-hwdb.c
endif
EXTRA_DIST += lib/inventory/names-libpci.c lib/inventory/names-hwdb.c
libpcipt_core_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DPCIPT_API='__attribute__((visibility("default")))'
libpcipt_core_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden -pthread \
	$(JSON_C_CFLAGS) $(KMOD_CFLAGS) $(BLKID_CFLAGS) $(MNL_CFLAGS) $(NAMES_CFLAGS)
libpcipt_core_la_LIBADD = $(JSON_C_LIBS) $(MNL_LIBS) $(NAMES_LIBS) $(DL_LIBS) -lpthread

libpcipt_la_SOURCES =
libpcipt_la_LIBADD = libpcipt-core.la
# Never unloaded: a helper process or a garbage collector may still run its code.
libpcipt_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBPCIPT_VERSION_INFO) \
	-Wl,--version-script=$(top_srcdir)/lib/libpcipt.map -Wl,-z,nodelete -Wl,-z,defs \
	$(SANITIZERS)
# The interface's number comes from configure.
EXTRA_libpcipt_la_DEPENDENCIES = lib/libpcipt.map config.status
EXTRA_DIST += lib/libpcipt.map
