/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See machine.h. */
#include "machine.h"

static void add_drivers(struct sim *sim)
{
	sim_driver(sim, "pcieport", SIM_MATCH_IDS, true);
	sim_driver(sim, "nouveau", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "nouveau", 0x10de, 0x2484);
	sim_driver(sim, "snd_hda_intel", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "snd_hda_intel", 0x10de, 0x228b);
	sim_driver(sim, "e1000e", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "e1000e", 0x8086, 0x10d3);
	sim_driver(sim, "vfio-pci", SIM_MATCH_OVERRIDE, true);
	sim_driver(sim, "pci-stub", SIM_MATCH_OVERRIDE, true);
}

static struct sim *with_card(const struct sim_device_facts *gpu, const struct sim_device_facts *audio)
{
	struct sim *sim = sim_new();
	struct sim_device_facts facts[] = { *gpu, *audio };

	add_drivers(sim);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:00:01.0",
						 .class_id = 0x060400,
						 .driver = "pcieport",
						 .group = 1 });
	for (size_t i = 0; i < 2; i++) {
		facts[i].address = i == 0 ? GPU : AUDIO;
		facts[i].parent = "0000:00:01.0";
		facts[i].vendor = 0x10de;
		facts[i].device = i == 0 ? 0x2484 : 0x228b;
		facts[i].class_id = i == 0 ? 0x030000 : 0x040300;
		facts[i].group = 2;
		sim_add(sim, &facts[i]);
	}
	sim_add(sim, &(struct sim_device_facts){ .address = NIC,
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .driver = "e1000e",
						 .group = 3 });
	return sim;
}

struct sim *machine_new(void)
{
	return with_card(&(struct sim_device_facts){ .driver = "nouveau", .boot_vga = "0" },
			 &(struct sim_device_facts){ .driver = "snd_hda_intel" });
}

/* Driverless, and in another slot than what is asked for: it is pinned. */
static void add_sibling(struct sim *sim, const char *override)
{
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:01.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x1ad9,
						 .class_id = 0x0c8000,
						 .group = 2,
						 .driver_override = override });
}

struct sim *machine_variant(unsigned int which, const char **name)
{
	static const struct {
		const char *name;
		struct sim_device_facts gpu, audio;
		bool sibling;
		const char *sibling_override;
	} table[MACHINE_VARIANTS] = {
		{ "plain", { .driver = "nouveau" }, { .driver = "snd_hda_intel" }, false, NULL },
		{ "overrides that name their drivers",
		  { .driver = "nouveau", .driver_override = "nouveau" },
		  { .driver = "snd_hda_intel", .driver_override = "snd_hda_intel" },
		  false, NULL },
		{ "overrides that name other drivers",
		  { .driver = "nouveau", .driver_override = "pci-stub" },
		  { .driver = "snd_hda_intel", .driver_override = "no such driver" },
		  false, NULL },
		{ "one without a driver", { .driver = "nouveau" }, { 0 }, false, NULL },
		{ "none with a driver, one with an override",
		  { .driver_override = "nouveau" }, { 0 }, false, NULL },
		{ "a driverless sibling, power always on",
		  { .driver = "nouveau", .power_control = "on" },
		  { .driver = "snd_hda_intel", .power_control = "on" },
		  true, NULL },
		{ "a sibling with an override, audio on pci-stub",
		  { .driver = "nouveau" }, { .driver = "pci-stub", .driver_override = "pci-stub" },
		  true, "pci-stub" },
	};
	struct sim *sim = with_card(&table[which].gpu, &table[which].audio);

	if (table[which].sibling)
		add_sibling(sim, table[which].sibling_override);
	if (name)
		*name = table[which].name;
	return sim;
}

struct pcipt_options *machine_options(void)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_options_new(&options, &error), error);
	pcipt_options_set_with_set(options, true);
	return options;
}

struct pcipt_set *machine_set_with(struct pcipt_context *ctx, const char *address,
				   struct pcipt_options *options)
{
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set = NULL;

	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	assert_ok(pcipt_snapshot_find(snap, address, &device, &error), error);
	assert_ok(pcipt_set_new(snap, &device, 1, options, &set, &error), error);
	pcipt_snapshot_unref(snap);
	return set;
}

struct pcipt_set *machine_set(struct pcipt_context *ctx, const char *address)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_set *set = machine_set_with(ctx, address, options);

	pcipt_options_unref(options);
	return set;
}

void machine_bind(struct pcipt_context *ctx, const char *address, const char *name, bool persistent)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;

	pcipt_options_set_persistent(options, persistent);
	ck_assert_int_eq(pcipt_options_set_name(options, name, NULL), 0);
	set = machine_set_with(ctx, address, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}

struct pcipt_plan *machine_plan(struct pcipt_context *ctx, const char *address)
{
	struct pcipt_set *set = machine_set(ctx, address);
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;

	assert_ok(pcipt_plan_bind(set, NULL, &plan, &error), error);
	pcipt_set_unref(set);
	return plan;
}

struct pcipt_set *machine_set_of(unsigned int variant)
{
	static struct pcipt_set *sets[MACHINE_VARIANTS];
	struct pcipt_context *ctx;
	struct sim *twin;

	if (!sets[variant]) {
		twin = machine_variant(variant, NULL);
		ctx = sim_context(twin);
		sets[variant] = machine_set(ctx, GPU);
		pcipt_context_unref(ctx);
		sim_free(twin);
	}
	return sets[variant];
}

void assert_driver(struct sim *sim, const char *address, const char *driver)
{
	char *state = sim_device_state(sim, address);
	char *expected = test_format("%s driver %s,", address, driver ? driver : "none");

	ck_assert_msg(strncmp(state, expected, strlen(expected)) == 0, "%s, not on %s", state,
		      driver ? driver : "no driver");
	free(state);
	free(expected);
}

void assert_state(struct sim *sim, const char *expected, const char *when)
{
	char *now = sim_state(sim);

	ck_assert_msg(strcmp(now, expected) == 0, "%s: was\n%sis\n%s", when, expected, now);
	free(now);
}
