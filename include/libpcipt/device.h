/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device: one PCI function, as its snapshot saw it. Borrowed from the
 * snapshot; getters cannot fail. Every getter may be called from any thread. With
 * device == NULL a getter answers "absent".
 *
 * What is absent or unknown is never made up: a text is NULL; a number that may well be 0
 * (an id, a NUMA node, how many vectors, whether it is the boot display) is -1; one that
 * can't be 0 where it is there (a size, a speed, a width) is 0. -2 is
 * pcipt_device_get_acs() alone, which has both an unknown (-1) and an absent (-2).
 */
#ifndef LIBPCIPT_DEVICE_H
#define LIBPCIPT_DEVICE_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/* What a JSON form shall hold; unknown bits are PCIPT_E_INVALID. Since 0.1. */
enum pcipt_json_flags {
	/** Also what reads the configuration space, which wakes a sleeping device. */
	PCIPT_JSON_FULL = 1 << 0
};

/** enum pcipt_acs_flags - bits of an ACS control register (PCI Express Base 6.0, 7.7.11.3). Since 0.1. */
enum pcipt_acs_flags {
	PCIPT_ACS_SOURCE_VALIDATION = 1 << 0,
	PCIPT_ACS_TRANSLATION_BLOCKING = 1 << 1,
	PCIPT_ACS_REQUEST_REDIRECT = 1 << 2,
	PCIPT_ACS_COMPLETION_REDIRECT = 1 << 3,
	PCIPT_ACS_UPSTREAM_FORWARDING = 1 << 4,
	PCIPT_ACS_EGRESS_CONTROL = 1 << 5,
	PCIPT_ACS_DIRECT_TRANSLATED = 1 << 6
};

/** enum pcipt_bar_flags - what a BAR is. Since 0.1. */
enum pcipt_bar_flags {
	PCIPT_BAR_IO = 1 << 0,
	PCIPT_BAR_64BIT = 1 << 1,
	PCIPT_BAR_PREFETCHABLE = 1 << 2,
	PCIPT_BAR_RESIZABLE = 1 << 3
};

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

/** "/dev/vfio/devices/vfioN", or NULL: not bound, or a kernel without such nodes. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vfio_cdev(struct pcipt_device *device);
/** "/dev/vfio/N" of its group, or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vfio_group_node(struct pcipt_device *device);

/** How many functions of its slot there are, itself included, ordered by function. Since 0.1. */
PCIPT_API size_t pcipt_device_slot_function_count(const struct pcipt_device *device);
/** The i-th of them, borrowed; NULL past the end. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_device_slot_function_at(const struct pcipt_device *device,
							     size_t i);

/*
 * What the kernel answers from its own memory or from the firmware's tables.
 * (Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-…)
 */

/** "D0", "D3hot", "D3cold", …, or NULL. As the kernel last knew it. Since 0.1. */
PCIPT_API const char *pcipt_device_get_power_state(struct pcipt_device *device);
/** `power/runtime_status`: "active", "suspended", …, or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_runtime_status(struct pcipt_device *device);
/** The firmware's label for it (SMBIOS type 41 or ACPI _DSM), or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_label(struct pcipt_device *device);
/** The name of the physical slot (/sys/bus/pci/slots), or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_slot_name(struct pcipt_device *device);
/** Its path in ACPI's name space ("\\_SB_.PCI0.S18_"), or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_acpi_path(struct pcipt_device *device);
/** The link's speed now, in MT/s (8000 for "8.0 GT/s"); 0 for unknown or no link. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_link_speed(struct pcipt_device *device);
/** The most that the link can do, in MT/s; 0 for unknown or no link. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_max_link_speed(struct pcipt_device *device);
/** Lanes now; 0 for unknown or no link. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_link_width(struct pcipt_device *device);
/** Lanes at most; 0 for unknown or no link. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_max_link_width(struct pcipt_device *device);
/** How many VFs a PF can have; 0 when it is none. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_sriov_total(struct pcipt_device *device);
/** The size of BAR 0 to 5 in bytes; 0 where there is none, and for the upper half of a 64-bit BAR. Since 0.1. */
PCIPT_API uint64_t pcipt_device_get_bar_size(struct pcipt_device *device, unsigned int bar);
/** The BAR's enum pcipt_bar_flags; PCIPT_BAR_RESIZABLE only after the configuration space was read. Since 0.1. */
PCIPT_API uint32_t pcipt_device_get_bar_flags(struct pcipt_device *device, unsigned int bar);
/** The size of the expansion ROM in bytes, or 0. Since 0.1. */
PCIPT_API uint64_t pcipt_device_get_rom_size(struct pcipt_device *device);

