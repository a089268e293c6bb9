/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The boot list: what it says of which claim, who is told what of it, and that neither
 * its loss nor its damage costs a claim or leaves a device without its driver.
 */
#include <errno.h>

#include "claims/boot.h"
#include "machine.h"
#include "tree.h"

#define STATE_DIR "/var/lib/libpcipt/claims"
#define ETC "/etc/libpcipt"
#define NIC_LINE "vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm\n"

static struct sim *sim;
static struct pcipt_context *ctx;
static struct pcipt_report *report;

static void setup(void)
{
	sim = machine_new();
	ctx = sim_context(sim);
	report = NULL;
}

static void teardown(void)
{
	pcipt_report_unref(report);
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static int reconcile(void)
{
	struct pcipt_error *error = NULL;
	int r;

	pcipt_report_unref(report);
	report = NULL;
	r = pcipt_reconcile(ctx, NULL, &report, &error);
	pcipt_error_unref(error);
	return r;
}

static void release(const char *name)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_find(ctx, name, &claim, &error), error);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	pcipt_claim_unref(claim);
}

/* What follows the heading, or "" where there is no list. */
static const char *lines(void)
{
	const char *text = sim_record(sim, "boot");

	while (text && *text == '#')
		text = strchr(text, '\n') + 1;
	return text ? text : "";
}

/* The machine was started anew, and the rule has kept these devices from their drivers. */
static void reboot(const char *record, const char *const *kept, size_t n)
{
	char *text = strdup(sim_record(sim, record)), *id = strstr(text, "1111111-");

	ck_assert_ptr_nonnull(id);
	*id = '2';
	sim_put_record(sim, STATE_DIR, record, text);
	free(text);
	for (size_t i = 0; i < n; i++) {
		sim_force_driver(sim, kept[i], NULL);
		sim_force_override(sim, kept[i], "vfio-pci");
	}
}

static char *override_of(const char *address)
{
	struct pcipt_error *error = NULL;
	char *override = NULL;

	assert_ok(pcipt_boot_override(ctx, address, &override, &error), error);
	return override;
}

static void assert_override(const char *address, const char *expected)
{
	char *override = override_of(address);

	ck_assert_msg(pcipt_streq(override, expected), "%s: %s instead of %s", address,
		      override ? override : "none", expected ? expected : "none");
	free(override);
}

/* ---- what is in it ---- */

START_TEST(follows_the_claims)
{
	machine_bind(ctx, GPU, "card", true);
	machine_bind(ctx, NIC, "vm", true);
	ck_assert_str_eq(sim_record_folder(sim, "boot"), ETC);
	ck_assert_ptr_nonnull(strstr(lines(), "/00.0 - nouveau card\n"));
	ck_assert_ptr_nonnull(strstr(lines(), "/00.1 - snd_hda_intel card\n"));
	ck_assert_ptr_nonnull(strstr(lines(), NIC_LINE));
	assert_override(GPU, "vfio-pci");
	assert_override(AUDIO, "vfio-pci");
	assert_override(NIC, "vfio-pci");
	release("card");
	ck_assert_str_eq(lines(), NIC_LINE);
	assert_override(GPU, NULL);
	release("vm");
	ck_assert_ptr_null(sim_record(sim, "boot"));
	assert_override(NIC, NULL);
}
END_TEST

START_TEST(not_of_this_boot_alone)
{
	machine_bind(ctx, NIC, "vm", false);
	ck_assert_ptr_null(sim_record(sim, "boot"));
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_ptr_null(sim_record(sim, "boot"));
}
END_TEST

/* A program with a state folder of its own is not reconciled at boot by us. */
START_TEST(not_of_another_state_folder)
{
	struct pcipt_error *error = NULL;

	pcipt_context_unref(ctx);
	assert_ok(pcipt_context_new(&ctx, &error), error);
	assert_ok(pcipt_context_set_state_dir(ctx, "/kept", &error), error);
	ck_assert(ctx->state_dir_given);
	pcipt_boot_list_note(ctx, &(struct pcipt_record){ .persistent = true }, true);
	ck_assert_ptr_null(ctx->kernel);
}
END_TEST

/*
 * A device is never in the list that its record doesn't want kept: a power cut between the two
 * would leave it without a driver.
 */
