/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery and reconciling, and what they did: transactions that were interrupted (their
 * process was killed, or a write of theirs had not returned from the kernel) are finished,
 * and claims are led to where they can be.
 */
#ifndef LIBPCIPT_REPORT_H
#define LIBPCIPT_REPORT_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * pcipt_recover - finish what was interrupted
 *
 * A bind that was not through is undone, a release that had begun is completed, and their
 * records end; what is of an earlier boot is discarded, since its state went with that
 * boot. A device that is locked by another process is waited for, until the deadline.
 * pcipt_apply(), pcipt_bind() and pcipt_release() do the same by themselves for the
 * devices that they are about.
 *
 * @report: set whenever the records could be read, on failure too: a line for each record
 * that was not as it should be. The caller's. May be NULL.
 *
 * After 0 every record is bound, ended, or can't be read (which the report tells). STUCK: a
 * write of some device has not returned, or somebody has its lock. ROLLBACK_INCOMPLETE: a
 * device could not be put back; a claim's record stays, for a release, an intent without a
 * claim ends.
 *
 * Errors: INVALID, NO_MEMORY, NOT_REAL, PERMISSION, DAMAGED, CANCELLED, TIMEOUT, IO, STUCK,
 * ROLLBACK_INCOMPLETE. Since 0.1.
 */
PCIPT_API int pcipt_recover(struct pcipt_context *ctx, const struct pcipt_options *options,
			    struct pcipt_report **report, struct pcipt_error **error);

/**
 * pcipt_reconcile - lead every claim to where it can be
 *
 * Does pcipt_recover(), then holds each claim against the machine: a claim of an earlier
 * boot that is persistent is bound again, one whose device was moved follows it, one that
 * lost a device takes it again, and one that can't be had says what it waits for and when
 * it is tried again. Findings are judged afresh. Each device that is touched is touched by
 * a transaction of its claim. What is done in each state and situation is a table of
 * doc/catalogue.md. A claim that failed is tried again when its deadline has come, or with
 * pcipt_options_set_now(). Calling it when there is nothing to do costs a snapshot.
 *
 * @options: allow, for findings that may pass beside those that were allowed when the claim was
 * made: a claim that is bound with it records that; now; timeout, cancel descriptor, progress; or NULL.
 *
 * @report: a line for each claim that was changed, or waits; as in pcipt_recover().
 *
 * After 0 every claim is bound, ended, or waiting with a reason. Errors: as
 * pcipt_recover(), and those of pcipt_snapshot_new(). Since 0.1.
 */
PCIPT_API int pcipt_reconcile(struct pcipt_context *ctx, const struct pcipt_options *options,
			      struct pcipt_report **report, struct pcipt_error **error);

PCIPT_API struct pcipt_report *pcipt_report_ref(struct pcipt_report *report);
PCIPT_API struct pcipt_report *pcipt_report_unref(struct pcipt_report *report);
/** How many lines it has. Since 0.1. */
PCIPT_API size_t pcipt_report_action_count(const struct pcipt_report *report);
/** The claim's name; of a transaction without a claim "apply-…". NULL past the end. */
PCIPT_API const char *pcipt_report_action_claim(const struct pcipt_report *report, size_t i);
/** Its state before, or "damaged". */
PCIPT_API const char *pcipt_report_action_from(const struct pcipt_report *report, size_t i);
/** Its state now, or "ended". */
PCIPT_API const char *pcipt_report_action_to(const struct pcipt_report *report, size_t i);
/**
 * Why, in a word: a situation's name (doc/catalogue.md), or "interrupted", "earlier-boot",
 * "given-back", "restore-failed", "refused", "bind-failed", "locked", "write-outstanding",
 * "rollback-incomplete", "permission", "claimed" (two claims name the same device), an error's name.
 */
PCIPT_API const char *pcipt_report_action_reason(const struct pcipt_report *report, size_t i);
/** The same in a sentence. */
PCIPT_API const char *pcipt_report_action_message(const struct pcipt_report *report, size_t i);
/** `actions[]` as a JSON object; a new string. Errors: INVALID, NO_MEMORY. Since 0.1. */
PCIPT_API int pcipt_report_to_json(const struct pcipt_report *report, char **json,
				   struct pcipt_error **error);

PCIPT_END_DECLS

#endif
