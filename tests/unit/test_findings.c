/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding by finding: for each code of the table one machine that raises it, and one
 * that is the same but for what clears it. A code without a case fails.
 */
#include "scene.h"

/* ---- the cases ---- */

static void raise_not_bindable(void)
{
	scene_ask(BRIDGE);
}

static void raise_no_iommu(void)
{
	scene_ask(NIC);
	scene_device(NIC)->group = NULL;
}

static void raise_group_not_viable(void)
{
	scene_ask_card();
	world_set_driver(&scene.world, BRIDGE, "shpchp");
}

static void clear_group_not_viable(void)
{
	world_set_driver(&scene.world, BRIDGE, NULL);
}

static void raise_pf_with_vfs(void)
{
	struct pcipt_facts *facts = world_facts(&scene.world, PF);

	scene_ask(PF);
	scene.virtfns[0] = scene_device(NIC);
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
	scene_ask(NIC);
	world_facts(&scene.world, NIC)->physfn = scene_device(PF);
	world_set_driver(&scene.world, PF, NULL);
}

static void clear_vf_pf_unbound(void)
{
	world_set_driver(&scene.world, PF, "igb");
}

static void clear_claimed(void)
{
	scene.recorded[0].at = scene_device(GPU)->at;
}

static void raise_identity_changed(void)
{
	scene_claim_nic();
	world_facts(&scene.world, NIC)->identity = "the card's";
	scene.recorded[0].identity = (char *)"another card's";
}

static void clear_identity_changed(void)
{
	scene.recorded[0].identity = (char *)"the card's";
}

static void raise_identity_ambiguous(void)
{
	static struct pcipt_stray stray;

	scene_claim_nic();
	clear_claimed();
	stray = (struct pcipt_stray){ .device = scene_device(NIC),
				      .record = &scene.record,
				      .may_be_it = true,
				      .facts = (char *)"two have its serial" };
	scene.evidence.strays = (struct pcipt_strays){ &stray, 1 };
}

static void clear_identity_ambiguous(void)
{
	scene.evidence.strays.n = 0;
}

/* Proven to be the claim's own, it is that claim's. */
static void raise_claimed_elsewhere(void)
{
	raise_identity_ambiguous();
	scene.evidence.strays.items->is_it = true;
}

static void raise_driver_missing(void)
{
	scene_ask(NIC);
	scene.evidence.driver_state = PCIPT_MODULE_ABSENT;
}

static void clear_driver_missing(void)
{
	scene.evidence.driver_state = PCIPT_MODULE_LOADABLE;
}

static void raise_set_incomplete(void)
{
	scene_ask(GPU);
}

static void clear_set_incomplete(void)
{
	scene_ask(AUDIO);
	scene_ask(SIBLING);
}

static void raise_boot_vga(void)
{
	scene_ask_card();
	world_facts(&scene.world, GPU)->boot_vga = 1;
}

static void clear_boot_vga(void)
{
	world_facts(&scene.world, GPU)->boot_vga = 0;
}

static void raise_foreign_owner(void)
{
	scene_ask(NIC);
	world_set_driver(&scene.world, NIC, "vfio-pci");
}

static void clear_foreign_owner(void)
{
	world_set_driver(&scene.world, NIC, "e1000e");
}

static void raise_platform_function(void)
{
	scene_ask(NIC);
	scene_device(NIC)->class_id = 0x0c0500;
}

static void clear_platform_function(void)
{
	scene_device(NIC)->class_id = 0x020000;
}

static void raise_unreadable(void)
{
	scene_ask(NIC);
	world_facts(&scene.world, NIC)->override_unknown = true;
}

static void clear_unreadable(void)
{
	world_facts(&scene.world, NIC)->override_unknown = false;
}

static void raise_sibling_unbound(void)
{
	scene_ask(GPU);
	scene_ask(AUDIO);
	world_set_driver(&scene.world, SIBLING, NULL);
}

static void clear_sibling_unbound(void)
{
	world_set_driver(&scene.world, SIBLING, "vfio-pci");
}

static void raise_override_present(void)
{
	scene_ask(NIC);
	world_facts(&scene.world, NIC)->driver_override = "e1000e";
}

static void clear_override_present(void)
{
	world_facts(&scene.world, NIC)->driver_override = NULL;
}

static void ask_nic_instead(void)
{
	scene.n_asked = 0;
	scene_ask(NIC);
}

static void give_group(void)
{
	scene_device(NIC)->group = scene_device(PF)->group;
}

/* What collectors say is in use: their own tests show when they say so. */
static void raise_use(enum pcipt_use_kind kind)
{
	scene_ask(NIC);
	pcipt_uses_add(&scene.evidence.uses, scene_device(NIC), kind, strdup("what"),
		       strdup("how it is known"), NULL);
}

static void clear_uses(void)
{
	pcipt_uses_clear(&scene.evidence.uses);
}

static void raise_root_disk(void)
{
	raise_use(PCIPT_USE_ROOT);
}

