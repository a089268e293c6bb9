/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam's own part: which kernel a context has, and what places are called. */
#include "kernel/kernel.h"

#include <errno.h>
#include <stdio.h>

const char *pcipt_place_path(enum pcipt_place at)
{
	static const char *const paths[PCIPT_N_PLACES] = {
		[PCIPT_AT_ROOT] = "/",
		[PCIPT_AT_SYS] = "/sys",
		[PCIPT_AT_SYS_DEVICES] = "/sys/devices",
		[PCIPT_AT_PCI] = "/sys/bus/pci",
		[PCIPT_AT_PCI_DEVICES] = "/sys/bus/pci/devices",
		[PCIPT_AT_PCI_DRIVERS] = "/sys/bus/pci/drivers",
		[PCIPT_AT_IOMMU_GROUPS] = "/sys/kernel/iommu_groups",
	};

	return paths[at];
}

struct pcipt_kernel *pcipt_kernel_ref(struct pcipt_kernel *kernel)
{
	pcipt_refs_take(&kernel->refs);
	return kernel;
}

void pcipt_kernel_unref(struct pcipt_kernel *kernel)
{
	if (kernel && pcipt_refs_drop(&kernel->refs))
		kernel->ops->destroy(kernel);
}

void pcipt_kernel_read_set(struct pcipt_kernel *kernel, enum pcipt_place at, const char *folder,
			   struct pcipt_read *reads, size_t n)
{
	char path[PCIPT_ATTRIBUTE_MAX];

	if (kernel->ops->read_set) {
		kernel->ops->read_set(kernel, at, folder, reads, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, reads[i].path);
		reads[i].result = (reads[i].link ? kernel->ops->read_link : kernel->ops->read)(
			kernel, at, path, reads[i].buf, reads[i].size);
	}
}

bool pcipt_is_record_name(const char *file)
{
	size_t n = strlen(file);

	return n > 5 && file[0] != '.' && strcmp(file + n - 5, ".json") == 0;
}

ssize_t pcipt_kernel_read_file(struct pcipt_kernel *kernel, enum pcipt_place at, const char *path,
			       char **text)
{
	_cleanup_free_ char *buf = NULL;

	/* Files of /proc don't tell their size: read anew into more room until it fits. */
	for (size_t size = 16 * 1024; size <= PCIPT_FILE_MAX; size *= 4) {
		ssize_t n;

		free(buf);
		buf = malloc(size + 1);
		if (!buf)
			return -ENOMEM;
		n = kernel->ops->read_bytes(kernel, at, path, buf, size);
		if (n < 0)
			return n;
		if ((size_t)n < size) {
			buf[n] = '\0';
			*text = steal(&buf);
			return n;
		}
	}
	return -EFBIG;
}

void pcipt_kernel_read_files(struct pcipt_kernel *kernel, enum pcipt_place at,
			     struct pcipt_file *files, size_t n, unsigned int ms)
{
	/* A recorded tree is but files. */
	if (kernel->ops->read_files && kernel->ops->is_real(kernel)) {
		kernel->ops->read_files(kernel, at, files, n, ms);
		return;
	}
	for (size_t i = 0; i < n; i++)
		files[i].result = pcipt_kernel_read_file(kernel, at, files[i].path, &files[i].text);
}

void pcipt_kernel_put(struct pcipt_context *ctx, struct pcipt_kernel *kernel)
{
	ctx->kernel = kernel;
	ctx->kernel_unref = pcipt_kernel_unref;
}

int pcipt_kernel_get(struct pcipt_context *ctx, struct pcipt_kernel **kernel,
		     struct pcipt_error **error)
{
	struct pcipt_kernel *opened = NULL;
	int r = 0;

	pthread_mutex_lock(&ctx->lock);
	if (!ctx->kernel) {
		r = pcipt_kernel_real_new(ctx->root, &opened, error);
		if (r == 0)
			pcipt_kernel_put(ctx, opened);
	}
	*kernel = ctx->kernel;
	pthread_mutex_unlock(&ctx->lock);
	return r;
}
