/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated kernel behind the seam: devices, drivers and groups in memory that
 * react to writes as Linux does, records that stay, a log of every operation, and
 * faults on demand. Several contexts may look at one machine, as processes do.
 */
#ifndef TESTS_FAKE_KERNEL_SIM_H
#define TESTS_FAKE_KERNEL_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct pcipt_context;

/* ---- the machine ---- */

struct sim_device_facts {
	const char *address;
	const char *parent; /* address of the bridge above, or NULL */
	const char *path;   /* below /sys/devices; NULL for one made of these two */
	uint16_t vendor, device;
	uint32_t class_id;
	int group;	    /* 0 for none */
	const char *driver; /* must be registered; NULL for none */
	const char *driver_override;
	const char *power_control; /* NULL gives "auto" */
	const char *boot_vga;	   /* NULL where there is no such attribute */
	const char *physfn;	   /* a VF's PF, which must be there already */
	uint16_t subsystem_vendor, subsystem_device;
	uint8_t revision;
	/* A PF: how many VFs at most, where the first is and the next one, and what they are. */
	uint16_t total_vfs, vf_offset, vf_stride, vf_device;
};

struct sim *sim_new(void);
void sim_free(struct sim *sim);
/* A new context that looks at this machine. */
struct pcipt_context *sim_context(struct sim *sim);

void sim_add(struct sim *sim, const struct sim_device_facts *facts);
/* The device is gone, as after a hot-unplug. */
void sim_remove(struct sim *sim, const char *address);

/* How a driver chooses its devices. */
enum sim_match {
	SIM_MATCH_IDS,	    /* those that sim_driver_takes() lists */
	SIM_MATCH_OVERRIDE, /* only by an override: vfio-pci, pci-stub */
};

/* A driver that is registered, or that registers when its module is loaded. */
void sim_driver(struct sim *sim, const char *name, enum sim_match match, bool registered);
/* Its module has another name: only by that it is loaded. */
void sim_driver_module(struct sim *sim, const char *name, const char *module);
void sim_driver_takes(struct sim *sim, const char *name, uint16_t vendor, uint16_t device);
/* From now on the driver's probe of that device answers with this errno; 0 ends that. */
void sim_driver_refuses(struct sim *sim, const char *name, const char *address, int errnum);

/*
 * From now on nvme's probe of that device goes on for so many looks at its controller's
 * state; then the controller is live, or (badly) the driver leaves the device.
 */
void sim_settles(struct sim *sim, const char *address, unsigned int after, bool badly);

/*
 * The driver leaves its VFs when it leaves the PF, as nvme does; without that they go with
 * it. Drivers without sriov_configure (all but those) make none.
 */
enum sim_vfs { SIM_NO_VFS, SIM_ENDS_VFS, SIM_LEAVES_VFS };
void sim_driver_makes_vfs(struct sim *sim, const char *name, enum sim_vfs how);
/* The driver allows runtime power management in its probe and forbids it in its end. */
void sim_driver_manages_power(struct sim *sim, const char *name);

/* Changes made by others: no log, no fault. The driver may be NULL. */
void sim_force_driver(struct sim *sim, const char *address, const char *driver);
void sim_force_override(struct sim *sim, const char *address, const char *text);
void sim_force_power(struct sim *sim, const char *address, const char *text);

/* A write as the kernel takes it, its path whole; 0 or -errno. */
int sim_write_now(struct sim *sim, const char *path, const char *value);
/* As on Linux 6.1, driver_override takes the device's lock; later it doesn't. */
void sim_set_override_takes_lock(struct sim *sim, bool yes);
/* Takes a module away, as modprobe -r does; 0 or -errno. */
int sim_unload(struct sim *sim, const char *name);
/* An attribute, by its whole path, is covered by /dev/full, or not any more. */
void sim_cover(struct sim *sim, const char *path, bool yes);
/*
 * A virtual machine opens a device, and ends: while it has it, vfio-pci's unbind doesn't
 * return, and no driver of the host's is let into the group (EBUSY). 0 or -errno.
 */
int sim_open_device(struct sim *sim, const char *address);
void sim_close_device(struct sim *sim, const char *address);

/* A class device below a device, with its numbers: "sound", "controlC0", "116:2". */
void sim_add_node(struct sim *sim, const char *address, const char *subsystem, const char *name,
		  const char *numbers);

/* What a process has open; told by the seam's find_holders. */
struct sim_holder {
	int pid;
	const char *command, *cgroup; /* may be NULL */
	const char *numbers; /* "116:2", a VFIO group's are "242:N"; NULL for an anonymous file */
	const char *fdinfo;  /* of an anonymous file, or NULL */
	bool block, mapped;
	int errnum; /* it can't be looked into; EBUSY: it doesn't answer, and takes that time */
};

