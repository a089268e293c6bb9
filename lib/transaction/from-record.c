/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between plans and records: what a bind takes down of its devices, and the plan that
 * leads them back to what was taken down.
 */
#include "transaction/transaction.h"

static bool fill_device(struct pcipt_record_device *to, const struct pcipt_plan_device *from)
{
	bool ok = true;

	to->at = from->at;
	memcpy(to->address, from->address, sizeof(to->address));
	to->role = from->role;
	to->action = from->action;
	to->identity = pcipt_dup(from->identity, &ok);
	to->serial = pcipt_dup(from->serial, &ok);
	return pcipt_device_state_copy(&to->before, &from->before) && ok;
}

/* By name, or, where somebody else has bound it already, with the set. */
static bool is_accepted(const struct pcipt_plan *plan, const struct pcipt_plan_device *device)
{
	return device->role == PCIPT_ROLE_REQUESTED ||
	       (plan->set && plan->set->with_set &&
		pcipt_streq(device->seen.driver, plan->driver));
}

bool pcipt_record_allow(struct pcipt_record *record, const struct pcipt_plan *plan)
{
	for (size_t i = 0; i < plan->n_allowed; i++)
		if (!pcipt_record_allowed_add(&record->allowed, &record->n_allowed,
					      plan->allowed[i].code, plan->allowed[i].address))
			return false;
	return true;
}

int pcipt_record_from_plan(const struct pcipt_plan *plan, struct pcipt_record *record,
			   struct pcipt_error **error)
{
	bool ok = true;

	record->driver = pcipt_dup(plan->driver, &ok);
	record->devices = calloc(plan->n_devices + 1, sizeof(*record->devices));
	if (!ok || !record->devices || !pcipt_record_allow(record, plan))
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++) {
		const struct pcipt_plan_device *device = &plan->devices[i];

		/* Members that stay as they are aren't the claim's, unless they were asked for. */
		if (!device->asked && !is_accepted(plan, device))
			continue;
		if (!fill_device(&record->devices[record->n_devices++], device))
			return pcipt_fail_memory(error);
	}
	return 0;
}

/* Whether a device now is the one that the claim took. What can't be read proves nothing. */
static bool is_same(struct pcipt_device *device, const struct pcipt_record_device *recorded)
{
	const char *serial = recorded->serial ? pcipt_device_get_serial(device) : NULL;

	if (recorded->identity &&
	    !pcipt_streq(recorded->identity, pcipt_device_get_identity(device)))
		return false;
	return !serial || strcmp(serial, recorded->serial) == 0;
}

static bool add_device(struct pcipt_plan *plan, struct pcipt_device *device,
		       const struct pcipt_record_device *recorded)
{
	struct pcipt_plan_device *added =
		pcipt_plan_add(plan, device, recorded->role, recorded->action);

	if (!added || !pcipt_device_state_copy(&added->before, &recorded->before))
		return false;
	/*
	 * What it is on can change until the locks are held, so that is asked then. A pin that
	 * found an override already there wrote nothing.
	 */
	added->asked = recorded->action != PCIPT_ACTION_KEEP && !recorded->holder &&
		       is_same(device, recorded) &&
		       !(recorded->action == PCIPT_ACTION_PIN && recorded->before.override);
	if (added->asked && !plan->unseen && pcipt_plan_may_restore(plan, added, &added->seen))
		pcipt_restore_steps(&plan->steps, plan->n_devices - 1, added->address, &added->seen,
				    &added->before);
	return !plan->steps.no_memory;
}

/* A device whose identity can't be read now is neither given back nor given up. */
static int fail_unreadable(const struct pcipt_record_device *recorded, struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "release",
				  .address = recorded->address,
				  .remedy = "Look why its ids can't be read (`pcipt show`), then release "
					    "again" },
			  "%s: whether it is the device that the claim took can't be read; the claim "
			  "stays",
			  recorded->address);
}

