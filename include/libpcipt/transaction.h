/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transaction: the only call that changes the kernel's state. All of a
 * plan is done, or what was done is undone in reverse.
 */
#ifndef LIBPCIPT_TRANSACTION_H
#define LIBPCIPT_TRANSACTION_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * enum pcipt_outcome - how a transaction ended. Treat a value that you do not
 * know as PCIPT_OUTCOME_FAILED. Since 0.1.
 */
enum pcipt_outcome {
	/** Every device is as the plan wants it. */
	PCIPT_OUTCOME_DONE = 0,
	/** There was nothing to do; nothing was written. */
	PCIPT_OUTCOME_UNCHANGED = 1,
	/** Findings stood against it; nothing was written. */
	PCIPT_OUTCOME_REFUSED = 2,
	/** A step failed and every device is exactly as it was. */
	PCIPT_OUTCOME_ROLLED_BACK = 3,
	/** A step failed and some device could not be put back. */
	PCIPT_OUTCOME_ROLLBACK_INCOMPLETE = 4,
	/** The kernel has not returned from a write; what else was done is undone. */
	PCIPT_OUTCOME_STUCK = 5,
	/** It failed before any write. */
	PCIPT_OUTCOME_FAILED = 6
};

/** "done", "unchanged", "refused", "rolled-back", "rollback-incomplete", "stuck", "failed". Since 0.1. */
PCIPT_API const char *pcipt_outcome_name(int outcome);

/**
 * pcipt_apply - carry a plan out
 *
 * @options: deadline, cancel descriptor, progress; or NULL.
 * @result: set whenever it is not NULL and the machine was looked at, on
 * failure too: what was done, and what each device is now. The caller's.
 *
 * The devices of the plan, of their groups, and the PF of a VF are locked meanwhile; what
 * an interrupted call left of them is finished first. A bind whose devices have changed
 * their driver or override since the plan was made is judged and planned again, twice at
 * most. What is about to be done is written down first. All writes are made by a helper
 * process, side by side for different devices; this one waits for it and never longer than
 * the deadline (an undo has as much again).
 *
 * After 0, every device is on the plan's driver (a bind) or back where it was
 * (a release; a device whose driver refused it stays without one, and the result
 * says so). After ROLLBACK_INCOMPLETE, some devices are not as they were, and
 * the result lists them. After STUCK, the kernel has not returned from the writes whose
 * errno in the result is EINPROGRESS: those devices are nobody's until it does, and are
 * then led back by the next call for them or by pcipt_recover(); all others are as they
 * were, as far as their IOMMU group is free. A write that was only slow is waited for by the
 * undo: then it is TIMEOUT. After any other error of a bind every device is exactly as it was before: driver,
 * driver_override and power/control. After CANCELLED or TIMEOUT of a release, some devices
 * are back and others not yet: release again.
 *
 * Errors: INVALID, NO_MEMORY, NOT_REAL, PERMISSION, LOCKED (another process works on a
 * device), DAMAGED (a lock file isn't root's alone), STALE (the machine changed
 * since the plan was made), REFUSED (judged again before the first write, it isn't safe any
 * more), BUSY (a device's lock is held), NO_DRIVER, BLACKLISTED, LOAD, OVERRIDE, UNBIND,
 * BIND, VERIFY, GONE, IO, TIMEOUT, CANCELLED, STUCK, ROLLBACK_INCOMPLETE. Since 0.1.
 */
PCIPT_API int pcipt_apply(struct pcipt_context *ctx, struct pcipt_plan *plan,
			  const struct pcipt_options *options, struct pcipt_result **result,
			  struct pcipt_error **error);

PCIPT_API struct pcipt_result *pcipt_result_ref(struct pcipt_result *result);
PCIPT_API struct pcipt_result *pcipt_result_unref(struct pcipt_result *result);
/** An enum pcipt_outcome. */
PCIPT_API int pcipt_result_get_outcome(const struct pcipt_result *result);

/** The devices that the plan concerned. Since 0.1. */
PCIPT_API size_t pcipt_result_device_count(const struct pcipt_result *result);
PCIPT_API const char *pcipt_result_device_address(const struct pcipt_result *result, size_t i);
/** The driver before the first write, or NULL for none. */
PCIPT_API const char *pcipt_result_device_driver_before(const struct pcipt_result *result, size_t i);
/** The driver after the last write, or NULL for none. */
PCIPT_API const char *pcipt_result_device_driver_after(const struct pcipt_result *result, size_t i);
/** The node to open, or NULL. */
PCIPT_API const char *pcipt_result_device_vfio_device(const struct pcipt_result *result, size_t i);

/** Every write and comparison that was made, undo included, in order. Since 0.1. */
PCIPT_API size_t pcipt_result_step_count(const struct pcipt_result *result);
/** An enum pcipt_op; -1 past the end. */
PCIPT_API int pcipt_result_step_op(const struct pcipt_result *result, size_t i);
PCIPT_API const char *pcipt_result_step_address(const struct pcipt_result *result, size_t i);
PCIPT_API const char *pcipt_result_step_path(const struct pcipt_result *result, size_t i);
PCIPT_API const char *pcipt_result_step_value(const struct pcipt_result *result, size_t i);
/** How long it took, in milliseconds. */
PCIPT_API double pcipt_result_step_ms(const struct pcipt_result *result, size_t i);
/** Its errno, 0 when it succeeded, EINPROGRESS when the kernel has not returned from it. */
PCIPT_API int pcipt_result_step_errno(const struct pcipt_result *result, size_t i);
/** Whether it undid an earlier step. */
PCIPT_API bool pcipt_result_step_is_undo(const struct pcipt_result *result, size_t i);

/** What could not be put back, or is worth knowing (a device that is gone). Since 0.1. */
PCIPT_API size_t pcipt_result_warning_count(const struct pcipt_result *result);
/** The i-th, borrowed; NULL past the end. */
PCIPT_API const struct pcipt_error *pcipt_result_warning_at(const struct pcipt_result *result,
							    size_t i);

/**
 * `result`, `devices[]`, `steps[]` and `warnings[]` as a JSON object. A new
 * string, freed with pcipt_free(). Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_result_to_json(const struct pcipt_result *result, char **json,
				   struct pcipt_error **error);

PCIPT_END_DECLS

#endif
