/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device's getters. Reading is facts.c's job. */
#include "inventory/inventory.h"

struct pcipt_snapshot *pcipt_device_get_snapshot(const struct pcipt_device *device)
{
	return device ? device->snap : NULL;
}

const char *pcipt_device_get_address(const struct pcipt_device *device)
{
	return device ? device->address : NULL;
}

int32_t pcipt_device_get_vendor_id(const struct pcipt_device *device)
{
	return device ? device->ids[0] : -1;
}

int32_t pcipt_device_get_device_id(const struct pcipt_device *device)
{
	return device ? device->ids[1] : -1;
}

int32_t pcipt_device_get_subsystem_vendor_id(const struct pcipt_device *device)
{
	return device ? device->ids[2] : -1;
}

int32_t pcipt_device_get_subsystem_device_id(const struct pcipt_device *device)
{
	return device ? device->ids[3] : -1;
}

int32_t pcipt_device_get_class_id(const struct pcipt_device *device)
{
	return device ? device->class_id : -1;
}

int32_t pcipt_device_get_revision(const struct pcipt_device *device)
{
	return pcipt_device_facts((struct pcipt_device *)device, PCIPT_FACTS_KIN)->revision;
}

/*
 * By class, so that no listing has to read (and wake) the hardware: PCI-to-PCI
 * (PCI Code and ID Assignment, 06h/04h and 06h/09h) and CardBus (06h/07h) are the
 * classes whose header type isn't 0.
 */
bool pcipt_device_is_bridge(const struct pcipt_device *device)
{
	int32_t class_id = device ? device->class_id >> 8 : -1;

	return class_id == 0x0604 || class_id == 0x0607 || class_id == 0x0609;
}

const char *pcipt_device_get_driver(const struct pcipt_device *device)
{
	return device && device->driver ? device->driver->name : NULL;
}

bool pcipt_device_has_vfio_driver(const struct pcipt_device *device)
{
	return device && device->driver && device->driver->vfio;
}

const char *pcipt_device_get_driver_override(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_OVERRIDE)->driver_override;
}

struct pcipt_group *pcipt_device_get_group(const struct pcipt_device *device)
{
	return device ? device->group : NULL;
}

int pcipt_device_get_numa_node(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES)->numa_node;
}

struct pcipt_device *pcipt_device_get_parent(struct pcipt_device *device)
{
	const char *path = pcipt_device_facts(device, PCIPT_FACTS_PATH)->path, *end, *begin;
	char parent[PCIPT_ADDRESS_SIZE];
	struct pcipt_address at;

	/* "pci0000:00/0000:00:1c.0/0000:01:00.0": the name before the last one. */
	end = path ? strrchr(path, '/') : NULL;
	if (!end)
		return NULL;
	for (begin = end; begin > path && begin[-1] != '/'; begin--)
		;
	if ((size_t)(end - begin) >= sizeof(parent))
		return NULL;
	memcpy(parent, begin, (size_t)(end - begin));
	parent[end - begin] = '\0';
	return pcipt_address_scan(parent, &at, NULL) ? pcipt_snapshot_at(device->snap, at) : NULL;
}

struct pcipt_device *pcipt_device_get_physfn(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_KIN)->physfn;
}

size_t pcipt_device_virtfn_count(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_VIRTFNS)->n_virtfns;
}

struct pcipt_device *pcipt_device_virtfn_at(struct pcipt_device *device, size_t i)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, PCIPT_FACTS_VIRTFNS);

	return i < facts->n_virtfns ? facts->virtfns[i] : NULL;
}

int pcipt_device_get_boot_vga(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES)->boot_vga;
}

size_t pcipt_device_reset_method_count(struct pcipt_device *device)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES);

	return facts->reset ? facts->reset->n : 0;
}

const char *pcipt_device_reset_method_at(struct pcipt_device *device, size_t i)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES);

	return facts->reset && i < facts->reset->n ? facts->reset->names[i] : NULL;
}

const char *pcipt_device_get_power_control(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_POWER)->power_control;
}

const char *pcipt_device_get_slot(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_IDENTITY)->slot;
}

const char *pcipt_device_get_identity(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_IDENTITY)->identity;
}

const char *pcipt_device_get_vendor_name(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_NAMES)->vendor_name;
}

const char *pcipt_device_get_device_name(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_NAMES)->device_name;
}

const char *pcipt_device_get_class_name(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_NAMES)->class_name;
}

const char *pcipt_device_get_vfio_device(struct pcipt_device *device)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, PCIPT_FACTS_VFIO);

	return facts->vfio_cdev ? facts->vfio_cdev : facts->vfio_group_node;
}
