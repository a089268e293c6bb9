/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated machine out of what the real one showed when its script began. */
#include <errno.h>
#include <stdio.h>

#include "run.h"

/* A key's value in the line, up to a space; NULL when it isn't there. */
static const char *value(const char *line, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	for (const char *at = line; (at = strstr(at, key)); at += n)
		if (at[-1] == ' ' && at[n] == '=') {
			snprintf(buf, size, "%.*s", (int)strcspn(at + n + 1, " "), at + n + 1);
			return buf;
		}
	return NULL;
}

static unsigned long number(const char *line, const char *key, int base)
{
	char buf[32];

	return value(line, key, buf, sizeof(buf)) ? strtoul(buf, NULL, base) : 0;
}

/* Groups are numbered by their labels' places among the lines. */
static int group_number(const char *label)
{
	static char labels[MAX_NAMES][32];
	int i = 0;

	if (strcmp(label, "none") == 0)
		return 0;
	while (labels[i][0] && strcmp(labels[i], label) != 0)
		i++;
	snprintf(labels[i], sizeof(labels[i]), "%.31s", label);
	return i + 1;
}

static bool has_nvme;

/* What drivers do that nothing in sysfs tells. */
static void add_driver(struct run *run, const char *name, const char *state)
{
	static const struct {
		const char *name;
		enum sim_match match;
		enum sim_vfs vfs;
	} known[] = {
		{ "vfio-pci", SIM_MATCH_OVERRIDE, SIM_NO_VFS },
		{ "pci-stub", SIM_MATCH_OVERRIDE, SIM_NO_VFS },
		{ "igb", SIM_MATCH_IDS, SIM_ENDS_VFS },
		{ "nvme", SIM_MATCH_IDS, SIM_LEAVES_VFS },
	};
	enum sim_match match = SIM_MATCH_IDS;
	enum sim_vfs vfs = SIM_NO_VFS;

	if (strcmp(state, "absent") == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].name, name) == 0) {
			match = known[i].match;
			vfs = known[i].vfs;
		}
	sim_driver(run->sim, name, match, strcmp(state, "ready") == 0);
	sim_driver_makes_vfs(run->sim, name, vfs);
	has_nvme |= strcmp(name, "nvme") == 0;
	/* The one driver of a script that has no device when it begins. */
	if (strcmp(name, "igbvf") == 0)
		sim_driver_takes(run->sim, name, 0x8086, 0x10ca);
}

/* nvme on hardware that isn't its own: refused at once since 6.5 or so, given up later before. */
static void add_nvme(struct run *run, const struct sim_device_facts *facts, bool old)
{
	if (!has_nvme || facts->class_id >> 8 == 0x0108)
		return;
	if (old)
		sim_settles(run->sim, facts->address, 2, true);
	else
		sim_driver_refuses(run->sim, "nvme", facts->address, ENODEV);
}

/* What kind of bridge one is isn't told; pcieport left alone what is no port. */
static void add_bridge(struct run *run, const struct sim_device_facts *facts)
{
	if (facts->class_id >> 8 == 0x0604 && !facts->driver)
		sim_driver_refuses(run->sim, "pcieport", facts->address, ENODEV);
}

static void add_device(struct run *run, const char *line, const char *address, bool old)
{
	char path[128], driver[64], power[16], modalias[128], vga[8], label[32];
	struct sim_device_facts facts = { .address = address };
	unsigned int v, d, sv, sd, bc, sc, i;

	if (!value(line, "modalias", modalias, sizeof(modalias)) ||
	    sscanf(modalias, "pci:v%8Xd%8Xsv%8Xsd%8Xbc%2Xsc%2Xi%2X", &v, &d, &sv, &sd, &bc, &sc,
		   &i) != 7)
		return; /* a VF that is still to come */
	facts.vendor = (uint16_t)v;
	facts.device = (uint16_t)d;
	facts.subsystem_vendor = (uint16_t)sv;
	facts.subsystem_device = (uint16_t)sd;
	facts.class_id = bc << 16 | sc << 8 | i;
	facts.revision = (uint8_t)number(line, "revision", 16);
	facts.boot_vga = value(line, "boot_vga", vga, sizeof(vga));
	facts.power_control = value(line, "power", power, sizeof(power));
	facts.group = group_number(value(line, "group", label, sizeof(label)));
	facts.total_vfs = (uint16_t)number(line, "sriov_totalvfs", 10);
	facts.vf_offset = (uint16_t)number(line, "sriov_offset", 10);
	facts.vf_stride = (uint16_t)number(line, "sriov_stride", 10);
	facts.vf_device = (uint16_t)number(line, "sriov_vf_device", 16);
	facts.driver = value(line, "driver", driver, sizeof(driver));
	if (strcmp(facts.driver, "none") == 0)
		facts.driver = NULL;
	else
		sim_driver_takes(run->sim, facts.driver, facts.vendor, facts.device);
	facts.path = value(line, "path", path, sizeof(path));
	sim_add(run->sim, &facts);
	add_bridge(run, &facts);
	add_nvme(run, &facts, old);
}

void load_machine(struct run *run, char *line)
{
	static bool old;
	char name[32], other[32];

	if (sscanf(line, "kernel %31s", name) == 1) {
		snprintf(run->kernel, sizeof(run->kernel), "%s", name);
		old = strcmp(name, "6.1") == 0;
		sim_set_override_takes_lock(run->sim, old);
	} else if (sscanf(line, "driver %31s %31s", name, other) == 2) {
		add_driver(run, name, other);
	} else if (sscanf(line, "device %31s %31s", name, other) == 2) {
		add_device(run, line, other, old);
	}
}
