# The bindings, against the library that was just built.
TESTS += tests/bindings/tables tests/bindings/parity tests/bindings/run-python tests/bindings/run-go \
	tests/bindings/run-trace
EXTRA_DIST += tests/bindings

# The Go package again, with every pointer checked that goes to C, and with the race detector.
check-go-strict: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		$(srcdir)/tests/bindings/run-go --strict
.PHONY: check-go-strict
