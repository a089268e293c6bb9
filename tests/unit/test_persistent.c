/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims that outlive the boot: where they lie, what they hold, and their names. */
#include "machine.h"

#define STATE_DIR "/var/lib/libpcipt/claims"

static struct sim *sim;
static struct pcipt_context *ctx;

static void setup(void)
{
	sim = machine_new();
	ctx = sim_context(sim);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static int try_bind(const char *address, const char *name, bool persistent,
		    struct pcipt_claim **claim, struct pcipt_error **error)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_set *set;
	int r;

	pcipt_options_set_persistent(options, persistent);
	ck_assert_int_eq(pcipt_options_set_name(options, name, NULL), 0);
	set = machine_set_with(ctx, address, options);
	r = pcipt_bind(ctx, set, options, claim, error);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	return r;
}

static struct pcipt_claim *must_bind(const char *address, const char *name, bool persistent)
{
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;

	assert_ok(try_bind(address, name, persistent, &claim, &error), error);
	return claim;
}

/* Records as another boot left them: the same text with another boot's id. */
static void reboot(const char *name)
{
	char *text = strdup(sim_record(sim, name)), *id = strstr(text, "1111111-");

	ck_assert_ptr_nonnull(id);
	*id = '2';
	sim_put_record(sim, STATE_DIR, name, text);
	free(text);
}

START_TEST(lies_in_the_state_folder)
{
	struct pcipt_claim *claim = must_bind(GPU, "vm", true);
	struct pcipt_error *error = NULL;
	struct pcipt_claim *found = NULL;

	ck_assert(pcipt_claim_is_persistent(claim));
	ck_assert_str_eq(sim_record_folder(sim, "vm.json"), STATE_DIR);
	ck_assert_ptr_null(pcipt_claim_get_reason(claim));
	ck_assert_ptr_null(pcipt_claim_get_deadline(claim));
	assert_ok(pcipt_claim_find(ctx, "vm", &found, &error), error);
	ck_assert(pcipt_claim_is_persistent(found));
	assert_ok(pcipt_release(ctx, found, NULL, &error), error);
	assert_driver(sim, GPU, "nouveau");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	pcipt_claim_unref(found);
	pcipt_claim_unref(claim);
}
END_TEST

/* Whichever folder the first lies in; and the second leaves nothing behind. */
START_TEST(names_are_unique_over_both_folders)
{
	struct pcipt_claim *first = must_bind(GPU, "vm", _i), *second = NULL;
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(try_bind(NIC, "vm", !_i, &second, &error), PCIPT_E_NAME);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "a claim of this name exists"));
	pcipt_error_unref(error);
	assert_driver(sim, NIC, "e1000e");
	/* A persistent one stands in the boot list, too. */
	ck_assert_uint_eq(sim_record_count(sim), _i ? 2 : 1);
	pcipt_claim_unref(first);
}
END_TEST

static bool is_claimed(const char *address)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_set *set = machine_set_with(ctx, address, options);
	bool claimed = false;

	for (size_t i = 0; i < pcipt_set_finding_count(set); i++)
		claimed |= strcmp(pcipt_set_finding_code(set, i), "claimed") == 0;
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	return claimed;
}

/* After a reboot its devices have their own drivers, and still nobody else may have them. */
START_TEST(holds_its_devices_over_a_reboot)
{
	pcipt_claim_unref(must_bind(NIC, "vm", true));
	reboot("vm.json");
	sim_force_driver(sim, NIC, "e1000e");
	ck_assert(is_claimed(NIC));
	ck_assert(!is_claimed(GPU));
	/* Another card at the address isn't the claim's; the same at another address is. */
	sim_remove(sim, NIC);
	sim_add(sim, &(struct sim_device_facts){ .address = NIC,
						 .vendor = 0x8086,
						 .device = 0x1533,
						 .class_id = 0x020000,
						 .group = 3 });
	ck_assert(!is_claimed(NIC));
}
END_TEST

START_TEST(forgetting_leaves_the_devices)
{
	struct pcipt_claim *claim = must_bind(NIC, "vm", _i);
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim);

	assert_ok(pcipt_claim_forget(ctx, claim, &error), error);
	assert_state(sim, before, "after forgetting");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_int_eq(pcipt_claim_forget(ctx, claim, &error), PCIPT_E_NO_CLAIM);
	pcipt_error_unref(error);
	pcipt_claim_unref(claim);
	free(before);
}
END_TEST

START_TEST(owners_are_kept_apart)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = must_bind(NIC, "vm", true);
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(pcipt_options_set_owner(options, "somebody", NULL), 0);
	ck_assert_int_eq(pcipt_release(ctx, claim, options, &error), PCIPT_E_CLAIMED);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "nobody's, not somebody's"));
	pcipt_error_unref(error);
	error = NULL;
	assert_driver(sim, NIC, "vfio-pci");
	ck_assert_int_eq(pcipt_options_set_owner(options, NULL, NULL), 0);
	assert_ok(pcipt_release(ctx, claim, options, &error), error);
	assert_driver(sim, NIC, "e1000e");
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

Suite *suite_persistent(void)
{
	Suite *suite = suite_create("persistent");
	TCase *tc = tcase_create("persistent");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lies_in_the_state_folder);
	tcase_add_loop_test(tc, names_are_unique_over_both_folders, 0, 2);
	tcase_add_loop_test(tc, forgetting_leaves_the_devices, 0, 2);
	tcase_add_test(tc, owners_are_kept_apart);
	tcase_add_test(tc, holds_its_devices_over_a_reboot);
	suite_add_tcase(suite, tc);
	return suite;
}
