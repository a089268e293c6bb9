/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closure rules:
 *   - a device asked for is bound, unless it has the driver already;
 *   - every endpoint of its IOMMU group on a driver of its own must leave it,
 *     those on a passthrough driver stay;
 *   - a driverless function in the slot of a device that is bound joins; another
 *     driverless member is kept driverless (pinned). (Not only the slots of devices
 *     asked for: then asking for the whole set would give another set.)
 *   - bridges stay where they are;
 * and with companions, for each device that goes:
 *   - what would be reset with it goes too, driverless or not: VFIO resets a bus only
 *     when each function there is on a vfio driver;
 *   - so do a graphics card's audio, USB and UCSI functions, and what depends on a device
 *     by a device link.
 * Nothing ever takes a member out again, so the order of the rules doesn't matter.
 */
#include "safety/closure.h"

#include "safety/reset.h"

/* A member while the closure grows. */
struct growing {
	struct pcipt_device *device;
	bool wanted;	/* asked for, reset-coupled or a companion */
	bool coupled;	/* reset with one that goes */
	bool companion; /* belongs to one that goes */
	int action;
};

struct closure {
	struct pcipt_device *const *requested;
	size_t n_requested;
	const char *driver;
	struct growing *members;
	size_t n;
	bool changed, no_memory;
};

static bool is_requested(const struct closure *c, const struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n_requested; i++)
		if (c->requested[i] == device)
			return true;
	return false;
}

static bool same_slot(const struct pcipt_device *a, const struct pcipt_device *b)
{
	return pcipt_address_key(a->at) >> 3 == pcipt_address_key(b->at) >> 3;
}

/* What becomes of a member, its slot left aside. */
static int action_for(const struct closure *c, const struct growing *m)
{
	const struct pcipt_device *device = m->device;

	if (pcipt_device_is_bridge(device) ||
	    pcipt_streq(pcipt_device_get_driver(device), c->driver))
		return PCIPT_ACTION_KEEP;
	if (is_requested(c, device))
		return PCIPT_ACTION_BIND;
	/* Each vfio driver lets the bus be reset; pci-stub doesn't. */
	if (m->wanted)
		return device->driver && device->driver->vfio ? PCIPT_ACTION_KEEP :
								PCIPT_ACTION_BIND;
	if (pcipt_driver_is_passthrough(device->driver))
		return PCIPT_ACTION_KEEP;
	return device->driver ? PCIPT_ACTION_BIND : PCIPT_ACTION_PIN;
}

/* Whether its user goes with it: only then matters what it depends on. */
static bool goes(const struct growing *m)
{
	return !pcipt_device_is_bridge(m->device) && (m->wanted || m->action == PCIPT_ACTION_BIND);
}

/* The member of a device, made where it isn't one yet; NULL without memory. */
static struct growing *member_of(struct closure *c, struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->members[i].device == device)
			return &c->members[i];
	if (!pcipt_grow(&c->members, c->n)) {
		c->no_memory = true;
		return NULL;
	}
	c->members[c->n] = (struct growing){ .device = device };
	c->members[c->n].action = action_for(c, &c->members[c->n]);
	c->changed = true;
	return &c->members[c->n++];
}

enum why { ASKED, COUPLED, COMPANION };

static void want(struct closure *c, struct pcipt_device *device, enum why why)
{
	struct growing *m;

	/* A bridge can't go with anybody. */
	if (why != ASKED && pcipt_device_is_bridge(device))
		return;
	m = member_of(c, device);
	if (!m)
		return;
	c->changed |= !m->wanted || (why == COUPLED && !m->coupled) ||
		      (why == COMPANION && !m->companion);
	m->wanted = true;
	m->coupled |= why == COUPLED;
	m->companion |= why == COMPANION;
	m->action = action_for(c, m);
}

/* ---- the rules; members may move in memory whenever one is added ---- */

static void add_group(struct closure *c, const struct pcipt_group *group)
{
	for (struct pcipt_device *d = group ? group->first : NULL; d; d = d->next_in_group)
		member_of(c, d);
}

/* A pinned function joins its slot. */
static void join_slots(struct closure *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->n && c->members[i].action == PCIPT_ACTION_PIN; k++)
			if (c->members[k].action == PCIPT_ACTION_BIND &&
			    same_slot(c->members[i].device, c->members[k].device)) {
				c->members[i].action = PCIPT_ACTION_BIND;
				c->changed = true;
			}
}

