/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device: one PCI function, as its snapshot saw it. Borrowed from the
 * snapshot; getters cannot fail. A text that is absent is NULL. Every getter
 * may be called from any thread. With device == NULL a getter answers "absent".
 */
#ifndef LIBPCIPT_DEVICE_H
#define LIBPCIPT_DEVICE_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/** The snapshot that the device belongs to, borrowed: a wrapper can hold it. Since 0.1. */
PCIPT_API struct pcipt_snapshot *pcipt_device_get_snapshot(const struct pcipt_device *device);

/** "0000:01:00.0"; the domain has four hex digits or more. Since 0.1. */
PCIPT_API const char *pcipt_device_get_address(const struct pcipt_device *device);
/** Vendor id, or -1 when it could not be read. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_vendor_id(const struct pcipt_device *device);
/** Device id, or -1. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_device_id(const struct pcipt_device *device);
/** Subsystem vendor id, or -1. Bridges have none and read 0. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_subsystem_vendor_id(const struct pcipt_device *device);
/** Subsystem device id, or -1. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_subsystem_device_id(const struct pcipt_device *device);
/** Class, subclass and programming interface in 24 bits (0x030000), or -1. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_class_id(const struct pcipt_device *device);
/** Revision (0 to 255), or -1. Since 0.1. */
PCIPT_API int32_t pcipt_device_get_revision(const struct pcipt_device *device);

/** Whether it is a bridge (PCI-to-PCI or CardBus): never bound, never moved. Since 0.1. */
PCIPT_API bool pcipt_device_is_bridge(const struct pcipt_device *device);

/** The driver it is bound to, or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_driver(const struct pcipt_device *device);
/** Whether that driver is vfio-pci or a variant of it. Since 0.1. */
PCIPT_API bool pcipt_device_has_vfio_driver(const struct pcipt_device *device);
/** The driver override, or NULL when none is set. Reads the kernel when first asked. Since 0.1. */
PCIPT_API const char *pcipt_device_get_driver_override(struct pcipt_device *device);

/** The IOMMU group, borrowed, or NULL. Since 0.1. */
PCIPT_API struct pcipt_group *pcipt_device_get_group(const struct pcipt_device *device);
/**
 * The NUMA node, or -1 for unknown: it is not 0.
 * Source: Documentation/ABI/testing/sysfs-bus-pci, numa_node. Since 0.1.
 */
PCIPT_API int pcipt_device_get_numa_node(struct pcipt_device *device);
/** The bridge above it, borrowed, or NULL on a root bus. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_device_get_parent(struct pcipt_device *device);
/** For a VF its PF, borrowed, else NULL. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_device_get_physfn(struct pcipt_device *device);
/** How many VFs a PF has enabled. Since 0.1. */
PCIPT_API size_t pcipt_device_virtfn_count(struct pcipt_device *device);
/** The i-th VF, borrowed; NULL past the end. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_device_virtfn_at(struct pcipt_device *device, size_t i);
/** 1 when the firmware used it as the boot display, 0 when not, -1 when it isn't a VGA device. Since 0.1. */
PCIPT_API int pcipt_device_get_boot_vga(struct pcipt_device *device);
/** How many reset methods the kernel has for it, in its order. Since 0.1. */
PCIPT_API size_t pcipt_device_reset_method_count(struct pcipt_device *device);
/** The i-th reset method ("flr", "bus", …), or NULL past the end. Since 0.1. */
PCIPT_API const char *pcipt_device_reset_method_at(struct pcipt_device *device, size_t i);
/** `power/control`: "auto" or "on", or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_power_control(struct pcipt_device *device);

/**
 * The way from the root bus to the device: "pci0000:00/1c.0/00.0". Device and
 * function numbers only, so that it stays when buses are renumbered. Since 0.1.
 */
PCIPT_API const char *pcipt_device_get_slot(struct pcipt_device *device);
/**
 * The identity: "VVVV:DDDD:SSSS:ssss:RR@SLOT" in lower-case hex: vendor, device,
 * subsystem vendor, subsystem device, revision, and the slot path. NULL when an
 * id could not be read. The same for every user. Since 0.1.
 */
PCIPT_API const char *pcipt_device_get_identity(struct pcipt_device *device);

/** The vendor's, device's and class's names, or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vendor_name(struct pcipt_device *device);
PCIPT_API const char *pcipt_device_get_device_name(struct pcipt_device *device);
PCIPT_API const char *pcipt_device_get_class_name(struct pcipt_device *device);

/**
 * The node through which a program opens the bound device: its own
 * "/dev/vfio/devices/vfioN" where the kernel has such nodes, else its group's
 * "/dev/vfio/N"; NULL where it is not bound to a vfio driver. Since 0.1.
 */
PCIPT_API const char *pcipt_device_get_vfio_device(struct pcipt_device *device);

/**
 * The device as the JSON object that stands in `devices[]`. A new string, freed
 * with pcipt_free(). Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_device_to_json(struct pcipt_device *device, char **json,
				   struct pcipt_error **error);

PCIPT_END_DECLS

#endif
