/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying a plan out: check, compare with what is there now, write, verify, and
 * undo in reverse when a step fails. A release only goes forward.
 */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

static void state_clearp(struct pcipt_device_state *state)
{
	pcipt_device_state_clear(state);
}

/* ---- may we? ---- */

static int fail_permission(const char *address, const char *path, int errnum,
			   struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_PERMISSION,
			  &(struct pcipt_error_facts){
				  .step = "check",
				  .address = address,
				  .path = path,
				  .errnum = errnum,
				  .remedy = errnum == EROFS ?
						    "Mount /sys writable; in a container, mount the "
						    "host's /sys read-write" :
						    "Run as root" },
			  "%s can't be changed by this process: %s", address,
			  errnum == EROFS ? "/sys is read-only" : pcipt_errno_text(errnum));
}

int pcipt_transaction_check(struct pcipt_context *ctx, const char *const *addresses, size_t n,
			    struct pcipt_error **error)
{
	struct pcipt_kernel *k;
	char path[64];
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	if (!k->ops->is_real(k))
		return pcipt_fail(error, PCIPT_E_NOT_REAL,
				  &(struct pcipt_error_facts){
					  .step = "check",
					  .path = ctx->root,
					  .remedy = "Leave the root out to act on this machine, or use "
						    "--dry-run" },
				  "the tree %s is not a real sysfs: nothing is changed there",
				  ctx->root);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
			 addresses[i]);
		r = k->ops->may_write(k, PCIPT_AT_SYS, path + sizeof("/sys/") - 1);
		if (r == -EACCES || r == -EROFS || r == -EPERM)
			return fail_permission(addresses[i], path, -r, error);
	}
	return 0;
}

static int check_plan(struct pcipt_context *ctx, const struct pcipt_plan *plan,
		      struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(plan->n_devices + 1, sizeof(*addresses));
	size_t n = 0;

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].asked)
			addresses[n++] = plan->devices[i].address;
	return pcipt_transaction_check(ctx, addresses, n, error);
}

/* ---- is it still what the plan saw? ---- */

static int fail_stale(const struct pcipt_plan_device *device, const char *what, const char *seen,
		      const char *now, struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_STALE,
			  &(struct pcipt_error_facts){ .step = "compare",
						       .address = device->address,
						       .remedy = "Make a new plan and try again" },
			  "%s changed since the plan was made: its %s was %s and is %s; nothing was "
			  "touched",
			  device->address, what, seen ? seen : "none", now ? now : "none");
}

/* The ids tell whether it is the same card: an address can be another one's by now. */
static int compare_ids(struct pcipt_transaction *t, const struct pcipt_plan_device *device,
		       struct pcipt_error **error)
{
	char path[64], text[32], seen[2][16];
	const char *const names[] = { "vendor", "device" };

	snprintf(seen[0], sizeof(seen[0]), "0x%04x", device->vendor);
	snprintf(seen[1], sizeof(seen[1]), "0x%04x", device->device);
	for (size_t i = 0; i < 2; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", device->address, names[i]);
		n = t->kernel->ops->read(t->kernel, PCIPT_AT_PCI_DEVICES, path, text,
					 sizeof(text));
		/* What can't be read is no other card. */
		if (n < 0)
			return pcipt_fail(error, n == -ENOENT ? PCIPT_E_GONE : PCIPT_E_IO,
					  &(struct pcipt_error_facts){ .step = "compare",
								       .address = device->address,
								       .path = path,
								       .errnum = (int)-n },
					  "%s: its %s id can't be read: %s", device->address,
					  names[i], pcipt_errno_text((int)-n));
		if (strcmp(text, seen[i]) != 0)
			return fail_stale(device, names[i], seen[i], text, error);
	}
	return 0;
}

static int compare(struct pcipt_transaction *t, const struct pcipt_plan_device *device,
		   struct pcipt_error **error)
{
	_cleanup_(state_clearp) struct pcipt_device_state now = { 0 };
	int r = pcipt_state_read(t->kernel, device->address, &now, error);

