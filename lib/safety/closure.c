/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closure rules:
 *   - a device asked for is bound, unless it has the driver already;
 *   - every endpoint of its IOMMU group on a driver of its own must leave it,
 *     those on a passthrough driver stay;
 *   - a driverless function in the slot of a device that is bound joins; another
 *     driverless member is kept driverless (pinned). (Not only the slots of devices
 *     asked for: then asking for the whole set would give another set.)
 *   - bridges stay where they are.
 */
#include "safety/closure.h"

struct closure {
	struct pcipt_device *const *requested;
	size_t n_requested;
	const char *driver;
	struct pcipt_member *members;
	size_t n;
};

static bool is_requested(const struct closure *c, const struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n_requested; i++)
		if (c->requested[i] == device)
			return true;
	return false;
}

static bool is_member(const struct closure *c, const struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->members[i].device == device)
			return true;
	return false;
}

static bool same_slot(const struct pcipt_device *a, const struct pcipt_device *b)
{
	return pcipt_address_key(a->at) >> 3 == pcipt_address_key(b->at) >> 3;
}

static bool shares_bound_slot(const struct closure *c, const struct pcipt_device *device)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->members[i].action == PCIPT_ACTION_BIND &&
		    same_slot(c->members[i].device, device))
			return true;
	return false;
}

/* A pinned function joins its slot: it moves nobody else, so one pass is enough. */
static void join_slots(struct closure *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->members[i].action == PCIPT_ACTION_PIN &&
		    shares_bound_slot(c, c->members[i].device))
			c->members[i].action = PCIPT_ACTION_BIND;
}

/* vfio-pci, its variants and pci-stub leave the group's DMA to user space. */
static bool on_passthrough_driver(const struct pcipt_device *device)
{
	return device->driver &&
	       (device->driver->vfio || strcmp(device->driver->name, "pci-stub") == 0);
}

static int action_for(const struct closure *c, const struct pcipt_device *device, int role)
{
	if (pcipt_device_is_bridge(device) || role == PCIPT_ROLE_BRIDGE)
		return PCIPT_ACTION_KEEP;
	if (pcipt_streq(pcipt_device_get_driver(device), c->driver))
		return PCIPT_ACTION_KEEP;
	if (role == PCIPT_ROLE_REQUESTED)
		return PCIPT_ACTION_BIND;
	if (on_passthrough_driver(device))
		return PCIPT_ACTION_KEEP;
	return device->driver ? PCIPT_ACTION_BIND : PCIPT_ACTION_PIN;
}

static bool add(struct closure *c, struct pcipt_device *device, int role)
{
	if (is_member(c, device))
		return true;
	if (!pcipt_grow(&c->members, c->n))
		return false;
	c->members[c->n++] =
		(struct pcipt_member){ device, role, action_for(c, device, role) };
	return true;
}

static bool add_group(struct closure *c, const struct pcipt_group *group)
{
	for (struct pcipt_device *d = group ? group->first : NULL; d; d = d->next_in_group) {
		int role = is_requested(c, d)	      ? PCIPT_ROLE_REQUESTED :
			   pcipt_device_is_bridge(d) ? PCIPT_ROLE_BRIDGE :
						       PCIPT_ROLE_GROUP_MEMBER;

		if (!add(c, d, role))
			return false;
	}
	return true;
}

static int compare(const void *x, const void *y)
{
	const struct pcipt_member *a = x, *b = y;
	uint64_t ka = pcipt_address_key(a->device->at), kb = pcipt_address_key(b->device->at);

	return ka < kb ? -1 : ka > kb;
}

bool pcipt_closure_compute(struct pcipt_device *const *requested, size_t n, const char *driver,
			   struct pcipt_member **members, size_t *n_members)
{
	struct closure c = { .requested = requested, .n_requested = n, .driver = driver };
	bool ok = true;

	/* Groups don't reach beyond themselves, so one pass is the fixed point. */
	for (size_t i = 0; ok && i < n; i++)
		ok = add(&c, requested[i], PCIPT_ROLE_REQUESTED) &&
		     add_group(&c, requested[i]->group);
	if (!ok) {
		free(c.members);
		return false;
	}
	join_slots(&c);
	if (c.n > 1)
		qsort(c.members, c.n, sizeof(*c.members), compare);
	*members = c.members;
	*n_members = c.n;
	return true;
}
