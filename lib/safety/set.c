/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The set object: gathers what must be known, lets the closure and the judge
 * decide, and holds what they said.
 */
#include "safety/set.h"

#include <errno.h>

#include "base/json.h"
#include "safety/reset.h"

static void set_destroy(struct pcipt_set *set)
{
	pcipt_findings_clear(&set->findings);
	free(set->members);
	free(set->companions);
	free(set->driver);
	free(set->claim);
	free(set->asked);
	pcipt_options_unref(set->request);
	pcipt_snapshot_unref(set->snap);
	free(set);
}

PCIPT_DEFINE_REFS(set, set_destroy)
/* Names are read from a large file, and told only of devices that would have to come along. */
static bool needs_name(const struct pcipt_set *set, const struct pcipt_member *member)
{
	return !set->with_set && member->action == PCIPT_ACTION_BIND &&
	       member->role != PCIPT_ROLE_REQUESTED;
}

/*
 * The closure makes no system call either: what its rules ask of a device, of those on its
 * bus and of its group is read before. New ones may come in with each.
 */
static bool load_surroundings(struct pcipt_set *set, const struct pcipt_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pcipt_device *device = members[i].device, **peers = NULL;
		size_t n_peers = 0;

		pcipt_devices_load(set->snap, &device, 1,
				   PCIPT_RESET_FACTS | PCIPT_FACTS_CONSUMERS);
		if (!pcipt_device_bus_peers(device, &peers, &n_peers))
			return false;
		pcipt_devices_load(set->snap, peers, n_peers,
				   PCIPT_RESET_FACTS | PCIPT_FACTS_CONSUMERS);
		free(peers);
	}
	return true;
}

/* Computes until no member is left whose surroundings weren't known. */
static bool compute(struct pcipt_set *set, struct pcipt_device *const *devices, size_t n,
		    bool companions, struct pcipt_member **members, size_t *n_members)
{
	size_t before = 0;

	*members = NULL;
	*n_members = 0;
	do {
		before = *n_members;
		free(*members);
		*members = NULL;
		if (!pcipt_closure_compute(devices, n, set->driver, companions, members, n_members) ||
		    !load_surroundings(set, *members, *n_members))
			return false;
	} while (*n_members > before);
	return true;
}

static bool is_bound_member(const struct pcipt_set *set, const struct pcipt_device *device)
{
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].device == device &&
		    set->members[i].action == PCIPT_ACTION_BIND)
			return true;
	return false;
}

/* What would go too with companions, so that it can be told. */
static bool find_companions(struct pcipt_set *set, struct pcipt_device *const *devices, size_t n)
{
	size_t kept = 0;

	if (set->with_companions)
		return true;
	if (!compute(set, devices, n, true, &set->companions, &set->n_companions))
		return false;
	for (size_t i = 0; i < set->n_companions; i++)
		if (set->companions[i].action == PCIPT_ACTION_BIND &&
		    !is_bound_member(set, set->companions[i].device))
			set->companions[kept++] = set->companions[i];
	set->n_companions = kept;
	return true;
}

/* The judge makes no system call: what it asks of the members is read here. */
static bool load_facts(struct pcipt_set *set)
{
	_cleanup_free_ struct pcipt_device **devices =
		calloc(set->n_members + 1, sizeof(*devices));
	size_t n = 0;

	if (!devices)
		return false;
	for (size_t i = 0; i < set->n_members; i++)
		devices[i] = set->members[i].device;
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].action == PCIPT_ACTION_BIND)
			pcipt_group_reserved_region_count(devices[i]->group);
	pcipt_devices_load(set->snap, devices, set->n_members,
			   PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_MORE | PCIPT_FACTS_VIRTFNS |
				   PCIPT_FACTS_POWER | PCIPT_FACTS_OVERRIDE |
				   PCIPT_FACTS_IDENTITY);
	for (size_t i = 0; i < set->n_members; i++)
		if (needs_name(set, &set->members[i]))
			devices[n++] = set->members[i].device;
	pcipt_devices_load(set->snap, devices, n, PCIPT_FACTS_NAMES);
	return true;
}

static bool is_foreign(const struct pcipt_member *member, const struct pcipt_records *records)
{
	struct pcipt_device *device = member->device;

	return member->action == PCIPT_ACTION_KEEP && device->driver && device->driver->vfio &&
	       !pcipt_records_holder(records, device->at, pcipt_device_get_identity(device));
}

/* Asks the collectors about those members that would leave their drivers. */
static bool gather(struct pcipt_set *set, const struct pcipt_options *options,
		   struct pcipt_evidence *evidence)
{
	uint32_t timeout_ms = options && options->timeout_ms ? options->timeout_ms :
							       set->snap->ctx->timeout_ms;
	_cleanup_free_ struct pcipt_device **devices =
		calloc(set->n_members + 1, sizeof(*devices));
	size_t n = 0, n_all;

