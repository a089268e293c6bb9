/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judge, in what needs more than a table: claims, order, texts, evidence. */
#include "scene.h"

/* Gravest first; the same whatever was asked first. */
START_TEST(order_of_findings)
{
	scene_ask_card();
	scene_ask(NIC);
	world_facts(&scene.world, GPU)->boot_vga = 1;
	scene.evidence.driver_state = PCIPT_MODULE_ABSENT;
	world_facts(&scene.world, AUDIO)->driver_override = "x";
	scene_judge();
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

	scene_ask(GPU);
	scene_judge();
	found = scene_finding("set-incomplete");
	ck_assert_ptr_nonnull(strstr(found->message, "0000:01:00.1"));
	ck_assert_ptr_nonnull(strstr(found->message, "snd_hda_intel"));
	ck_assert_ptr_nonnull(strstr(found->remedy, "0000:01:00.0 0000:01:00.1 0000:01:01.0"));
	ck_assert_ptr_nonnull(strstr(found->remedy, "--with-set"));
	scene.set.with_set = true;
	scene_judge();
	ck_assert_ptr_null(scene_finding("set-incomplete"));
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

/* Each of the card's functions has no reset of its own: with both of them it is one reset. */
START_TEST(reset_together)
{
	const struct pcipt_finding *found;

	scene_ask(GPU);
	scene_ask(AUDIO);
	world_facts(&scene.world, GPU)->reset = NULL;
	world_facts(&scene.world, AUDIO)->reset = NULL;
	world_set_driver(&scene.world, SIBLING, NULL);
	scene.set.with_companions = true;
	scene_judge();
	ck_assert_ptr_null(scene_finding("reset-shared"));
	ck_assert_ptr_null(scene_finding("no-reset"));
	ck_assert_ptr_null(scene_finding("set-incomplete"));
	ck_assert_uint_eq(scene.set.n_members, 4);
	scene.set.with_companions = false;
	scene_judge();
	found = scene_finding("reset-shared");
	ck_assert_ptr_nonnull(strstr(found->message, "0000:01:01.0"));
	ck_assert_ptr_null(strstr(found->message, "0000:01:00.1"));
	ck_assert_ptr_nonnull(strstr(found->evidence, "0000:01:00.1, 0000:01:01.0"));
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
		scene_ask_card();
		world_set_driver(&scene.world, BRIDGE, table[i].driver);
		scene_judge();
		ck_assert((scene_finding("group-not-viable") == NULL) == table[i].viable);
	}
}
END_TEST

START_TEST(drivers_of_a_physical_function)
{
	static const struct {
		const char *driver;
		bool ok;
	} table[] = { { NULL, false }, { "vfio-pci", false }, { "mlx5_vfio_pci", false }, { "igb", true } };

	scene_ask(NIC);
	world_facts(&scene.world, NIC)->physfn = scene_device(PF);
	for (size_t i = 0; i < 4; i++) {
		world_set_driver(&scene.world, PF, table[i].driver);
		scene_judge();
		ck_assert((scene_finding("vf-pf-unbound") == NULL) == table[i].ok);
	}
}
END_TEST

/* Their number may be unknown; that there are some is enough. */
START_TEST(virtual_functions_that_are_not_in_the_snapshot)
{
	scene_ask(PF);
	world_facts(&scene.world, PF)->has_vfs = true;
	scene_judge();
	ck_assert_ptr_nonnull(scene_finding("pf-with-vfs"));
}
END_TEST

START_TEST(classes_of_the_platform)
{
	static const struct {
		int32_t class_id, vendor;
		bool platform, root_bus_only;
	} table[] = { { 0x060000, 0, true, false },	 { 0x060100, 0, true, false },
		      { 0x060200, 0, true, false },	 { 0x0c0500, 0, true, false },
		      { 0x0c8000, 0x8086, true, true },	 { 0x0c8000, 0x10de, false, false },
		      { 0x078000, 0x8086, true, true },	 { 0x078000, 0x1af4, false, false },
		      { 0x108000, 0x1022, true, false }, { 0x108000, 0x177d, false, false },
		      { 0x020000, 0, false, false },	 { 0x0c0330, 0, false, false },
		      { 0x068000, 0, false, false },	 { -1, 0, false, false } };

	scene_ask(NIC);
	for (size_t i = 0; i < 28; i++) {
		scene_device(NIC)->class_id = table[i / 2].class_id;
		scene_device(NIC)->ids[0] = table[i / 2].vendor;
		scene_device(NIC)->at.bus = i % 2 ? 0 : 2;
		scene_judge();
		ck_assert_msg((scene_finding("platform-function") != NULL) ==
				      (table[i / 2].platform && (i % 2 || !table[i / 2].root_bus_only)),
			      "0x%06x", (unsigned int)table[i / 2].class_id);
	}
}
END_TEST