	if (r < 0)
		return r;
	if (!pcipt_streq(now.driver, device->seen.driver))
		return fail_stale(device, "driver", device->seen.driver, now.driver, error);
	if (!pcipt_streq(now.override, device->seen.override))
		return fail_stale(device, "driver_override", device->seen.override, now.override,
				  error);
	return compare_ids(t, device, error);
}

static const struct pcipt_plan_device *planned(const struct pcipt_plan *plan,
					       const struct pcipt_device *device)
{
	for (size_t i = 0; i < plan->n_devices; i++)
		if (pcipt_address_key(plan->devices[i].at) == pcipt_address_key(device->at))
			return &plan->devices[i];
	return NULL;
}

/* A group that has grown or shrunk since was never judged as it is now. */
static int compare_group(const struct pcipt_plan *plan, const struct pcipt_plan_device *device,
			 const struct pcipt_group *group, struct pcipt_error **error)
{
	size_t now = 0, then = 0;

	for (size_t i = 0; i < plan->n_devices; i++)
		then += plan->devices[i].group >= 0 && plan->devices[i].group == device->group;
	for (size_t i = 0; i < pcipt_group_device_count(group); i++) {
		struct pcipt_device *member = pcipt_group_device_at(group, i);

		if (pcipt_device_is_bridge(member))
			continue;
		if (!planned(plan, member))
			return fail_stale(device, "IOMMU group", "without it",
					  pcipt_device_get_address(member), error);
		now++;
	}
	return now == then ? 0 :
			     fail_stale(device, "IOMMU group", "larger", "smaller by now", error);
}

/* The plan's devices and what belongs to them, as they are now. */
static int snapshot_of_plan(struct pcipt_transaction *t, struct pcipt_snapshot **snap,
			    struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	_cleanup_free_ const char **addresses = calloc(plan->n_devices + 1, sizeof(*addresses));

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++)
		addresses[i] = plan->devices[i].address;
	return pcipt_snapshot_new_scoped(t->ctx, addresses, plan->n_devices, snap, error);
}

/* Virtual functions that came since would vanish with the driver, and not come back. */
static int compare_functions(const struct pcipt_plan_device *planned, struct pcipt_device *now,
			     struct pcipt_error **error)
{
	struct pcipt_device *pf = pcipt_device_get_physfn(now);

	if (planned->action != PCIPT_ACTION_BIND)
		return 0;
	if (pcipt_device_facts(now, PCIPT_FACTS_VIRTFNS)->has_vfs)
		return fail_stale(planned, "virtual functions", "none", "enabled", error);
	if (pf && (!pcipt_device_get_driver(pf) || pcipt_device_has_vfio_driver(pf)))
		return fail_stale(planned, "physical function", "on its driver", "without it",
				  error);
	return 0;
}

static int compare_groups(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	const struct pcipt_plan *plan = t->plan;
	int r = snapshot_of_plan(t, &snap, error);

	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		struct pcipt_device *now = pcipt_snapshot_at(snap, plan->devices[i].at);

		if (now)
			r = compare_group(plan, &plan->devices[i], pcipt_device_get_group(now),
					  error);
		if (now && r == 0)
			r = compare_functions(&plan->devices[i], now, error);
	}
	return r;
}

static int compare_all(struct pcipt_transaction *t, struct pcipt_error **error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->plan->n_devices; i++)
		r = compare(t, &t->plan->devices[i], error);
	return r == 0 ? compare_groups(t, error) : r;
}

/* ---- a bind ---- */

/* Undoes in reverse; what could not be put back becomes a warning and the error's cause. */
static int undo_all(struct pcipt_transaction *t, struct pcipt_error *failed,
		    struct pcipt_error **error)
{
	struct pcipt_error *incomplete = NULL;

