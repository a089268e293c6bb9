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
#include "kernel/kernel.h"

/* Facts that are read together. */
enum {
	PCIPT_FACTS_ATTRIBUTES = 1 << 0, /* small attributes that are answered from memory */
	PCIPT_FACTS_FUNCTIONS = 1 << 1,	 /* PF and VFs */
	PCIPT_FACTS_OVERRIDE = 1 << 2,	 /* driver_override: behind the device's lock */
	PCIPT_FACTS_NAMES = 1 << 3,
	PCIPT_FACTS_VFIO = 1 << 4,
	PCIPT_FACTS_IDENTITY = 1 << 5,
};

struct pcipt_facts {
	int numa_node;
	int16_t revision;
	int8_t boot_vga;
	const char *power_control;
	const char **reset_methods;
	size_t n_reset_methods;
	struct pcipt_device *physfn;
	struct pcipt_device **virtfns;
	size_t n_virtfns;
	bool has_vfs;
	const char *driver_override;
	bool override_unknown; /* it could not be read: not the same as none */
	const char *vendor_name, *device_name, *class_name;
	const char *vfio_device;
	const char *slot, *identity;
};

/* A driver's name, once for all its devices. */
struct pcipt_driver {
	const char *name;
	bool vfio;
};

struct pcipt_device {
	struct pcipt_snapshot *snap;
	const char *address;
	const char *path; /* below `place`, without a link on the way */
	const struct pcipt_driver *driver;
	struct pcipt_group *group;
	struct pcipt_device *next_in_group;
	struct pcipt_facts *facts;
	struct pcipt_address at;
	int32_t class_id;
	int32_t ids[4]; /* vendor, device, subsystem vendor, subsystem device */
	atomic_uint loaded; /* which PCIPT_FACTS_… are there */
	uint8_t place;
};

struct pcipt_group {
	struct pcipt_snapshot *snap;
	struct pcipt_device *first, *last;
	size_t n_devices;
	int number;
	bool noiommu;
	bool type_read;
	const char *type;
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
	struct pcipt_error **problems;
	size_t n_problems;
	/* Guards what grows after the snapshot was made: facts, problems, arena. */
	pthread_mutex_t lock;
	bool override_stuck; /* a read of driver_override hung: say so once */
};

/* The device at an address, or NULL. */
struct pcipt_device *pcipt_snapshot_at(const struct pcipt_snapshot *snap,
				       struct pcipt_address address);
/* Reads an attribute of a device; as the seam's read. */
ssize_t pcipt_device_read(const struct pcipt_device *device, const char *attribute, char *buf,
			  size_t size);
ssize_t pcipt_device_read_link(const struct pcipt_device *device, const char *name, char *buf,
			       size_t size);
/* Notes what could not be read. Call with the lock held, or before others know the snapshot. */
void pcipt_snapshot_add_problem(struct pcipt_snapshot *snap, const struct pcipt_device *device,
				const char *name, const char *attribute, int code, int errnum,
				const char *what);
/* The driver's one entry; made where it isn't there. NULL without memory. */
const struct pcipt_driver *pcipt_snapshot_driver(struct pcipt_snapshot *snap, const char *name);

/* Makes sure that facts are there, for one device or for many at once. */
const struct pcipt_facts *pcipt_device_facts(struct pcipt_device *device, unsigned int which);
void pcipt_devices_load(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
			unsigned int which);

/* identity.c: pure, from path and ids; strings in the arena. */
void pcipt_identity_fill(struct pcipt_device *device, struct pcipt_facts *facts);
/* names.c */
void pcipt_names_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n);

PCIPT_DEFINE_CLEANUP(struct pcipt_snapshot, pcipt_snapshot_unref)

struct json_object *pcipt_device_json(struct pcipt_device *device);

#endif
