/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IOMMU group: the devices that the hardware can't keep apart. Borrowed from
 * its snapshot.
 */
#ifndef LIBPCIPT_GROUP_H
#define LIBPCIPT_GROUP_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * enum pcipt_viability - can user space take the group as it stands?
 *
 * Treat a value that you do not know as PCIPT_NOT_VIABLE. Since 0.1.
 */
enum pcipt_viability {
	/** Every device is on a vfio driver, pci-stub, pcieport, or on none. */
	PCIPT_VIABLE = 1,
	/** Some device is on a driver of its own. */
	PCIPT_NOT_VIABLE = 0,
	/** There is no group (NULL). */
	PCIPT_VIABILITY_UNKNOWN = -1
};

/** "viable", "not-viable"; else "unknown". Since 0.1. */
PCIPT_API const char *pcipt_viability_name(int viability);

/** The number; valid in this snapshot only, since it changes between boots. -1 for NULL. Since 0.1. */
PCIPT_API int pcipt_group_get_number(const struct pcipt_group *group);
/** "DMA", "DMA-FQ", "identity", "blocked", …, or NULL. (sysfs-kernel-iommu_groups, type) Since 0.1. */
PCIPT_API const char *pcipt_group_get_type(struct pcipt_group *group);
/** How many reserved regions its devices have. Since 0.1. */
PCIPT_API size_t pcipt_group_reserved_region_count(struct pcipt_group *group);
/** The i-th as the kernel prints it: "0xfee00000 0xfeefffff msi"; NULL past the end. Since 0.1. */
PCIPT_API const char *pcipt_group_reserved_region_at(struct pcipt_group *group, size_t i);
/** How many devices it has, ordered by address. Since 0.1. */
PCIPT_API size_t pcipt_group_device_count(const struct pcipt_group *group);
/** The i-th device, borrowed; NULL past the end. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_group_device_at(const struct pcipt_group *group, size_t i);
/** An enum pcipt_viability. The devices in the way are those with another driver. Since 0.1. */
PCIPT_API int pcipt_group_viability(const struct pcipt_group *group);

PCIPT_END_DECLS

#endif
