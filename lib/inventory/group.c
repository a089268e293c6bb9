/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IOMMU groups: who is in one, and whether user space could take it. */
#include <stdio.h>

#include "inventory/inventory.h"

int pcipt_group_get_number(const struct pcipt_group *group)
{
	return group ? group->number : -1;
}

/* /sys/kernel/iommu_groups/N/type (sysfs-kernel-iommu_groups, since Linux 5.11) */
const char *pcipt_group_get_type(struct pcipt_group *group)
{
	struct pcipt_snapshot *snap;
	struct pcipt_kernel *k;
	char path[32], text[64];
	const char *type;

	if (!group)
		return NULL;
	snap = group->snap;
	k = snap->kernel;
	pthread_mutex_lock(&snap->lock);
	if (!group->type_read) {
		snprintf(path, sizeof(path), "%d/type", group->number);
		if (k->ops->read(k, PCIPT_AT_IOMMU_GROUPS, path, text, sizeof(text)) > 0) {
			pcipt_text_neutralise(text);
			group->type = pcipt_arena_copy(&snap->arena, text, strlen(text));
		}
		group->type_read = true;
	}
	type = group->type;
	pthread_mutex_unlock(&snap->lock);
	return type;
}

/* One line a region: "0x… 0x… direct" (sysfs-kernel-iommu_groups, reserved_regions). */
static void read_regions(struct pcipt_group *group)
{
	struct pcipt_snapshot *snap = group->snap;
	struct pcipt_kernel *k = snap->kernel;
	char path[64], text[PCIPT_ATTRIBUTE_MAX], *rest = NULL;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/reserved_regions", group->number);
	n = k->ops->read_bytes(k, PCIPT_AT_IOMMU_GROUPS, path, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	group->regions = pcipt_arena_alloc(&snap->arena, (size_t)n * sizeof(char *) / 8 + 8);
	for (char *line = strtok_r(text, "\n", &rest); group->regions && line;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* The shortest line has more than eight characters, so there is room for all. */
		if (strlen(line) < 8)
			continue;
		pcipt_text_neutralise(line);
		group->regions[group->n_regions] =
			pcipt_arena_copy(&snap->arena, line, strlen(line));
		group->n_regions += group->regions[group->n_regions] != NULL;
	}
}

size_t pcipt_group_reserved_region_count(struct pcipt_group *group)
{
	size_t n;

	if (!group)
		return 0;
	pthread_mutex_lock(&group->snap->lock);
	if (!group->regions_read)
		read_regions(group);
	group->regions_read = true;
	n = group->n_regions;
	pthread_mutex_unlock(&group->snap->lock);
	return n;
}

const char *pcipt_group_reserved_region_at(struct pcipt_group *group, size_t i)
{
	return i < pcipt_group_reserved_region_count(group) ? group->regions[i] : NULL;
}

size_t pcipt_group_device_count(const struct pcipt_group *group)
{
	return group ? group->n_devices : 0;
}

struct pcipt_device *pcipt_group_device_at(const struct pcipt_group *group, size_t i)
{
	struct pcipt_device *device = group ? group->first : NULL;

	while (device && i-- > 0)
		device = device->next_in_group;
	return device;
}

bool pcipt_device_leaves_group_alone(const struct pcipt_device *device)
{
	return !device->driver || pcipt_driver_is_passthrough(device->driver) ||
	       strcmp(device->driver->name, "pcieport") == 0;
}

int pcipt_group_viability(const struct pcipt_group *group)
{
	bool unknown = false;

	if (!group)
		return PCIPT_VIABILITY_UNKNOWN;
	for (const struct pcipt_device *d = group->first; d; d = d->next_in_group) {
		if (!pcipt_device_leaves_group_alone(d))
			return PCIPT_NOT_VIABLE;
		unknown |= d->driver_unknown;
	}
	return unknown ? PCIPT_VIABILITY_UNKNOWN : PCIPT_VIABLE;
}
