/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bind: phase by phase, verified, and undone in reverse when anything fails. */
#include <errno.h>

#include "transaction/transaction.h"

/* ---- phases ---- */

/* Overrides and pins are one phase: all of them stand before a device moves. */
static int phase_of(const struct pcipt_step *step)
{
	return step->op == PCIPT_OP_PIN ? PCIPT_OP_OVERRIDE : step->op;
}

/* The first failure in the plan's order, the others its causes: several devices can fail at once. */
static int collect(struct pcipt_transaction *t, const struct pcipt_done *done, size_t n,
		   struct pcipt_error **error)
{
	struct pcipt_error *first = NULL;

	for (size_t i = 0; i < n; i++) {
		struct pcipt_error *failed = NULL;

		if (done[i].result >= 0)
			continue;
		/* A write that is out weighs more than one that failed. */
		pcipt_fail_step(t, &done[i], &failed);
		if (first && pcipt_error_get_code(failed) == PCIPT_E_STUCK &&
		    pcipt_error_get_code(first) != PCIPT_E_STUCK) {
			pcipt_error_add_cause(failed, first);
			first = failed;
		} else if (first) {
			pcipt_error_add_cause(first, failed);
		} else {
			first = failed;
		}
	}
	return first ? pcipt_error_pass(error, first) : 0;
}

static int run_phase(struct pcipt_transaction *t, struct pcipt_done *done, size_t n,
		     struct pcipt_error **error)
{
	int r;

	pcipt_transaction_steps(t, done, n);
	r = collect(t, done, n, error);
	if (r == 0 && done[0].step->op == PCIPT_OP_LOAD)
		pcipt_transaction_warn_taken(t, t->plan->driver);
	return r;
}

static int run_phases(struct pcipt_transaction *t, struct pcipt_error **error)
{
	const struct pcipt_steps *steps = &t->plan->steps;
	_cleanup_free_ struct pcipt_done *done = calloc(steps->n + 1, sizeof(*done));
	int r = 0;

	if (!done)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < steps->n; i++)
		done[i].step = &steps->items[i];
	for (size_t i = 0, n; r == 0 && i < steps->n; i += n) {
		for (n = 1; i + n < steps->n &&
			    phase_of(done[i + n].step) == phase_of(done[i].step);
		     n++)
			;
		r = run_phase(t, &done[i], n, error);
	}
	return r;
}

/*
 * Whether a device is one whose use was asked for: it was bound now, or it is beside one
 * that was, or named, and was bound before. Others of the plan are only reported.
 */
static bool is_wanted(const struct pcipt_plan *plan, const struct pcipt_plan_device *device)
{
	bool wanted = device->role == PCIPT_ROLE_REQUESTED;

	if (device->action == PCIPT_ACTION_BIND)
		return true;
	for (size_t i = 0; i < plan->n_devices; i++)
		wanted |= plan->devices[i].action == PCIPT_ACTION_BIND && device->group >= 0 &&
			  plan->devices[i].group == device->group;
	return wanted && pcipt_streq(device->seen.driver, plan->driver);
}

/* User space needs a viable group and finds it by its node: bound without is not bound. */
static int verify_use(struct pcipt_transaction *t, struct pcipt_error **error)
{
	int r = pcipt_transaction_snapshot(t, &t->after, error);

	for (size_t i = 0; r == 0 && i < t->plan->n_devices; i++) {
		const struct pcipt_plan_device *planned = &t->plan->devices[i];
		struct pcipt_device *device = pcipt_snapshot_at(t->after, planned->at);
		struct pcipt_error_facts facts = {
			.step = "verify",
			.address = planned->address,
			.path = "/sys/class/vfio",
			.remedy = "See the kernel's log (dmesg) for what vfio says" };

		if (!is_wanted(t->plan, planned) || !pcipt_device_has_vfio_driver(device))
			continue;
		if (pcipt_group_viability(pcipt_device_get_group(device)) != PCIPT_VIABLE)
			r = pcipt_fail(error, PCIPT_E_VERIFY, &facts,
				       "%s is bound, yet its IOMMU group %d isn't viable",
				       planned->address, planned->group);
		else if (!pcipt_device_get_vfio_device(device))
			r = pcipt_fail(error, PCIPT_E_VERIFY, &facts,
				       "%s is bound, yet there is no VFIO node for it or its group %d",
				       planned->address, planned->group);
	}
	return r;
}

/* ---- undo ---- */

/* An undo gets as much time again as the bind had, and what it needs as a rule. */
#define UNDO_MS 2000

static void note_incomplete(struct pcipt_transaction *t, struct pcipt_error *failed,
			    struct pcipt_error *why, struct pcipt_error **incomplete)
{
	pcipt_result_note_warning(t->result, pcipt_error_ref(why));
	/* A device that is gone has nothing left to restore. */
	if (pcipt_error_get_code(why) == PCIPT_E_GONE) {
		pcipt_error_unref(why);
		return;
	}
	if (!*incomplete)
		pcipt_fail(incomplete, PCIPT_E_ROLLBACK_INCOMPLETE,
			   &(struct pcipt_error_facts){
				   .step = pcipt_error_get_step(failed),
				   .address = pcipt_error_get_address(why),
				   .path = pcipt_error_get_path(why),
				   .errnum = pcipt_error_get_errno(why),
				   .remedy = "Mend what the causes name, then release the claim "
					     "to try again" },
			   "%s; and not everything could be put back: %s",
			   pcipt_error_get_message(failed), pcipt_error_get_message(why));
	pcipt_error_add_cause(*incomplete, why);
}

/*
 * In reverse, all that has no write out; NULL when everything is as it was. What is left is
 * told by the last attempt only.
 */
