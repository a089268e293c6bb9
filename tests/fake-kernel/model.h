/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the simulated kernel share. */
#ifndef TESTS_FAKE_KERNEL_MODEL_H
#define TESTS_FAKE_KERNEL_MODEL_H

#include "fake-kernel/sim.h"
#include "kernel/watch.h"

#define SIM_MAX_DEVICES 64
#define SIM_MAX_DRIVERS 16
#define SIM_MAX_RECORDS 16
#define SIM_MAX_FAULTS 8
#define SIM_MAX_WATCHES 8
#define SIM_MAX_LOCKS SIM_MAX_DEVICES
#define SIM_MAX_OUT 16
#define SIM_MAX_NODES 64
#define SIM_MAX_HOLDERS 64
#define SIM_MAX_FILES 32
#define SIM_MAX_COVERED 4
#define SIM_VFIO_MAJOR 242

struct sim_driver {
	char *name;
	char *module; /* NULL: called like the driver */
	enum sim_match match;
	bool registered;
	uint32_t ids[8]; /* vendor << 16 | device */
	size_t n_ids;
	enum sim_vfs vfs;
	bool manages_power;
};

struct sim_device {
	char *address, *path; /* below /sys/devices */
	uint16_t vendor, device;
	uint32_t class_id;
	int group;
	struct sim_driver *driver;
	char *override, *power;
	const char *boot_vga;
	struct sim_device *physfn;
	uint16_t subsystem_vendor, subsystem_device;
	uint8_t revision;
	/* SR-IOV: what the hardware can, how many there are, and whether drivers may take them. */
	uint16_t total_vfs, vf_offset, vf_stride, vf_device, num_vfs;
	bool no_autoprobe;
	bool open; /* by a virtual machine */
	/* Whose probe of this device fails, and how. */
	const struct sim_driver *refuser;
	int refusal;
	/* nvme's probe goes on after bind: how often its state is asked for until it ends, and how. */
	unsigned int settles_after;
	bool settles_badly;
};

struct sim_node {
	struct sim_device *device;
	char *subsystem, *name, *numbers;
};

struct sim_record {
	char *folder, *name, *text;
};

struct sim_lock {
	char name[32], text[512];
	bool held;
	bool left; /* it is held by a helper alone */
};

struct sim_file {
	char *path, *text;
	size_t length;
};

/* A write that has not returned. */
struct sim_out {
	size_t writer, lane;
	char *path, *value;
	const struct sim_device *device; /* whose lock it has, or waits for; or NULL */
	bool waits;			 /* for the lock that another one has */
};

struct sim_armed {
	struct sim_fault fault;
	unsigned int seen;
};

struct sim_watch;

struct sim {
	struct pcipt_kernel base;
	struct sim_device *devices[SIM_MAX_DEVICES]; /* NULL where one was removed */
	size_t n_devices;
	/* Those that were removed by their attribute: a rescan finds them again. */
	struct sim_device *unplugged[SIM_MAX_DEVICES];
	size_t n_unplugged;
	struct sim_driver drivers[SIM_MAX_DRIVERS];
	size_t n_drivers;
	struct sim_record records[SIM_MAX_RECORDS];
	size_t n_records;
	struct sim_armed faults[SIM_MAX_FAULTS];
	size_t n_faults;
	unsigned int hook_ops, hook_seen;
	void (*hook)(struct sim *sim, void *data, unsigned int number);
	void *hook_data;
	bool real;
	int may_write;
	char **log;
	size_t n_log;
	unsigned int uuids;
	struct sim_watch *watches[SIM_MAX_WATCHES];
	size_t n_watches;
	int watch_errnum;
	double now;
	struct sim_lock locks[SIM_MAX_LOCKS];
	size_t n_locks;
	size_t n_writers;
	const char *blocks;
	char *covered[SIM_MAX_COVERED];
	bool override_takes_lock;
	struct sim_out out[SIM_MAX_OUT];
	size_t n_out;
	struct sim_node nodes[SIM_MAX_NODES];
	size_t n_nodes;
	struct sim_holder holders[SIM_MAX_HOLDERS];
	size_t n_holders;
	bool in_container;
	struct sim_file files[SIM_MAX_FILES];
	size_t n_files;
};

static inline struct sim *sim_of(struct pcipt_kernel *k)
{
	return (struct sim *)k;
}