START_TEST(deny_list_of_vfio)
{
	scene_ask(NIC);
	scene_device(NIC)->ids[0] = 0x8086;
	scene_device(NIC)->ids[1] = 0x37c8;
	scene_judge();
	ck_assert_int_eq(scene_finding("not-bindable")->severity, PCIPT_SEVERITY_HARD);
	scene.set.driver = (char *)"qat_vfio_pci";
	scene_judge();
	ck_assert_ptr_null(scene_finding("not-bindable"));
	scene.set.driver = (char *)"vfio-pci";
	scene.evidence.host.denylist_off = true;
	scene_judge();
	ck_assert_ptr_null(scene_finding("not-bindable"));
	scene.evidence.host.denylist_off = false;
	scene_device(NIC)->ids[0] = 0x10de;
	scene_judge();
	ck_assert_ptr_null(scene_finding("not-bindable"));
}
END_TEST

/* Without a group: hard, unless vfio makes one in no-IOMMU mode. */
START_TEST(no_group_in_noiommu_mode)
{
	scene_ask(NIC);
	scene_device(NIC)->group = NULL;
	scene_judge();
	ck_assert_ptr_nonnull(scene_finding("no-iommu"));
	ck_assert_ptr_null(scene_finding("noiommu"));
	scene.evidence.host.noiommu_mode = true;
	scene_judge();
	ck_assert_ptr_null(scene_finding("no-iommu"));
	ck_assert_ptr_nonnull(scene_finding("noiommu"));
}
END_TEST

/* Without power management a device's state is "unknown", and asleep it is D3hot. */
START_TEST(power_states)
{
	static const struct {
		const char *state;
		bool told;
	} table[] = { { NULL, false }, { "D0", false }, { "D3hot", false }, { "unknown", false },
		      { "D3cold", true }, { "error", true } };

	scene_ask(NIC);
	for (size_t i = 0; i < 6; i++) {
		world_facts(&scene.world, NIC)->details->power_state = table[i].state;
		scene_judge();
		ck_assert((scene_finding("power-state") != NULL) == table[i].told);
	}
}
END_TEST

/* All asked for is in one claim with this driver: no finding, and the claim is named. */
START_TEST(own_claim)
{
	scene_claim_nic();
	world_set_driver(&scene.world, NIC, "vfio-pci");
	scene_judge();
	ck_assert_uint_eq(scene.set.findings.n, 0);
	ck_assert_pstr_eq(scene.set.claim, "other");
}
END_TEST

/* In a claim, but not as it is asked for now: somebody else's, or not in order. */
START_TEST(not_an_own_claim)
{
	scene_claim_nic();
	world_set_driver(&scene.world, NIC, "vfio-pci");
	scene.set.options = scene.options;
	if (_i == 0)
		scene.record.driver = (char *)"pci-stub";
	else if (_i == 1)
		scene_ask(PF);
	else if (_i == 2)
		world_set_driver(&scene.world, NIC, "e1000e");
	else if (_i == 3)
		scene.record.state = PCIPT_CLAIM_BINDING;
	else if (_i == 4)
		scene.record.state = PCIPT_CLAIM_RELEASING;
	else if (_i == 5)
		scene.recorded[0].identity = (char *)"another card's";
	else
		ck_assert_int_eq(pcipt_options_set_owner(scene.options, "me", NULL), 0);
	scene_judge();
	ck_assert_ptr_null(scene.set.claim);
	ck_assert_ptr_nonnull(scene_finding("claimed"));
	ck_assert_ptr_null(scene_finding("foreign-owner"));
	ck_assert_ptr_nonnull(strstr(scene_finding("claimed")->message, "other"));
	ck_assert_ptr_nonnull(strstr(scene_finding("claimed")->evidence, "somebody"));
}
END_TEST

