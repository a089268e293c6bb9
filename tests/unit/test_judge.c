/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judge, finding by finding: for each code of the table one machine that raises
 * it, and one that is the same but for what clears it. A code without a case fails.
 */
#include "safety/set.h"
#include "topology.h"

/* The machine of every case: a bridge, a card of two functions, a sibling, a network card. */
enum { BRIDGE, GPU, AUDIO, SIBLING, NIC, PF, N_DEVICES };

static const struct topology machine = {
	.n = N_DEVICES,
	.devices = {
		[BRIDGE] = { 0, 1, 0, 1, 0x060400, "pcieport" },
		[GPU] = { 1, 0, 0, 1, 0x030000, "nouveau" },
		[AUDIO] = { 1, 0, 1, 1, 0x040300, "snd_hda_intel" },
		[SIBLING] = { 1, 1, 0, 1, 0x0c8000, "xhci_hcd" },
		[NIC] = { 2, 0, 0, 2, 0x020000, "e1000e" },
		[PF] = { 3, 0, 0, 3, 0x020000, "igb" },
	},
};

struct scene {
	struct world world;
	struct pcipt_evidence evidence;
	struct pcipt_record record;
	struct pcipt_record_device recorded[2];
	struct pcipt_device *virtfns[1];
	struct pcipt_device *asked[N_DEVICES];
	size_t n_asked;
	struct pcipt_options *options;
	struct pcipt_set set;
};

static struct scene scene;

static void begin(void)
{
	memset(&scene, 0, sizeof(scene));
	world_build(&scene.world, &machine);
	scene.evidence.driver_state = PCIPT_MODULE_READY;
	ck_assert_int_eq(pcipt_options_new(&scene.options, NULL), 0);
	scene.set.snap = &scene.world.snap;
	scene.set.driver = (char *)"vfio-pci";
}

static void end(void)
{
	pcipt_findings_clear(&scene.set.findings);
	free(scene.set.members);
	free(scene.set.claim);
	pcipt_error_unref(scene.evidence.no_records);
	if (scene.evidence.records.n_problems)
		pcipt_error_unref(scene.evidence.records.problems[0]);
	free(scene.evidence.records.problems);
	pcipt_options_unref(scene.options);
	world_clear(&scene.world);
}

static struct pcipt_device *device(size_t which)
{
	return world_device(&scene.world, which);
}

static void ask(size_t which)
{
	scene.asked[scene.n_asked++] = device(which);
}

static void judge(void)
{
	pcipt_findings_clear(&scene.set.findings);
	free(scene.set.members);
	scene.set.members = NULL;
	ck_assert(pcipt_closure_compute(scene.asked, scene.n_asked, scene.set.driver,
					&scene.set.members, &scene.set.n_members));
	pcipt_judge(&scene.set, &scene.evidence);
	pcipt_findings_settle(&scene.set.findings, scene.options);
	ck_assert(!scene.set.findings.no_memory);
}

static const struct pcipt_finding *finding(const char *code)
{
	for (size_t i = 0; i < scene.set.findings.n; i++)
		if (strcmp(scene.set.findings.items[i].row->code, code) == 0)
			return &scene.set.findings.items[i];
	return NULL;
}

/* ---- the cases ---- */

static void ask_gpu(void)
{
	ask(GPU);
	ask(AUDIO);
	ask(SIBLING);
}

static void ask_nic(void)
{
	ask(NIC);
}

static void raise_not_bindable(void)
{
	ask(BRIDGE);
}

static void raise_no_iommu(void)
{
	ask(NIC);
	device(NIC)->group = NULL;
}

static void raise_group_not_viable(void)
{
	ask_gpu();
	world_set_driver(&scene.world, BRIDGE, "shpchp");
}

static void clear_group_not_viable(void)
{
	world_set_driver(&scene.world, BRIDGE, NULL);
}

static void raise_pf_with_vfs(void)
{
	struct pcipt_facts *facts = world_facts(&scene.world, PF);

	ask(PF);
	scene.virtfns[0] = device(NIC);
	facts->virtfns = scene.virtfns;
	facts->n_virtfns = 1;
	facts->has_vfs = true;
}

