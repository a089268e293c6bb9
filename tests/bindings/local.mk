# The bindings, against the library that was just built.
TESTS += tests/bindings/tables tests/bindings/run-python
EXTRA_DIST += tests/bindings
