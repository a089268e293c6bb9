# Tests that need no hardware and no privilege.
if UNIT_TESTS
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
endif

tests_unit_unit_SOURCES = \
	tests/unit/test_address.c \
	tests/unit/unit.c tests/unit/unit.h
tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests \
	-DPCIPT_SOURCE_FOLDER='"$(abs_top_srcdir)"'
tests_unit_unit_CFLAGS = $(AM_CFLAGS) -pthread $(CHECK_CFLAGS) $(JSON_C_CFLAGS)
tests_unit_unit_LDADD = libpcipt-core.la $(CHECK_LIBS) $(JSON_C_LIBS)

# Just the unit tests, with what they print.
check-unit: tests/unit/unit$(EXEEXT)
	tests/unit/unit$(EXEEXT)

.PHONY: check-unit