static void clear_pf_with_vfs(void)
{
	world_facts(&scene.world, PF)->n_virtfns = 0;
	world_facts(&scene.world, PF)->has_vfs = false;
}

static void raise_vf_pf_unbound(void)
{
	ask(NIC);
	world_facts(&scene.world, NIC)->physfn = device(PF);
	world_set_driver(&scene.world, PF, NULL);
}

static void clear_vf_pf_unbound(void)
{
	world_set_driver(&scene.world, PF, "igb");
}

static void raise_claimed(void)
{
	ask(NIC);
	scene.record.name = (char *)"other";
	scene.record.driver = (char *)"vfio-pci";
	scene.record.owner = (char *)"somebody";
	scene.record.state = PCIPT_CLAIM_BOUND;
	scene.recorded[0].at = device(NIC)->at;
	scene.record.devices = scene.recorded;
	scene.record.n_devices = 1;
	scene.evidence.records.items = &scene.record;
	scene.evidence.records.n = 1;
}

static void clear_claimed(void)
{
	scene.recorded[0].at = device(GPU)->at;
}

static void raise_driver_missing(void)
{
	ask(NIC);
	scene.evidence.driver_state = PCIPT_MODULE_ABSENT;
}

static void clear_driver_missing(void)
{
	scene.evidence.driver_state = PCIPT_MODULE_LOADABLE;
}

static void raise_set_incomplete(void)
{
	ask(GPU);
}

static void clear_set_incomplete(void)
{
	ask(AUDIO);
	ask(SIBLING);
}

static void raise_boot_vga(void)
{
	ask_gpu();
	world_facts(&scene.world, GPU)->boot_vga = 1;
}

static void clear_boot_vga(void)
{
	world_facts(&scene.world, GPU)->boot_vga = 0;
}

static void raise_foreign_owner(void)
{
	ask(NIC);
	world_set_driver(&scene.world, NIC, "vfio-pci");
}

static void clear_foreign_owner(void)
{
	world_set_driver(&scene.world, NIC, "e1000e");
}

static void raise_platform_function(void)
{
	ask(NIC);
	device(NIC)->class_id = 0x0c0500;
}

static void clear_platform_function(void)
{
	device(NIC)->class_id = 0x020000;
}

static void raise_unreadable(void)
{
	ask(NIC);
	world_facts(&scene.world, NIC)->override_unknown = true;
}

static void clear_unreadable(void)
{
	world_facts(&scene.world, NIC)->override_unknown = false;
}

static void raise_sibling_unbound(void)
{
	ask(GPU);
	ask(AUDIO);
	world_set_driver(&scene.world, SIBLING, NULL);
}

static void clear_sibling_unbound(void)
{
	world_set_driver(&scene.world, SIBLING, "vfio-pci");
}

static void raise_override_present(void)
{
	ask(NIC);
	world_facts(&scene.world, NIC)->driver_override = "e1000e";
}

static void clear_override_present(void)
{
	world_facts(&scene.world, NIC)->driver_override = NULL;
}

static void ask_nic_instead(void)
{
	scene.n_asked = 0;
	ask(NIC);
}

static void give_group(void)
{
	device(NIC)->group = device(PF)->group;
}

static const struct {
	const char *code;
	void (*raise)(void);
	void (*clear)(void);
	int about; /* the device that the finding names; -1 for the host */
} cases[] = {
	{ "not-bindable", raise_not_bindable, ask_nic_instead, BRIDGE },
	{ "no-iommu", raise_no_iommu, give_group, NIC },
	{ "group-not-viable", raise_group_not_viable, clear_group_not_viable, BRIDGE },
	{ "pf-with-vfs", raise_pf_with_vfs, clear_pf_with_vfs, PF },
	{ "vf-pf-unbound", raise_vf_pf_unbound, clear_vf_pf_unbound, NIC },
	{ "claimed", raise_claimed, clear_claimed, NIC },
	{ "driver-missing", raise_driver_missing, clear_driver_missing, -1 },
	{ "set-incomplete", raise_set_incomplete, clear_set_incomplete, GPU },
	{ "boot-vga", raise_boot_vga, clear_boot_vga, GPU },
	{ "foreign-owner", raise_foreign_owner, clear_foreign_owner, NIC },
	{ "platform-function", raise_platform_function, clear_platform_function, NIC },
	{ "unreadable", raise_unreadable, clear_unreadable, NIC },
	{ "sibling-unbound", raise_sibling_unbound, clear_sibling_unbound, SIBLING },
	{ "override-present", raise_override_present, clear_override_present, NIC },
};