/** The modules whose aliases match, in the order of modules.alias. Since 0.1. */
PCIPT_API size_t pcipt_device_module_count(struct pcipt_device *device);
/** The i-th module's name, or NULL past the end. Since 0.1. */
PCIPT_API const char *pcipt_device_module_at(struct pcipt_device *device, size_t i);
/** The vfio module that fits best ("vfio_pci", or a vendor's variant), or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vfio_module(struct pcipt_device *device);
/**
 * The driver that the kernel would choose for it now: the override where there is
 * one, else the native driver that has it, else the first module that matches;
 * NULL for none. A guess from the tables, where several match. Since 0.1.
 */
PCIPT_API const char *pcipt_device_get_expected_driver(struct pcipt_device *device);

/** What hangs below it: class devices, mediated and auxiliary devices. Since 0.1. */
PCIPT_API size_t pcipt_device_child_count(struct pcipt_device *device);
/** The i-th child's subsystem ("block", "net", "drm", "usb", "sound", "nvme", …); NULL past the end. */
PCIPT_API const char *pcipt_device_child_subsystem(struct pcipt_device *device, size_t i);
/** Its name there ("nvme0n1", "eth0", "card0"). */
PCIPT_API const char *pcipt_device_child_name(struct pcipt_device *device, size_t i);

/*
 * What stands in the configuration space. The first of these to be called reads
 * `config`, which wakes a sleeping device; beyond 64 bytes only root reads it.
 */

/** The device serial number ("00-11-22-33-44-55-66-77"), else that of the VPD where it was read; or NULL. Since 0.1. */
PCIPT_API const char *pcipt_device_get_serial(struct pcipt_device *device);
/** How many MSI vectors it can have, 0 for none, -1 for unknown. Since 0.1. */
PCIPT_API int pcipt_device_get_msi_vectors(struct pcipt_device *device);
/** How many MSI-X vectors it has, 0 for none, -1 for unknown. Since 0.1. */
PCIPT_API int pcipt_device_get_msix_vectors(struct pcipt_device *device);
/** Its ACS control bits (enum pcipt_acs_flags); -1 for unknown, -2 when it has no ACS. Since 0.1. */
PCIPT_API int pcipt_device_get_acs(struct pcipt_device *device);

/**
 * pcipt_device_read_vpd - read the vital product data
 *
 * Slow on much hardware, and some wedges: nothing else in this library does it.
 * Errors: INVALID, NO_MEMORY, IO (the device has none, or the read failed),
 * PERMISSION. Since 0.1.
 */
PCIPT_API int pcipt_device_read_vpd(struct pcipt_device *device, struct pcipt_error **error);
/** The serial number in the VPD, or NULL when there is none or it wasn't read. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vpd_serial(const struct pcipt_device *device);
/** The part number in the VPD, or NULL likewise. Since 0.1. */
PCIPT_API const char *pcipt_device_get_vpd_part_number(const struct pcipt_device *device);

/**
 * The device as the JSON object that stands in `devices[]`; with PCIPT_JSON_FULL
 * also what reads its configuration space. A new string, freed with pcipt_free().
 * Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_device_to_json(struct pcipt_device *device, uint32_t flags, char **json,
				   struct pcipt_error **error);

PCIPT_END_DECLS

#endif
