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
	bool with_set, with_companions;
	bool driver_ready; /* no module has to be loaded */
	const struct pcipt_options *options; /* while it is judged */
	/* What was asked for, to ask it again. */
	struct pcipt_options *request;
	char (*asked)[PCIPT_ADDRESS_SIZE];
	size_t n_asked;
	char *claim;	   /* the claim that holds exactly this already, or NULL */
	struct pcipt_member *members;
	size_t n_members;
	/* What --with-companions would add and bind: told, and left alone. */
	struct pcipt_member *companions;
	size_t n_companions;
	struct pcipt_findings findings;
};

/* judge.c: what stands against the members. Pure. */
void pcipt_judge(struct pcipt_set *set, const struct pcipt_evidence *evidence);

/* The same request on the machine as it is now. Errors: as pcipt_set_new(), and GONE. */
int pcipt_set_again(struct pcipt_context *ctx, const struct pcipt_set *set,
		    struct pcipt_set **again, struct pcipt_error **error);
/*
 * judge-use.c: REFUSED when one of the uses stands against what is to be done; its causes
 * are the findings.
 */
int pcipt_refuse_uses(const struct pcipt_uses *uses, const struct pcipt_options *options,
		      struct pcipt_error **error);

/* The error for an unsafe set, its causes the findings that stand. */
int pcipt_fail_refused(struct pcipt_error **error, const struct pcipt_set *set);

PCIPT_DEFINE_CLEANUP(struct pcipt_set, pcipt_set_unref)

#endif
