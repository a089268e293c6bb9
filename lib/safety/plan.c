/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: the object, and the steps of a bind. */
#include "safety/plan.h"

#include <errno.h>

#include "base/json.h"

static void plan_destroy(struct pcipt_plan *plan)
{
	for (size_t i = 0; i < plan->n_devices; i++) {
		free(plan->devices[i].identity);
		free(plan->devices[i].serial);
		pcipt_device_state_clear(&plan->devices[i].before);
		pcipt_device_state_clear(&plan->devices[i].seen);
	}
	free(plan->devices);
	pcipt_record_allowed_clear(&plan->allowed, &plan->n_allowed);
	pcipt_steps_clear(&plan->steps);
	free(plan->driver);
	free(plan->claim);
	free(plan->claim_id);
	pcipt_set_unref(plan->set);
	pcipt_snapshot_unref(plan->snap);
	free(plan);
}

PCIPT_DEFINE_REFS(plan, plan_destroy)

struct pcipt_plan *pcipt_plan_alloc(enum pcipt_plan_kind kind, const char *driver)
{
	struct pcipt_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	pcipt_refs_init(&plan->refs);
	plan->kind = kind;
	plan->driver = strdup(driver);
	return plan->driver ? plan : pcipt_plan_unref(plan);
}

struct pcipt_plan_device *pcipt_plan_add(struct pcipt_plan *plan, struct pcipt_device *device,
					 int role, int action)
{
	const struct pcipt_facts *facts =
		pcipt_device_facts(device, plan->unseen ? PCIPT_FACTS_IDENTITY :
							  PCIPT_FACTS_IDENTITY | PCIPT_FACTS_POWER |
								  PCIPT_FACTS_OVERRIDE);
	struct pcipt_device_state seen = {
		.driver = (char *)pcipt_device_get_driver(device),
		.override = (char *)facts->driver_override,
		.power_control = (char *)facts->power_control,
	};
	struct pcipt_plan_device *added;
	bool ok = true;

	if (!pcipt_grow(&plan->devices, plan->n_devices))
		return NULL;
	added = &plan->devices[plan->n_devices++];
	memset(added, 0, sizeof(*added));
	added->at = device->at;
	pcipt_address_print(device->at, added->address);
	added->role = role;
	added->action = action;
	added->asked = action != PCIPT_ACTION_KEEP;
	added->group = pcipt_group_get_number(device->group);
	added->vendor = device->ids[0];
	added->device = device->ids[1];
	added->identity = pcipt_dup(facts->identity, &ok);
	/*
	 * Reading it wakes the device, which is about to lose its driver anyway. A release has
	 * it from the record.
	 */
	added->serial = plan->kind == PCIPT_PLAN_BIND && action == PCIPT_ACTION_BIND ?
				pcipt_dup(pcipt_device_get_serial(device), &ok) :
				NULL;
	ok = pcipt_device_state_copy(&added->seen, &seen) && ok;
	return ok ? added : NULL;
}

bool pcipt_plan_add_gone(struct pcipt_plan *plan, struct pcipt_address at)
{
	struct pcipt_plan_device *added;

	if (!pcipt_grow(&plan->devices, plan->n_devices))
		return false;
	added = &plan->devices[plan->n_devices++];
	memset(added, 0, sizeof(*added));
	added->at = at;
	pcipt_address_print(at, added->address);
	added->action = PCIPT_ACTION_KEEP;
	added->group = -1;
	return true;
}

/* All of one kind before the next: no device moves before every override stands. */
static void add_bind_steps(struct pcipt_plan *plan, bool load)
{
	struct pcipt_steps *steps = &plan->steps;
	const struct pcipt_plan_device *d = plan->devices;

	/* A device with an override of its own is kept from other drivers by that already. */
	for (size_t i = 0; i < plan->n_devices; i++)
		if (d[i].action == PCIPT_ACTION_PIN && !d[i].seen.override)
			pcipt_steps_add(steps, PCIPT_OP_PIN, i, d[i].address, PCIPT_PIN, NULL);
	/* A module that is loaded takes every driverless match: after the pins (kernel-notes). */
	if (load)
		pcipt_steps_add(steps, PCIPT_OP_LOAD, PCIPT_NO_STEP_DEVICE, NULL, plan->driver, NULL);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (d[i].action == PCIPT_ACTION_BIND)
			pcipt_steps_add(steps, PCIPT_OP_OVERRIDE, i, d[i].address, plan->driver,
					NULL);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (d[i].action == PCIPT_ACTION_BIND && d[i].seen.driver)
			pcipt_steps_add(steps, PCIPT_OP_UNBIND, i, d[i].address, NULL,
					d[i].seen.driver);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (d[i].action == PCIPT_ACTION_BIND)
			pcipt_steps_add(steps, PCIPT_OP_BIND, i, d[i].address, plan->driver, NULL);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (d[i].action == PCIPT_ACTION_BIND)
			pcipt_steps_add(steps, PCIPT_OP_VERIFY, i, d[i].address, plan->driver,
					NULL);
}

