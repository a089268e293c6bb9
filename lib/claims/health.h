/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a bound claim is as it should be: the situation that its devices are in, and what can
 * be wrong with devices that are where they should be. Only looks.
 */
#ifndef PCIPT_CLAIMS_HEALTH_H
#define PCIPT_CLAIMS_HEALTH_H

#include "claims/compare.h"

enum pcipt_ailment {
#define HEALTH(id, name, meaning, sentence, remedy) PCIPT_AILMENT_##id,
#include "claims/health.def"
#undef HEALTH
	PCIPT_N_AILMENTS
};

/* A claim as it was found: the reason is a name of one of the two tables. */
struct pcipt_diagnosis {
	const char *reason;
	size_t device;	/* index in the record */
	char *message;
};

/* Errors: NO_MEMORY. */
int pcipt_diagnose(const struct pcipt_record *record, struct pcipt_snapshot *snap,
		   struct pcipt_diagnosis *diagnosis, struct pcipt_error **error);

/* How many errors a device has had; -1 where it doesn't count them, or they can't be read. */
struct pcipt_error_counts {
	struct pcipt_address at;
	int64_t fatal, nonfatal;
};

void pcipt_error_counts_read(struct pcipt_kernel *kernel, struct pcipt_address at,
			     struct pcipt_error_counts *counts);

const char *pcipt_ailment_name(enum pcipt_ailment ailment);
/* "0000:01:00.0 can't be woken: … Stop its user …", or NULL without memory. */
char *pcipt_ailment_text(enum pcipt_ailment ailment, const char *address);

#endif
