# Long ways round the unit tests: each is one target, and one test of `bootstrap check`.

unit_programs = tests/unit/unit$(EXEEXT) tests/unit/parsers$(EXEEXT)

# In one process (CK_FORK), or valgrind would tell of children that were killed on purpose.
# The suites that go through the whole library; the exhaustive ones would take an hour.
valgrind_suites = plan claim snapshot describe store block block_odd net usb
valgrind = CK_FORK=no $(LIBTOOL) --mode=execute valgrind -q --error-exitcode=1 \
	--leak-check=full --errors-for-leak-kinds=definite,possible
check-valgrind: $(unit_programs)
	@command -v valgrind >/dev/null || { echo "valgrind isn't installed"; exit 1; }
	for suite in $(valgrind_suites); do \
		CK_RUN_SUITE=$$suite $(valgrind) tests/unit/unit$(EXEEXT) || exit 1; \
	done
	$(valgrind) tests/unit/parsers$(EXEEXT)

# A second build, with AddressSanitizer and UBSan. Leaks are valgrind's part.
check-sanitizers:
	$(MKDIR_P) sanitizers
	cd sanitizers && { test -f Makefile || \
		$(abs_srcdir)/configure --enable-sanitizers --enable-werror CFLAGS='-O1 -g' \
		>configure.log; }
	$(MAKE) -s -C sanitizers $(unit_programs)
	for program in $(unit_programs); do \
		ASAN_OPTIONS=detect_leaks=0 sanitizers/$$program || exit 1; \
	done

# A third one, without libpci.
check-without-libpci: all
	CC='$(CC)' $(srcdir)/tests/without-libpci/run $(srcdir) $(abs_builddir)
EXTRA_DIST += tests/without-libpci

.PHONY: check-valgrind check-sanitizers check-without-libpci
clean-local:
	rm -rf sanitizers without-libpci
TESTS += tests/catalogue
EXTRA_DIST += tests/catalogue doc/make-catalogue doc/catalogue.md
