/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the block collector share: a map of the disks behind the devices
 * of an inquiry, of all that stands on them, and of where that is mounted.
 */
#ifndef PCIPT_USAGE_BLOCK_H
#define PCIPT_USAGE_BLOCK_H

#include "usage/mountinfo.h"
#include "usage/uses.h"

/* A name of /sys/class/block. */
struct block_entry {
	char *name;
	char *path; /* "devices/pci0000:00/0000:00:03.0/nvme/nvme0/nvme0n1", or NULL */
};

/* What can stand on something else. */
enum block_kind {
	BLOCK_DISK,	 /* a disk behind a device of the inquiry */
	BLOCK_PARTITION, /* of a disk or of anything else */
	BLOCK_LVM,
	BLOCK_STACKED, /* dm-crypt, multipath, MD, bcache, any other holder */
	BLOCK_LOOP,    /* stands on the file system that its file is in */
	BLOCK_FS,      /* a btrfs file system or a ZFS pool: not a device, but on several */
};

/* Where something is mounted: the first place in words, of the others the number. */
struct block_mounts {
	char *first;	/* "/srv", that of the first process if possible */
	char *others;	/* "/a, /b", each once; NULL for none */
	char *critical; /* those that the system runs from: "/, /boot" */
	size_t n, n_named;
	long pid; /* of the namespace of the first; 1 is the system's own */
};

struct block_node {
	enum block_kind kind;
	char *name;    /* "dm-0" */
	char *label;   /* for people: "vg-root (LVM)" */
	char *dm_name; /* "vg-root", or NULL */
	const struct block_entry *entry; /* NULL for BLOCK_FS */
	unsigned int major, minor;	 /* 0:0 where there is none */
	bool bcache;			 /* registered with bcache */
	bool remote;			 /* it comes over the network */
	char *target;			 /* the NVMe target that gives it to others, or NULL */
	struct pcipt_device **devices; /* for a disk: behind which devices it is */
	size_t n_devices;
	size_t *above; /* the nodes that stand on this one */
	size_t n_above;
	struct block_mounts mounts;
	char *boot_what, *boot_why; /* what the system boots from, though it isn't mounted; or NULL */
	char **swaps; /* "/dev/dm-1", "/swapfile" */
	size_t n_swaps;
	bool looked; /* `disk` says what was seen */
	struct pcipt_disk disk;
};

struct block_text {
	char **items;
	size_t n;
};

/* What the system boots from, by its name: "/boot/efi", "UUID=…", "/etc/fstab". */
struct block_boot {
	char *what, *spec;
	const char *by;
};

struct block_map {
	struct pcipt_inquiry *inquiry;
	struct pcipt_kernel *kernel;
	struct block_entry **entries; /* sorted by name */
	size_t n_entries;
	struct block_node *nodes;
	size_t n_nodes;
	/* What could not be found out, with why. */
	struct block_text unknown;
	/* What a tree that isn't this machine's doesn't have: nothing is at stake there. */
	struct block_text unrecorded;
	/* Swap partitions whose path led to no node. */
	struct block_text lost_swaps;
	/* Mounts of ZFS, for when the pools are known: "rpool/ROOT" and where. */
	struct {
		char *source, *point;
		long pid;
	} *zfs;
	size_t n_zfs;
	/* Which btrfs file system a source was found to be of: thousands of mounts may have one. */
	struct {
		char *source;
		size_t node; /* or BLOCK_NONE */
	} *btrfs;
	size_t n_btrfs;
	/* The mounts of the first process: mount points, and what node they are of. */
	struct {
		char *point;
		size_t node; /* or BLOCK_NONE */
	} *table;
	size_t n_table;
	bool listed; /* all names are among the entries */
	/* What the system boots from that no link of udev's led to. */
	struct block_boot *boots;
	size_t n_boots;
	/* What a hypervisor shares through devices of the inquiry: "9p", its tag. */
	struct block_export {
		struct pcipt_device *device;
		const char *type;
		char *tag; /* NULL where it can't be told: any mount of that type may be it */
	} *exports;
	size_t n_exports;
	/* The host's connections, once they were asked for. */
	struct pcipt_tcp *tcps;
	size_t n_tcps;
	bool tcps_read;
	bool tcps_unread; /* or could not be asked for: by which card a peer is reached isn't known */
	bool blind; /* there may be disks that it doesn't show */
	bool no_memory;
};

#define BLOCK_NONE SIZE_MAX

/* Notes what could not be found out; the text is taken over. */
void pcipt_block_unknown(struct block_map *map, char *text);
/* Appends to a list, taking the text over. */
void pcipt_block_keep(struct block_map *map, struct block_text *list, char *text);