static void raise_swap(void)
{
	raise_use(PCIPT_USE_SWAP);
}

static void raise_mounted_filesystem(void)
{
	raise_use(PCIPT_USE_MOUNT);
}

static void raise_block_holder(void)
{
	raise_use(PCIPT_USE_STACKED);
}

static void raise_block_open(void)
{
	raise_use(PCIPT_USE_DISK_OPEN);
}

static void raise_block_signature(void)
{
	raise_use(PCIPT_USE_SIGNATURE);
}

static void raise_net_address(void)
{
	raise_use(PCIPT_USE_ADDRESS);
}

static void raise_default_route(void)
{
	raise_use(PCIPT_USE_ROUTE);
}

static void raise_net_enslaved(void)
{
	raise_use(PCIPT_USE_ENSLAVED);
}

static void raise_usb_in_use(void)
{
	raise_use(PCIPT_USE_USB);
}

static void raise_held_open(void)
{
	raise_use(PCIPT_USE_HELD);
}

static const char *regions[] = { "0x00000000fee00000 0x00000000feefffff msi",
				 "0x00000000abc00000 0x00000000abcfffff direct" };

static void raise_reserved_region(void)
{
	scene_ask(NIC);
	scene_device(NIC)->group->regions = regions;
	scene_device(NIC)->group->n_regions = 2;
}

static void clear_reserved_region(void)
{
	static const char *relaxable[] = { "0x00000000abc00000 0x00000000abcfffff direct-relaxable" };

	scene_device(NIC)->group->regions = relaxable;
	scene_device(NIC)->group->n_regions = 1;
}

static void raise_console(void)
{
	raise_use(PCIPT_USE_CONSOLE);
}

static void raise_noiommu(void)
{
	scene_ask(NIC);
	scene_device(NIC)->group->noiommu = true;
}

static void clear_noiommu(void)
{
	scene_device(NIC)->group->noiommu = false;
}

static void raise_unsafe_interrupts(void)
{
	scene_ask(NIC);
	scene.evidence.host.interrupts = PCIPT_INTERRUPTS_UNSAFE;
}

static void clear_unsafe_interrupts(void)
{
	scene.evidence.host.interrupts = PCIPT_INTERRUPTS_REMAPPED;
}

static void raise_power_state(void)
{
	scene_ask(NIC);
	world_facts(&scene.world, NIC)->details->power_state = "D3cold";
}

static void clear_power_state(void)
{
	world_facts(&scene.world, NIC)->details->power_state = "D3hot";
}

static void raise_no_reset(void)
{
	scene_ask(NIC);
	world_facts(&scene.world, NIC)->reset = NULL;
}

static void clear_no_reset(void)
{
	world_facts(&scene.world, NIC)->reset = world_facts(&scene.world, PF)->reset;
}

/* The bus is shared with a sibling that stays without a driver. */
static void raise_reset_shared(void)
{
	scene_ask(GPU);
	scene_ask(AUDIO);
	world_facts(&scene.world, GPU)->reset = NULL;
	world_set_driver(&scene.world, SIBLING, NULL);
}

static void clear_reset_shared(void)
{
	world_set_driver(&scene.world, SIBLING, "vfio-pci");
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
	{ "root-disk", raise_root_disk, clear_uses, NIC },
	{ "swap", raise_swap, clear_uses, NIC },
	{ "mounted-filesystem", raise_mounted_filesystem, clear_uses, NIC },
	{ "block-holder", raise_block_holder, clear_uses, NIC },
	{ "block-open", raise_block_open, clear_uses, NIC },
	{ "block-signature", raise_block_signature, clear_uses, NIC },
	{ "reserved-region", raise_reserved_region, clear_reserved_region, NIC },
	{ "pf-with-vfs", raise_pf_with_vfs, clear_pf_with_vfs, PF },
	{ "vf-pf-unbound", raise_vf_pf_unbound, clear_vf_pf_unbound, NIC },
	{ "claimed", scene_claim_nic, clear_claimed, NIC },
	{ "identity-changed", raise_identity_changed, clear_identity_changed, NIC },
	{ "claimed", raise_claimed_elsewhere, clear_identity_ambiguous, NIC },
	{ "identity-ambiguous", raise_identity_ambiguous, clear_identity_ambiguous, NIC },
	{ "driver-missing", raise_driver_missing, clear_driver_missing, -1 },
	{ "set-incomplete", raise_set_incomplete, clear_set_incomplete, GPU },
	{ "boot-vga", raise_boot_vga, clear_boot_vga, GPU },
	{ "console-framebuffer", raise_console, clear_uses, NIC },
	{ "net-address", raise_net_address, clear_uses, NIC },
	{ "default-route", raise_default_route, clear_uses, NIC },
	{ "net-enslaved", raise_net_enslaved, clear_uses, NIC },
	{ "usb-in-use", raise_usb_in_use, clear_uses, NIC },
	{ "held-open", raise_held_open, clear_uses, NIC },
	{ "foreign-owner", raise_foreign_owner, clear_foreign_owner, NIC },
	{ "platform-function", raise_platform_function, clear_platform_function, NIC },
	{ "noiommu", raise_noiommu, clear_noiommu, NIC },
	{ "unsafe-interrupts", raise_unsafe_interrupts, clear_unsafe_interrupts, -1 },
	{ "unreadable", raise_unreadable, clear_unreadable, NIC },
	{ "no-reset", raise_no_reset, clear_no_reset, NIC },
	{ "reset-shared", raise_reset_shared, clear_reset_shared, GPU },
	{ "power-state", raise_power_state, clear_power_state, NIC },
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
	scene_judge();
	found = scene_finding(cases[_i].code);
	ck_assert_msg(found != NULL, "%s isn't raised", cases[_i].code);
	ck_assert_int_eq(found->severity, row->severity);
	ck_assert_ptr_eq(found->device,
			 cases[_i].about < 0 ? NULL : scene_device((size_t)cases[_i].about));
	ck_assert(*found->message && *found->evidence && *found->remedy);
	ck_assert_msg(strpbrk(found->message, "\n\r") == NULL, "%s: more than a line", row->code);
	ck_assert(!found->allowed);
	ck_assert(pcipt_findings_are_clear(&scene.set.findings) ==
		  (row->severity == PCIPT_SEVERITY_WARNING));
	cases[_i].clear();
	scene_judge();
	ck_assert_msg(scene_finding(cases[_i].code) == NULL, "%s isn't cleared", cases[_i].code);
}
END_TEST

