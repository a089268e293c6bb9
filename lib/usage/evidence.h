/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known about the host beyond the devices themselves, gathered before a
 * set is judged: the judge makes no system call.
 */
#ifndef PCIPT_USAGE_EVIDENCE_H
#define PCIPT_USAGE_EVIDENCE_H

#include "inventory/inventory.h"
#include "usage/record.h"
#include "usage/uses.h"

enum pcipt_interrupts {
	PCIPT_INTERRUPTS_UNKNOWN,
	PCIPT_INTERRUPTS_REMAPPED,
	PCIPT_INTERRUPTS_UNSAFE, /* a device's user could forge any */
};

/* The host as a whole. */
struct pcipt_host_facts {
	int interrupts;	   /* enum pcipt_interrupts */
	bool noiommu_mode; /* vfio gives devices away without an IOMMU */
	bool denylist_off; /* vfio-pci takes what it knows to be unsafe */
};

/* A device that a claim has lost sight of, away from where the claim has recorded it. */
struct pcipt_stray {
	struct pcipt_device *device;
	const struct pcipt_record *record; /* of the evidence's records */
	bool is_it;			   /* its serial number or its slot proves it */
	bool may_be_it;			   /* as may another: several have that number */
	char *facts;			   /* NULL without memory */
};

struct pcipt_strays {
	struct pcipt_stray *items;
	size_t n;
};

struct pcipt_evidence {
	struct pcipt_records records;	/* who claims what */
	struct pcipt_error *no_records; /* why claims could not be read, or NULL */
	struct pcipt_strays strays;	/* what claims look for, of the devices asked about */
	int driver_state;		/* enum pcipt_module_state, or -errno */
	struct pcipt_host_facts host;
	struct pcipt_uses uses;		/* what the host uses the devices for */
};

/*
 * `devices` are those that are to leave their drivers, the first `n` of all `n_members` that
 * are to be the caller's. Never fails: what could not be
 * found out, also because the time was up, is part of the evidence.
 */
void pcipt_evidence_gather(struct pcipt_snapshot *snap, const char *driver,
			   struct pcipt_device *const *devices, size_t n, size_t n_members,
			   uint32_t timeout_ms, struct pcipt_evidence *evidence);
/*
 * What the host uses the devices for, alone; the same as `uses` of the evidence. The deadline
 * is on the kernel's clock.
 */
void pcipt_uses_gather(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
		       double deadline, struct pcipt_uses *uses);
/* strays.c: false without memory. */
bool pcipt_strays_find(const struct pcipt_records *records, struct pcipt_device *const *devices,
		       size_t n, struct pcipt_strays *strays);
void pcipt_strays_clear(struct pcipt_strays *strays);
/* host.c */
void pcipt_host_facts_read(struct pcipt_kernel *kernel, struct pcipt_host_facts *host);
/* display.c */
void pcipt_collect_displays(struct pcipt_inquiry *inquiry);
/* kernel.c */
void pcipt_collect_kernel(struct pcipt_inquiry *inquiry);
/* foreign.c */
void pcipt_collect_foreign(struct pcipt_inquiry *inquiry);
void pcipt_evidence_clear(struct pcipt_evidence *evidence);

#endif
