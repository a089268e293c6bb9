/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge: what stands against a set's members. Pure: it reads what the
 * inventory and the usage layer found out before, and makes no system call.
 */
#include <libpcipt/claim.h>

#include "safety/set.h"

struct judgement {
	struct pcipt_set *set;
	const struct pcipt_evidence *evidence;
};

#define FIND(j, code, device, ...) pcipt_finding_add(&(j)->set->findings, code, device, __VA_ARGS__)

static const char *driver_of(const struct pcipt_device *device)
{
	return device->driver ? device->driver->name : "no driver";
}

/* "0000:01:00.1 (Audio device, snd_hda_intel)" */
static char *describe(struct pcipt_device *device)
{
	const char *class_name = pcipt_device_get_class_name(device);

	return class_name ? pcipt_format("%s (%s, %s)", device->address, class_name,
					 driver_of(device)) :
			    pcipt_format("%s (%s)", device->address, driver_of(device));
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

/* ---- the device itself ---- */

static void judge_kind(struct judgement *j, struct pcipt_device *device)
{
	if (pcipt_device_is_bridge(device))
		FIND(j, "not-bindable", device,
		     pcipt_format("%s is a bridge: it can't be given away", device->address),
		     pcipt_format("its class is 0x%06x", device->class_id), NULL);
	else if (!device->group)
		FIND(j, "no-iommu", device,
		     pcipt_format("%s is in no IOMMU group: nothing would confine its DMA",
				  device->address),
		     strdup("it has no iommu_group in sysfs"),
		     strdup("Turn the IOMMU on in the firmware (VT-d or AMD-Vi) and boot with "
			    "intel_iommu=on where the kernel needs it"));
}

/* Host, ISA, EISA and LPC bridges, SMBus: PCI Code and ID Assignment, 0600 to 0602, 0C05. */
static void judge_platform(struct judgement *j, struct pcipt_device *device)
{
	int32_t class_id = device->class_id >> 8;

	if (device->class_id < 0)
		FIND(j, "unreadable", device,
		     pcipt_format("%s: its class can't be read, so it may be a bridge or the display",
				  device->address),
		     strdup("neither modalias nor class can be read"), NULL);
	if (class_id == 0x0600 || class_id == 0x0601 || class_id == 0x0602 || class_id == 0x0c05)
		FIND(j, "platform-function", device,
		     pcipt_format("%s is part of the platform, not a card", device->address),
		     pcipt_format("its class is 0x%06x (%s)", device->class_id,
				  pcipt_device_get_class_name(device) ?
					  pcipt_device_get_class_name(device) :
					  "platform"),
		     NULL);
}

static void judge_display(struct judgement *j, struct pcipt_device *device)
{
	if (pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES)->boot_vga_unknown)
		FIND(j, "unreadable", device,
		     pcipt_format("%s is a display, and whether this machine booted on it can't be read",
				  device->address),
		     strdup("its boot_vga attribute can't be read"), NULL);
	if (pcipt_device_get_boot_vga(device) == 1)
		FIND(j, "boot-vga", device,
		     pcipt_format("%s is the display that this machine booted on", device->address),
		     strdup("its boot_vga attribute reads 1"), NULL);
}

/* ---- SR-IOV ---- */

static void judge_functions(struct judgement *j, struct pcipt_device *device)
{
	struct pcipt_device *pf = pcipt_device_get_physfn(device);
	size_t n = pcipt_device_virtfn_count(device);

	if (pcipt_device_facts(device, PCIPT_FACTS_VIRTFNS)->has_vfs)
		FIND(j, "pf-with-vfs", device,
		     pcipt_format("%s has virtual functions enabled, which would vanish with its driver",
				  device->address),
		     n > 0 ? pcipt_format("%zu of them, the first is %s", n,
					  pcipt_device_virtfn_at(device, 0)->address) :
			     strdup("it has a link virtfn0"),
		     pcipt_format("Set sriov_numvfs of %s to 0 first", device->address));
	if (pf && (!pf->driver || pf->driver->vfio))
		FIND(j, "vf-pf-unbound", device,
		     pcipt_format("%s is a virtual function of %s, which isn't on a driver of its own",
				  device->address, pf->address),
		     pcipt_format("%s has %s", pf->address, driver_of(pf)),
		     pcipt_format("Give %s back to its driver first", pf->address));
}

