/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshot, device and group from the inside. What stands in `struct pcipt_device`
 * is read when the snapshot is made; what stands in `struct pcipt_facts` when it
 * is first asked for.
 */
#ifndef PCIPT_INVENTORY_INVENTORY_H
#define PCIPT_INVENTORY_INVENTORY_H

#include <libpcipt/device.h>
#include <libpcipt/group.h>
#include <libpcipt/snapshot.h>

#include "inventory/address.h"
#include "inventory/arena.h"
#include "inventory/config-space.h"
#include "inventory/resources.h"
#include "kernel/kernel.h"

/* Facts that are read together. */
enum {
	PCIPT_FACTS_ATTRIBUTES = 1 << 0, /* small attributes that are answered from memory */
	PCIPT_FACTS_VIRTFNS = 1 << 1,
	PCIPT_FACTS_OVERRIDE = 1 << 2,	 /* driver_override: behind the device's lock */
	PCIPT_FACTS_NAMES = 1 << 3,
	PCIPT_FACTS_VFIO = 1 << 4,
	PCIPT_FACTS_IDENTITY = 1 << 5,
	PCIPT_FACTS_MORE = 1 << 6,   /* attributes that a listing can do without */
	PCIPT_FACTS_CONFIG = 1 << 7, /* the configuration space: wakes the device */
	PCIPT_FACTS_CHILDREN = 1 << 8,
	PCIPT_FACTS_MODULES = 1 << 9,
	PCIPT_FACTS_VPD = 1 << 10, /* never loaded but by pcipt_device_read_vpd() */
	PCIPT_FACTS_PATH = 1 << 11, /* where it is below /sys/devices */
	PCIPT_FACTS_POWER = 1 << 12,
	PCIPT_FACTS_CONSUMERS = 1 << 13, /* who depends on it by a device link */
	/* revision and PF: what an identity needs, at a third of the cost; part of ATTRIBUTES */
	PCIPT_FACTS_KIN = 1 << 14,
};

/* A device's reset methods; most devices have the same as others. */
struct pcipt_reset_methods {
	struct pcipt_reset_methods *next;
	const char *text;
	const char **names;
	size_t n;
};

struct pcipt_child {
	const char *subsystem, *name;
	const char *path; /* below PCIPT_AT_PCI_DEVICES, as the kernel has it */
};

/* Facts that few ask for, apart, so that a listing doesn't pay for their room. */
struct pcipt_details {
	const char *power_state, *runtime_status, *label, *slot_name, *acpi_path;
	uint32_t link_speed, max_link_speed, link_width, max_link_width, sriov_total;
	struct pcipt_resources resources;
	struct pcipt_config_space config;
	struct pcipt_child *children;
	size_t n_children;
	bool children_cut;   /* there are more: what isn't among them may be there */
	int children_errnum; /* why, where something could not be read */
	const char **modules;
	size_t n_modules;
	const char *vfio_module;
	const char *vpd_serial, *vpd_part_number;
	int vpd_errnum; /* why the VPD could not be read, or 0 */
};

struct pcipt_facts {
	int numa_node;
	int16_t revision;
	int8_t boot_vga;
	bool boot_vga_unknown; /* it could not be read: not the same as "no" */
	const char *power_control;
	const struct pcipt_reset_methods *reset; /* NULL for none */
	const char *path; /* "pci0000:00/0000:00:1c.0/0000:01:00.0", or NULL */
	bool path_unknown; /* it could not be read: not the same as having none */
	struct pcipt_device *physfn;
	struct pcipt_device **virtfns;
	size_t n_virtfns;
	bool has_vfs;
	bool functions_unknown; /* a link to its PF or VFs could not be followed */
	struct pcipt_device **consumers;
	size_t n_consumers;
	const char *driver_override;
	bool override_unknown; /* it could not be read: not the same as none */
	const char *vendor_name, *device_name, *class_name;
	const char *vfio_cdev, *vfio_group_node;
	struct pcipt_details *details;
	const char *slot, *identity;
};

/* A driver's name, once for all its devices. */
struct pcipt_driver {
	const char *name;
	bool vfio;
};

/*
 * vfio-pci, its variants and pci-stub: what passthrough uses, and what leaves the DMA of the
 * group to user space (Documentation/driver-api/vfio.rst).
 */
static inline bool pcipt_driver_is_passthrough(const struct pcipt_driver *driver)
{
	return driver && (driver->vfio || strcmp(driver->name, "pci-stub") == 0);
}

struct pcipt_device {
	struct pcipt_snapshot *snap;
	const struct pcipt_driver *driver;
	struct pcipt_group *group;
	struct pcipt_device *next_in_group;
	struct pcipt_facts *facts;
	struct pcipt_address at;
	int32_t class_id;
	int32_t ids[4]; /* vendor, device, subsystem vendor, subsystem device */
	atomic_uint loaded; /* which PCIPT_FACTS_… are there */
	bool driver_unknown, group_unknown; /* a link could not be read: not the same as none */
	char address[PCIPT_ADDRESS_SIZE];
};

struct pcipt_group {
	struct pcipt_snapshot *snap;
	struct pcipt_device *first, *last;
	size_t n_devices;
	int number;
	bool noiommu;
	bool type_read, regions_read;
	const char *type;
	const char **regions;
	size_t n_regions;
};