	for (size_t i = t->plan->n_devices; i-- > 0;) {
		struct pcipt_error *why = NULL;
		int r;

		if (!t->plan->devices[i].asked)
			continue;
		r = pcipt_transaction_restore(t, i, true, &why);
		if (r == 0)
			continue;
		pcipt_result_note_warning(t->result, pcipt_error_ref(why));
		/* A device that is gone has nothing left to restore. */
		if (r == PCIPT_E_GONE) {
			pcipt_error_unref(why);
			continue;
		}
		if (!incomplete)
			pcipt_fail(&incomplete, PCIPT_E_ROLLBACK_INCOMPLETE,
				   &(struct pcipt_error_facts){
					   .step = pcipt_error_get_step(failed),
					   .address = pcipt_error_get_address(why),
					   .path = pcipt_error_get_path(why),
					   .errnum = pcipt_error_get_errno(why),
					   .remedy = "Mend what the causes name, then release the claim "
						     "to try again" },
				   "%s; and not everything could be put back: %s",
				   pcipt_error_get_message(failed), pcipt_error_get_message(why));
		pcipt_error_add_cause(incomplete, why);
	}
	if (!incomplete) {
		t->result->outcome = PCIPT_OUTCOME_ROLLED_BACK;
		return pcipt_error_pass(error, failed);
	}
	t->result->outcome = PCIPT_OUTCOME_ROLLBACK_INCOMPLETE;
	pcipt_error_add_cause(incomplete, failed);
	return pcipt_error_pass(error, incomplete);
}

/* User space needs a viable group and finds it by its node: bound without is not bound. */
static int verify_use(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	int r = snapshot_of_plan(t, &snap, error);

	for (size_t i = 0; r == 0 && i < t->plan->n_devices; i++) {
		const struct pcipt_plan_device *planned = &t->plan->devices[i];
		struct pcipt_device *device = pcipt_snapshot_at(snap, planned->at);
		struct pcipt_error_facts facts = {
			.step = "verify",
			.address = planned->address,
			.path = "/sys/class/vfio",
			.remedy = "See the kernel's log (dmesg) for what vfio says" };

		if (planned->action != PCIPT_ACTION_BIND || !pcipt_device_has_vfio_driver(device))
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

static int run_bind(struct pcipt_transaction *t, struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->plan->steps.n; i++)
		r = pcipt_transaction_step(t, &t->plan->steps.items[i], false, &failed);
	if (r == 0)
		r = verify_use(t, &failed);
	return r < 0 ? undo_all(t, failed, error) : 0;
}

/* ---- a release ---- */

/* Another claim that has come since holds what this plan was made for: leave all alone. */
static int compare_claim(struct pcipt_transaction *t, struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	struct pcipt_records records;
	int r = pcipt_records_read(t->ctx, &records, error);

	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		const struct pcipt_record *holder =
			pcipt_records_holder(&records, plan->devices[i].at,
					     plan->devices[i].identity);

		if (!holder || !pcipt_streq(holder->name, plan->claim) ||
		    !pcipt_streq(holder->id, plan->claim_id))
			r = fail_stale(&plan->devices[i], "claim", plan->claim,
				       holder ? holder->name : NULL, error);
	}
	pcipt_records_clear(&records);
	return r;
}

static void warn(struct pcipt_transaction *t, const char *what, const char *address,
		 struct pcipt_error *why)
{
	struct pcipt_error *warning = NULL;

	pcipt_fail(&warning, PCIPT_E_ROLLBACK_INCOMPLETE,
		   &(struct pcipt_error_facts){ .step = pcipt_error_get_step(why),
						.address = address,
						.path = pcipt_error_get_path(why),
						.errnum = pcipt_error_get_errno(why),
						.remedy = pcipt_error_get_remedy(why) },
		   "%s: %s", what, pcipt_error_get_message(why));
	pcipt_error_add_cause(warning, why);
	pcipt_result_note_warning(t->result, warning);
}

/*
 * Forward only: a device that its driver refuses stays without one, with a warning.
 * One that is still on the claim's driver, or whose state can't be read, isn't given
 * back: that is an error, and the claim stays.
 */
