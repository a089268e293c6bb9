/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan from the inside. */
#ifndef PCIPT_SAFETY_PLAN_H
#define PCIPT_SAFETY_PLAN_H

#include <libpcipt/plan.h>

#include "safety/set.h"

/* An override that no driver is called by: what keeps a device driverless. */
#define PCIPT_PIN "pcipt-pinned"

enum pcipt_plan_kind {
	PCIPT_PLAN_BIND,
	PCIPT_PLAN_RELEASE,
};

/* One device of a plan. A release of it is conditional: pcipt_plan_may_restore(). */
struct pcipt_plan_device {
	struct pcipt_address at;
	char address[PCIPT_ADDRESS_SIZE];
	int role, action;
	bool asked; /* it has steps; others are only reported */
	int group;  /* number when the plan was made, or -1 */
	int32_t vendor, device;
	char *identity, *serial;
	/* A bind: what it is now, and what undo returns to. A release: what it goes back to. */
	struct pcipt_device_state before;
	/* What it was when the plan was made; acting on anything else would be stale. */
	struct pcipt_device_state seen;
};

struct pcipt_step {
	int op;
	size_t device; /* index, or PCIPT_NO_STEP_DEVICE */
	char *path;    /* "/sys/…", NULL for load */
	char *value;
	char *shell;
};

#define PCIPT_NO_STEP_DEVICE SIZE_MAX

struct pcipt_steps {
	struct pcipt_step *items;
	size_t n;
	bool no_memory;
};

struct pcipt_plan {
	struct pcipt_refs refs;
	enum pcipt_plan_kind kind;
	char *driver; /* the target of a bind; what a release takes devices from */
	char *claim, *claim_id; /* what a release belongs to, else NULL */
	struct pcipt_set *set;	/* what a bind was made from, to make it again */
	struct pcipt_snapshot *snap; /* what the plan was made of: groups, and PFs of VFs */
	struct pcipt_plan_device *devices;
	size_t n_devices;
	/* What was allowed: a bind records it in the claim. */
	struct pcipt_record_allowed *allowed;
	size_t n_allowed;
	struct pcipt_steps steps;
	/* What its devices are now is read under the locks alone: nobody asked for its steps. */
	bool unseen;
};

struct pcipt_plan *pcipt_plan_alloc(enum pcipt_plan_kind kind, const char *driver);
/* A device at the end that isn't there: only its lock is of interest; false without memory. */
bool pcipt_plan_add_gone(struct pcipt_plan *plan, struct pcipt_address at);
/* A new device at the end, taken from what the snapshot says; NULL without memory. */
struct pcipt_plan_device *pcipt_plan_add(struct pcipt_plan *plan, struct pcipt_device *device,
					 int role, int action);

/* steps.c: one step; value may be NULL for "none". */
void pcipt_steps_add(struct pcipt_steps *steps, int op, size_t index, const char *address,
		     const char *value, const char *driver_now);
void pcipt_steps_clear(struct pcipt_steps *steps);

/*
 * The steps that lead a device from what it is now back to what it was. Pure, and
 * empty when there is nothing to do; the same for a release and for an undo.
 * `left_vfio` says that an earlier step took it from a vfio driver.
 */
void pcipt_restore_steps(struct pcipt_steps *steps, size_t index, const char *address,
			 const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before);

/*
 * Whether a release may still lead a device back: it is on the driver that the claim
 * gave it, on none, or where it came from already; a pinned one must still be as the
 * pin left it. Anything else is somebody else's by now.
 */
bool pcipt_plan_may_restore(const struct pcipt_plan *plan, const struct pcipt_plan_device *device,
			    const struct pcipt_device_state *now);

PCIPT_DEFINE_CLEANUP(struct pcipt_plan, pcipt_plan_unref)

#endif