void sim_hold(struct sim *sim, const struct sim_holder *holder);
/* The processes end. */
void sim_end_holders(struct sim *sim);
/* /proc shows the processes of a container alone. */
void sim_set_in_container(struct sim *sim, bool yes);

/* "0000:01:00.0 driver nouveau, override none, power auto" and a newline for each device. */
char *sim_state(const struct sim *sim);
/* The same line of one device, without the newline; "… gone" when it is. */
char *sim_device_state(const struct sim *sim, const char *address);

/*
 * A file beside the model, its path whole: what /etc, /lib/modules or a device's attribute
 * says that the model doesn't know of. NULL takes it away.
 */
void sim_put_file(struct sim *sim, const char *path, const char *text);
void sim_put_bytes(struct sim *sim, const char *path, const void *bytes, size_t n);

/* ---- operations: log and faults ---- */

enum sim_op {
	SIM_READ = 1 << 0,
	SIM_READ_LINK = 1 << 1,
	SIM_LIST = 1 << 2,
	SIM_EXISTS = 1 << 3,
	SIM_MAY_WRITE = 1 << 4,
	SIM_GUARDED = 1 << 5,
	SIM_WRITE = 1 << 6,
	SIM_MODULE_STATE = 1 << 7,
	SIM_MODULE_LOAD = 1 << 8,
	SIM_RECORD_WRITE = 1 << 9,
	SIM_RECORD_READ = 1 << 10,
	SIM_RECORD_REMOVE = 1 << 11,
	SIM_RECORD_LIST = 1 << 12,
	SIM_LOCK = 1 << 13,
	SIM_START = 1 << 14, /* of the helper */
	SIM_WAIT = 1 << 15,
	SIM_FIND_HOLDERS = 1 << 16,
};

enum sim_how {
	SIM_FAILS,	/* nothing happens, and it says so */
	SIM_FAILS_LATE, /* it happens, and says that it failed */
	SIM_LIES,	/* nothing happens, and it says that it did */
};

struct sim_fault {
	unsigned int ops;     /* which operations are counted */
	const char *contains; /* only those whose text has this; NULL for all */
	unsigned int first;   /* the first that is hit, counted from 1 */
	unsigned int last;    /* the last that is hit; 0 for no end */
	int errnum;
	enum sim_how how;
};

/* Adds a fault; they stay until sim_mend(), which also forgets the counts. */
void sim_fail(struct sim *sim, const struct sim_fault *fault);
void sim_mend(struct sim *sim);
/* Called before each operation of these kinds, with its number among them from 1 on. */
void sim_hook(struct sim *sim, unsigned int ops,
	      void (*fn)(struct sim *sim, void *data, unsigned int number), void *data);

/* ---- writes that don't return, locks of others ---- */

/* From now on writes whose "PATH VALUE" has this don't return; NULL ends that for later ones. */
void sim_block(struct sim *sim, const char *contains);
/* All that was out returns, and the helpers that were left behind end. */
void sim_let_go(struct sim *sim);
/* Another process locks a device, and wrote this into the file; NULL lets go of it. */
void sim_lock_elsewhere(struct sim *sim, const char *address, const char *text);
bool sim_lock_is_held(struct sim *sim, const char *name);
size_t sim_locks_held(const struct sim *sim);

/* is_real() and what is writable. */
void sim_set_real(struct sim *sim, bool real);
void sim_set_may_write(struct sim *sim, int errnum);

/* The log: "write /sys/bus/pci/drivers/nouveau/unbind 0000:01:00.0" and " = EBUSY" on failure. */
size_t sim_log_count(const struct sim *sim);
const char *sim_log_at(const struct sim *sim, size_t i);
void sim_log_clear(struct sim *sim);
/* The first entry from `from` on that begins so; SIZE_MAX for none. */
size_t sim_log_find(const struct sim *sim, size_t from, const char *begin);
/* How many entries begin so. */
size_t sim_log_matches(const struct sim *sim, const char *begin);

/* ---- watches ---- */

/* What every watch hears next: of a device, of the folders, or that something was lost. */
void sim_say_device(struct sim *sim, const char *name);
/* That it could not be recovered from an error. */
void sim_say_failed(struct sim *sim, const char *name);
void sim_say_files(struct sim *sim);
void sim_say_lost(struct sim *sim);
/* From now on watching answers with this errno; 0 ends that. */
void sim_set_watch(struct sim *sim, int errnum);

/* ---- records ---- */

size_t sim_record_count(const struct sim *sim);
/* The text of a record by its file's name, or NULL. */
const char *sim_record(const struct sim *sim, const char *name);
/* The folder that it lies in, or NULL. */
const char *sim_record_folder(const struct sim *sim, const char *name);
/* Takes it away, as another process would: no log, no fault. */
void sim_take_record(struct sim *sim, const char *name);
void sim_put_record(struct sim *sim, const char *folder, const char *name, const char *text);

#endif
