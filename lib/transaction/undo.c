/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leading a device back to what it was: ordinary, visible code, driven by what
 * the device is now and not by what we believe to have done. The same serves an
 * undo and a release.
 */
#include <errno.h>

#include "transaction/transaction.h"

static void steps_clearp(struct pcipt_steps *steps)
{
	pcipt_steps_clear(steps);
}

static void state_clearp(struct pcipt_device_state *state)
{
	pcipt_device_state_clear(state);
}

/* The writes that are needed from here; goes on after a failure, since later ones help too. */
static int run_steps(struct pcipt_transaction *t, size_t i, const struct pcipt_device_state *now,
		     bool undo, struct pcipt_error **error)
{
	const struct pcipt_plan_device *device = &t->plan->devices[i];
	_cleanup_(steps_clearp) struct pcipt_steps steps = { 0 };
	int first = 0;

	pcipt_restore_steps(&steps, i, device->address, now, &device->before);
	if (steps.no_memory)
		return pcipt_fail_memory(error);
	for (size_t k = 0; k < steps.n; k++) {
		_cleanup_error_ struct pcipt_error *failed = NULL;
		int r = pcipt_transaction_step(t, &steps.items[k], undo, &failed);

		if (r < 0 && first == 0)
			first = pcipt_error_pass(error, steal(&failed));
	}
	return first;
}

static int not_restored(const struct pcipt_plan_device *device,
			const struct pcipt_device_state *now, struct pcipt_error *why,
			struct pcipt_error **error)
{
	_cleanup_free_ char *is = pcipt_state_text(now);
	_cleanup_free_ char *was = pcipt_state_text(&device->before);
	struct pcipt_error *made = NULL;

	pcipt_fail(&made, PCIPT_E_ROLLBACK_INCOMPLETE,
		   &(struct pcipt_error_facts){ .step = why ? pcipt_error_get_step(why) : "verify",
						.address = device->address,
						.path = pcipt_error_get_path(why),
						.errnum = pcipt_error_get_errno(why),
						.remedy = pcipt_error_get_remedy(why) },
		   "%s could not be put back: it was %s; it is %s", device->address, was ? was : "?",
		   is ? is : "?");
	pcipt_error_add_cause(made, why);
	return pcipt_error_pass(error, made);
}

int pcipt_transaction_restore(struct pcipt_transaction *t, size_t i, bool undo,
			      struct pcipt_error **error)
{
	const struct pcipt_plan_device *device = &t->plan->devices[i];
	_cleanup_(state_clearp) struct pcipt_device_state now = { 0 }, then = { 0 };
	_cleanup_error_ struct pcipt_error *failed = NULL;
	int r = pcipt_state_read(t->kernel, device->address, &now, error);

	if (r < 0)
		return r;
	run_steps(t, i, &now, undo, &failed);
	r = pcipt_state_read(t->kernel, device->address, &then, error);
	if (r < 0)
		return r;
	/* What counts is what the kernel says in the end, not which write complained. */
	if (pcipt_state_is_back(&then, &device->before))
		return 0;
	return not_restored(device, &then, steal(&failed), error);
}
