/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual functions of the simulated kernel: made and ended by their PF's attributes. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

/* A group that nobody is in. */
static int new_group(const struct sim *sim)
{
	int group = 1;

	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->group >= group)
			group = sim->devices[i]->group + 1;
	return group;
}

/* Bus, device and function in one number, as requests carry it. */
static void print_vf(const struct sim_device *pf, unsigned int index, char *out, size_t size)
{
	unsigned int domain, bus, slot, function, number;

	if (sscanf(pf->address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		abort();
	number = (bus << 8 | slot << 3 | function) + pf->vf_offset + index * pf->vf_stride;
	snprintf(out, size, "%04x:%02x:%02x.%x", domain, number >> 8 & 0xff, number >> 3 & 31,
		 number & 7);
}

static void add_vf(struct sim *sim, const struct sim_device *pf, unsigned int index)
{
	struct sim_device *vf;
	char address[32];

	print_vf(pf, index, address, sizeof(address));
	sim_add(sim, &(struct sim_device_facts){ .address = address,
						 .vendor = pf->vendor,
						 .device = pf->vf_device,
						 .class_id = pf->class_id,
						 .group = new_group(sim),
						 .power_control = "on",
						 .subsystem_vendor = pf->subsystem_vendor,
						 .subsystem_device = pf->subsystem_device,
						 .revision = pf->revision,
						 .physfn = pf->address });
	vf = sim_find(sim, address);
	free(vf->path);
	/* Beside its PF. */
	vf->path = pcipt_format("%.*s/%s", (int)(strlen(pf->path) - strlen(pf->address) - 1),
				pf->path, address);
	sim_attach(sim, vf);
}

void sim_end_vfs(struct sim *sim, struct sim_device *pf)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->physfn == pf)
			sim_remove(sim, sim->devices[i]->address);
	pf->num_vfs = 0;
}

/* sriov_numvfs_store() */
int sim_set_numvfs(struct sim *sim, struct sim_device *device, const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (!*text || *end || n < 0 || n > UINT16_MAX)
		return -EINVAL;
	if (n > device->total_vfs)
		return -ERANGE;
	if (n == device->num_vfs)
		return 0;
	if (!device->driver || device->driver->vfs == SIM_NO_VFS)
		return -ENOENT;
	if (n > 0 && device->num_vfs > 0)
		return -EBUSY;
	if (n == 0)
		sim_end_vfs(sim, device);
	device->num_vfs = (uint16_t)n;
	for (unsigned int i = 0; i < n; i++)
		add_vf(sim, device, i);
	return 0;
}

int sim_set_autoprobe(struct sim_device *device, const char *text)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return -EINVAL;
	device->no_autoprobe = *text == '0';
	return 0;
}

char *sim_sriov_attribute(const struct sim_device *device, const char *name)
{
	if (!device->total_vfs)
		return NULL;
	if (strcmp(name, "sriov_totalvfs") == 0)
		return pcipt_format("%u", device->total_vfs);
	if (strcmp(name, "sriov_numvfs") == 0)
		return pcipt_format("%u", device->num_vfs);
	if (strcmp(name, "sriov_offset") == 0)
		return pcipt_format("%u", device->vf_offset);
	if (strcmp(name, "sriov_stride") == 0)
		return pcipt_format("%u", device->vf_stride);
	if (strcmp(name, "sriov_vf_device") == 0)
		return pcipt_format("%x", device->vf_device);
	if (strcmp(name, "sriov_drivers_autoprobe") == 0)
		return strdup(device->no_autoprobe ? "0" : "1");
	return NULL;
}
