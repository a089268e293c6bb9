/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The set from the inside. */
#ifndef PCIPT_SAFETY_SET_H
#define PCIPT_SAFETY_SET_H

#include <libpcipt/set.h>

#include "safety/closure.h"
#include "safety/finding.h"
#include "usage/evidence.h"

struct pcipt_set {
	struct pcipt_refs refs;
	struct pcipt_snapshot *snap;
	char *driver;
	bool with_set;
	bool driver_ready; /* no module has to be loaded */
	const struct pcipt_options *options; /* while it is judged */
	char *claim;	   /* the claim that holds exactly this already, or NULL */
	struct pcipt_member *members;
	size_t n_members;
	struct pcipt_findings findings;
};

/* judge.c: what stands against the members. Pure. */
void pcipt_judge(struct pcipt_set *set, const struct pcipt_evidence *evidence);

/* The error for an unsafe set, its causes the findings that stand. */
int pcipt_fail_refused(struct pcipt_error **error, const struct pcipt_set *set);

#endif
