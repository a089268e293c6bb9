/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leading devices back to what they were: ordinary, visible code, driven by what each
 * device is now and not by what we believe to have done. The same serves an undo and a
 * release. No device goes to a driver of the host's before all of its group are free.
 */
#include <errno.h>

#include "transaction/transaction.h"
#include "usage/holders.h"

static void steps_clearp(struct pcipt_steps *steps)
{
	pcipt_steps_clear(steps);
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

/* How much a failure tells: that a write is out, that one was not tried, that one failed. */
static int weight_of(ssize_t result)
{
	return result >= 0 ? 0 : result == -EINPROGRESS ? 3 : pcipt_is_kernels_answer(result) ? 1 : 2;
}

/* What tells most among a device's failed steps, the first of these, in words; or NULL. */
static struct pcipt_error *gravest_failure(struct pcipt_transaction *t, size_t device,
					   const struct pcipt_done *done, size_t n)
{
	const struct pcipt_done *gravest = NULL;
	struct pcipt_error *failed = NULL;

	for (size_t i = 0; i < n; i++)
		if (done[i].step->device == device &&
		    weight_of(done[i].result) > (gravest ? weight_of(gravest->result) : 0))
			gravest = &done[i];
	if (gravest)
		pcipt_fail_step(t, gravest, &failed);
	return failed;
}

/* What a device is in the end, in place of what it was before its steps. */
static void read_again(struct pcipt_transaction *t, struct pcipt_reading *readings, size_t n)
{
	_cleanup_free_ struct pcipt_reading *then = calloc(n + 1, sizeof(*then));
	size_t n_then = 0;

	for (size_t i = 0; then && i < n; i++)
		if (!readings[i].error && !t->stuck[readings[i].device])
			then[n_then++].device = readings[i].device;
	if (then)
		pcipt_states_read(t, then, n_then);
	for (size_t i = 0, k = 0; i < n; i++) {
		if (readings[i].error || t->stuck[readings[i].device])
			continue;
		pcipt_device_state_clear(&readings[i].state);
		if (then)
			readings[i] = then[k++];
		else
			pcipt_fail_memory(&readings[i].error);
	}
}

/* What counts is what the kernel says in the end, not which write complained. */
static void judge(struct pcipt_transaction *t, struct pcipt_reading *readings, size_t n,
		  const struct pcipt_done *done, size_t n_done)
{
	read_again(t, readings, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = readings[i].device;
		const struct pcipt_plan_device *device = &t->plan->devices[at];
		_cleanup_error_ struct pcipt_error *failed = NULL;

		if (readings[i].error)
			continue;
		failed = gravest_failure(t, at, done, n_done);
		if (t->stuck[at])
			readings[i].error = steal(&failed);
		else if (!pcipt_state_is_back(&readings[i].state, &device->before))
			not_restored(device, &readings[i].state, steal(&failed),
				     &readings[i].error);
	}
}

/* The writes that are needed from here; each goes on after a failure, since later ones help too. */
static bool plan_all(struct pcipt_transaction *t, const struct pcipt_reading *readings, size_t n,
		     struct pcipt_steps *steps)
{
	for (size_t i = 0; i < n; i++) {
		const struct pcipt_plan_device *device = &t->plan->devices[readings[i].device];

		if (!readings[i].error)
			pcipt_restore_steps(steps, readings[i].device, device->address,
					    &readings[i].state, &device->before);
	}
	return !steps->no_memory;
}

/* ---- in two phases ---- */

/* Whether a step is a device's bind, or comes behind it. */
static bool is_late(const struct pcipt_steps *steps, size_t i)
{
	for (size_t k = i + 1; k-- > 0 && steps->items[k].device == steps->items[i].device;)
		if (steps->items[k].op == PCIPT_OP_BIND)
			return true;
	return false;
}

/* Those that come before a bind of their device first; how many these are. */
static size_t arrange(const struct pcipt_steps *steps, struct pcipt_done *done)
{
	size_t n = 0, early;

	for (size_t i = 0; i < steps->n; i++)
		if (!is_late(steps, i))
			done[n++].step = &steps->items[i];
	early = n;
	for (size_t i = 0; i < steps->n; i++)
		if (is_late(steps, i))
			done[n++].step = &steps->items[i];
	return early;
}

/*
 * Whether a process has a device open, its own node or that of its group, or may have: before
 * 5.19 the kernel stops where we are wrong.
 */
static bool is_held(const struct pcipt_transaction *t, struct pcipt_device *device)
{
	struct pcipt_uses uses = { 0 };
	bool held = false;

	pcipt_holders_find(device->snap, &device, 1, t->deadline, &uses);
	for (size_t i = 0; i < uses.n; i++)
		held |= uses.items[i].kind == PCIPT_USE_HELD ||
			uses.items[i].kind == PCIPT_USE_UNKNOWN;
	pcipt_uses_clear(&uses);
	return held;
}

static bool is_planned(const struct pcipt_plan *plan, const struct pcipt_device *device)
{
	for (size_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].asked &&
		    pcipt_address_key(plan->devices[i].at) == pcipt_address_key(device->at))
			return true;
	return false;
}

