# The bindings, against the library that was just built.
TESTS += tests/bindings/tables tests/bindings/parity tests/bindings/types tests/bindings/run-python \
	tests/bindings/run-go tests/bindings/run-trace
EXTRA_DIST += tests/bindings tests/data

# The Go package again, with every pointer checked that goes to C, and with the race detector.
check-go-strict: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		$(srcdir)/tests/bindings/run-go --strict
.PHONY: check-go-strict

# By hand, since it fetches: the Go package under staticcheck, and the Python package under
# every Python that is here.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
PYTHONS = python3.9 python3.10 python3.11 python3.12 python3.13
check-staticcheck: all
	cd $(srcdir)/bindings/go && for tags in '' as_real; do \
		PKG_CONFIG_PATH='$(abs_builddir)/data' \
			$(STATICCHECK) -tags "$$tags" ./... || exit; \
	done
check-pythons: all
	for python in $(PYTHONS); do \
		"$$python" --version || { echo "no $$python here" && continue; }; \
		top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON="$$python" \
			$(srcdir)/tests/bindings/run-python || exit; \
	done
.PHONY: check-staticcheck check-pythons

# Threads that share a context and a snapshot, under ThreadSanitizer: a build of its own.
check-threads:
	$(MKDIR_P) threads
	cd threads && { test -f Makefile || \
		$(abs_srcdir)/configure --disable-unit-tests --enable-static --disable-shared \
		CFLAGS='-O1 -g -fsanitize=thread' LDFLAGS=-fsanitize=thread >configure.log; }
	$(MAKE) -s -C threads check-threads-run

check_threads_program = tests/bindings/threads
EXTRA_PROGRAMS += $(check_threads_program)
CLEANFILES += $(check_threads_program)
tests_bindings_threads_SOURCES = tests/bindings/threads.c
tests_bindings_threads_LDADD = libpcipt.la -lpthread
check-threads-run: $(check_threads_program)$(EXEEXT)
	work=$$(mktemp -d) && \
	tree=$$($(srcdir)/tests/bindings/machine $(srcdir) $$work) && \
	TSAN_OPTIONS=die_after_fork=0 $(check_threads_program)$(EXEEXT) $$tree 0000:00:03.0; \
	status=$$?; rm -rf $$work; exit $$status
.PHONY: check-threads check-threads-run

bench-bindings: all
	$(srcdir)/tests/bench/bindings/run $(srcdir) $(abs_builddir)
	$(srcdir)/tests/bench/bindings/memory $(srcdir) $(abs_builddir)
.PHONY: bench-bindings
