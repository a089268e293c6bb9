# The pure parsers, and the fuzzers of the same.
if UNIT_TESTS
check_PROGRAMS += tests/unit/parsers
TESTS += tests/unit/parsers
endif
tests_unit_parsers_SOURCES = \
	tests/unit/config-space-samples.h \
	tests/unit/netlink-bytes.h \
	tests/unit/parsers.c \
	tests/unit/test_config_space.c \
	tests/unit/test_config_space_faults.c \
	tests/unit/test_modules_alias.c \
	tests/unit/test_net_messages.c \
	tests/unit/test_resources.c \
	tests/unit/test_vpd.c
tests_unit_parsers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_parsers_LDADD = libpcipt-core.la $(CHECK_LIBS)

EXTRA_DIST += tests/fuzz