/* One that somebody else gave to user space, which has it in use, or NULL. */
static const char *foreign_in_use(struct pcipt_transaction *t, size_t device)
{
	struct pcipt_device *own = pcipt_snapshot_at(t->plan->snap, t->plan->devices[device].at);
	struct pcipt_group *group = pcipt_device_get_group(own);

	for (size_t i = 0; i < pcipt_group_device_count(group); i++) {
		struct pcipt_device *member = pcipt_group_device_at(group, i);

		if (!is_planned(t->plan, member) && pcipt_device_has_vfio_driver(member) &&
		    is_held(t, member))
			return member->address;
	}
	return NULL;
}

/*
 * The device of the same group that isn't free of the claim's driver yet, or NULL. A driver
 * of the host's beside one that user space has in use makes the kernel stop with a BUG
 * (before 5.19), or refuse it with EBUSY.
 */
static const char *sibling_in_use(struct pcipt_transaction *t, size_t device)
{
	const struct pcipt_plan *plan = t->plan;
	const struct pcipt_plan_device *devices = plan->devices;

	if (devices[device].group < 0 || pcipt_streq(devices[device].before.driver, plan->driver))
		return NULL;
	for (size_t i = 0; i < plan->n_devices; i++) {
		if (i == device || devices[i].group != devices[device].group || !devices[i].asked)
			continue;
		if (t->stuck[i] == PCIPT_OUT_IN_USE ||
		    (!pcipt_streq(devices[i].before.driver, plan->driver) &&
		     pcipt_has_driver(t->kernel, devices[i].address, plan->driver) == 1))
			return devices[i].address;
	}
	return foreign_in_use(t, device);
}

/*
 * Puts those that have to wait for a sibling behind the others; how many the others are.
 * When time is up, or somebody cancelled, that is what they wait for.
 */
static size_t hold_back(struct pcipt_transaction *t, struct pcipt_done *done, size_t early,
			size_t n)
{
	size_t kept = early;
	bool stopped = false;

	for (size_t i = 0; i < early; i++)
		stopped |= done[i].result == -ECANCELED;
	for (size_t i = early; i < n; i++) {
		struct pcipt_done one = done[i];
		const char *sibling = sibling_in_use(t, one.step->device);

		one.behind = stopped ? NULL : sibling;
		one.result = stopped ? -ECANCELED : -EAGAIN;
		if (!sibling)
			memmove(&done[kept + 1], &done[kept], (i - kept) * sizeof(*done));
		done[sibling ? i : kept++] = one;
	}
	return kept - early;
}

void pcipt_transaction_restore(struct pcipt_transaction *t, struct pcipt_reading *readings,
			       size_t n)
{
	_cleanup_(steps_clearp) struct pcipt_steps steps = { 0 };
	_cleanup_free_ struct pcipt_done *done = NULL;
	size_t early;

	if (plan_all(t, readings, n, &steps))
		done = calloc(steps.n + 1, sizeof(*done));
	if (!done) {
		for (size_t i = 0; i < n; i++)
			if (!readings[i].error)
				pcipt_fail_memory(&readings[i].error);
		return;
	}
	pcipt_transaction_load(t, &steps);
	early = arrange(&steps, done);
	pcipt_transaction_steps(t, done, early);
	pcipt_transaction_steps(t, done + early, hold_back(t, done, early, steps.n));
	judge(t, readings, n, done, steps.n);
}