	if (!devices)
		return false;
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].action == PCIPT_ACTION_BIND)
			devices[n++] = set->members[i].device;
	/* Those that stay on a driver of passthrough become the caller's as well. */
	n_all = n;
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].action != PCIPT_ACTION_BIND &&
		    set->members[i].role != PCIPT_ROLE_BRIDGE)
			devices[n_all++] = set->members[i].device;
	pcipt_evidence_gather(set->snap, set->driver, devices, n, n_all, timeout_ms, evidence);
	/* Of those that somebody else has bound it is told who is configured to. */
	n = 0;
	for (size_t i = 0; i < set->n_members; i++)
		if (is_foreign(&set->members[i], &evidence->records))
			devices[n++] = set->members[i].device;
	if (n > 0)
		pcipt_collect_foreign(&(struct pcipt_inquiry){ .snap = set->snap,
							       .kernel = set->snap->kernel,
							       .devices = devices,
							       .n = n,
							       .uses = &evidence->uses });
	return true;
}

static bool decide(struct pcipt_set *set, struct pcipt_device *const *devices, size_t n,
		   const struct pcipt_options *options)
{
	struct pcipt_evidence evidence;

	if (!compute(set, devices, n, set->with_companions, &set->members, &set->n_members) ||
	    !find_companions(set, devices, n) || !load_facts(set) ||
	    !gather(set, options, &evidence))
		return false;
	set->driver_ready = evidence.driver_state == PCIPT_MODULE_READY;
	set->options = options;
	pcipt_judge(set, &evidence);
	set->options = NULL;
	pcipt_evidence_clear(&evidence);
	pcipt_findings_settle(&set->findings, options);
	return !set->findings.no_memory;
}

static bool remember(struct pcipt_set *set, struct pcipt_device *const *devices, size_t n,
		     const struct pcipt_options *options)
{
	set->asked = calloc(n, sizeof(*set->asked));
	set->request = pcipt_options_copy(options);
	for (size_t i = 0; set->asked && i < n; i++)
		memcpy(set->asked[set->n_asked++], devices[i]->address, PCIPT_ADDRESS_SIZE);
	return set->asked && (set->request || !options);
}

int pcipt_set_new(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
		  const struct pcipt_options *options, struct pcipt_set **out,
		  struct pcipt_error **error)
{
	_cleanup_(pcipt_set_unrefp) struct pcipt_set *set = NULL;

	if (!snap || !devices || n == 0 || !out)
		return pcipt_fail_argument(error, __func__, "no snapshot, no devices, or no place");
	for (size_t i = 0; i < n; i++)
		if (!devices[i] || devices[i]->snap != snap)
			return pcipt_fail_argument(error, __func__,
						   "a device is NULL or of another snapshot");
	set = calloc(1, sizeof(*set));
	if (!set)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&set->refs);
	set->snap = pcipt_snapshot_ref(snap);
	set->with_set = options && options->with_set;
	set->with_companions = options && options->with_companions;
	set->driver = strdup(pcipt_options_driver(options));
	if (!set->driver || !remember(set, devices, n, options) || !decide(set, devices, n, options))
		return pcipt_fail_memory(error);
	*out = steal(&set);
	return 0;
}

int pcipt_set_again(struct pcipt_context *ctx, const struct pcipt_set *set,
		    struct pcipt_set **again, struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(set->n_asked, sizeof(*addresses));
	_cleanup_free_ struct pcipt_device **devices = calloc(set->n_asked, sizeof(*devices));
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	int r;

	if (!addresses || !devices)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < set->n_asked; i++)
		addresses[i] = set->asked[i];
	r = pcipt_snapshot_new_scoped(ctx, addresses, set->n_asked, &snap, error);
	for (size_t i = 0; r == 0 && i < set->n_asked; i++)
		r = pcipt_snapshot_find(snap, set->asked[i], &devices[i], error);
	return r < 0 ? r :
		       pcipt_set_new(snap, devices, set->n_asked, set->request, again, error);
}

bool pcipt_set_is_safe(const struct pcipt_set *set)
{
	return set && pcipt_findings_are_clear(&set->findings);
}

const char *pcipt_set_get_driver(const struct pcipt_set *set)
{
	return set ? set->driver : NULL;
}

size_t pcipt_set_member_count(const struct pcipt_set *set)
{
	return set ? set->n_members : 0;
}

struct pcipt_device *pcipt_set_member_device(const struct pcipt_set *set, size_t i)
{
	return set && i < set->n_members ? set->members[i].device : NULL;
}

int pcipt_set_member_role(const struct pcipt_set *set, size_t i)
{
	return set && i < set->n_members ? set->members[i].role : -1;
}

