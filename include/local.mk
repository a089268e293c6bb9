libpciptdir = $(includedir)/libpcipt
libpcipt_HEADERS = \
	include/libpcipt/claim.h \
	include/libpcipt/context.h \
	include/libpcipt/defs.h \
	include/libpcipt/device.h \
	include/libpcipt/error.h \
	include/libpcipt/group.h \
	include/libpcipt/identity.h \
	include/libpcipt/libpcipt.h \
	include/libpcipt/monitor.h \
	include/libpcipt/options.h \
	include/libpcipt/plan.h \
	include/libpcipt/report.h \
	include/libpcipt/set.h \
	include/libpcipt/snapshot.h \
	include/libpcipt/transaction.h
