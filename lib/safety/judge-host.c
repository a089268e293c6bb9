/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the machine around a device says: its IOMMU, its place on the platform, its power. */
#include "safety/judge.h"

#define INTEL 0x8086
#define AMD 0x1022

/* ---- the IOMMU ---- */

static void judge_no_group(struct judgement *j, struct pcipt_device *device)
{
	/* With that parameter vfio makes a group when the device is bound. */
	if (j->evidence->host.noiommu_mode)
		FIND(j, "noiommu", device,
		     pcipt_format("%s is in no IOMMU group, and would be given away in no-IOMMU mode",
				  device->address),
		     strdup("vfio's parameter enable_unsafe_noiommu_mode is on"), NULL);
	else
		FIND(j, "no-iommu", device,
		     pcipt_format("%s is in no IOMMU group: nothing would confine its DMA",
				  device->address),
		     strdup("it has no iommu_group in sysfs"),
		     strdup("Turn the IOMMU on in the firmware (VT-d or AMD-Vi) and boot with "
			    "intel_iommu=on where the kernel needs it"));
}

/* "0x00000000abc00000 0x00000000abcfffff direct": attaching a virtual machine would fail. */
static void judge_regions(struct judgement *j, struct pcipt_device *device)
{
	for (size_t i = 0; i < pcipt_group_reserved_region_count(device->group); i++) {
		const char *region = pcipt_group_reserved_region_at(device->group, i);
		const char *type = strrchr(region, ' ');

		if (!type || strcmp(type, " direct") != 0)
			continue;
		FIND(j, "reserved-region", device,
		     pcipt_format("%s: the firmware keeps memory for its IOMMU group, so it can't be "
				  "attached to a virtual machine",
				  device->address),
		     pcipt_format("reserved_regions of group %d has %s", device->group->number,
				  region),
		     NULL);
		return;
	}
}

void pcipt_judge_iommu(struct judgement *j, struct pcipt_device *device)
{
	if (!device->group) {
		judge_no_group(j, device);
		return;
	}
	if (device->group->noiommu)
		FIND(j, "noiommu", device,
		     pcipt_format("%s is in a group of no-IOMMU mode: nothing confines its DMA",
				  device->address),
		     pcipt_format("the name of group %d is vfio-noiommu", device->group->number),
		     NULL);
	judge_regions(j, device);
}

void pcipt_judge_interrupts(struct judgement *j)
{
	if (j->evidence->host.interrupts == PCIPT_INTERRUPTS_UNSAFE)
		FIND(j, "unsafe-interrupts", NULL,
		     strdup("this machine doesn't remap interrupts: the user of a device could forge "
			    "them"),
		     strdup("the chip of an interrupt in /sys/kernel/irq is IO-APIC, not IR-IO-APIC"),
		     NULL);
}

/* ---- vfio-pci's own list of devices that it won't take (drivers/vfio/pci/vfio_pci.c) ---- */

void pcipt_judge_deny_list(struct judgement *j, struct pcipt_device *device)
{
	static const uint16_t denied[] = {
		0x0435, 0x0443, /* QuickAssist DH895xCC and its VF */
		0x19e2, 0x19e3, /* C3xxx */
		0x37c8, 0x37c9, /* C62x */
		0x0b25, 0x0cfe, /* DSA and IAX of Sapphire Rapids, since Linux 6.9 */
	};

	if (device->ids[0] != INTEL || strcmp(j->set->driver, "vfio-pci") != 0 ||
	    j->evidence->host.denylist_off)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++)
		if (device->ids[1] == denied[i])
			FIND(j, "not-bindable", device,
			     pcipt_format("%s is on vfio-pci's list of devices that it doesn't take",
					  device->address),
			     pcipt_format("its ids are 8086:%04x, and vfio_pci's parameter "
					  "disable_denylist is off",
					  denied[i]),
			     strdup("Choose another device; untrusted users could harm the host "
				    "through this one"));
}

/* ---- the platform ---- */

/*
 * PCI Code and ID Assignment: 0600 to 0602 host, ISA and EISA bridges (LPC calls itself
 * ISA), 0C05 SMBus, 0C80 other serial buses, 0780 other communication, 1080 other
 * encryption. The last three are also said by cards, so they count by vendor: Intel's SPI
 * flash, Intel's management engine on the root bus, AMD's security processor.
 */
static const char *platform_part(const struct pcipt_device *device)
{
	int32_t class_id = device->class_id >> 8, vendor = device->ids[0];

	if (class_id == 0x0600 || class_id == 0x0601 || class_id == 0x0602)
		return "a bridge of the platform";
	if (class_id == 0x0c05)
		return "the SMBus";
	if (class_id == 0x0c80 && vendor == INTEL && device->at.bus == 0)
		return "the SPI flash's controller";
	if (class_id == 0x0780 && vendor == INTEL && device->at.bus == 0)
		return "the management engine's interface";
	if (class_id == 0x1080 && vendor == AMD)
		return "the security processor";
	return NULL;
}

void pcipt_judge_platform(struct judgement *j, struct pcipt_device *device)
{
	const char *part = platform_part(device);

	if (device->class_id < 0)
		FIND(j, "unreadable", device,
		     pcipt_format("%s: its class can't be read, so it may be a bridge or the display",
				  device->address),
		     strdup("neither modalias nor class can be read"), NULL);
	else if (part)
		FIND(j, "platform-function", device,
		     pcipt_format("%s is part of the platform, not a card: %s", device->address,
				  part),
		     pcipt_format("its class is 0x%06x", (unsigned int)device->class_id), NULL);
}

/* ---- power ---- */

/*
 * `power_state` (sysfs-bus-pci, since Linux 5.11). "unknown" is what a device without power
 * management has, D3hot what one that sleeps has; both are as they should be.
 */
void pcipt_judge_power(struct judgement *j, struct pcipt_device *device)
{
	const char *state = pcipt_device_get_power_state(device);

	if (state && (strcmp(state, "D3cold") == 0 || strcmp(state, "error") == 0))
		FIND(j, "power-state", device,
		     pcipt_format("%s is %s", device->address,
				  *state == 'e' ? "in a power state that can't be told" :
						  "switched off (D3cold), which it may not leave"),
		     pcipt_format("its power_state reads %s", state), NULL);
}
