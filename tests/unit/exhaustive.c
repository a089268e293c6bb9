/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See exhaustive.h. */
#include "exhaustive.h"

static void add_function(struct sim *sim, unsigned int i)
{
	static const struct sim_device_facts kinds[] = {
		{ .device = 0x2484, .class_id = 0x030000, .driver = "nouveau" },
		{ .device = 0x228b, .class_id = 0x040300, .driver = "snd_hda_intel",
		  .driver_override = "snd_hda_intel", .power_control = "on" },
		{ .device = 0x1ad9, .class_id = 0x0c8000 },
		{ .device = 0x2484, .class_id = 0x030200, .driver = "nouveau",
		  .driver_override = "pci-stub" },
		{ .device = 0x1ad9, .class_id = 0x0c8000, .driver_override = "nobody" },
		{ .device = 0x228b, .class_id = 0x040300, .driver = "snd_hda_intel" },
	};
	struct sim_device_facts facts = kinds[i];
	char address[32];

	snprintf(address, sizeof(address), "0000:01:00.%u", i);
	facts.address = address;
	facts.parent = "0000:00:01.0";
	facts.vendor = 0x10de;
	facts.group = 2;
	sim_add(sim, &facts);
}

#define SIBLING "0000:01:01.0"

static bool has_sibling(unsigned int n)
{
	return n % 2 == 0;
}

static struct sim *make_machine(unsigned int n)
{
	struct sim *sim = sim_new();

	sim_driver(sim, "pcieport", SIM_MATCH_IDS, true);
	sim_driver(sim, "nouveau", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "nouveau", 0x10de, 0x2484);
	sim_driver(sim, "snd_hda_intel", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "snd_hda_intel", 0x10de, 0x228b);
	/* As it does on many cards: nouveau, i915, amdgpu and xhci_hcd too. */
	sim_driver_manages_power(sim, "snd_hda_intel");
	sim_driver(sim, "vfio-pci", SIM_MATCH_OVERRIDE, true);
	sim_driver(sim, "pci-stub", SIM_MATCH_OVERRIDE, true);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:00:01.0", .class_id = 0x060400,
						 .driver = "pcieport", .group = 1 });
	for (unsigned int i = 0; i < n; i++)
		add_function(sim, i);
	/* Driverless, and in another slot: it is pinned. */
	if (has_sibling(n))
		sim_add(sim, &(struct sim_device_facts){ .address = SIBLING,
							 .parent = "0000:00:01.0",
							 .vendor = 0x10de,
							 .device = 0x1ad9,
							 .class_id = 0x0c8000,
							 .group = 2 });
	return sim;
}

/* The set of all functions, made once: looking at names is slow. */
static struct pcipt_set *set_of(unsigned int n)
{
	static struct pcipt_set *sets[N_MAX + 1];
	struct pcipt_context *ctx;
	struct sim *twin;

	if (!sets[n]) {
		twin = make_machine(n);
		ctx = sim_context(twin);
		sets[n] = machine_set(ctx, GPU);
		ck_assert_msg(pcipt_set_is_safe(sets[n]), "%s",
			      pcipt_set_finding_message(sets[n], 0));
		pcipt_context_unref(ctx);
		sim_free(twin);
	}
	return sets[n];
}

unsigned int exhaustive_points;

struct run exhaustive_begin(unsigned int n)
{
	struct run run = { .n = n, .sim = make_machine(n) };

	run.ctx = sim_context(run.sim);
	run.before = sim_state(run.sim);
	exhaustive_points++;
	return run;
}

void exhaustive_end(struct run *run)
{
	pcipt_context_unref(run->ctx);
	sim_free(run->sim);
	free(run->before);
}

bool exhaustive_is_before(const struct run *run)
{
	char *now = sim_state(run->sim);
	bool same = strcmp(now, run->before) == 0;

	free(now);
	return same;
}

bool exhaustive_says(const struct run *run, const char *address, const char *what)
{
	char *state = sim_device_state(run->sim, address);
	bool found = strstr(state, what) != NULL;

	free(state);
	return found;
}

bool exhaustive_is_after(const struct run *run)
{
	for (unsigned int i = 0; i < run->n; i++) {
		char *address = test_format("0000:01:00.%u", i);
		bool bound = exhaustive_says(run, address, "driver vfio-pci, override vfio-pci");

		free(address);
		if (!bound)
			return false;
	}
	return !has_sibling(run->n) || exhaustive_says(run, SIBLING, "driver none, override pcipt-pinned");
}

void exhaustive_bind(struct run *run)
{
	struct pcipt_claim *claim = NULL;
	size_t begin = sim_log_count(run->sim);

	run->code = pcipt_bind(run->ctx, set_of(run->n), NULL, &claim, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	pcipt_claim_unref(claim);
}

void exhaustive_release(struct run *run)
{
	struct pcipt_claim *claim = NULL;
	size_t begin = sim_log_count(run->sim);

	run->code = pcipt_claim_find(run->ctx, GPU, &claim, NULL);
	if (run->code == 0)
		run->code = pcipt_release(run->ctx, claim, NULL, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	pcipt_claim_unref(claim);
}

int exhaustive_recover(struct run *run, unsigned int m)
{
	size_t begin = sim_log_count(run->sim);
	int r;

	sim_mend(run->sim);
	pcipt_context_unref(run->ctx);
	run->ctx = sim_context(run->sim);
	if (m)
		sim_fail(run->sim, &(struct sim_fault){ ~0u, NULL, m, 0, EIO, SIM_FAILS });
	r = pcipt_recover(run->ctx, NULL, NULL, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	sim_mend(run->sim);
	return r;
}

void exhaustive_assert_whole(struct run *run, const char *when)
{
	char *now = sim_state(run->sim);

	ck_assert_msg(exhaustive_is_before(run) ? sim_record_count(run->sim) == 0 :
				       exhaustive_is_after(run) && sim_record_count(run->sim) == 1,
		      "%s: a third thing, with %zu records:\n%s", when, sim_record_count(run->sim),
		      now);
	ck_assert_msg(sim_locks_held(run->sim) == 0, "%s: a lock is held", when);
	free(now);
}

bool exhaustive_every(void)
{
	return getenv("PCIPT_TEST_EVERY") != NULL;
}

void exhaustive_print(const char *what, int n)
{
	printf("exhaustive: %s, %d devices: %u points\n", what, n, exhaustive_points);
	fflush(stdout);
}