/* ---- override ---- */

static void judge_override(struct judgement *j, struct pcipt_device *device)
{
	const char *override = pcipt_device_get_driver_override(device);

	if (pcipt_device_facts(device, PCIPT_FACTS_OVERRIDE)->override_unknown)
		FIND(j, "unreadable", device,
		     pcipt_format("%s: its driver_override can't be read, so it could not be put back",
				  device->address),
		     strdup("the read failed or waits for the device's lock (see the problems of "
			    "`pcipt show`)"),
		     strdup("Wait until the driver lets the device go, then try again"));
	else if (override)
		FIND(j, "override-present", device,
		     pcipt_format("%s has the driver override \"%s\" already; a release puts it back",
				  device->address, override),
		     pcipt_format("driver_override reads %s", override), NULL);
}

/* ---- owners ---- */

/* Whether a claim is the caller's own: bound, and not of another owner than asked. */
static bool is_own(const struct judgement *j, const struct pcipt_record *record)
{
	const struct pcipt_options *options = j->set->options;

	return record->state == PCIPT_CLAIM_BOUND &&
	       strcmp(record->driver, j->set->driver) == 0 &&
	       (!options || !options->owner || pcipt_streq(options->owner, record->owner));
}

/* Whether what is at the address is still what the claim took. */
static bool is_recorded(const struct pcipt_record *record, struct pcipt_device *device)
{
	for (size_t i = 0; i < record->n_devices; i++)
		if (pcipt_address_key(record->devices[i].at) == pcipt_address_key(device->at))
			return pcipt_streq(record->devices[i].identity,
					   pcipt_device_get_identity(device));
	return false;
}

/* The one own claim that holds all devices asked for; or NULL. */
static const struct pcipt_record *common_claim(struct judgement *j)
{
	const struct pcipt_record *common = NULL;

	for (size_t i = 0; i < j->set->n_members; i++) {
		const struct pcipt_member *member = &j->set->members[i];
		const struct pcipt_record *holder =
			pcipt_records_holder(&j->evidence->records, member->device->at);

		/* A group that has grown since: what would move now was never judged. */
		if (member->action == PCIPT_ACTION_BIND)
			return NULL;
		if (member->role != PCIPT_ROLE_REQUESTED)
			continue;
		if (!holder || (common && holder != common) || !is_own(j, holder) ||
		    member->action != PCIPT_ACTION_KEEP || !is_recorded(holder, member->device))
			return NULL;
		common = holder;
	}
	return common;
}

static void judge_owner(struct judgement *j, struct pcipt_device *device)
{
	const struct pcipt_record *holder =
		pcipt_records_holder(&j->evidence->records, device->at);

	if (holder)
		FIND(j, "claimed", device,
		     pcipt_format("%s belongs to the claim %s", device->address, holder->name),
		     pcipt_format("the claim is %s%s%s, since %s",
				  pcipt_claim_state_name(holder->state),
				  holder->owner ? ", its owner is " : "",
				  holder->owner ? holder->owner : "",
				  holder->since ? holder->since : "an unknown time"),
		     pcipt_format("Run `pcipt release %s` first", holder->name));
	else if (device->driver && device->driver->vfio)
		FIND(j, "foreign-owner", device,
		     pcipt_format("%s is on %s already, and no claim says who wants it",
				  device->address, device->driver->name),
		     pcipt_format("its driver link names %s", device->driver->name), NULL);
}

/* ---- the group ---- */

