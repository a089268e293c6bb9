/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine with disks, for the tests of what they are used for: two NVMe controllers,
 * a USB controller, and whatever a test puts behind and on top of them.
 */
#ifndef TESTS_UNIT_STORAGE_H
#define TESTS_UNIT_STORAGE_H

#include "tree.h"
#include "unit.h"
#include "usage/block.h"

#define ONE "0000:03:00.0"
#define TWO "0000:04:00.0"
#define USB "0000:05:00.0"

struct storage {
	struct tree *tree;
	struct pcipt_snapshot *snap;
	struct pcipt_uses uses;
	struct pcipt_kernel_ops real_ops; /* those of the first time */
	struct pcipt_kernel_ops ops;	  /* the same, for a test to change: then with own_ops */
	bool own_ops;
	const char *way; /* an address in a network of 24 bits that the last device asked about has */
	unsigned int patience_ms; /* the caller's; 0 for the context's */
};

extern struct storage storage;

void storage_begin(void);
void storage_end(void);

/* A disk or partition at a physical path below /sys/devices: its last name is the disk's. */
void storage_disk(const char *path, const char *number);
/* nvme0n1 (259:0) with nvme0n1p1 (259:1) and nvme0n1p2 (259:2) behind ONE; nvme1n1 (260:0) behind TWO. */
void storage_two_disks(void);
/* A virtual device on top of others (names, NULL at the end): "dm-0", "253:0". */
void storage_on_top(const char *name, const char *number, ...);
/* Gives it a name of the device mapper: "vg-root", "LVM-xyz". */
void storage_dm(const char *name, const char *dm_name, const char *uuid);
/* A file of a block device. */
void storage_attribute(const char *name, const char *attribute, const char *text);
/* A process in a mount namespace, with its table of mounts. */
void storage_process(int pid, unsigned int space, const char *mountinfo);

/* What the collector says of these devices (NULL at the end), from anew. */
void storage_ask(const char *address, ...);
/* The first use of a kind, for any device or for one; or NULL. */
const struct pcipt_use *storage_use(enum pcipt_use_kind kind, const char *address);
size_t storage_count(enum pcipt_use_kind kind);

#define assert_use(kind_, address_, what_, evidence_)                                             \
	do {                                                                                      \
		const struct pcipt_use *use_ = storage_use(kind_, address_);                      \
		ck_assert_ptr_nonnull(use_);                                                      \
		ck_assert_str_eq(use_->what, what_);                                              \
		ck_assert_str_eq(use_->evidence, evidence_);                                      \
	} while (0)

#endif