struct pcipt_snapshot {
	struct pcipt_refs refs;
	struct pcipt_context *ctx;
	struct pcipt_kernel *kernel;
	struct pcipt_arena arena;
	struct pcipt_device *devices;
	size_t n_devices;
	struct pcipt_group *groups;
	size_t n_groups;
	struct pcipt_driver **drivers;
	size_t n_drivers;
	struct pcipt_reset_methods *reset_methods;
	struct pcipt_error **problems;
	size_t n_problems;
	/* Guards what grows after the snapshot was made: facts, problems, arena. */
	pthread_mutex_t lock;
	bool override_stuck; /* a read of driver_override hung: say so once */
};

/*
 * A snapshot of these devices, of their groups, and of the PFs of VFs: enough to lead back
 * or to look after what a set was made of before.
 */
int pcipt_snapshot_new_of_groups(struct pcipt_context *ctx, const char *const *addresses, size_t n,
				 struct pcipt_snapshot **out, struct pcipt_error **error);
/* The device at an address, or NULL. */
struct pcipt_device *pcipt_snapshot_at(const struct pcipt_snapshot *snap,
				       struct pcipt_address address);
/* Reads an attribute of a device; as the seam's read. */
ssize_t pcipt_device_read(const struct pcipt_device *device, const char *attribute, char *buf,
			  size_t size);
ssize_t pcipt_device_read_link(const struct pcipt_device *device, const char *name, char *buf,
			       size_t size);
/* "ADDRESS/NAME" below PCIPT_AT_PCI_DEVICES; false when it doesn't fit. */
bool pcipt_device_print_path(const struct pcipt_device *device, const char *name, char *buf,
			     size_t size);
/* Notes what could not be read. Call with the lock held, or before others know the snapshot. */
void pcipt_snapshot_add_problem(struct pcipt_snapshot *snap, const struct pcipt_device *device,
				const char *name, const char *attribute, int code, int errnum,
				const char *what);
/* Addresses that were found, before they are devices. */
struct pcipt_found {
	struct pcipt_snapshot *snap;
	struct pcipt_address *at;
	size_t n;
};

/* scan.c: fills an empty snapshot with everything. */
int pcipt_scan_all(struct pcipt_snapshot *snap, struct pcipt_error **error);
/* A pcipt_list_fn: adds the address that a name is; other names are problems. */
int pcipt_found_add(void *found, const char *name);
/* Makes devices out of addresses, and reads ids, class and group of each. */
int pcipt_scan_found(struct pcipt_found *found, struct pcipt_error **error);
/* The driver of each device that has none yet, by its link. */
void pcipt_scan_driver_links(struct pcipt_snapshot *snap);
int pcipt_scan_fail(struct pcipt_snapshot *snap, int r, struct pcipt_error **error);
/* The number of a device's IOMMU group, or -1. */
int pcipt_scan_group_number(struct pcipt_device *device);
/* scope.c: fills it with what belongs to some devices. */
int pcipt_scan_scoped(struct pcipt_snapshot *snap, const struct pcipt_address *addresses, size_t n,
		      bool groups_only, struct pcipt_error **error);
/* The driver's one entry; made where it isn't there. NULL without memory. */
const struct pcipt_driver *pcipt_snapshot_driver(struct pcipt_snapshot *snap, const char *name);

/* group.c: whether it is on nothing that does DMA for the host; bridges may have pcieport. */
bool pcipt_device_leaves_group_alone(const struct pcipt_device *device);

/* Makes sure that facts are there, for one device or for many at once. */
const struct pcipt_facts *pcipt_device_facts(struct pcipt_device *device, unsigned int which);
void pcipt_devices_load(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
			unsigned int which);

/*
 * topology.c: whether a bridge stands above it, so that its bus can be reset; and the other
 * functions of its bus with all that is below them, in a new array. False without memory.
 */
bool pcipt_device_is_behind_bridge(struct pcipt_device *device);
bool pcipt_device_bus_peers(struct pcipt_device *device, struct pcipt_device ***peers, size_t *n);

/* details.c: with the snapshot's lock held */
void pcipt_details_load(struct pcipt_device *device, unsigned int which);
/* facts.c, for details.c: an attribute's text, kept; NULL when absent. */
const char *pcipt_device_keep_text(struct pcipt_device *device, const char *attribute);
const struct pcipt_details *pcipt_device_details(struct pcipt_device *device, unsigned int which);
/* modules.c: which modules would take these devices. */
void pcipt_modules_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n);
/* Whether both are of one model: all of an identity but where it is. */
bool pcipt_identity_has_ids_of(const char *identity, const char *other);
/* Of one model, but another function or VF: never the other one, wherever the card is. */
bool pcipt_identity_is_sibling_of(const char *identity, const char *other);
/* As pcipt_identity_compare(), but for those of which something says that they are another. */
int pcipt_identity_search(struct pcipt_snapshot *snap, const char *identity, const char *serial,
			  bool (*is_another)(void *data, struct pcipt_device *device), void *data,
			  int *verdict, struct pcipt_device **device, char **facts,
			  struct pcipt_error **error);
/* identity.c: pure, from path and ids; strings in the arena. */
void pcipt_identity_fill(struct pcipt_device *device, struct pcipt_facts *facts);
/* names-libpci.c or names-hwdb.c, as configured: for those of the devices that lack names. */
void pcipt_names_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n);

PCIPT_DEFINE_CLEANUP(struct pcipt_snapshot, pcipt_snapshot_unref)

struct json_object *pcipt_device_json(struct pcipt_device *device, bool full);

#endif
