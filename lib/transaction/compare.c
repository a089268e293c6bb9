/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is it still what the plan saw? Asked under the locks, before the first write. Where
 * only the state of its devices has changed, the plan is made again.
 */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"
#include "usage/evidence.h"

/* A plan that is out of date that often won't ever be up to date. */
#define PLANS_MAX 3

int pcipt_fail_stale(const struct pcipt_plan_device *device, const char *what, const char *seen,
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

/* "0x10de": the n-th of an identity's ids, which begins "10de:2484:1462:c97c:a1@"; or "". */
static void identity_id(const char *identity, size_t n, char *id, size_t size)
{
	while (identity && n-- > 0) {
		identity = strchr(identity, ':');
		identity += identity != NULL;
	}
	*id = '\0';
	if (identity)
		snprintf(id, size, "0x%.*s", (int)strcspn(identity, ":@"), identity);
}

static int compare_id(struct pcipt_transaction *t, const struct pcipt_plan_device *device,
		      const char *name, const char *seen, struct pcipt_error **error)
{
	char path[64], text[32];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", device->address, name);
	n = t->kernel->ops->read(t->kernel, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text));
	/* What can't be read is no other card. */
	if (n < 0)
		return pcipt_fail(error, n == -ENOENT ? PCIPT_E_GONE : PCIPT_E_IO,
				  &(struct pcipt_error_facts){ .step = "compare",
							       .address = device->address,
							       .path = path,
							       .errnum = (int)-n },
				  "%s: its %s id can't be read: %s", device->address, name,
				  pcipt_errno_text((int)-n));
	return strcmp(text, seen) == 0 ? 0 : pcipt_fail_stale(device, name, seen, text, error);
}

/* The same in two reads, of which one tells four ids at once. */
static bool has_all_ids(struct pcipt_kernel *k, const struct pcipt_plan_device *device)
{
	unsigned int id[4], revision, seen;
	char path[64], text[128], alias[64];
	int n;

	if (!device->identity ||
	    sscanf(device->identity, "%4x:%4x:%4x:%4x:%2x@", &id[0], &id[1], &id[2], &id[3],
		   &revision) != 5)
		return false;
	n = snprintf(alias, sizeof(alias), "pci:v%08Xd%08Xsv%08Xsd%08X", id[0], id[1], id[2],
		     id[3]);
	snprintf(path, sizeof(path), "%s/modalias", device->address);
	if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) <= n ||
	    strncmp(text, alias, (size_t)n) != 0)
		return false;
	snprintf(path, sizeof(path), "%s/revision", device->address);
	return k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) > 0 &&
	       sscanf(text, "0x%x", &seen) == 1 && seen == revision;
}

/* The ids tell whether it is the same card: an address can be another one's by now. */
int pcipt_transaction_compare_ids(struct pcipt_transaction *t,
				  const struct pcipt_plan_device *device,
				  struct pcipt_error **error)
{
	static const char *const names[] = { "vendor", "device", "subsystem_vendor",
					     "subsystem_device", "revision" };
	char seen[16];
	int r = 0;

	if (has_all_ids(t->kernel, device))
		return 0;
	/* One of them differs, or can't be read: which one? */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
		identity_id(device->identity, i, seen, sizeof(seen));
		if (!device->identity && i < 2)
			snprintf(seen, sizeof(seen), "0x%04x",
				 i == 0 ? device->vendor : device->device);
		if (*seen)
			r = compare_id(t, device, names[i], seen, error);
	}
	return r;
}

static const struct pcipt_plan_device *planned(const struct pcipt_plan *plan,
					       struct pcipt_address at)
{
	for (size_t i = 0; i < plan->n_devices; i++)
		if (pcipt_address_key(plan->devices[i].at) == pcipt_address_key(at))
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
		if (!planned(plan, member->at))
			return pcipt_fail_stale(device, "IOMMU group", "without it",
					  pcipt_device_get_address(member), error);
		now++;
	}
	return now == then ? 0 :
			     pcipt_fail_stale(device, "IOMMU group", "larger", "smaller by now", error);
}

int pcipt_transaction_snapshot(struct pcipt_transaction *t, struct pcipt_snapshot **snap,
			       struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	_cleanup_free_ const char **addresses = calloc(plan->n_devices + 1, sizeof(*addresses));

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++)
		addresses[i] = plan->devices[i].address;
	return pcipt_snapshot_new_of_groups(t->ctx, addresses, plan->n_devices, snap, error);
}

/* Virtual functions that came since would vanish with the driver, and not come back. */
static int compare_functions(const struct pcipt_plan_device *planned, struct pcipt_device *now,
			     struct pcipt_error **error)
{
	struct pcipt_device *pf = pcipt_device_get_physfn(now);