static struct pcipt_error *restore_all(struct pcipt_transaction *t, struct pcipt_error *failed,
				       bool is_last)
{
	_cleanup_free_ struct pcipt_reading *readings =
		calloc(t->plan->n_devices + 1, sizeof(*readings));
	struct pcipt_error *incomplete = NULL;
	size_t n = 0;

	if (!readings) {
		note_incomplete(t, failed, pcipt_error_ref(failed), &incomplete);
		return incomplete;
	}
	for (size_t i = t->plan->n_devices; i-- > 0;)
		if (t->plan->devices[i].asked && !t->stuck[i])
			readings[n++].device = i;
	pcipt_states_read(t, readings, n);
	pcipt_transaction_restore(t, readings, n);
	for (size_t i = 0; i < n; i++)
		if (readings[i].error && is_last)
			note_incomplete(t, failed, steal(&readings[i].error), &incomplete);
	pcipt_states_clear(readings, n);
	return incomplete;
}

/*
 * A write that was only slow comes back within the undo's time; what was out of a device
 * that did is undone, too. A part of the time is kept for doing that.
 */
static void wait_for_slow(struct pcipt_transaction *t)
{
	double now = t->kernel->ops->now(t->kernel), time = t->deadline - now;
	double until = t->deadline - (time / 2 < UNDO_MS ? time / 2 : UNDO_MS);

	for (size_t i = 0; i <= t->plan->n_devices; i++)
		if (t->stuck[i] && !t->kernel->ops->writer_busy(t->writer, i, until))
			t->stuck[i] = PCIPT_OUT_NONE;
}

/* The deadline was hit, but all is undone: that is no write that is out. */
static struct pcipt_error *as_timeout(const struct pcipt_transaction *t,
				      struct pcipt_error *failed)
{
	struct pcipt_error *made = NULL;

	if (pcipt_error_get_code(failed) != PCIPT_E_STUCK)
		return failed;
	pcipt_fail(&made, PCIPT_E_TIMEOUT,
		   &(struct pcipt_error_facts){ .step = pcipt_error_get_step(failed),
						.address = pcipt_error_get_address(failed),
						.path = pcipt_error_get_path(failed),
						.errnum = ETIMEDOUT,
						.remedy = "Try again with more time" },
		   "the deadline passed during the step %s of %s; it has returned since",
		   pcipt_error_get_step(failed),
		   pcipt_error_get_address(failed) ? pcipt_error_get_address(failed) :
						     t->plan->driver);
	pcipt_error_add_cause(made, failed);
	return made;
}

static bool anything_stuck(const struct pcipt_transaction *t)
{
	for (size_t i = 0; i <= t->plan->n_devices; i++)
		if (t->stuck[i])
			return true;
	return false;
}

int pcipt_transaction_undo(struct pcipt_transaction *t, struct pcipt_error *failed,
			   struct pcipt_error **error)
{
	struct pcipt_error *incomplete;

	t->undoing = true;
	t->after = pcipt_snapshot_unref(t->after);
	t->deadline = t->kernel->ops->now(t->kernel) +
		      (t->timeout > UNDO_MS ? t->timeout : UNDO_MS);
	if (anything_stuck(t)) {
		pcipt_error_unref(restore_all(t, failed, false));
		wait_for_slow(t);
	}
	incomplete = restore_all(t, failed, true);
	/* What is stuck comes first: the rest of the undo is still to come, without us. */
	if (anything_stuck(t)) {
		t->result->outcome = PCIPT_OUTCOME_STUCK;
		pcipt_error_add_cause(failed, incomplete);
		return pcipt_error_pass(error, failed);
	}
	failed = as_timeout(t, failed);
	if (!incomplete) {
		t->result->outcome = PCIPT_OUTCOME_ROLLED_BACK;
		return pcipt_error_pass(error, failed);
	}
	t->result->outcome = PCIPT_OUTCOME_ROLLBACK_INCOMPLETE;
	pcipt_error_add_cause(incomplete, failed);
	return pcipt_error_pass(error, incomplete);
}

/* A pin that doesn't stand keeps nobody from the device. */
static int verify_pins(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_reading *readings =
		calloc(t->plan->n_devices + 1, sizeof(*readings));
	size_t n = 0;
	int r = 0;

	if (!readings)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->plan->n_devices; i++)
		if (t->plan->devices[i].action == PCIPT_ACTION_PIN &&
		    !t->plan->devices[i].seen.override)
			readings[n++].device = i;
	if (n > 0)
		pcipt_states_read(t, readings, n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct pcipt_device_state *now = &readings[i].state;
		const char *address = t->plan->devices[readings[i].device].address;

		/* Gone meanwhile: then it needs no pin. */
		if (pcipt_error_get_code(readings[i].error) == PCIPT_E_GONE)
			continue;
		if (readings[i].error)
			r = pcipt_error_pass(error, steal(&readings[i].error));
		else if (!pcipt_streq(now->override, PCIPT_PIN) || now->driver)
			r = pcipt_fail(error, PCIPT_E_VERIFY,
				       &(struct pcipt_error_facts){
					       .step = "verify",
					       .address = address,
					       .remedy = "Find out what writes to its driver_override or "
							 "binds it (a udev rule, another program), then "
							 "retry" },
				       "%s was to stay without a driver, yet its driver_override is %s "
				       "and its driver %s",
				       address, now->override ? now->override : "none",
				       now->driver ? now->driver : "none");
	}
	pcipt_states_clear(readings, n);
	return r;
}

int pcipt_transaction_bind(struct pcipt_transaction *t, struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;
	int r = run_phases(t, &failed);

	if (r == 0)
		r = verify_pins(t, &failed);
	if (r == 0)
		r = verify_use(t, &failed);
	return r < 0 ? pcipt_transaction_undo(t, failed, error) : 0;
}
