/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which modules would take a device: the running kernel's modules.alias, read once. */
#include <stdio.h>

#include "inventory/inventory.h"
#include "inventory/modules-alias.h"

/* The file's lines that can match a PCI device: a third of Debian's 1.5 MB. */
static char *read_aliases(struct pcipt_kernel *k, size_t *length)
{
	char release[128], path[256], *text = NULL;
	ssize_t n;

	if (k->ops->read(k, PCIPT_AT_ROOT, "proc/sys/kernel/osrelease", release,
			 sizeof(release)) <= 0 ||
	    strchr(release, '/'))
		return NULL;
	snprintf(path, sizeof(path), "lib/modules/%s/modules.alias", release);
	n = pcipt_kernel_read_file(k, PCIPT_AT_ROOT, path, &text);
	if (n < 0)
		return NULL;
	*length = pcipt_modules_alias_keep_pci(text, (size_t)n);
	return text;
}

/* The alias as the kernel makes it, from the ids that the snapshot has. */
static bool make_modalias(const struct pcipt_device *device, char *buf, size_t size)
{
	if (device->class_id < 0 || device->ids[0] < 0 || device->ids[1] < 0 ||
	    device->ids[2] < 0 || device->ids[3] < 0)
		return false;
	snprintf(buf, size, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", device->ids[0],
		 device->ids[1], device->ids[2], device->ids[3],
		 (unsigned int)device->class_id >> 16, (unsigned int)device->class_id >> 8 & 0xff,
		 (unsigned int)device->class_id & 0xff);
	return true;
}

static void fill_one(struct pcipt_device *device, const char *text, size_t length)
{
	struct pcipt_arena *arena = &device->snap->arena;
	struct pcipt_details *details = device->facts->details;
	struct pcipt_alias_matches matches;
	char modalias[PCIPT_MODALIAS_MAX];

	if (!make_modalias(device, modalias, sizeof(modalias)))
		return;
	pcipt_modules_alias_match(text, length, modalias, &matches);
	details->modules = pcipt_arena_alloc(arena, (matches.n_modules + 1) * sizeof(char *));
	for (size_t i = 0; details->modules && i < matches.n_modules; i++) {
		details->modules[i] =
			pcipt_arena_copy(arena, matches.modules[i], strlen(matches.modules[i]));
		details->n_modules += details->modules[i] != NULL;
	}
	if (*matches.vfio)
		details->vfio_module =
			pcipt_arena_copy(arena, matches.vfio, strlen(matches.vfio));
}

/* Devices with the same ids and class stand side by side. */
static int compare(const void *x, const void *y)
{
	const struct pcipt_device *a = *(struct pcipt_device *const *)x;
	const struct pcipt_device *b = *(struct pcipt_device *const *)y;
	int r = memcmp(a->ids, b->ids, sizeof(a->ids));

	return r ? r : memcmp(&a->class_id, &b->class_id, sizeof(a->class_id));
}

static void copy_one(struct pcipt_device *device, const struct pcipt_device *twin)
{
	struct pcipt_details *details = device->facts->details;

	details->modules = twin->facts->details->modules;
	details->n_modules = twin->facts->details->n_modules;
	details->vfio_module = twin->facts->details->vfio_module;
}

void pcipt_modules_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n)
{
	_cleanup_free_ struct pcipt_device **sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_free_ char *text = NULL;
	size_t length = 0, m = 0;

	text = sorted ? read_aliases(snap->kernel, &length) : NULL;
	if (!text)
		return;
	for (size_t i = 0; i < n; i++)
		if (!(devices[i]->loaded & PCIPT_FACTS_MODULES))
			sorted[m++] = devices[i];
	qsort(sorted, m, sizeof(*sorted), compare);
	for (size_t i = 0; i < m; i++) {
		if (i > 0 && compare(&sorted[i], &sorted[i - 1]) == 0)
			copy_one(sorted[i], sorted[i - 1]);
		else
			fill_one(sorted[i], text, length);
	}
}
