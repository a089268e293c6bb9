/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sharing an IOMMU group asks for. */
#include "safety/judge.h"

/* "0000:01:00.1 (Audio device, snd_hda_intel)" */
static char *describe(struct pcipt_device *device)
{
	const char *class_name = pcipt_device_get_class_name(device);

	return class_name ? pcipt_format("%s (%s, %s)", device->address, class_name,
					 judge_driver_of(device)) :
			    pcipt_format("%s (%s)", device->address, judge_driver_of(device));
}

/* Appends to a list with a separator, taking `more` over; NULL without memory. */
static char *join(char *list, const char *separator, char *more)
{
	char *joined = list && more ? pcipt_format("%s%s%s", list, *list ? separator : "", more) :
				      NULL;

	free(list);
	free(more);
	return joined;
}

void pcipt_judge_bridge(struct judgement *j, struct pcipt_device *bridge)
{
	if (pcipt_device_leaves_group_alone(bridge))
		return;
	FIND(j, "group-not-viable", bridge,
	     pcipt_format("IOMMU group %d can't be given away: its bridge %s is on the driver %s",
			  bridge->group->number, bridge->address, bridge->driver->name),
	     pcipt_format("bridges may have pcieport or no driver, this one has %s",
			  bridge->driver->name),
	     NULL);
}

/* Whether the caller asked for it: by name, or with the companions. */
static bool is_accepted(const struct pcipt_member *member)
{
	return member->role == PCIPT_ROLE_REQUESTED || member->role == PCIPT_ROLE_RESET_COUPLED ||
	       member->role == PCIPT_ROLE_COMPANION;
}

/* The first device of a group that was asked for: the finding is told of it. */
static struct pcipt_device *first_requested(struct pcipt_set *set, const struct pcipt_group *group)
{
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].device->group == group && is_accepted(&set->members[i]))
			return set->members[i].device;
	return NULL;
}

/* Names the whole set, so that the answer to the refusal can be typed at once. */
static void judge_group(struct judgement *j, const struct pcipt_group *group)
{
	struct pcipt_device *asked = first_requested(j->set, group);
	char *others = strdup(""), *whole = strdup(""), *evidence;
	size_t n = 0;

	for (size_t i = 0; i < j->set->n_members; i++) {
		const struct pcipt_member *member = &j->set->members[i];

		if (member->action != PCIPT_ACTION_BIND || member->device->group != group)
			continue;
		whole = join(whole, " ", strdup(member->device->address));
		if (is_accepted(member))
			continue;
		others = join(others, ", ", describe(member->device));
		n++;
	}
	if (n > 0) {
		evidence = pcipt_format("%s of %zu devices has the number %d", "the IOMMU group",
					group->n_devices, group->number);
		FIND(j, "set-incomplete", asked,
		     pcipt_format("%s can't go without %s: they share IOMMU group %d",
				  asked->address, others ? others : "", group->number),
		     evidence,
		     pcipt_format("Ask for all of %s, or accept the set with --with-set",
				  whole ? whole : ""));
	}
	free(others);
	free(whole);
}

void pcipt_judge_groups(struct judgement *j)
{
	struct pcipt_set *set = j->set;

	for (size_t i = 0; i < set->n_members; i++) {
		const struct pcipt_group *group = set->members[i].device->group;
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= set->members[k].device->group == group;
		if (group && !seen)
			judge_group(j, group);
	}
}
