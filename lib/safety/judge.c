/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge: what stands against a set's members. Pure: it reads what the
 * inventory and the usage layer found out before, and makes no system call.
 */
#include "safety/judge.h"

/* ---- the device itself ---- */

static void judge_kind(struct judgement *j, struct pcipt_device *device)
{
	if (pcipt_device_is_bridge(device))
		FIND(j, "not-bindable", device,
		     pcipt_format("%s is a bridge: it can't be given away", device->address),
		     pcipt_format("its class is 0x%06x", device->class_id), NULL);
	else
		pcipt_judge_iommu(j, device);
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

/* ---- links that could not be read ---- */

static void judge_driver_link(struct judgement *j, struct pcipt_device *device)
{
	if (device->driver_unknown)
		FIND(j, "unreadable", device,
		     pcipt_format("%s: its driver can't be read, so it may be in use", device->address),
		     strdup("the driver link is there and can't be followed"), NULL);
}

/* Of no group, or of the one that is to be taken: of any device, since none knows which. */
static void judge_group_links(struct judgement *j)
{
	const struct pcipt_snapshot *snap = j->set->snap;

	for (size_t i = 0; i < snap->n_devices; i++) {
		struct pcipt_device *device = &snap->devices[i];

		if (device->group_unknown)
			FIND(j, "unreadable", device,
			     pcipt_format("%s: its IOMMU group can't be read, so it may belong to this set",
					  device->address),
			     strdup("the iommu_group link is there and can't be followed"), NULL);
	}
}

/* ---- SR-IOV ---- */

static void judge_functions(struct judgement *j, struct pcipt_device *device)
{
	struct pcipt_device *pf = pcipt_device_get_physfn(device);
	size_t n = pcipt_device_virtfn_count(device);

	if (pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_VIRTFNS)->functions_unknown)
		FIND(j, "unreadable", device,
		     pcipt_format("%s: which virtual functions it has, or of what it is one, can't be read",
				  device->address),
		     strdup("a physfn or virtfn link is there and can't be followed"), NULL);
	if (pcipt_device_facts(device, PCIPT_FACTS_VIRTFNS)->has_vfs)
		FIND(j, "pf-with-vfs", device,
		     pcipt_format("%s has virtual functions enabled, which need its driver; vfio-pci takes no "
				  "device that has any",
				  device->address),
		     n > 0 ? pcipt_format("%zu of them, the first is %s", n,
					  pcipt_device_virtfn_at(device, 0)->address) :
			     strdup("it has a link virtfn0"),
		     pcipt_format("Set sriov_numvfs of %s to 0 first", device->address));
	if (pf && (!pf->driver || pf->driver->vfio))
		FIND(j, "vf-pf-unbound", device,
		     pcipt_format("%s is a virtual function of %s, which isn't on a driver of its own",
				  device->address, pf->address),
		     pcipt_format("%s has %s", pf->address, judge_driver_of(pf)),
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

static void judge_member(struct judgement *j, const struct pcipt_member *member)
{
	struct pcipt_device *device = member->device;

	judge_driver_link(j, device);
	if (member->role == PCIPT_ROLE_REQUESTED || member->action == PCIPT_ACTION_BIND)
		judge_kind(j, device);
	if (member->role == PCIPT_ROLE_BRIDGE) {
		pcipt_judge_bridge(j, device);
		return;
	}
	pcipt_judge_owner(j, device);
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
	pcipt_judge_deny_list(j, device);
	pcipt_judge_platform(j, device);
	pcipt_judge_power(j, device);
	judge_display(j, device);
	judge_functions(j, device);
	pcipt_judge_reset(j, device);
}

static bool moves_any(const struct pcipt_set *set)
{
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].action == PCIPT_ACTION_BIND)
			return true;
	return false;
}

void pcipt_judge(struct pcipt_set *set, const struct pcipt_evidence *evidence)
{
	struct judgement j = { set, evidence };
	const struct pcipt_record *own = pcipt_judge_common_claim(&j);

	/* All of it is in one claim with this driver: nothing is asked for. */
	if (own) {
		set->claim = strdup(own->name);
		set->findings.no_memory |= !set->claim;
		return;
	}
	judge_driver(&j);
	if (moves_any(set))
		pcipt_judge_interrupts(&j);
	pcipt_judge_records(&j);
	pcipt_judge_strays(&j);
	judge_group_links(&j);
	for (size_t i = 0; i < set->n_members; i++)
		judge_member(&j, &set->members[i]);
	pcipt_judge_uses(&j);
	if (!set->with_set)
		pcipt_judge_groups(&j);
}
