EXTRA_DIST += bindings/left-out bindings/make-tables \
	bindings/go \
	bindings/python/COPYING \
	bindings/python/README.md \
	bindings/python/pyproject.toml \
	bindings/python/pcipt