static int release_one(struct pcipt_transaction *t, size_t i, struct pcipt_error **error)
{
	const struct pcipt_plan_device *device = &t->plan->devices[i];
	_cleanup_(state_clearp) struct pcipt_device_state now = { 0 }, then = { 0 };
	struct pcipt_error *why = NULL;
	int r = pcipt_state_read(t->kernel, device->address, &now, &why);

	if (r == 0)
		r = compare_ids(t, device, &why);
	if (r == 0 && !pcipt_plan_may_restore(t->plan, device, &now))
		r = fail_stale(device, "driver", t->plan->driver, now.driver, &why);
	/* Somebody else's by now: left alone, and said. */
	if (r == PCIPT_E_STALE) {
		pcipt_result_note_warning(t->result, why);
		return 0;
	}
	if (r == PCIPT_E_IO || r == PCIPT_E_BUSY)
		return pcipt_error_pass(error, why);
	if (r == 0)
		r = pcipt_transaction_restore(t, i, false, &why);
	if (r == 0)
		return 0;
	if (r == PCIPT_E_GONE) {
		pcipt_result_note_warning(t->result, why);
		return 0;
	}
	if (pcipt_state_read(t->kernel, device->address, &then, NULL) < 0 ||
	    (then.driver && pcipt_streq(then.driver, t->plan->driver) &&
	     !pcipt_streq(then.driver, device->before.driver)))
		return pcipt_error_pass(error, why);
	warn(t, "restore-failed", device->address, why);
	return 0;
}

/* All devices are tried; the first error is told, the others become warnings. */
static int run_release(struct pcipt_transaction *t, struct pcipt_error **error)
{
	struct pcipt_error *first = NULL;

	for (size_t i = 0; i < t->plan->n_devices; i++) {
		struct pcipt_error *why = NULL;

		if (!t->plan->devices[i].asked || release_one(t, i, &why) == 0)
			continue;
		if (first)
			pcipt_result_note_warning(t->result, why);
		else
			first = why;
	}
	if (!first)
		return 0;
	t->result->outcome = PCIPT_OUTCOME_FAILED;
	return pcipt_error_pass(error, first);
}

/* ---- what came of it ---- */

static void note_devices(struct pcipt_transaction *t)
{
	for (size_t i = 0; i < t->plan->n_devices; i++) {
		_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
		const struct pcipt_plan_device *device = &t->plan->devices[i];
		const char *address = device->address;
		struct pcipt_device *now = NULL;

		/* The machine as it is now, through the same eyes as everybody's. */
		if (pcipt_snapshot_new_scoped(t->ctx, &address, 1, &snap, NULL) == 0)
			now = pcipt_snapshot_at(snap, device->at);
		pcipt_result_note_device(t->result, address, device->seen.driver,
					 pcipt_device_get_driver(now),
					 pcipt_device_get_vfio_device(now));
	}
}

static int run_plan(struct pcipt_transaction *t, struct pcipt_error **error)
{
	int r = check_plan(t->ctx, t->plan, error);

	/* A release is driven by what each device is now; only its claim can be stale. */
	if (r == 0)
		r = t->plan->kind == PCIPT_PLAN_BIND ? compare_all(t, error) :
						       compare_claim(t, error);
	if (r < 0)
		return r;
	t->result->outcome = PCIPT_OUTCOME_DONE;
	if (t->plan->kind == PCIPT_PLAN_BIND)
		r = run_bind(t, error);
	else
		r = run_release(t, error);
	if (r == 0 && t->result->n_steps == 0)
		t->result->outcome = PCIPT_OUTCOME_UNCHANGED;
	return r;
}

int pcipt_apply(struct pcipt_context *ctx, struct pcipt_plan *plan,
		const struct pcipt_options *options, struct pcipt_result **result,
		struct pcipt_error **error)
{
	_cleanup_(pcipt_result_unrefp) struct pcipt_result *made = NULL;
	struct pcipt_transaction t = { .ctx = ctx, .plan = plan };
	int r;

	(void)options;
	if (!ctx || !plan)
		return pcipt_fail_argument(error, __func__, "no context or no plan");
	r = pcipt_kernel_get(ctx, &t.kernel, error);
	if (r < 0)
		return r;
	made = pcipt_result_new(PCIPT_OUTCOME_FAILED);
	if (!made)
		return pcipt_fail_memory(error);
	t.result = made;
	r = run_plan(&t, error);
	note_devices(&t);
	if (result)
		*result = steal(&made);
	return r;
}