	if (planned->action != PCIPT_ACTION_BIND)
		return 0;
	if (pcipt_device_facts(now, PCIPT_FACTS_VIRTFNS)->has_vfs)
		return pcipt_fail_stale(planned, "virtual functions", "none", "enabled", error);
	if (pf && (!pcipt_device_get_driver(pf) || pcipt_device_has_vfio_driver(pf)))
		return pcipt_fail_stale(planned, "physical function", "on its driver", "without it",
				  error);
	return 0;
}

/*
 * What can't be made good by another plan: another card, another group. The devices and
 * their groups are all that is asked for: what only goes along with them was judged when
 * the set was made, and none of it moves.
 */
static int compare_machine(struct pcipt_transaction *t, struct pcipt_snapshot **snap,
			   struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	int r = pcipt_transaction_snapshot(t, snap, error);

	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		struct pcipt_device *now = pcipt_snapshot_at(*snap, plan->devices[i].at);
		const char *identity = pcipt_device_get_identity(now);

		if (!identity || !pcipt_streq(identity, plan->devices[i].identity))
			r = pcipt_transaction_compare_ids(t, &plan->devices[i], error);
	}
	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		struct pcipt_device *now = pcipt_snapshot_at(*snap, plan->devices[i].at);

		if (now)
			r = compare_group(plan, &plan->devices[i], pcipt_device_get_group(now),
					  error);
		if (now && r == 0)
			r = compare_functions(&plan->devices[i], now, error);
	}
	return r;
}

/* Driver and override, each device with its error. */
static int compare_states(struct pcipt_transaction *t, const struct pcipt_reading *readings,
			  struct pcipt_error **error)
{
	for (size_t i = 0; i < t->plan->n_devices; i++) {
		const struct pcipt_plan_device *device = &t->plan->devices[i];
		const struct pcipt_device_state *now = &readings[i].state;

		if (readings[i].error)
			return pcipt_error_pass(error, pcipt_error_ref(readings[i].error));
		if (!pcipt_streq(now->driver, device->seen.driver))
			return pcipt_fail_stale(device, "driver", device->seen.driver, now->driver,
						error);
		if (!pcipt_streq(now->override, device->seen.override))
			return pcipt_fail_stale(device, "driver_override", device->seen.override,
						now->override, error);
	}
	return 0;
}

static int read_and_compare(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_reading *readings =
		calloc(t->plan->n_devices + 1, sizeof(*readings));
	int r;

	if (!readings)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->plan->n_devices; i++)
		readings[i].device = i;
	pcipt_states_read(t, readings, t->plan->n_devices);
	r = compare_states(t, readings, error);
	pcipt_states_clear(readings, t->plan->n_devices);
	return r;
}

/* A claim that has come since has its own word on these devices. */
static int compare_unclaimed(struct pcipt_transaction *t, struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	const struct pcipt_options *request = plan->set->request;
	const char *own = request ? request->for_claim : NULL;
	struct pcipt_records records;
	int r = pcipt_records_read(t->ctx, &records, error);

	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		const struct pcipt_record *holder =
			pcipt_records_holder(&records, plan->devices[i].at,
					     plan->devices[i].identity);

		if (holder && !pcipt_streq(holder->name, plan->set->claim) &&
		    (!own || !pcipt_streq(holder->id, own)))
			r = pcipt_fail_stale(&plan->devices[i], "claim", NULL, holder->name, error);
	}
	pcipt_records_clear(&records);
	return r;
}

/*
 * The claim has ended since, and who has its devices now has the say: leave all alone. Another
 * record that names them too (a copy) is no reason: then neither could be released.
 */
static int compare_claim(struct pcipt_transaction *t, struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	struct pcipt_records records;
	int r = pcipt_records_read(t->ctx, &records, error);

	for (size_t i = 0; r == 0 && i < plan->n_devices; i++) {
		const struct pcipt_plan_device *device = &plan->devices[i];
		const struct pcipt_record *holder;

		if (pcipt_records_has(&records, plan->claim, plan->claim_id, device->at,
				      device->identity))
			continue;
		holder = pcipt_records_holder(&records, device->at, device->identity);
		r = pcipt_fail_stale(device, "claim", plan->claim, holder ? holder->name : NULL, error);
	}
	pcipt_records_clear(&records);
	return r;
}

/*
 * What the host uses the devices for, once more: something may have been mounted, opened or
 * given an address since the set was judged, minutes ago perhaps. What was allowed then is
 * allowed still; anything else is refused, and nothing was touched.
 */
