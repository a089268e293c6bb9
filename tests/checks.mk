# Long ways round the unit tests: each is one target, and one test of `bootstrap check`.

unit_programs = tests/unit/unit$(EXEEXT) tests/unit/parsers$(EXEEXT)

# In one process (CK_FORK), or valgrind would tell of children that were killed on purpose.
check-valgrind: $(unit_programs)
	@command -v valgrind >/dev/null || { echo "valgrind isn't installed"; exit 1; }
	for program in $(unit_programs); do \
		CK_FORK=no $(LIBTOOL) --mode=execute valgrind -q --error-exitcode=1 \
			--leak-check=full --errors-for-leak-kinds=definite,possible \
			--suppressions=$(srcdir)/tests/unit/valgrind.supp $$program || exit 1; \
	done

# A second build, with AddressSanitizer and UBSan.
check-sanitizers:
	$(MKDIR_P) sanitizers
	cd sanitizers && { test -f Makefile || \
		$(abs_srcdir)/configure --enable-sanitizers --enable-werror CFLAGS='-O1 -g' \
		>configure.log; }
	$(MAKE) -s -C sanitizers $(unit_programs)
	for program in $(unit_programs); do \
		ASAN_OPTIONS=detect_leaks=1 sanitizers/$$program || exit 1; \
	done

.PHONY: check-valgrind check-sanitizers
EXTRA_DIST += tests/unit/valgrind.supp
clean-local:
	rm -rf sanitizers
TESTS += tests/catalogue
EXTRA_DIST += tests/catalogue doc/make-catalogue doc/catalogue.md