static void judge_bridge(struct judgement *j, struct pcipt_device *bridge)
{
	if (!bridge->driver || bridge->driver->vfio ||
	    strcmp(bridge->driver->name, "pcieport") == 0 ||
	    strcmp(bridge->driver->name, "pci-stub") == 0)
		return;
	FIND(j, "group-not-viable", bridge,
	     pcipt_format("IOMMU group %d can't be given away: its bridge %s is on the driver %s",
			  bridge->group->number, bridge->address, bridge->driver->name),
	     pcipt_format("bridges may have pcieport or no driver, this one has %s",
			  bridge->driver->name),
	     NULL);
}

/* The first device of a group that was asked for: the finding is told of it. */
static struct pcipt_device *first_requested(struct pcipt_set *set, const struct pcipt_group *group)
{
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].device->group == group &&
		    set->members[i].role == PCIPT_ROLE_REQUESTED)
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
		if (member->role == PCIPT_ROLE_REQUESTED)
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

static void judge_groups(struct judgement *j)
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

/* ---- the host ---- */

static void judge_driver(struct judgement *j)
{
	if (j->evidence->driver_state == PCIPT_MODULE_ABSENT)
		FIND(j, "driver-missing", NULL,
		     pcipt_format("the driver %s is not there", j->set->driver),
		     pcipt_format("it is not registered on the PCI bus, and there is no module %s",
				  j->set->driver),
		     pcipt_format("Install the kernel module %s, or name another driver with --driver",
				  j->set->driver));
	else if (j->evidence->driver_state < 0)
		FIND(j, "unreadable", NULL,
		     pcipt_format("whether the driver %s can be had could not be found out",
				  j->set->driver),
		     strdup(pcipt_errno_text(-j->evidence->driver_state)), NULL);
}

static void judge_records(struct judgement *j)
{
	const struct pcipt_error *no_records = j->evidence->no_records;

	if (no_records)
		FIND(j, "unreadable", NULL,
		     strdup("whether another claim holds the devices could not be found out"),
		     pcipt_format("%s", pcipt_error_get_message(no_records)), NULL);
	/* One damaged record must not stop all others: its devices still show as foreign. */
	for (size_t i = 0; i < j->evidence->records.n_problems; i++) {
		FIND(j, "unreadable", NULL,
		     strdup("a claim's record can't be used, so its devices are not known"),
		     pcipt_format("%s", pcipt_error_get_message(j->evidence->records.problems[i])),
		     pcipt_format("%s", pcipt_error_get_remedy(j->evidence->records.problems[i])));
		/* A file that merely couldn't be opened may hold just this device. */
		if (pcipt_error_get_code(j->evidence->records.problems[i]) == PCIPT_E_DAMAGED)
			pcipt_finding_soften_last(&j->set->findings);
	}
}

static void judge_member(struct judgement *j, const struct pcipt_member *member)
{
	struct pcipt_device *device = member->device;

	if (member->role == PCIPT_ROLE_REQUESTED)
		judge_kind(j, device);
	if (member->role == PCIPT_ROLE_BRIDGE) {
		judge_bridge(j, device);
		return;
	}
	judge_owner(j, device);
	if (member->action == PCIPT_ACTION_PIN)
		FIND(j, "sibling-unbound", device,
		     pcipt_format("%s shares the IOMMU group and has no driver: it is kept without one",
				  device->address),
		     pcipt_format("it is in group %d and has no driver link", device->group->number),
		     NULL);
	if (member->action != PCIPT_ACTION_KEEP)
		judge_override(j, device);
	if (member->action != PCIPT_ACTION_BIND)
		return;
	judge_platform(j, device);
	judge_display(j, device);
	judge_functions(j, device);
}

void pcipt_judge(struct pcipt_set *set, const struct pcipt_evidence *evidence)
{
	struct judgement j = { set, evidence };
	const struct pcipt_record *own = common_claim(&j);

	/* All of it is in one claim with this driver: nothing is asked for. */
	if (own) {
		set->claim = strdup(own->name);
		set->findings.no_memory |= !set->claim;
		return;
	}
	judge_driver(&j);
	judge_records(&j);
	for (size_t i = 0; i < set->n_members; i++)
		judge_member(&j, &set->members[i]);
	if (!set->with_set)
		judge_groups(&j);
}