START_TEST(out_of_it_first_into_it_last)
{
	size_t list, record;

	machine_bind(ctx, NIC, "vm", true);
	list = sim_log_find(sim, 0, "record-write boot");
	record = sim_log_find(sim, list, "record-write vm.json");
	ck_assert_uint_lt(list, sim_log_count(sim));
	ck_assert_uint_eq(record, SIZE_MAX);
	sim_log_clear(sim);
	release("vm");
	list = sim_log_find(sim, 0, "record-remove boot");
	record = sim_log_find(sim, 0, "record-write vm.json");
	ck_assert_uint_lt(list, record);
	ck_assert_uint_lt(record, sim_log_find(sim, 0, "write "));
}
END_TEST

START_TEST(states_that_are_kept)
{
	static const struct {
		int state;
		const char *reason;
		bool kept;
	} rows[] = {
		{ PCIPT_CLAIM_BOUND, NULL, true },
		{ PCIPT_CLAIM_PENDING, NULL, true },
		{ PCIPT_CLAIM_BINDING, NULL, false },
		{ PCIPT_CLAIM_RELEASING, NULL, false },
		{ PCIPT_CLAIM_STUCK, "write-outstanding", false },
		{ PCIPT_CLAIM_WAITING, "absent", true },
		{ PCIPT_CLAIM_WAITING, "replaced", true },
		{ PCIPT_CLAIM_WAITING, "refused", false },
		{ PCIPT_CLAIM_WAITING, "taken", false },
		{ PCIPT_CLAIM_WAITING, "bind-failed", false },
		{ PCIPT_CLAIM_WAITING, NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pcipt_record record = { .persistent = true,
					       .state = rows[i].state,
					       .reason = (char *)rows[i].reason };

		ck_assert_msg(pcipt_boot_keeps(&record) == rows[i].kept, "row %zu", i);
		record.persistent = false;
		ck_assert(!pcipt_boot_keeps(&record));
	}
}
END_TEST

/* ---- who is told what ---- */

static const char *const damaged[] = {
	"",
	"\n\n\n",
	"# nothing\n",
	"vfio-pci",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm more\n",
	"vfio-pci  8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm\n",
	"../x 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm\n",
	"- 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm\n",
	"vfio\x1bpci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e vm\n",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e ..\n",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 - e1000e a/b\n",
	/* Another model in its slot, its model in another slot, a serial number that can't be read. */
	"vfio-pci 8086:10d4:0000:0000:00@pci0000:02/00.0 - e1000e vm\n",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:03/00.0 - e1000e vm\n",
	"vfio-pci 8086:10d3:0000:0000:00@pci0000:02/00.0 00-00-00-00-00-00-00-01 e1000e vm\n",
	"vfio-pci nothing - e1000e vm\n",
	"vfio-pci / - e1000e vm\n",
};

START_TEST(nothing_that_is_not_certain)
{
	sim_put_record(sim, ETC, "boot", damaged[_i]);
	assert_override(NIC, NULL);
}
END_TEST

/* The lines before and behind a damaged one still count. */
START_TEST(the_rest_of_a_damaged_list)
{
	sim_put_record(sim, ETC, "boot", "rubbish\n" NIC_LINE "vfio-pci 8086:");
	assert_override(NIC, "vfio-pci");
	assert_override(GPU, NULL);
}
END_TEST

START_TEST(no_list_no_device_no_override)
{
	struct pcipt_error *error = NULL;
	char *override = NULL;

	assert_override(NIC, NULL);
	sim_put_record(sim, ETC, "boot", NIC_LINE);
	sim_remove(sim, NIC);
	ck_assert_int_lt(pcipt_boot_override(ctx, NIC, &override, &error), 0);
	ck_assert_ptr_null(override);
	pcipt_error_unref(error);
	error = NULL;
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_READ, "boot", 1, 0, EBADMSG, SIM_FAILS });
	ck_assert_int_eq(pcipt_boot_override(ctx, NIC, &override, &error), PCIPT_E_DAMAGED);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "others than root"));
	pcipt_error_unref(error);
}
END_TEST