START_TEST(every_code_has_a_case)
{
	size_t count = pcipt_finding_code_count();

	for (size_t i = 0; i < count; i++) {
		const struct pcipt_finding_row *row = pcipt_finding_row(pcipt_finding_code_at(i));
		size_t n = 0;

		for (size_t k = 0; k < N_CASES; k++)
			n += strcmp(cases[k].code, row->code) == 0 && cases[k].raise &&
			     cases[k].clear;
		ck_assert_msg(n > 0, "%s has no case here", row->code);
		ck_assert(*row->text && *row->clears);
		ck_assert_str_eq(row->text, pcipt_finding_code_text(i));
		ck_assert_int_eq(row->severity, pcipt_finding_code_severity(i));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(row->code, pcipt_finding_code_at(k));
	}
	ck_assert_ptr_null(pcipt_finding_code_at(count));
	ck_assert_ptr_null(pcipt_finding_code_text(count));
	ck_assert_int_eq(pcipt_finding_code_severity(count), -1);
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
	scene_judge();
	if (may_be_allowed(row)) {
		ck_assert_int_eq(r, 0);
		ck_assert(scene_finding(row->code)->allowed == (row->severity == PCIPT_SEVERITY_BLOCKER));
		ck_assert(pcipt_findings_are_clear(&scene.set.findings));
	} else {
		ck_assert_int_eq(r, PCIPT_E_INVALID);
		assert_fails(PCIPT_E_INVALID, error);
		ck_assert(!scene_finding(row->code)->allowed);
		ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
	}
}
END_TEST

START_TEST(allowed_on_one_device)
{
	struct pcipt_error *error = NULL;

	scene_ask(NIC);
	scene_ask(PF);
	world_set_driver(&scene.world, NIC, "vfio-pci");
	world_set_driver(&scene.world, PF, "vfio-pci");
	/* The short form of an address is one address too. */
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "02:00.0", &error), error);
	scene_judge();
	ck_assert_uint_eq(scene.set.findings.n, 2);
	ck_assert(scene.set.findings.items[0].allowed && !scene.set.findings.items[1].allowed);
	ck_assert(!pcipt_findings_are_clear(&scene.set.findings));
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "0000:03:00.0", &error),
		  error);
	scene_judge();
	ck_assert(pcipt_findings_are_clear(&scene.set.findings));
}
END_TEST

/* Another code's allowance, or one for another device, does nothing. */
START_TEST(not_allowed_by_others)
{
	struct pcipt_error *error = NULL;

	scene_ask(NIC);
	world_set_driver(&scene.world, NIC, "vfio-pci");
	assert_ok(pcipt_options_add_allow(scene.options, "boot-vga", NULL, &error), error);
	assert_ok(pcipt_options_add_allow(scene.options, "foreign-owner", "01:00.0", &error), error);
	scene_judge();
	ck_assert(!scene_finding("foreign-owner")->allowed);
}
END_TEST

Suite *suite_findings(void)
{
	Suite *suite = suite_create("findings");
	TCase *tc = tcase_create("table");

	tcase_add_checked_fixture(tc, scene_begin, scene_end);
	tcase_add_loop_test(tc, raised_and_cleared, 0, N_CASES);
	tcase_add_test(tc, every_code_has_a_case);
	tcase_add_loop_test(tc, allowed_by_name, 0, N_CASES);
	tcase_add_test(tc, allowed_on_one_device);
	tcase_add_test(tc, not_allowed_by_others);
	suite_add_tcase(suite, tc);
	return suite;
}