static bool note_allowed(struct pcipt_plan *plan, const struct pcipt_set *set)
{
	for (size_t i = 0; i < set->findings.n; i++) {
		const struct pcipt_finding *finding = &set->findings.items[i];

		if (finding->allowed &&
		    !pcipt_record_allowed_add(&plan->allowed, &plan->n_allowed, finding->row->code,
					      pcipt_device_get_address(finding->device)))
			return false;
	}
	return true;
}

int pcipt_plan_bind(struct pcipt_set *set, const struct pcipt_options *options,
		    struct pcipt_plan **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	bool moves = false;

	(void)options;
	if (!set || !out)
		return pcipt_fail_argument(error, __func__, "no set or no place for the plan");
	if (!pcipt_set_is_safe(set))
		return pcipt_fail_refused(error, set);
	plan = pcipt_plan_alloc(PCIPT_PLAN_BIND, set->driver);
	if (plan) {
		plan->set = pcipt_set_ref(set);
		plan->snap = pcipt_snapshot_ref(set->snap);
	}
	for (size_t i = 0; plan && i < set->n_members; i++) {
		const struct pcipt_member *member = &set->members[i];
		struct pcipt_plan_device *added;

		if (member->role == PCIPT_ROLE_BRIDGE)
			continue;
		added = pcipt_plan_add(plan, member->device, member->role, member->action);
		if (!added || !pcipt_device_state_copy(&added->before, &added->seen))
			return pcipt_fail_memory(error);
		moves |= member->action == PCIPT_ACTION_BIND;
	}
	if (!plan || !note_allowed(plan, set))
		return pcipt_fail_memory(error);
	add_bind_steps(plan, moves && !set->driver_ready);
	if (plan->steps.no_memory)
		return pcipt_fail_memory(error);
	*out = steal(&plan);
	return 0;
}

bool pcipt_plan_may_restore(const struct pcipt_plan *plan, const struct pcipt_plan_device *device,
			    const struct pcipt_device_state *now)
{
	/* One that had an override of its own was never written to. */
	if (device->action == PCIPT_ACTION_PIN)
		return !device->before.override && !now->driver &&
		       pcipt_streq(now->override, PCIPT_PIN);
	return !now->driver || pcipt_streq(now->driver, plan->driver) ||
	       pcipt_streq(now->driver, device->before.driver);
}

size_t pcipt_plan_step_count(const struct pcipt_plan *plan)
{
	return plan ? plan->steps.n : 0;
}

static const struct pcipt_step *step_at(const struct pcipt_plan *plan, size_t i)
{
	return plan && i < plan->steps.n ? &plan->steps.items[i] : NULL;
}

int pcipt_plan_step_op(const struct pcipt_plan *plan, size_t i)
{
	const struct pcipt_step *step = step_at(plan, i);

	return step ? step->op : -1;
}

const char *pcipt_plan_step_address(const struct pcipt_plan *plan, size_t i)
{
	const struct pcipt_step *step = step_at(plan, i);

	return step && step->device != PCIPT_NO_STEP_DEVICE ? plan->devices[step->device].address :
							      NULL;
}

const char *pcipt_plan_step_path(const struct pcipt_plan *plan, size_t i)
{
	const struct pcipt_step *step = step_at(plan, i);

	return step ? step->path : NULL;
}

const char *pcipt_plan_step_value(const struct pcipt_plan *plan, size_t i)
{
	const struct pcipt_step *step = step_at(plan, i);

	return step ? step->value : NULL;
}

const char *pcipt_plan_step_shell(const struct pcipt_plan *plan, size_t i)
{
	const struct pcipt_step *step = step_at(plan, i);

	return step ? step->shell : NULL;
}

int pcipt_plan_to_json(const struct pcipt_plan *plan, char **json, struct pcipt_error **error)
{
	struct json_object *array, *o;

	if (!plan || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	array = pcipt_json_new_array();
	for (size_t i = 0; i < plan->steps.n; i++) {
		o = pcipt_json_object();
		pcipt_json_text(o, "op", pcipt_op_name(plan->steps.items[i].op));
		pcipt_json_text(o, "address", pcipt_plan_step_address(plan, i));
		pcipt_json_text(o, "path", plan->steps.items[i].path);
		pcipt_json_text(o, "value", plan->steps.items[i].value);
		pcipt_json_text(o, "shell", plan->steps.items[i].shell);
		pcipt_json_append(array, o);
	}
	*json = pcipt_json_print(array);
	return *json ? 0 : pcipt_fail_memory(error);
}