/* On real files: the serial number decides between cards of one model. */
START_TEST(another_card_of_the_model)
{
	struct pcipt_record_device device = {
		.identity = (char *)"8086:10d3:0000:0000:00@pci0000:00/00.0",
		.serial = (char *)"00-00-00-00-00-00-00-01",
		.action = PCIPT_ACTION_BIND
	};
	struct pcipt_record record = { .name = (char *)"vm", .driver = (char *)"vfio-pci",
				       .state = PCIPT_CLAIM_BOUND, .persistent = true,
				       .devices = &device, .n_devices = 1 };
	static const uint8_t dsn[] = { 0x03, 0, 0x01, 0 };
	struct tree_device facts = { .address = "0000:00:00.0", .vendor = 0x8086, .device = 0x10d3 };
	uint8_t config[4096] = { 0x86, 0x80, 0xd3, 0x10 };
	struct pcipt_error *error = NULL;
	char *root = test_path("boot");
	struct tree *tree = tree_new(root);

	tree_add(tree, &facts);
	memcpy(config + 0x100, dsn, sizeof(dsn));
	config[0x104] = _i ? 2 : 1;
	tree_set_raw(tree, "0000:00:00.0", "config", config, sizeof(config));
	pcipt_context_unref(ctx);
	assert_ok(pcipt_context_new(&ctx, &error), error);
	assert_ok(pcipt_context_set_root(ctx, root, &error), error);
	pcipt_boot_list_note(ctx, &record, true);
	assert_override("0000:00:00.0", _i ? NULL : "vfio-pci");
	/* One whose serial number is in the VPD isn't asked for it by a rule. */
	device.serial = (char *)"S1234";
	pcipt_boot_list_note(ctx, &record, true);
	assert_override("0000:00:00.0", NULL);
	tree_free(tree);
	free(root);
}
END_TEST

/* ---- when it is wrong ---- */

/* The claim is none the worse for a list that can't be written; the next look mends it. */
START_TEST(can_not_be_written)
{
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, "boot", 1, 0, EROFS, SIM_FAILS });
	machine_bind(ctx, NIC, "vm", true);
	assert_driver(sim, NIC, "vfio-pci");
	ck_assert_ptr_null(sim_record(sim, "boot"));
	ck_assert_int_eq(reconcile(), 0);
	sim_mend(sim);
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_str_eq(lines(), NIC_LINE);
	sim_put_record(sim, ETC, "boot", "rubbish\n");
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_str_eq(lines(), NIC_LINE);
	sim_take_record(sim, "boot");
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_str_eq(lines(), NIC_LINE);
	sim_log_clear(sim);
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	release("vm");
	assert_driver(sim, NIC, "e1000e");
}
END_TEST

static const char *const nic[] = { NIC };

START_TEST(kept_for_a_claim)
{
	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	ck_assert_int_eq(reconcile(), 0);
	assert_driver(sim, NIC, "vfio-pci");
	ck_assert_str_eq(lines(), NIC_LINE);
	release("vm");
	assert_driver(sim, NIC, "e1000e");
}
END_TEST

/* Its record was deleted by hand, or the disk with it was lost. */
START_TEST(kept_for_nobody)
{
	char *state;

	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	sim_take_record(sim, "vm.json");
	ck_assert_int_eq(reconcile(), 0);
	state = sim_device_state(sim, NIC);
	ck_assert_ptr_nonnull(strstr(state, "driver e1000e, override none"));
	ck_assert_ptr_null(sim_record(sim, "boot"));
	ck_assert_uint_eq(pcipt_report_action_count(report), 1);
	ck_assert_str_eq(pcipt_report_action_reason(report, 0), "kept-for-nobody");
	ck_assert_ptr_nonnull(strstr(pcipt_report_action_message(report, 0), NIC));
	free(state);
}
END_TEST

/* Whoever has come to it since keeps it: a driver, another override, another claim. */
START_TEST(nobodys_is_left_to_others)
{
	char *before;

	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	sim_take_record(sim, "vm.json");
	if (_i == 0)
		sim_force_override(sim, NIC, "pci-stub");
	else
		sim_force_driver(sim, NIC, _i == 1 ? "vfio-pci" : "e1000e");
	before = sim_state(sim);
	ck_assert_int_eq(reconcile(), 0);
	assert_state(sim, before, "it was somebody's");
	ck_assert_ptr_null(sim_record(sim, "boot"));
	free(before);
}
END_TEST

/* A record that can't be read is no proof that nobody wants the device. */
START_TEST(kept_for_a_damaged_record)
{
	char *before;

	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	sim_put_record(sim, STATE_DIR, "vm.json", "{");
	before = sim_state(sim);
	ck_assert_int_eq(reconcile(), 0);
	assert_state(sim, before, "with a damaged record");
	ck_assert_str_eq(lines(), NIC_LINE);
	free(before);
}
END_TEST

/* A claim that ends before anybody has reconciled in this boot. */
START_TEST(released_before_reconciling)
{
	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	release("vm");
	assert_driver(sim, NIC, "e1000e");
	ck_assert_ptr_null(sim_record(sim, "boot"));
}
END_TEST