#define N_CASES (sizeof(cases) / sizeof(*cases))

START_TEST(raised_and_cleared)
{
	const struct pcipt_finding_row *row = pcipt_finding_row(cases[_i].code);
	const struct pcipt_finding *found;

	ck_assert_ptr_nonnull(row);
	cases[_i].raise();
	judge();
	found = finding(cases[_i].code);
	ck_assert_msg(found != NULL, "%s isn't raised", cases[_i].code);
	ck_assert_int_eq(found->severity, row->severity);
	ck_assert_ptr_eq(found->device,
			 cases[_i].about < 0 ? NULL : device((size_t)cases[_i].about));
	ck_assert(*found->message && *found->evidence && *found->remedy);
	ck_assert_msg(strpbrk(found->message, "\n\r") == NULL, "%s: more than a line", row->code);
	ck_assert(!found->allowed);
	ck_assert(pcipt_findings_are_clear(&scene.set.findings) ==
		  (row->severity == PCIPT_SEVERITY_WARNING));
	cases[_i].clear();
	judge();
	ck_assert_msg(finding(cases[_i].code) == NULL, "%s isn't cleared", cases[_i].code);
}
END_TEST

START_TEST(every_code_has_a_case)
{
	for (size_t i = 0; i < pcipt_finding_row_count(); i++) {
		const struct pcipt_finding_row *row = pcipt_finding_row_at(i);
		size_t n = 0;

		for (size_t k = 0; k < N_CASES; k++)
			n += strcmp(cases[k].code, row->code) == 0;
		ck_assert_msg(n > 0, "%s has no case here", row->code);
		ck_assert(*row->text && *row->clears);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(row->code, pcipt_finding_row_at(k)->code);
	}
	ck_assert_ptr_null(pcipt_finding_row_at(pcipt_finding_row_count()));
	ck_assert_ptr_null(pcipt_finding_row("no-such-code"));
}
END_TEST

/* ---- allowing ---- */

static bool may_be_allowed(const struct pcipt_finding_row *row)
{
	return row->severity != PCIPT_SEVERITY_HARD && strcmp(row->code, "set-incomplete") != 0;
}

START_TEST(allowed_by_name)
{
	const struct pcipt_finding_row *row = pcipt_finding_row(cases[_i].code);
	struct pcipt_error *error = NULL;
	int r = pcipt_options_add_allow(scene.options, row->code, NULL, &error);

	cases[_i].raise();
	judge();
	if (may_be_allowed(row)) {
		ck_assert_int_eq(r, 0);
		ck_assert(finding(row->code)->allowed == (row->severity == PCIPT_SEVERITY_BLOCKER));
		ck_assert(pcipt_findings_are_clear(&scene.set.findings));
	} else {
		ck_assert_int_eq(r, PCIPT_E_INVALID);
		assert_fails(PCIPT_E_INVALID, error);
		ck_assert(!finding(row->code)->allowed);
		ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
	}
}
END_TEST

START_TEST(allowed_on_one_device)
{
	struct pcipt_error *error = NULL;

	ask(NIC);
	ask(PF);
	world_set_driver(&scene.world, NIC, "vfio-pci");
	world_set_driver(&scene.world, PF, "vfio-pci");
	/* The short form of an address is one address too. */
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "02:00.0", &error), error);
	judge();
	ck_assert_uint_eq(scene.set.findings.n, 2);
	ck_assert(scene.set.findings.items[0].allowed && !scene.set.findings.items[1].allowed);
	ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "0000:03:00.0", &error),
		  error);
	judge();
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

/* Another code's allowance, or one for another device, does nothing. */
START_TEST(not_allowed_by_others)
{
	struct pcipt_error *error = NULL;

	ask(NIC);
	world_set_driver(&scene.world, NIC, "vfio-pci");
	assert_ok(pcipt_options_add_allow(scene.options, "boot-vga", NULL, &error), error);
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "01:00.0", &error), error);
	judge();
	ck_assert(!finding("foreign-owner")->allowed);
}
END_TEST

