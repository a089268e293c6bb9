/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's claims: their records, and how the bound ones are. Each look is held against
 * the one before, and the difference is told.
 */
#include "claims/monitor.h"

#include <libpcipt/claim.h>
#include <stdio.h>

static void clear_health(struct known_health *health, size_t n)
{
	for (size_t i = 0; health && i < n; i++)
		free(health[i].counts);
	free(health);
}

static void tell_claim(struct pcipt_monitor *m, const struct pcipt_record *before,
		       const struct pcipt_record *after)
{
	pcipt_monitor_tell(m, &(struct pcipt_event_facts){
			.type = PCIPT_EVENT_CLAIM_CHANGED,
			.claim = after ? after->name : before->name,
			.before = before ? pcipt_claim_state_name(before->state) : NULL,
			.after = after ? pcipt_claim_state_name(after->state) : NULL,
			.reason = after ? after->reason : NULL,
			.message = after ? after->message : NULL });
}

/* A counter that has grown is told; one that starts anew (the device came again) isn't. */
static void tell_errors(struct pcipt_monitor *m, const struct pcipt_record *record, size_t i,
			enum pcipt_ailment ailment, int64_t before, int64_t after)
{
	_cleanup_free_ char *message = NULL;
	char texts[2][24];

	if (before < 0 || after <= before)
		return;
	message = pcipt_ailment_text(ailment, record->devices[i].address);
	snprintf(texts[0], sizeof(texts[0]), "%lld", (long long)before);
	snprintf(texts[1], sizeof(texts[1]), "%lld", (long long)after);
	pcipt_monitor_tell(m, &(struct pcipt_event_facts){ .type = PCIPT_EVENT_HEALTH,
					     .claim = record->name,
					     .address = record->devices[i].address,
					     .before = texts[0],
					     .after = texts[1],
					     .reason = pcipt_ailment_name(ailment),
					     .message = message });
}

static void look_at_errors(struct pcipt_monitor *m, size_t claim)
{
	const struct pcipt_record *record = &m->claims.items[claim];
	struct pcipt_error_counts *known = m->health[claim].counts, now;
	bool first = !known;

	if (first)
		known = m->health[claim].counts = calloc(record->n_devices, sizeof(*known));
	if (!known) {
		m->no_memory = true;
		return;
	}
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_address at = record->devices[i].at;

		pcipt_error_counts_read(m->kernel, at, &now);
		/* The record may have followed its device to another address. */
		if (!first && pcipt_address_key(known[i].at) == pcipt_address_key(at)) {
			tell_errors(m, record, i, PCIPT_AILMENT_AER_FATAL, known[i].fatal, now.fatal);
			tell_errors(m, record, i, PCIPT_AILMENT_AER_NONFATAL, known[i].nonfatal,
				    now.nonfatal);
		}
		known[i] = now;
	}
}

/* How a bound claim is; what can't be found out now counts as before. */
static void look_at_health(struct pcipt_monitor *m, size_t i)
{
	const struct pcipt_record *record = &m->claims.items[i];
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	struct pcipt_diagnosis seen;

	if (record->state != PCIPT_CLAIM_BOUND ||
	    pcipt_record_snapshot(m->ctx, record, &snap, NULL) < 0 ||
	    pcipt_diagnose(record, snap, &seen, NULL) < 0)
		return;
	if (strcmp(seen.reason, m->health[i].reason) != 0)
		pcipt_monitor_tell(m, &(struct pcipt_event_facts){
				.type = PCIPT_EVENT_HEALTH,
				.claim = record->name,
				.address = record->devices[seen.device].address,
				.before = m->health[i].reason,
				.after = seen.reason,
				.reason = seen.reason,
				.message = seen.message });
	m->health[i].reason = seen.reason;
	free(seen.message);
	look_at_errors(m, i);
}

static bool is_changed(const struct pcipt_record *a, const struct pcipt_record *b)
{
	return a->state != b->state || !pcipt_streq(a->id, b->id) ||
	       !pcipt_streq(a->reason, b->reason);
}

/* Both lists are ordered by name. The health of a claim that goes on is kept. */
static void compare_claims(struct pcipt_monitor *m, const struct pcipt_records *now,
			   struct known_health *health)
{
	const struct pcipt_records *old = &m->claims;
	size_t i = 0, j = 0;

	for (size_t k = 0; k < now->n; k++)
		health[k].reason = pcipt_situation_row(PCIPT_SITUATION_HELD)->name;

	while (i < old->n || j < now->n) {
		int order = i == old->n ? 1 :
			    j == now->n ? -1 :
					  strcmp(old->items[i].name, now->items[j].name);

		if (order < 0) {
			tell_claim(m, &old->items[i++], NULL);
		} else if (order > 0) {
			tell_claim(m, NULL, &now->items[j++]);
		} else {
			if (is_changed(&old->items[i], &now->items[j])) {
				tell_claim(m, &old->items[i], &now->items[j]);
			} else {
				health[j] = m->health[i];
				m->health[i].counts = NULL;
			}
			i++, j++;
		}
	}
}

