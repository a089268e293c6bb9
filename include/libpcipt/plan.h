/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plan: the ordered steps of a bind or a release, before anything is done.
 */
#ifndef LIBPCIPT_PLAN_H
#define LIBPCIPT_PLAN_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * enum pcipt_op - what a step does. Print one that you don't know by its name. Since 0.1.
 */
enum pcipt_op {
	/** Make a driver ready: load its module. */
	PCIPT_OP_LOAD = 0,
	/** Keep a driverless device driverless, by an override that no driver has. */
	PCIPT_OP_PIN = 1,
	/** Write driver_override. */
	PCIPT_OP_OVERRIDE = 2,
	/** Unbind a device from the driver it has. */
	PCIPT_OP_UNBIND = 3,
	/** Bind a device to a driver by its name. */
	PCIPT_OP_BIND = 4,
	/** Compare what the kernel says with what was asked for. */
	PCIPT_OP_VERIFY = 5,
	/** Write power/control. */
	PCIPT_OP_POWER = 6
};

/** The name of an operation ("unbind"), or "unknown". Since 0.1. */
PCIPT_API const char *pcipt_op_name(int op);

/**
 * pcipt_plan_bind - the steps that give a safe set to its driver
 *
 * @options: nothing is read of them today, what the set was made with holds; or NULL.
 * A set whose devices all are there already gives a plan without steps.
 *
 * Errors: REFUSED (the set isn't safe; the causes are its findings), INVALID,
 * NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_plan_bind(struct pcipt_set *set, const struct pcipt_options *options,
			      struct pcipt_plan **plan, struct pcipt_error **error);
/**
 * pcipt_plan_release - the steps that put a claim's devices back
 *
 * @snap: the machine as it is now.
 * @options: allow; or NULL.
 * Devices that are gone, or that are not what the claim took, have no steps:
 * they are left alone.
 *
 * Errors: REFUSED (somebody holds a device open, the causes are the findings
 * `held-open` and `unreadable`), INVALID, NO_MEMORY, IO (a device's identity
 * can't be read). Since 0.1.
 */
PCIPT_API int pcipt_plan_release(struct pcipt_snapshot *snap, const struct pcipt_claim *claim,
				 const struct pcipt_options *options, struct pcipt_plan **plan,
				 struct pcipt_error **error);
PCIPT_API struct pcipt_plan *pcipt_plan_ref(struct pcipt_plan *plan);
PCIPT_API struct pcipt_plan *pcipt_plan_unref(struct pcipt_plan *plan);

PCIPT_API size_t pcipt_plan_step_count(const struct pcipt_plan *plan);
/** An enum pcipt_op; -1 past the end. */
PCIPT_API int pcipt_plan_step_op(const struct pcipt_plan *plan, size_t i);
/** The device's address, or NULL for a step that has none (load). */
PCIPT_API const char *pcipt_plan_step_address(const struct pcipt_plan *plan, size_t i);
/** The attribute that is written or compared, or NULL. */
PCIPT_API const char *pcipt_plan_step_path(const struct pcipt_plan *plan, size_t i);
/** What is written, without the newline ("" clears an override), or the module's name. */
PCIPT_API const char *pcipt_plan_step_value(const struct pcipt_plan *plan, size_t i);
/** The step as the shell line that a person would type. */
PCIPT_API const char *pcipt_plan_step_shell(const struct pcipt_plan *plan, size_t i);

/** The `steps[]` as a JSON array; a new string. Errors: INVALID, NO_MEMORY. Since 0.1. */
PCIPT_API int pcipt_plan_to_json(const struct pcipt_plan *plan, char **json,
				 struct pcipt_error **error);

PCIPT_END_DECLS

#endif