/* model.c */
struct sim_device *sim_find(const struct sim *sim, const char *address);
struct sim_driver *sim_find_driver(const struct sim *sim, const char *name);
void sim_add_id(struct sim_driver *driver, uint32_t id);
/* What the kernel does with "ADDRESS" in a driver's bind and unbind; 0 or -errno. */
int sim_bind(struct sim *sim, struct sim_driver *driver, const char *address);
int sim_unbind(struct sim *sim, struct sim_driver *driver, const char *address);
int sim_set_override(struct sim_device *device, const char *text);
void sim_replace(char **text, const char *by);
bool sim_is_vfio(const struct sim_driver *driver);
/* Whether the driver whose bind that is takes such devices. */
bool sim_path_matches(const struct sim *sim, const struct sim_device *device, const char *path);
/* A device without a driver gets one that is registered and takes it; 1, 0 or -errno. */
int sim_attach(struct sim *sim, struct sim_device *device);
/* Its driver lets it go. */
void sim_detach(struct sim *sim, struct sim_device *device);
void sim_forget(struct sim *sim, struct sim_device *device);
bool sim_has_controller(const struct sim_device *device);
const char *sim_controller_state(struct sim_device *device);
int sim_set_power(struct sim_device *device, const char *text);
/* Whether /dev/vfio has a node for the group. */
bool sim_group_has_node(const struct sim *sim, int group);
void sim_device_free(struct sim_device *device);

/* bus.c: modules, and what is written to the bus and to a driver's list of ids; 0 or -errno. */
int sim_load(struct sim *sim, const char *name);
int sim_probe(struct sim *sim, const char *address);
int sim_new_id(struct sim *sim, struct sim_driver *driver, const char *text);
int sim_remove_id(struct sim_driver *driver, const char *text);
int sim_unplug(struct sim *sim, struct sim_device *device, const char *text);
int sim_rescan(struct sim *sim, const char *text);

/* sriov.c */
int sim_set_numvfs(struct sim *sim, struct sim_device *device, const char *text);
int sim_set_autoprobe(struct sim_device *device, const char *text);
void sim_end_vfs(struct sim *sim, struct sim_device *device);
char *sim_sriov_attribute(const struct sim_device *device, const char *name);

/* vfio.c */
/* Whether a write waits for who has a device open. */
bool sim_waits_for_holder(const struct sim *sim, const struct sim_device *device,
			  const char *path);
bool sim_group_is_open(const struct sim *sim, int group);

/* sim.c: whether /dev/full covers the path; what becomes of the next operation. */
bool sim_is_covered(const struct sim *sim, const char *path);

struct sim_verdict {
	bool happens;
	int answer; /* 0, or -errno instead of the operation's own */
};

struct sim_verdict sim_next(struct sim *sim, unsigned int op, const char *text);
void sim_note(struct sim *sim, const char *text, int result);

/* watch.c */
int sim_watch(struct pcipt_kernel *k, const char *const *folders, size_t n,
	      struct pcipt_watch **watch);
/* processes.c: files of class devices and of processes; NULL for none. */
char *sim_class_attribute(const struct sim *sim, const char *path);
char *sim_process_file(const struct sim *sim, const char *path);
char *sim_node_link(const struct sim *sim, const struct sim_device *device, const char *name);
size_t sim_node_names(const struct sim *sim, const struct sim_device *device, char **names);
int sim_find_holders(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n,
		     unsigned int ms, unsigned int all_ms, pcipt_holding_fn fn, void *data);

/* files.c and records.c */
ssize_t sim_read(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
		 size_t size);
ssize_t sim_read_bytes(struct pcipt_kernel *k, enum pcipt_place at, const char *path, void *buf,
		       size_t size);
ssize_t sim_read_link(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
		      size_t size);
int sim_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path, pcipt_list_fn fn,
	     void *data);
int sim_exists(struct pcipt_kernel *k, enum pcipt_place at, const char *path);
int sim_may_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path);
int sim_read_guarded(struct pcipt_kernel *k, enum pcipt_place at,
		     struct pcipt_read *reads, size_t n, unsigned int ms);
int sim_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path, const char *value);
int sim_module_load(struct pcipt_kernel *k, const char *name);
int sim_record_write(struct pcipt_kernel *k, const char *folder, const char *name,
		     const char *text, bool exclusive);
int sim_record_read(struct pcipt_kernel *k, const char *folder, const char *name, char **text,
		    size_t *length);
int sim_record_remove(struct pcipt_kernel *k, const char *folder, const char *name);
int sim_record_each(struct pcipt_kernel *k, const char *folder, pcipt_record_fn fn, void *data);

/* writer.c */
/* Whether a write is out that has the device's lock. */
bool sim_is_stuck(const struct sim *sim, const struct sim_device *device);
/* What is out of this device returns, as for all with sim_let_go(). */
void sim_let_go_of(struct sim *sim, const struct sim_device *device);
double sim_now(struct pcipt_kernel *k);
int sim_wait(struct pcipt_kernel *k, int fd, double ms);
int sim_lock(struct pcipt_kernel *k, const char *folder, const char *name, const char *text,
	     char *holder, size_t size);
void sim_unlock(struct pcipt_kernel *k, int lock, bool left_behind);
int sim_writer_start(struct pcipt_kernel *k, size_t n_lanes, const int *locks, size_t n_locks,
		     struct pcipt_writer **writer);
void sim_writer_run(struct pcipt_writer *writer, struct pcipt_job *jobs, size_t n,
		    const struct pcipt_wait *wait);
bool sim_writer_busy(struct pcipt_writer *writer, size_t lane, double deadline);
bool sim_writer_end(struct pcipt_writer *writer);

#endif
