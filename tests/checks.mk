# Long ways round the unit tests: each is one target, and one test of `bootstrap check`.

unit_programs = tests/unit/unit$(EXEEXT) tests/unit/parsers$(EXEEXT)

# In one process (CK_FORK), or valgrind would tell of children that were killed on purpose.
# The longest first, two at a time. Not "unreadable" and "interrupted", which fail every
# operation in turn and would take an hour; check-sanitizers has those.
# Nor those that read what may hang: the process that does lets go of all shared mappings,
# valgrind's own among them, which it doesn't survive.
valgrind_suites = apply_odd recover release apply closure record claim confined plan base \
	address selector scoped store error findings judge block compare persistent boot monitor
valgrind = CK_FORK=no $(LIBTOOL) --mode=execute valgrind -q --error-exitcode=1 \
	--leak-check=full --errors-for-leak-kinds=definite,possible
check-valgrind: $(unit_programs)
	@command -v valgrind >/dev/null || { echo "valgrind isn't installed"; exit 1; }
	printf '%s\n' $(valgrind_suites) | xargs -P 2 -I {} \
		env CK_RUN_SUITE={} $(valgrind) tests/unit/unit$(EXEEXT)
	$(valgrind) tests/unit/parsers$(EXEEXT)

# A second build, with AddressSanitizer, UBSan and LeakSanitizer: all suites, each test in a
# process of its own, which fails when it ends with a leak.
check-sanitizers:
	$(MKDIR_P) sanitizers
	cd sanitizers && { test -f Makefile || \
		$(abs_srcdir)/configure --enable-sanitizers --enable-werror CFLAGS='-O1 -g' \
		>configure.log; }
	$(MAKE) -s -C sanitizers $(unit_programs)
	for program in $(unit_programs); do \
		CK_EXCLUDE_TAGS=not-with-asan ASAN_OPTIONS=detect_leaks=1 sanitizers/$$program || exit 1; \
	done

# A third one, without libpci.
check-without-libpci: all
	CC='$(CC)' $(srcdir)/tests/without-libpci/run $(srcdir) $(abs_builddir)
EXTRA_DIST += tests/without-libpci

# The Debian packages: what they say of the sources; built and looked at (a minute or two);
# installed and used in a clean Debian, and built there (by root, with a mirror).
TESTS += tests/packages/sources
check-packages:
	$(srcdir)/tests/packages/run $(srcdir)
check-packages-chroot:
	$(srcdir)/tests/packages/run $(srcdir) --chroot
# The Python package as pip has it; PYTHONS="python3.9 python3.13" are those that it is tried with.
check-wheel: all
	$(srcdir)/tests/packages/wheel $(srcdir) $(abs_builddir) $(PYTHONS)
.PHONY: check-wheel
EXTRA_DIST += tests/packages \
	debian/changelog \
	debian/clean \
	debian/control \
	debian/copyright \
	debian/libpcipt-dev.docs \
	debian/libpcipt-dev.examples \
	debian/libpcipt-dev.install \
	debian/libpcipt1.docs \
	debian/libpcipt1.install \
	debian/libpcipt1.postrm \
	debian/libpcipt1.symbols \
	debian/make-symbols \
	debian/not-installed \
	debian/pcipt.install \
	debian/pcipt.lintian-overrides \
	debian/python3-pcipt.docs \
	debian/python3-pcipt.examples \
	debian/rules \
	debian/source/format

.PHONY: check-valgrind check-sanitizers check-without-libpci check-packages check-packages-chroot
clean-local:
	rm -rf sanitizers without-libpci threads
TESTS += tests/catalogue
EXTRA_DIST += tests/catalogue doc/make-catalogue doc/catalogue.md

# Folders that are shipped whole may hold what their tests left in the build tree.
dist-hook:
	find $(distdir)/tests \( -name '*.log' -o -name '*.trs' \) -exec rm -f {} +
