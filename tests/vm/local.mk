# Tests on real kernels. make check-vm VM=gpu-pair KERNELS=6.12 IOMMUS=intel runs that alone.
VM =
check-vm: all
	$(MAKE) -s tests/conformance/conform$(EXEEXT)
	KERNELS="$(KERNELS)" IOMMUS="$(IOMMUS)" $(srcdir)/tests/vm/check $(abs_builddir) $(VM)
.PHONY: check-vm
EXTRA_DIST += tests/vm

# The installed library, from C, Go and Python.
check-installed: all
	$(srcdir)/tests/installed/run $(srcdir) $(abs_builddir)
# A tarball that builds and tests itself elsewhere. The unit tests suffice there.
check-dist:
	$(MAKE) -s distcheck
.PHONY: check-installed check-dist
EXTRA_DIST += tests/installed