static int compare_uses(struct pcipt_transaction *t, struct pcipt_snapshot *snap,
			struct pcipt_error **error)
{
	const struct pcipt_plan *plan = t->plan;
	_cleanup_free_ struct pcipt_device **devices = calloc(plan->n_devices + 1, sizeof(*devices));
	struct pcipt_uses uses = { .nodes = &t->nodes };
	size_t n = 0;
	int r;

	if (!devices)
		return pcipt_fail_memory(error);
	pcipt_nodes_clear(&t->nodes);
	pcipt_snapshot_unref(t->first);
	t->first = pcipt_snapshot_ref(snap);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].action == PCIPT_ACTION_BIND) {
			devices[n] = pcipt_snapshot_at(snap, plan->devices[i].at);
			n += devices[n] != NULL;
		}
	pcipt_uses_gather(snap, devices, n, t->deadline, &uses);
	r = pcipt_refuse_uses(&uses, plan->set->request, error);
	pcipt_uses_clear(&uses);
	if (r == PCIPT_E_REFUSED)
		t->result->outcome = PCIPT_OUTCOME_REFUSED;
	return r;
}

/* The same devices in the same parts: anything else would be more than was agreed to. */
static bool is_same_set(const struct pcipt_plan *a, const struct pcipt_plan *b)
{
	bool same = a->n_devices == b->n_devices;

	for (size_t i = 0; same && i < a->n_devices; i++) {
		const struct pcipt_plan_device *then = &a->devices[i];
		const struct pcipt_plan_device *now = planned(b, then->at);

		same = now && now->vendor == then->vendor && now->device == then->device &&
		       pcipt_streq(now->identity, then->identity) && now->role == then->role;
	}
	return same;
}

/* Judges the request again, and plans it again: REFUSED where it isn't safe any more. */
static int plan_again(struct pcipt_transaction *t, struct pcipt_error *stale,
		      struct pcipt_error **error)
{
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *again = NULL;
	_cleanup_(pcipt_set_unrefp) struct pcipt_set *set = NULL;
	int r = pcipt_set_again(t->ctx, t->plan->set, &set, error);

	if (r == 0)
		r = pcipt_plan_bind(set, NULL, &again, error);
	if (r < 0)
		return r;
	if (!is_same_set(t->plan, again))
		return pcipt_error_pass(error, pcipt_error_ref(stale));
	pcipt_log(t->ctx, PCIPT_LOG_INFO, "planned again: %s", pcipt_error_get_message(stale));
	pcipt_plan_unref(t->plan);
	t->plan = steal(&again);
	return 0;
}

/* By which each driver can be had again; most devices of a plan are on the same one. */
static int note_modules(struct pcipt_transaction *t, struct pcipt_error **error)
{
	struct pcipt_plan_device *devices = t->plan->devices;
	bool ok = true;

	for (size_t i = 0; ok && i < t->plan->n_devices; i++) {
		size_t same = 0;

		if (devices[i].action != PCIPT_ACTION_BIND || !devices[i].before.driver)
			continue;
		free(steal(&devices[i].before.module));
		while (same < i && !(devices[same].action == PCIPT_ACTION_BIND &&
				     pcipt_streq(devices[same].before.driver,
						 devices[i].before.driver)))
			same++;
		if (same < i)
			devices[i].before.module = pcipt_dup(devices[same].before.module, &ok);
		else
			ok = pcipt_driver_module(t->kernel, devices[i].before.driver,
						 &devices[i].before.module);
	}
	return ok ? 0 : pcipt_fail_memory(error);
}

static int revalidate_bind(struct pcipt_transaction *t, struct pcipt_error **error)
{
	for (int plans = 1;; plans++) {
		_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
		_cleanup_error_ struct pcipt_error *changed = NULL;
		int r = compare_machine(t, &snap, error);

		if (r < 0)
			return r;
		r = read_and_compare(t, &changed);
		if (r == 0)
			r = compare_unclaimed(t, &changed);
		if (r == 0)
			r = note_modules(t, &changed);
		if (r == 0)
			return compare_uses(t, snap, error);
		if (r != PCIPT_E_STALE || plans == PLANS_MAX)
			return pcipt_error_pass(error, steal(&changed));
		r = plan_again(t, changed, error);
		if (r < 0)
			return r;
	}
}

int pcipt_transaction_revalidate(struct pcipt_transaction *t, struct pcipt_error **error)
{
	/* A release is driven by what each device is now; only its claim can be stale. */
	return t->plan->kind == PCIPT_PLAN_BIND ? revalidate_bind(t, error) :
						  compare_claim(t, error);
}