/* What a record of another boot says went with that boot. */
START_TEST(claim_of_another_boot)
{
	scene_claim_nic();
	scene.record.other_boot = true;
	scene_judge();
	ck_assert_ptr_null(scene_finding("claimed"));
	world_set_driver(&scene.world, NIC, "vfio-pci");
	scene_judge();
	ck_assert_ptr_null(scene.set.claim);
	ck_assert_ptr_nonnull(scene_finding("foreign-owner"));
}
END_TEST

/* A member that wasn't asked for is in somebody's claim. */
START_TEST(a_member_is_claimed)
{
	scene_claim_nic();
	scene.n_asked = 0;
	scene_ask_card();
	scene.recorded[0].at = scene_device(SIBLING)->at;
	scene_judge();
	ck_assert_ptr_eq(scene_finding("claimed")->device, scene_device(SIBLING));
}
END_TEST

START_TEST(records_that_cannot_be_read)
{
	scene_ask(NIC);
	pcipt_fail(&scene.evidence.no_records, PCIPT_E_IO, NULL, "the folder is on fire");
	scene_judge();
	ck_assert_int_eq(scene_finding("unreadable")->severity, PCIPT_SEVERITY_BLOCKER);
	ck_assert_ptr_nonnull(strstr(scene_finding("unreadable")->evidence, "on fire"));
}
END_TEST

/* One damaged record must not stop all others. */
START_TEST(a_damaged_record_is_a_warning)
{
	scene_ask(NIC);
	scene.evidence.records.problems = calloc(1, sizeof(struct pcipt_error *));
	scene.evidence.records.n_problems = 1;
	pcipt_fail(&scene.evidence.records.problems[0], PCIPT_E_DAMAGED,
		   &(struct pcipt_error_facts){ .remedy = "Look into it" }, "it is torn");
	scene_judge();
	ck_assert_int_eq(scene_finding("unreadable")->severity, PCIPT_SEVERITY_WARNING);
	ck_assert_str_eq(scene_finding("unreadable")->remedy, "Look into it");
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

START_TEST(driver_that_cannot_be_looked_for)
{
	scene_ask(NIC);
	scene.evidence.driver_state = -EIO;
	scene_judge();
	ck_assert_ptr_null(scene_finding("unreadable")->device);
	ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

/* Texts from firmware and from records end on somebody's terminal. */
START_TEST(texts_are_neutralised)
{
	scene_claim_nic();
	scene.record.owner = (char *)"\033[2J\302\233evil\377";
	scene_judge();
	for (const char *p = scene_finding("claimed")->evidence; *p; p++)
		ck_assert(*p >= ' ' && *p < 0x7f);
}
END_TEST

START_TEST(nothing_stands_against_a_plain_card)
{
	scene_ask_card();
	scene_judge();
	ck_assert_uint_eq(scene.set.findings.n, 0);
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

Suite *suite_judge(void)
{
	Suite *suite = suite_create("judge");
	TCase *tc = tcase_create("scenes");

	tcase_add_checked_fixture(tc, scene_begin, scene_end);
	tcase_add_test(tc, order_of_findings);
	tcase_add_test(tc, incomplete_set_is_named);
	tcase_add_test(tc, reset_together);
	tcase_add_test(tc, drivers_of_a_bridge);
	tcase_add_test(tc, drivers_of_a_physical_function);
	tcase_add_test(tc, virtual_functions_that_are_not_in_the_snapshot);
	tcase_add_test(tc, classes_of_the_platform);
	tcase_add_test(tc, deny_list_of_vfio);
	tcase_add_test(tc, no_group_in_noiommu_mode);
	tcase_add_test(tc, power_states);
	tcase_add_test(tc, own_claim);
	tcase_add_loop_test(tc, not_an_own_claim, 0, 7);
	tcase_add_test(tc, claim_of_another_boot);
	tcase_add_test(tc, a_member_is_claimed);
	tcase_add_test(tc, records_that_cannot_be_read);
	tcase_add_test(tc, a_damaged_record_is_a_warning);
	tcase_add_test(tc, driver_that_cannot_be_looked_for);
	tcase_add_test(tc, texts_are_neutralised);
	tcase_add_test(tc, nothing_stands_against_a_plain_card);
	suite_add_tcase(suite, tc);
	return suite;
}