/* What was on its way back when the machine went down is the host's. */
START_TEST(interrupted_release)
{
	char *text;

	machine_bind(ctx, NIC, "vm", true);
	text = strdup(sim_record(sim, "vm.json"));
	memcpy(strstr(text, "\"bound\""), "\"stuck\"", 7);
	sim_put_record(sim, STATE_DIR, "vm.json", text);
	free(text);
	reboot("vm.json", nic, 1);
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_int_eq(reconcile(), 0);
	assert_driver(sim, NIC, "e1000e");
	ck_assert_uint_eq(sim_record_count(sim), 0);
}
END_TEST

/*
 * Killed after the claim says "bound" again and before the intent is gone, wherever that is: the
 * devices that somebody opened meanwhile are his.
 */
START_TEST(killed_when_bound_again)
{
	struct pcipt_error *error = NULL;
	unsigned int point, n_bound = 0;
	bool more = true;

	for (point = 1; more; point++) {
		size_t begun;
		bool bound;

		teardown();
		setup();
		machine_bind(ctx, NIC, "vm", true);
		reboot("vm.json", nic, 1);
		begun = sim_log_count(sim);
		sim_fail(sim, &(struct sim_fault){ ~0u, NULL, point, 0, EIO, SIM_FAILS });
		reconcile();
		more = sim_log_count(sim) - begun >= point;
		sim_mend(sim);
		bound = strstr(sim_record(sim, "vm.json"), "\"state\": \"bound\"") != NULL;
		if (bound && sim_open_device(sim, NIC) == 0)
			sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:3" });
		else
			bound = false;
		n_bound += bound;
		sim_log_clear(sim);
		pcipt_recover(ctx, NULL, NULL, &error);
		error = pcipt_error_unref(error);
		if (bound && sim_log_matches(sim, "write /sys") > 0)
			ck_abort_msg("killed at operation %u: taken from its user", point);
		sim_end_holders(sim);
	}
	/* There is more than one such point, and it was bound by itself at the last. */
	ck_assert_msg(point > 50 && n_bound > 1, "%u points, %u bound", point, n_bound);
}
END_TEST

/* A tree that isn't a kernel's keeps its list, for whomever that was. */
START_TEST(a_tree_keeps_its_list)
{
	sim_put_record(sim, ETC, "boot", NIC_LINE);
	sim_set_real(sim, false);
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_str_eq(lines(), NIC_LINE);
	sim_set_real(sim, true);
	ck_assert_int_eq(reconcile(), 0);
	ck_assert_str_eq(lines(), "");
}
END_TEST

/* One look that fails says nothing: the device is given back at the next. */
START_TEST(kept_and_unreadable_once)
{
	char *state;

	machine_bind(ctx, NIC, "vm", true);
	reboot("vm.json", nic, 1);
	sim_take_record(sim, "vm.json");
	sim_fail(sim, &(struct sim_fault){ SIM_GUARDED | SIM_READ, "driver_override", 1, 0, EBUSY, SIM_FAILS });
	reconcile();
	sim_mend(sim);
	ck_assert_int_eq(reconcile(), 0);
	state = sim_device_state(sim, NIC);
	ck_assert_ptr_nonnull(strstr(state, "e1000e"));
	free(state);
}
END_TEST

Suite *suite_boot(void)
{
	Suite *suite = suite_create("boot");
	TCase *tc = tcase_create("boot");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, follows_the_claims);
	tcase_add_test(tc, not_of_this_boot_alone);
	tcase_add_test(tc, not_of_another_state_folder);
	tcase_add_test(tc, out_of_it_first_into_it_last);
	tcase_add_test(tc, states_that_are_kept);
	tcase_add_loop_test(tc, nothing_that_is_not_certain, 0, ARRAY_SIZE(damaged));
	tcase_add_test(tc, the_rest_of_a_damaged_list);
	tcase_add_test(tc, no_list_no_device_no_override);
	tcase_add_loop_test(tc, another_card_of_the_model, 0, 2);
	tcase_add_test(tc, can_not_be_written);
	tcase_add_test(tc, kept_for_a_claim);
	tcase_add_test(tc, kept_for_nobody);
	tcase_add_loop_test(tc, nobodys_is_left_to_others, 0, 3);
	tcase_add_test(tc, kept_for_a_damaged_record);
	tcase_add_test(tc, released_before_reconciling);
	tcase_add_test(tc, interrupted_release);
	tcase_add_test(tc, killed_when_bound_again);
	tcase_add_test(tc, kept_and_unreadable_once);
	tcase_add_test(tc, a_tree_keeps_its_list);
	suite_add_tcase(suite, tc);
	return suite;
}
