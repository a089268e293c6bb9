# Tests on real kernels. make check-vm VM=gpu-pair KERNELS=6.12 IOMMUS=intel runs that alone.
VM =
check-vm: all
	KERNELS="$(KERNELS)" IOMMUS="$(IOMMUS)" $(srcdir)/tests/vm/check $(abs_builddir) $(VM)
.PHONY: check-vm
EXTRA_DIST += tests/vm