int pcipt_record_snapshot(struct pcipt_context *ctx, const struct pcipt_record *record,
			  struct pcipt_snapshot **snap, struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(record->n_devices + 1, sizeof(*addresses));

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < record->n_devices; i++)
		addresses[i] = record->devices[i].address;
	return pcipt_snapshot_new_of_groups(ctx, addresses, record->n_devices, snap, error);
}

/* A record's device; NULL when it isn't there, or went while it was looked at. */
static struct pcipt_device *device_of(struct pcipt_snapshot *snap,
				      const struct pcipt_record_device *recorded)
{
	struct pcipt_device *device = pcipt_snapshot_at(snap, recorded->at);

	return device && recorded->identity && !pcipt_device_get_identity(device) &&
			       snap->kernel->ops->exists(snap->kernel, PCIPT_AT_PCI_DEVICES,
							 recorded->address) == 0 ?
		       NULL :
		       device;
}

int pcipt_plan_from_record(struct pcipt_snapshot *snap, const struct pcipt_record *record,
			   bool with_steps, struct pcipt_plan **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan =
		pcipt_plan_alloc(PCIPT_PLAN_RELEASE, record->driver);

	if (!plan)
		return pcipt_fail_memory(error);
	plan->snap = pcipt_snapshot_ref(snap);
	plan->unseen = !with_steps;
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *recorded = &record->devices[i];
		struct pcipt_device *device = device_of(snap, recorded);

		/* Not seen isn't gone: a device must not stay bound without its claim. */
		if (device ? recorded->action != PCIPT_ACTION_KEEP && recorded->identity &&
				     !pcipt_device_get_identity(device) :
			     snap->kernel->ops->exists(snap->kernel, PCIPT_AT_PCI_DEVICES,
						       recorded->address) != 0)
			return fail_unreadable(recorded, error);
		if (device ? !add_device(plan, device, recorded) :
			     !pcipt_plan_add_gone(plan, recorded->at))
			return pcipt_fail_memory(error);
	}
	*out = steal(&plan);
	return 0;
}

static void warn_held(const struct pcipt_record_device *recorded, struct pcipt_result *result)
{
	_cleanup_free_ char *remedy = pcipt_format("Run `pcipt release %s`, too, if nobody wants it",
						   recorded->holder);
	struct pcipt_error *warning = NULL;

	pcipt_fail(&warning, PCIPT_E_CLAIMED,
		   &(struct pcipt_error_facts){ .step = "release",
						.address = recorded->address,
						.remedy = remedy },
		   "%s is in the claim %s as well, which has it bound: it was left there",
		   recorded->address, recorded->holder);
	pcipt_result_note_warning(result, warning);
}

void pcipt_warn_left_alone(struct pcipt_snapshot *snap, const struct pcipt_record *record,
			   struct pcipt_result *result)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *recorded = &record->devices[i];
		struct pcipt_device *device = device_of(snap, recorded);
		struct pcipt_error_facts facts = { .step = "release",
						   .address = recorded->address };
		struct pcipt_error *warning = NULL;

		if (device && recorded->holder && recorded->action != PCIPT_ACTION_KEEP)
			warn_held(recorded, result);
		/* A pin that found an override already there wrote nothing. */
		if (recorded->action == PCIPT_ACTION_KEEP || (device && recorded->holder) ||
		    (device && is_same(device, recorded)) ||
		    (recorded->action == PCIPT_ACTION_PIN && recorded->before.override))
			continue;
		if (!device)
			pcipt_fail(&warning, PCIPT_E_GONE, &facts,
				   "%s is not there any more: there was nothing to put back",
				   recorded->address);
		else
			pcipt_fail(&warning, PCIPT_E_STALE, &facts,
				   "%s is another device than the claim took (%s, it was %s): it was "
				   "left alone",
				   recorded->address,
				   pcipt_device_get_identity(device) ?
					   pcipt_device_get_identity(device) :
					   "its identity can't be read",
				   recorded->identity ? recorded->identity : "unknown");
		pcipt_result_note_warning(result, warning);
	}
}