int pcipt_set_member_action(const struct pcipt_set *set, size_t i)
{
	return set && i < set->n_members ? set->members[i].action : -1;
}

size_t pcipt_set_companion_count(const struct pcipt_set *set)
{
	return set ? set->n_companions : 0;
}

struct pcipt_device *pcipt_set_companion_device(const struct pcipt_set *set, size_t i)
{
	return set && i < set->n_companions ? set->companions[i].device : NULL;
}

int pcipt_set_companion_role(const struct pcipt_set *set, size_t i)
{
	return set && i < set->n_companions ? set->companions[i].role : -1;
}

static const struct pcipt_finding *finding_at(const struct pcipt_set *set, size_t i)
{
	return set && i < set->findings.n ? &set->findings.items[i] : NULL;
}

size_t pcipt_set_finding_count(const struct pcipt_set *set)
{
	return set ? set->findings.n : 0;
}

const char *pcipt_set_finding_code(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? finding->row->code : NULL;
}

int pcipt_set_finding_severity(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? finding->severity : -1;
}

const char *pcipt_set_finding_address(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? pcipt_device_get_address(finding->device) : NULL;
}

const char *pcipt_set_finding_message(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? finding->message : NULL;
}

const char *pcipt_set_finding_evidence(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? finding->evidence : NULL;
}

const char *pcipt_set_finding_remedy(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding ? finding->remedy : NULL;
}

bool pcipt_set_finding_is_allowed(const struct pcipt_set *set, size_t i)
{
	const struct pcipt_finding *finding = finding_at(set, i);

	return finding && finding->allowed;
}

int pcipt_set_to_json(const struct pcipt_set *set, char **json, struct pcipt_error **error)
{
	struct json_object *o, *array, *member;

	if (!set || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	o = pcipt_json_object();
	pcipt_json_bool(o, "safe", pcipt_set_is_safe(set));
	pcipt_json_text(o, "claim", set->claim);
	array = pcipt_json_array(o, "members");
	for (size_t i = 0; i < set->n_members; i++) {
		member = pcipt_json_object();
		pcipt_json_text(member, "address", set->members[i].device->address);
		pcipt_json_text(member, "role", pcipt_role_name(set->members[i].role));
		pcipt_json_text(member, "action", pcipt_action_name(set->members[i].action));
		pcipt_json_text(member, "driver",
				pcipt_device_get_driver(set->members[i].device));
		pcipt_json_append(array, member);
	}
	array = pcipt_json_array(o, "companions");
	for (size_t i = 0; i < set->n_companions; i++) {
		member = pcipt_json_object();
		pcipt_json_text(member, "address", set->companions[i].device->address);
		pcipt_json_text(member, "role", pcipt_role_name(set->companions[i].role));
		pcipt_json_append(array, member);
	}
	array = pcipt_json_array(o, "findings");
	for (size_t i = 0; i < set->findings.n; i++)
		pcipt_json_append(array, pcipt_finding_json(&set->findings.items[i]));
	*json = pcipt_json_print(o);
	return *json ? 0 : pcipt_fail_memory(error);
}

/* A standing finding as an error of its own, to stand among the causes. */
static struct pcipt_error *as_cause(const struct pcipt_finding *finding)
{
	struct pcipt_error *cause = NULL;

	pcipt_fail(&cause, PCIPT_E_REFUSED,
		   &(struct pcipt_error_facts){ .step = "plan",
						.address = pcipt_device_get_address(finding->device),
						.remedy = finding->remedy },
		   "%s: %s (%s)", finding->row->code, finding->message, finding->evidence);
	return cause;
}

int pcipt_fail_refused(struct pcipt_error **error, const struct pcipt_set *set)
{
	const struct pcipt_finding *first = NULL;
	_cleanup_free_ char *more = NULL;
	size_t n = 0;

	for (size_t i = 0; i < set->findings.n; i++) {
		if (!pcipt_finding_stands(&set->findings.items[i]))
			continue;
		first = first ? first : &set->findings.items[i];
		n++;
	}
	if (!first)
		return pcipt_fail(error, PCIPT_E_REFUSED, NULL, "refused without a finding");
	more = n > 1 ? pcipt_format(" (and %zu more)", n - 1) : NULL;
	pcipt_fail(error, PCIPT_E_REFUSED,
		   &(struct pcipt_error_facts){ .step = "plan",
						.address = pcipt_device_get_address(first->device),
						.remedy = first->remedy },
		   "refused, %s: %s%s", first->row->code, first->message, more ? more : "");
	for (size_t i = 0; error && i < set->findings.n; i++)
		if (pcipt_finding_stands(&set->findings.items[i]))
			pcipt_error_add_cause(*error, as_cause(&set->findings.items[i]));
	return PCIPT_E_REFUSED;
}