/* block-entries.c: the names of block devices; of a real machine those that are needed. */
void pcipt_block_entries_fill(struct block_map *map);
/* Also the whole disks whose names begin so. */
void pcipt_block_entries_add(struct block_map *map, const char *begin);
/* The entry of that name, or NULL. */
const struct block_entry *pcipt_block_map_entry(struct block_map *map, const char *name);
/* block-map.c: fills the map with disks and all that stands on them by sysfs. */
void pcipt_block_map_fill(struct block_map *map);
void pcipt_block_map_clear(struct block_map *map);
/* block-disks.c: the disks behind the devices. */
void pcipt_block_disks_fill(struct block_map *map);
/* Puts a disk behind a device, too. */
void pcipt_block_put_behind(struct block_map *map, size_t node, struct pcipt_device *device);
/* The disk that a hidden path to it leads to, or NULL. */
const struct block_entry *pcipt_block_head_of(struct block_map *map, const struct block_entry *path);
/* Whether it is a partition of anything. */
bool pcipt_block_is_partition(struct block_map *map, const struct block_entry *entry);
/* block-btrfs.c: puts the file systems on their devices; that of a mount's source, or BLOCK_NONE. */
void pcipt_block_btrfs_fill(struct block_map *map);
size_t pcipt_block_btrfs_find(struct block_map *map, const char *source);
/* block-remote.c: disks that come over a network, behind the cards that lead there. */
void pcipt_block_remote_fill(struct block_map *map);
/* The folders of a hypervisor behind the devices: 9p and virtiofs. */
void pcipt_block_exports_fill(struct block_map *map);
/* Whether there may be shares; the node of a mount that is one, or BLOCK_NONE. */
bool pcipt_block_remote_has_shares(struct block_map *map);
size_t pcipt_block_remote_share(struct block_map *map, const struct pcipt_mount *mount);
size_t pcipt_block_map_add_share(struct block_map *map, char *name, char *label);
/* A path to an NVMe disk, "nvme0c1n2": no disk itself, and without a number. */
bool pcipt_block_is_nvme_path(const struct block_entry *entry);
/* Whether an entry is a partition of another, by their paths. */
bool pcipt_block_is_part_of(const struct block_entry *part, const struct block_entry *whole);
/* Adds a node for an entry; its index, or BLOCK_NONE. */
size_t pcipt_block_map_add(struct block_map *map, const struct block_entry *entry,
			   enum block_kind kind);
/* Adds a node that isn't a block device, on top of another; its index, or BLOCK_NONE. */
size_t pcipt_block_map_add_fs(struct block_map *map, char *name, char *label);
void pcipt_block_map_put_on(struct block_map *map, size_t node, size_t above);
/* Adds a loop device whose file is on a node, or that is on it itself (NULL); all on it too. */
void pcipt_block_map_add_loop(struct block_map *map, const struct block_entry *entry, size_t on,
			      const char *file);
/* The node of that name ("dm-0"), of that path ("/dev/mapper/vg-root"), or BLOCK_NONE. */
size_t pcipt_block_map_find(const struct block_map *map, const char *name);
size_t pcipt_block_map_find_path(struct block_map *map, const char *path);
/* An attribute of a block device, as the seam's read(). */
ssize_t pcipt_block_read(const struct block_map *map, const char *name, const char *attribute,
			 char *buf, size_t size);

/* block-mounts.c: where nodes are mounted, in every namespace that can be seen; swap. */
void pcipt_block_mounts_fill(struct block_map *map);
/* Whether a mount point is one that the system can't go on without, or can't boot again. */
bool pcipt_block_is_critical(const char *point);
/* Notes that a node is mounted somewhere, seen in the namespace of a process. */
void pcipt_block_mounts_add(struct block_map *map, size_t node, const char *point, long pid);
/* block-boot.c: which nodes the system boots from; of others, by what was seen on them. */
void pcipt_block_boot_fill(struct block_map *map);
void pcipt_block_boot_explain(struct block_map *map);
/* block-target.c: which nodes the kernel gives to others over a network. */
void pcipt_block_targets_fill(struct block_map *map);
/* A folder below /sys; that it isn't there is an answer too. */
void pcipt_block_list(struct block_map *map, const char *path, pcipt_list_fn fn, void *data);
/* block-look.c: asks those disks that nothing seems to use. */
void pcipt_block_look(struct block_map *map);
/* Whether anything is known to use a node itself. */
bool pcipt_block_is_used(const struct block_node *node);
/* block-tell.c: what was found becomes uses. */
void pcipt_block_tell(struct block_map *map);

/* block.c: the collector */
void pcipt_collect_block(struct pcipt_inquiry *inquiry);

#endif
