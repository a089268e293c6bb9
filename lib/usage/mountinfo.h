/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of mounts and of swap spaces as /proc tells them (proc(5)). Pure: text in, facts out. */
#ifndef PCIPT_USAGE_MOUNTINFO_H
#define PCIPT_USAGE_MOUNTINFO_H

#include "base/util.h"

/* "259:2", and nothing else. */
bool pcipt_device_number_scan(const char *text, unsigned int *major, unsigned int *minor);

/* One line of mountinfo. Texts point into the table, with \040 and its like decoded. */
struct pcipt_mount {
	unsigned int major, minor; /* of the file system; major 0 is no disk's */
	const char *point;	   /* "/boot" */
	const char *type;	   /* "ext4" */
	const char *source;	   /* "/dev/nvme0n1p2" */
	const char *options;	   /* of the file system; those of overlay name its layers */
};

/*
 * Takes a line off a table, which it changes: 1, 0 at the end, -1 for a line that is
 * none of mountinfo's.
 */
int pcipt_mount_next(char **table, struct pcipt_mount *mount);

/* A line of /proc/swaps; the same way. */
struct pcipt_swap {
	const char *path; /* "/dev/dm-1", "/var/swapfile" */
	bool is_file;
};

int pcipt_swap_next(char **table, struct pcipt_swap *swap);

/* An entry of /etc/fstab (fstab(5)). */
struct pcipt_fstab {
	const char *spec;  /* "/dev/sda1", "UUID=…" */
	const char *point; /* "/boot/efi", "none" */
};

/* The next entry, past blank lines, comments and what is none; false at the end. */
bool pcipt_fstab_next(char **table, struct pcipt_fstab *entry);

#endif
