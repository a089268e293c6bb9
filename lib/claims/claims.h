/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the claims layer share. */
#ifndef PCIPT_CLAIMS_CLAIMS_H
#define PCIPT_CLAIMS_CLAIMS_H

#include <libpcipt/claim.h>

#include "safety/set.h"
#include "transaction/transaction.h"

struct pcipt_claim {
	struct pcipt_refs refs;
	struct pcipt_record record;
};

/* claim.c: a claim out of a record, which it takes over (and clears on failure). */
struct pcipt_claim *pcipt_claim_new(struct pcipt_record *record);
/* The claim as it stands on the disk now: another process may have ended it (NO_CLAIM). */
int pcipt_claim_reload(struct pcipt_context *ctx, const struct pcipt_claim *claim,
		       struct pcipt_claim **now, struct pcipt_error **error);
/*
 * Of two records that name the same device the later one in their order says so: a problem, or
 * NULL. Nobody knows which one is right, so both stand.
 */
struct pcipt_error *pcipt_claim_rivalry(struct pcipt_context *ctx, const struct pcipt_record *record);
/* One owner neither takes nor releases another's claim, unless he names no owner. */
int pcipt_claim_check_owner(const struct pcipt_claim *claim, const struct pcipt_options *options,
			    const char *step, struct pcipt_error **error);

/*
 * name.c: a name for a claim that was given none, "pci-0000-01-00.0", and at later
 * attempts "-2", "-3" behind it; a new string or NULL.
 */
char *pcipt_claim_default_name(const struct pcipt_set *set, unsigned int attempt);

/*
 * store.c: the only code that writes records. The state and its time are set;
 * `begin` fails with PCIPT_E_NAME where the name is taken.
 */
int pcipt_store_begin(struct pcipt_context *ctx, struct pcipt_record *record,
		      struct pcipt_error **error);
int pcipt_store_advance(struct pcipt_context *ctx, struct pcipt_record *record, int state,
			struct pcipt_error **error);
/* A claim of an earlier boot begins anew in this one, as pending. */
int pcipt_store_renew(struct pcipt_context *ctx, struct pcipt_record *record,
		      struct pcipt_error **error);
/* Waiting or stuck: for which reason, as a code and a sentence, and when it is looked at again. */
int pcipt_store_wait(struct pcipt_context *ctx, struct pcipt_record *record, int state,
		     const char *reason, const char *message, int64_t ms,
		     struct pcipt_error **error);
/* How long until it is looked at again for that reason: longer with each attempt. */
int64_t pcipt_store_again_ms(const struct pcipt_record *record, const char *reason);
/* An error as a reason's code, and as what somebody reads who looks at the claim: what, what to do. */
const char *pcipt_store_reason(int code, const char *otherwise);
char *pcipt_store_sentence(const struct pcipt_error *why);
/* After a transaction that has a write out: "stuck", until somebody can finish it. */
void pcipt_store_stuck(struct pcipt_transaction *t, struct pcipt_record *record,
		       const struct pcipt_error *why);
/* The boot list says of a persistent claim what its record says now; see boot.h. */
void pcipt_store_note_boot(struct pcipt_context *ctx, const char *name);
int pcipt_store_end(struct pcipt_context *ctx, const struct pcipt_record *record,
		    struct pcipt_error **error);

/*
 * adopt.c: devices that were on the claim's driver already, by somebody else's doing. What
 * they were before that is inferred while they stay as they are (action "keep"); only when the
 * claim is bound are they its own to give back (action "bind"), so that a bind that is undone,
 * or interrupted, leaves them to whom they were.
 */
int pcipt_adopt_begin(const struct pcipt_plan *plan, struct pcipt_record *record,
		      struct pcipt_result *result, struct pcipt_error **error);
void pcipt_adopt_commit(struct pcipt_record *record, bool bound);
/* What was inferred is replaced by what is seen now that its own driver has it again. */
int pcipt_adopt_learn(const struct pcipt_plan *plan, struct pcipt_record *record,
		      struct pcipt_error **error);
/* After a release: who still is configured to take it, and why it has no driver. */
void pcipt_adopt_warn(struct pcipt_snapshot *snap, const struct pcipt_record *record,
		      struct pcipt_result *result);

/* recover.c: whether it is half way, unless somebody is at it (which the locks tell). */
bool pcipt_claim_is_interrupted(const struct pcipt_record *record);

/*
 * recover.c: pcipt_recover(), with the claims as they were read for it; those that it took in
 * hand have changed since. The report is set whenever there was memory for one.
 */
int pcipt_recover_records(struct pcipt_context *ctx, const struct pcipt_options *options,
			  struct pcipt_records *records, struct pcipt_report **report,
			  struct pcipt_error **error);

/*
 * recover.c: finishes what was interrupted of a set's devices, with claims or without; how
 * much that was, or an error's code.
 */
int pcipt_claims_recover_set(struct pcipt_context *ctx, const struct pcipt_set *set,
			     const struct pcipt_options *options, double deadline,
			     struct pcipt_error **error);

PCIPT_DEFINE_CLEANUP(struct pcipt_claim, pcipt_claim_unref)

#endif