static int look_at_records(struct pcipt_monitor *m, struct pcipt_error **error)
{
	struct known_health *health;
	struct pcipt_records now;
	int r = pcipt_records_read(m->ctx, &now, error);

	if (r < 0)
		return r;
	health = calloc(now.n + 1, sizeof(*health));
	if (!health) {
		pcipt_records_clear(&now);
		return pcipt_fail_memory(error);
	}
	compare_claims(m, &now, health);
	clear_health(m->health, m->claims.n);
	pcipt_records_clear(&m->claims);
	m->claims = now;
	m->health = health;
	return 0;
}

void pcipt_monitor_tell_failed(struct pcipt_monitor *m, struct pcipt_address at)
{
	for (size_t i = 0; i < m->claims.n; i++)
		for (size_t k = 0; k < m->claims.items[i].n_devices; k++) {
			const struct pcipt_record_device *device = &m->claims.items[i].devices[k];
			_cleanup_free_ char *message = NULL;

			if (m->claims.items[i].state != PCIPT_CLAIM_BOUND ||
			    pcipt_address_key(device->at) != pcipt_address_key(at))
				continue;
			message = pcipt_ailment_text(PCIPT_AILMENT_RECOVERY_FAILED, device->address);
			pcipt_monitor_tell(m, &(struct pcipt_event_facts){
						      .type = PCIPT_EVENT_HEALTH,
						      .claim = m->claims.items[i].name,
						      .address = device->address,
						      .reason = pcipt_ailment_name(
							      PCIPT_AILMENT_RECOVERY_FAILED),
						      .message = message });
		}
}

/* A device, and those of its IOMMU group. */
struct neighbours {
	struct pcipt_address *at;
	size_t n;
	bool no_memory;
};

static int add_neighbour(void *data, const char *name)
{
	struct neighbours *list = data;
	struct pcipt_address at;

	if (!pcipt_address_scan(name, &at, NULL))
		return 0;
	if (!pcipt_grow(&list->at, list->n)) {
		list->no_memory = true;
		return 1;
	}
	list->at[list->n++] = at;
	return 0;
}

/* A sibling that comes, or gets a driver, makes a group not viable: its claims are concerned. */
static void find_neighbours(struct pcipt_monitor *m, struct pcipt_address at,
			    struct neighbours *list)
{
	struct pcipt_kernel *k = m->kernel;
	char path[PCIPT_ADDRESS_SIZE + 16], link[PCIPT_ATTRIBUTE_MAX], address[PCIPT_ADDRESS_SIZE];

	pcipt_address_print(at, address);
	add_neighbour(list, address);
	snprintf(path, sizeof(path), "%s/iommu_group", address);
	if (k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link)) <= 0)
		return;
	if (snprintf(path, sizeof(path), "%s/devices", pcipt_base_name(link)) < (int)sizeof(path))
		k->ops->list(k, PCIPT_AT_IOMMU_GROUPS, path, add_neighbour, list);
}

static bool concerns(const struct pcipt_record *record, const struct neighbours *list)
{
	for (size_t i = 0; i < record->n_devices; i++)
		for (size_t k = 0; k < list->n; k++)
			if (pcipt_address_key(record->devices[i].at) ==
			    pcipt_address_key(list->at[k]))
				return true;
	return false;
}

/* Those that ail may be mended by what has happened to any device: one that went, for example. */
static bool ails(const struct pcipt_monitor *m, size_t i)
{
	return strcmp(m->health[i].reason, pcipt_situation_row(PCIPT_SITUATION_HELD)->name) != 0;
}

int pcipt_monitor_look_at_records(struct pcipt_monitor *m, struct pcipt_error **error)
{
	int r = look_at_records(m, error);

	/* One that has come to be bound may ail from the beginning; and its counters begin here. */
	for (size_t i = 0; r == 0 && i < m->claims.n; i++)
		if (!m->health[i].counts)
			look_at_health(m, i);
	return r;
}

int pcipt_monitor_look_at_claims(struct pcipt_monitor *m, struct pcipt_error **error)
{
	int r = look_at_records(m, error);

	for (size_t i = 0; r == 0 && i < m->claims.n; i++)
		look_at_health(m, i);
	return r;
}

/* The health of the claims that a device belongs to, or shares a group with. */
int pcipt_monitor_look_at_claims_of(struct pcipt_monitor *m, struct pcipt_address at,
			     struct pcipt_error **error)
{
	struct neighbours list = { 0 };
	bool any = false;
	int r = 0;

	if (m->claims.n == 0)
		return 0;
	find_neighbours(m, at, &list);
	for (size_t i = 0; i < m->claims.n; i++)
		any |= ails(m, i) || concerns(&m->claims.items[i], &list);
	/* It may be on its way back by now: then its record says so. */
	if (list.no_memory)
		r = pcipt_fail_memory(error);
	else if (any)
		r = look_at_records(m, error);
	for (size_t i = 0; r == 0 && any && i < m->claims.n; i++)
		if (ails(m, i) || concerns(&m->claims.items[i], &list))
			look_at_health(m, i);
	free(list.at);
	return r;
}

void pcipt_monitor_clear_claims(struct pcipt_monitor *m)
{
	clear_health(m->health, m->claims.n);
	pcipt_records_clear(&m->claims);
}