static void add_coupled(struct closure *c, struct pcipt_device *device)
{
	struct pcipt_device **peers = NULL;
	size_t n;

	if (pcipt_reset_kind(device) != PCIPT_RESET_BUS)
		return;
	if (!pcipt_device_bus_peers(device, &peers, &n))
		c->no_memory = true;
	for (size_t i = 0; peers && i < n; i++)
		want(c, peers[i], COUPLED);
	free(peers);
}

/*
 * PCI Code and ID Assignment: 03 display, 0403 audio, 0C03 USB, 0C80 another serial bus,
 * which is what the UCSI function of a card with a USB-C socket says it is.
 */
static bool is_companion(const struct pcipt_device *device, const struct pcipt_device *other)
{
	int32_t other_class = other->class_id >> 8;

	return device->class_id >> 16 == 0x03 && same_slot(device, other) &&
	       (other_class == 0x0403 || other_class == 0x0c03 || other_class == 0x0c80);
}

static void add_companions(struct closure *c, struct pcipt_device *device)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, PCIPT_FACTS_CONSUMERS);
	struct pcipt_device *other;

	for (size_t i = 0; (other = pcipt_device_slot_function_at(device, i)); i++)
		if (other != device && is_companion(device, other))
			want(c, other, COMPANION);
	for (size_t i = 0; i < facts->n_consumers; i++)
		want(c, facts->consumers[i], COMPANION);
}

static void apply_rules(struct closure *c, bool companions)
{
	for (size_t i = 0; i < c->n && !c->no_memory; i++) {
		struct pcipt_device *device = c->members[i].device;

		add_group(c, device->group);
		if (!companions || !goes(&c->members[i]))
			continue;
		add_coupled(c, device);
		add_companions(c, device);
	}
	join_slots(c);
}

/* ---- the answer ---- */

static bool shares_group_with_requested(const struct closure *c, const struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n_requested && device->group; i++)
		if (c->requested[i]->group == device->group)
			return true;
	return false;
}

/* Why a member is there, the plainest reason first. */
static int role_of(const struct closure *c, const struct growing *m)
{
	bool in_group = shares_group_with_requested(c, m->device);

	if (is_requested(c, m->device))
		return PCIPT_ROLE_REQUESTED;
	if (pcipt_device_is_bridge(m->device))
		return PCIPT_ROLE_BRIDGE;
	/* The group alone would have left it where it is. */
	if (m->wanted && in_group &&
	    (!m->device->driver || pcipt_driver_is_passthrough(m->device->driver)))
		in_group = false;
	if (in_group || !m->wanted)
		return PCIPT_ROLE_GROUP_MEMBER;
	return m->coupled ? PCIPT_ROLE_RESET_COUPLED : PCIPT_ROLE_COMPANION;
}

static int compare(const void *x, const void *y)
{
	const struct pcipt_member *a = x, *b = y;
	uint64_t ka = pcipt_address_key(a->device->at), kb = pcipt_address_key(b->device->at);

	return ka < kb ? -1 : ka > kb;
}

static bool give(const struct closure *c, struct pcipt_member **members, size_t *n_members)
{
	struct pcipt_member *given = calloc(c->n + 1, sizeof(*given));

	if (!given)
		return false;
	for (size_t i = 0; i < c->n; i++)
		given[i] = (struct pcipt_member){ c->members[i].device, role_of(c, &c->members[i]),
						  c->members[i].action };
	if (c->n > 1)
		qsort(given, c->n, sizeof(*given), compare);
	*members = given;
	*n_members = c->n;
	return true;
}

bool pcipt_closure_compute(struct pcipt_device *const *requested, size_t n, const char *driver,
			   bool companions, struct pcipt_member **members, size_t *n_members)
{
	struct closure c = { .requested = requested, .n_requested = n, .driver = driver };
	bool ok;

	for (size_t i = 0; i < n; i++)
		want(&c, requested[i], ASKED);
	do {
		c.changed = false;
		apply_rules(&c, companions);
	} while (c.changed && !c.no_memory);
	ok = !c.no_memory && give(&c, members, n_members);
	free(c.members);
	return ok;
}
