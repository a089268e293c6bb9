/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a claim says, held against what is there: which situation it is in, and what is
 * to be done about it. Pure: a record and a snapshot in, a decision out.
 */
#ifndef PCIPT_CLAIMS_COMPARE_H
#define PCIPT_CLAIMS_COMPARE_H

#include "inventory/inventory.h"
#include "usage/record.h"

enum pcipt_situation {
#define SITUATION(id, name, meaning, sentence, remedy) PCIPT_SITUATION_##id,
#include "claims/situations.def"
#undef SITUATION
	PCIPT_N_SITUATIONS
};

enum pcipt_reconcile_action {
	PCIPT_RECONCILE_NONE, /* no cell of the table */
	PCIPT_RECONCILE_KEEP,
	PCIPT_RECONCILE_NOTE,
	PCIPT_RECONCILE_BIND,
	PCIPT_RECONCILE_FOLLOW,
	PCIPT_RECONCILE_GIVE_BACK,
	PCIPT_RECONCILE_END,
	PCIPT_RECONCILE_WAIT,
};

struct pcipt_situation_row {
	const char *name, *meaning, *sentence, *remedy;
};

struct pcipt_reconcile_cell {
	enum pcipt_reconcile_action action;
	int next; /* enum pcipt_claim_state */
};

/* What was found: the situation, and the device that makes it so. */
struct pcipt_observation {
	enum pcipt_situation situation;
	size_t device;		 /* index in the record */
	struct pcipt_device *at; /* what it is now (MOVED), or what is in its place, or NULL */
	char *facts;		 /* how it is known, one clause, or NULL */
};

const struct pcipt_situation_row *pcipt_situation_row(enum pcipt_situation situation);

/*
 * Looks for the record's devices. `driver_state` is an enum pcipt_module_state or a
 * negative errno of the claim's driver. Errors: NO_MEMORY.
 */
int pcipt_observe(const struct pcipt_record *record, struct pcipt_snapshot *snap, int driver_state,
		  struct pcipt_observation *observation, struct pcipt_error **error);
void pcipt_observation_clear(struct pcipt_observation *observation);

/* Where a recorded device is now: in its place, or elsewhere for sure; else NULL. */
struct pcipt_device *pcipt_recorded_device(const struct pcipt_record_device *recorded,
					   struct pcipt_snapshot *snap);

/* What the table says for a state and a situation. */
struct pcipt_reconcile_cell pcipt_reconcile_cell(int state, enum pcipt_situation situation,
						 bool persistent);

/* "0000:01:00.0 is not in this machine: its slot is empty", or NULL without memory. */
char *pcipt_observation_text(const struct pcipt_record *record,
			     const struct pcipt_observation *observation);

#endif
