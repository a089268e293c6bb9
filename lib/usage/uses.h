/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host uses devices for, as the collectors found it: one use, one entry.
 * A collector says what is the case and how it knows; whether that stands against
 * a set is not its business.
 */
#ifndef PCIPT_USAGE_USES_H
#define PCIPT_USAGE_USES_H

#include <netinet/in.h>

#include "inventory/inventory.h"

enum pcipt_use_kind {
	PCIPT_USE_ROOT,	     /* the system runs or boots from it: "/" */
	PCIPT_USE_SWAP,	     /* "/dev/nvme0n1p3" */
	PCIPT_USE_MOUNT,     /* "/srv/data" */
	PCIPT_USE_STACKED,   /* "the LVM volume group data" */
	PCIPT_USE_DISK_OPEN, /* "nvme0n1, by 4711 (dd)" */
	PCIPT_USE_SIGNATURE, /* "ext4 on nvme0n1p2" */
	PCIPT_USE_ADDRESS,   /* "192.0.2.7/24 (eth0)" */
	PCIPT_USE_ROUTE,     /* "the IPv6 default route (eth0, bond0, vlan7)" */
	PCIPT_USE_ENSLAVED,  /* "the bond bond0 (eth0)" */
	PCIPT_USE_CONSOLE,   /* "the text console" */
	PCIPT_USE_USB,	     /* "a keyboard (1-2, Example Keyboard)" */
	PCIPT_USE_HELD,	     /* "process 4711 (qemu-system-x86)" */
	PCIPT_USE_FOREIGN,   /* "driverctl (for vfio-pci)" */
	/* A check that protects data or reach could not be made: "what is mounted" */
	PCIPT_USE_UNKNOWN,
	/* Another check could not be made. */
	PCIPT_USE_UNKNOWN_HARMLESS,
	PCIPT_N_USES
};

struct pcipt_use {
	struct pcipt_device *device;
	enum pcipt_use_kind kind;
	char *what;	/* a noun phrase, see the kinds */
	char *evidence; /* "/ is on /dev/nvme0n1p2, on nvme0 = 0000:01:00.0" */
	char *remedy;	/* in the imperative, or NULL for the finding's own */
	char *busy;	/* the disk that somebody holds exclusively, who isn't known; or NULL */
};

/* An address by which the host is reached over a device: what lives on a network may need it. */
struct pcipt_way {
	struct pcipt_device *device;
	struct in6_addr address; /* IPv4 as ::ffff:192.0.2.7 */
	unsigned int length;	 /* of the network's prefix, of 128 */
	char link[32];		 /* the interface that has it */
};

struct pcipt_ways {
	struct pcipt_way *items;
	size_t n;
};

struct pcipt_nodes;

struct pcipt_uses {
	struct pcipt_use *items;
	size_t n;
	struct pcipt_ways ways; /* no uses by themselves: for the collectors behind */
	/* NULL, or where the nodes are kept that the devices have while they are on their drivers. */
	struct pcipt_nodes *nodes;
	bool no_memory;
};

/*
 * Adds a use; strings are taken over. NULL for `what` or `evidence` means that memory
 * ran out, NULL for `remedy` that there is none to give.
 */
void pcipt_uses_add(struct pcipt_uses *uses, struct pcipt_device *device, enum pcipt_use_kind kind,
		    char *what, char *evidence, char *remedy);
/* Notes of the last use that all it says is that somebody holds a disk ("nvme0n1p2"). */
void pcipt_uses_mark_busy(struct pcipt_uses *uses, const char *disk);
/* Somebody was found who has that disk open: takes away what was marked so; whether there was. */
bool pcipt_uses_explain_busy(struct pcipt_uses *uses, const struct pcipt_device *device,
			     const char *disk);
void pcipt_uses_clear(struct pcipt_uses *uses);

/* What a collector is asked: about these devices, which are to leave their drivers. */
struct pcipt_inquiry {
	struct pcipt_snapshot *snap;
	struct pcipt_kernel *kernel;
	struct pcipt_device *const *devices;
	size_t n;
	struct pcipt_uses *uses;
	/* When the caller stops waiting, on the kernel's clock; 0 for the context's timeout from now. */
	double deadline;
};

/* How long something may be waited for: `most` ms, and not past the caller's deadline. At least 1. */
unsigned int pcipt_inquiry_patience(struct pcipt_inquiry *inquiry, unsigned int most);

#endif
