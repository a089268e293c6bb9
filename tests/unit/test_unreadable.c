/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can't be read protects nothing and nobody: for each reason that a set is
 * unsafe, no single read that fails may make it safe.
 */
#include "machine.h"

#define VF "0000:02:10.0"

static struct sim *sim;

static void no_change(void)
{
}

static void no_claim(struct pcipt_context *ctx)
{
	(void)ctx;
}

static void boot_display(void)
{
	sim_remove(sim, GPU);
	sim_add(sim, &(struct sim_device_facts){ .address = GPU,
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x2484,
						 .class_id = 0x030000,
						 .group = 2,
						 .driver = "nouveau",
						 .boot_vga = "1" });
}

static void virtual_function(void)
{
	sim_add(sim, &(struct sim_device_facts){ .address = VF,
						 .vendor = 0x8086,
						 .device = 0x10ca,
						 .class_id = 0x020000,
						 .group = 9,
						 .driver = "e1000e",
						 .physfn = NIC });
}

static void virtual_function_alone(void)
{
	virtual_function();
	sim_force_driver(sim, NIC, NULL);
}

static void odd_bridge(void)
{
	sim_driver(sim, "odd-bridge", SIM_MATCH_IDS, true);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:02:1e.0",
						 .class_id = 0x060400,
						 .group = 3,
						 .driver = "odd-bridge" });
}

static void foreign(void)
{
	sim_force_driver(sim, NIC, "vfio-pci");
}

static void outside_of_groups(void)
{
	sim_remove(sim, NIC);
	sim_add(sim, &(struct sim_device_facts){ .address = NIC,
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .driver = "e1000e" });
}

static void part_of_the_platform(void)
{
	sim_remove(sim, NIC);
	sim_add(sim, &(struct sim_device_facts){ .address = NIC,
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x060100,
						 .group = 3,
						 .driver = "e1000e" });
}

static void claim_it(struct pcipt_context *ctx)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set;

	assert_ok(pcipt_options_set_owner(options, "another", &error), error);
	set = machine_set_with(ctx, NIC, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}

static const struct {
	const char *code; /* why it is unsafe */
	const char *asked;
	bool with_set;
	void (*change)(void);
	void (*claim)(struct pcipt_context *ctx);
} reasons[] = {
	{ "set-incomplete", GPU, false, no_change, no_claim },
	{ "boot-vga", GPU, true, boot_display, no_claim },
	{ "pf-with-vfs", NIC, true, virtual_function, no_claim },
	{ "vf-pf-unbound", VF, true, virtual_function_alone, no_claim },
	{ "group-not-viable", NIC, true, odd_bridge, no_claim },
	{ "not-bindable", "0000:00:01.0", true, no_change, no_claim },
	{ "foreign-owner", NIC, true, foreign, no_claim },
	{ "no-iommu", NIC, true, outside_of_groups, no_claim },
	{ "platform-function", NIC, true, part_of_the_platform, no_claim },
	{ "claimed", NIC, true, no_change, claim_it },
};

#define N_REASONS (sizeof(reasons) / sizeof(*reasons))

/* A snapshot and a set; NULL when either could not be made at all. */
static struct pcipt_set *ask(struct pcipt_context *ctx, size_t reason, bool scoped,
			     struct pcipt_options *options)
{
	const char *asked = reasons[reason].asked;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_set *set = NULL;
	int r = scoped ? pcipt_snapshot_new_scoped(ctx, &asked, 1, &snap, NULL) :
			 pcipt_snapshot_new(ctx, &snap, NULL);

	if (r == 0 && pcipt_snapshot_find(snap, asked, &device, NULL) == 0)
		pcipt_set_new(snap, &device, 1, options, &set, NULL);
	pcipt_snapshot_unref(snap);
	return set;
}

static bool has_finding(const struct pcipt_set *set, const char *code)
{
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++)
		if (strcmp(pcipt_set_finding_code(set, i), code) == 0)
			return true;
	return false;
}

static struct pcipt_options *options_for(size_t reason)
{
	struct pcipt_options *options = machine_options();

	pcipt_options_set_with_set(options, reasons[reason].with_set);
	ck_assert_int_eq(pcipt_options_set_owner(options, "me", NULL), 0);
	return options;
}

/* With the n-th operation failing (0 for none); false when there were fewer. */
static bool try(size_t reason, bool scoped, unsigned int n, int errnum)
{
	struct pcipt_options *options = options_for(reason);
	struct pcipt_context *ctx;
	struct pcipt_set *set;
	size_t begin;
	bool more;

	sim = machine_new();
	reasons[reason].change();
	ctx = sim_context(sim);
	reasons[reason].claim(ctx);
	begin = sim_log_count(sim);
	if (n > 0)
		sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, n, errnum, SIM_FAILS });
	set = ask(ctx, reason, scoped, options);
	if (n == 0)
		ck_assert_msg(has_finding(set, reasons[reason].code), "%s isn't raised",
			      reasons[reason].code);
	ck_assert_msg(!set || !pcipt_set_is_safe(set), "%s is gone when this fails: %s",
		      reasons[reason].code, sim_log_at(sim, begin + n - 1));
	more = sim_log_count(sim) - begin >= n;
	pcipt_set_unref(set);
	pcipt_context_unref(ctx);
	pcipt_options_unref(options);
	sim_free(sim);
	return more;
}

START_TEST(stays_unsafe)
{
	/* In turn, so that each operation meets both, in one kind of snapshot or the other. */
	static const int errnos[] = { EIO, EACCES };
	unsigned int n;

	for (unsigned int scoped = 0; scoped < 2; scoped++)
		for (n = 0; try((size_t)_i, scoped, n, errnos[(n + scoped) % 2]); n++)
			ck_assert_uint_lt(n, 1000);
}
END_TEST

Suite *suite_unreadable(void)
{
	Suite *suite = suite_create("unreadable");
	TCase *tc = tcase_create("reads");

	tcase_add_loop_test(tc, stays_unsafe, 0, N_REASONS);
	suite_add_tcase(suite, tc);
	return suite;
}