/* ---- what needs more than a table ---- */

/* Gravest first; the same whatever was asked first. */
START_TEST(order_of_findings)
{
	raise_boot_vga();
	raise_driver_missing();
	world_facts(&scene.world, AUDIO)->driver_override = "x";
	judge();
	ck_assert_uint_ge(scene.set.findings.n, 3);
	for (size_t i = 1; i < scene.set.findings.n; i++)
		ck_assert_int_le(scene.set.findings.items[i - 1].severity,
				 scene.set.findings.items[i].severity);
	ck_assert_str_eq(scene.set.findings.items[0].row->code, "driver-missing");
}
END_TEST

/* The refusal names the whole set, so that it can be typed at once. */
START_TEST(incomplete_set_is_named)
{
	const struct pcipt_finding *found;

	ask(GPU);
	judge();
	found = finding("set-incomplete");
	ck_assert_ptr_nonnull(strstr(found->message, "0000:01:00.1"));
	ck_assert_ptr_nonnull(strstr(found->message, "snd_hda_intel"));
	ck_assert_ptr_nonnull(strstr(found->remedy, "0000:01:00.0 0000:01:00.1 0000:01:01.0"));
	ck_assert_ptr_nonnull(strstr(found->remedy, "--with-set"));
	scene.set.with_set = true;
	judge();
	ck_assert_ptr_null(finding("set-incomplete"));
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

START_TEST(drivers_of_a_bridge)
{
	static const struct {
		const char *driver;
		bool viable;
	} table[] = { { NULL, true }, { "pcieport", true }, { "pci-stub", true }, { "vfio-pci", true },
		      { "shpchp", false } };

	for (size_t i = 0; i < 5; i++) {
		scene.n_asked = 0;
		ask_gpu();
		world_set_driver(&scene.world, BRIDGE, table[i].driver);
		judge();
		ck_assert((finding("group-not-viable") == NULL) == table[i].viable);
	}
}
END_TEST

START_TEST(drivers_of_a_physical_function)
{
	static const struct {
		const char *driver;
		bool ok;
	} table[] = { { NULL, false }, { "vfio-pci", false }, { "mlx5_vfio_pci", false }, { "igb", true } };

	ask_nic();
	world_facts(&scene.world, NIC)->physfn = device(PF);
	for (size_t i = 0; i < 4; i++) {
		world_set_driver(&scene.world, PF, table[i].driver);
		judge();
		ck_assert((finding("vf-pf-unbound") == NULL) == table[i].ok);
	}
}
END_TEST

/* Their number may be unknown; that there are some is enough. */
START_TEST(virtual_functions_that_are_not_in_the_snapshot)
{
	ask(PF);
	world_facts(&scene.world, PF)->has_vfs = true;
	judge();
	ck_assert_ptr_nonnull(finding("pf-with-vfs"));
}
END_TEST

START_TEST(classes_of_the_platform)
{
	static const struct {
		int32_t class_id;
		bool platform;
	} table[] = { { 0x060000, true },  { 0x060100, true },	{ 0x060200, true },
		      { 0x0c0500, true },  { 0x020000, false }, { 0x0c0330, false },
		      { 0x068000, false }, { -1, false } };

	ask(NIC);
	for (size_t i = 0; i < 8; i++) {
		device(NIC)->class_id = table[i].class_id;
		judge();
		ck_assert_msg((finding("platform-function") != NULL) == table[i].platform, "0x%06x",
			      (unsigned int)table[i].class_id);
	}
}
END_TEST

/* All asked for is in one claim with this driver: no finding, and the claim is named. */
START_TEST(own_claim)
{
	raise_claimed();
	world_set_driver(&scene.world, NIC, "vfio-pci");
	judge();
	ck_assert_uint_eq(scene.set.findings.n, 0);
	ck_assert_pstr_eq(scene.set.claim, "other");
}
END_TEST

/* In a claim, but for another driver, or only some of it: somebody else's. */
START_TEST(not_an_own_claim)
{
	raise_claimed();
	world_set_driver(&scene.world, NIC, "vfio-pci");
	if (_i == 0)
		scene.record.driver = (char *)"pci-stub";
	else if (_i == 1)
		ask(PF);
	else
		world_set_driver(&scene.world, NIC, "e1000e");
	judge();
	ck_assert_ptr_null(scene.set.claim);
	ck_assert_ptr_nonnull(finding("claimed"));
	ck_assert_ptr_null(finding("foreign-owner"));
	ck_assert_ptr_nonnull(strstr(finding("claimed")->message, "other"));
	ck_assert_ptr_nonnull(strstr(finding("claimed")->evidence, "somebody"));
}
END_TEST

/* A member that wasn't asked for is in somebody's claim. */
START_TEST(a_member_is_claimed)
{
	raise_claimed();
	scene.n_asked = 0;
	ask_gpu();
	scene.recorded[0].at = device(SIBLING)->at;
	judge();
	ck_assert_ptr_eq(finding("claimed")->device, device(SIBLING));
}
END_TEST

START_TEST(records_that_cannot_be_read)
{
	ask(NIC);
	pcipt_fail(&scene.evidence.no_records, PCIPT_E_IO, NULL, "the folder is on fire");
	judge();
	ck_assert_int_eq(finding("unreadable")->severity, PCIPT_SEVERITY_BLOCKER);
	ck_assert_ptr_nonnull(strstr(finding("unreadable")->evidence, "on fire"));
}
END_TEST

/* One damaged record must not stop all others. */
START_TEST(a_damaged_record_is_a_warning)
{
	ask(NIC);
	scene.evidence.records.problems = calloc(1, sizeof(struct pcipt_error *));
	scene.evidence.records.n_problems = 1;
	pcipt_fail(&scene.evidence.records.problems[0], PCIPT_E_DAMAGED,
		   &(struct pcipt_error_facts){ .remedy = "Look into it" }, "it is torn");
	judge();
	ck_assert_int_eq(finding("unreadable")->severity, PCIPT_SEVERITY_WARNING);
	ck_assert_str_eq(finding("unreadable")->remedy, "Look into it");
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

START_TEST(driver_that_cannot_be_looked_for)
{
	ask(NIC);
	scene.evidence.driver_state = -EIO;
	judge();
	ck_assert_ptr_null(finding("unreadable")->device);
	ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

/* Texts from firmware and from records end on somebody's terminal. */
START_TEST(texts_are_neutralised)
{
	raise_claimed();
	scene.record.owner = (char *)"\033[2J\302\233evil\377";
	judge();
	for (const char *p = finding("claimed")->evidence; *p; p++)
		ck_assert(*p >= ' ' && *p < 0x7f);
}
END_TEST

START_TEST(nothing_stands_against_a_plain_card)
{
	ask_gpu();
	judge();
	ck_assert_uint_eq(scene.set.findings.n, 0);
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

Suite *suite_judge(void)
{
	Suite *suite = suite_create("judge");
	TCase *tc = tcase_create("findings");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_loop_test(tc, raised_and_cleared, 0, N_CASES);
	tcase_add_test(tc, every_code_has_a_case);
	tcase_add_loop_test(tc, allowed_by_name, 0, N_CASES);
	tcase_add_test(tc, allowed_on_one_device);
	tcase_add_test(tc, not_allowed_by_others);
	tcase_add_test(tc, order_of_findings);
	tcase_add_test(tc, incomplete_set_is_named);
	tcase_add_test(tc, drivers_of_a_bridge);
	tcase_add_test(tc, drivers_of_a_physical_function);
	tcase_add_test(tc, virtual_functions_that_are_not_in_the_snapshot);
	tcase_add_test(tc, classes_of_the_platform);
	tcase_add_test(tc, own_claim);
	tcase_add_loop_test(tc, not_an_own_claim, 0, 3);
	tcase_add_test(tc, a_member_is_claimed);
	tcase_add_test(tc, records_that_cannot_be_read);
	tcase_add_test(tc, a_damaged_record_is_a_warning);
	tcase_add_test(tc, driver_that_cannot_be_looked_for);
	tcase_add_test(tc, texts_are_neutralised);
	tcase_add_test(tc, nothing_stands_against_a_plain_card);
	suite_add_tcase(suite, tc);
	return suite;
}
