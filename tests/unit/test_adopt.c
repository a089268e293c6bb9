/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adoption: devices that somebody else has bound for passthrough become a claim's, without a
 * write, and are given to the driver that they would have otherwise.
 */
#include "machine.h"

#include <errno.h>

#define ALIASES "/lib/modules/6.1.0/modules.alias"

static struct sim *sim;
static struct pcipt_context *ctx;
static struct pcipt_claim *claim;
static struct pcipt_result *result;

/* Somebody's `driverctl set-override`: bound, and the override stays. */
static void take(const char *address)
{
	sim_force_driver(sim, address, "vfio-pci");
	sim_force_override(sim, address, "vfio-pci");
}

static void put_aliases(const char *text)
{
	sim_put_file(sim, "/proc/sys/kernel/osrelease", "6.1.0");
	sim_put_file(sim, ALIASES, text);
}

static void setup(void)
{
	sim = machine_new();
	ctx = sim_context(sim);
	claim = NULL;
	result = NULL;
	take(GPU);
	take(AUDIO);
	put_aliases("# Aliases\n"
		    "alias pci:v000010DEd*sv*sd*bc03sc*i* nouveau\n"
		    "alias pci:v000010DEd0000228Bsv*sd*bc*sc*i* snd_hda_intel\n"
		    "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
		    "alias vfio_pci:v000010DEd*sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci\n");
}

static void teardown(void)
{
	pcipt_result_unref(result);
	pcipt_claim_unref(claim);
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static struct pcipt_options *allowing(const char *code, bool persistent)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;

	pcipt_options_set_persistent(options, persistent);
	assert_ok(pcipt_options_set_name(options, "vm", &error), error);
	if (code)
		assert_ok(pcipt_options_add_allow(options, code, NULL, &error), error);
	return options;
}

static int bind_with(const char *address, struct pcipt_options *options, struct pcipt_error **error)
{
	struct pcipt_set *set = machine_set_with(ctx, address, options);
	int r;

	result = pcipt_result_unref(result);
	claim = pcipt_claim_unref(claim);
	r = pcipt_claim_bind(ctx, set, options, &claim, &result, error);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	return r;
}

static void adopt(const char *address)
{
	struct pcipt_error *error = NULL;

	assert_ok(bind_with(address, allowing("foreign-owner", false), &error), error);
	ck_assert_int_eq(pcipt_claim_get_state(claim), PCIPT_CLAIM_BOUND);
}

static void give_back(void)
{
	struct pcipt_error *error = NULL;

	result = pcipt_result_unref(result);
	assert_ok(pcipt_claim_release(ctx, claim, NULL, &result, &error), error);
	ck_assert_uint_eq(sim_record_count(sim), 0);
}

/* "0000:01:00.0 driver nouveau, override none" is what a device's line begins with. */
static void assert_is(const char *address, const char *driver, const char *override)
{
	char *state = sim_device_state(sim, address);
	char *expected = test_format("%s driver %s, override %s,", address, driver, override);

	ck_assert_msg(strncmp(state, expected, strlen(expected)) == 0, "%s, not %s", state, expected);
	free(state);
	free(expected);
}

static bool is_warned(const char *what)
{
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++)
		if (strstr(pcipt_error_get_message(pcipt_result_warning_at(result, i)), what))
			return true;
	return false;
}

START_TEST(a_pair)
{
	struct pcipt_error *error = NULL;
	char *json = NULL;

	sim_log_clear(sim);
	adopt(GPU);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "module-load"), 0);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
	ck_assert_uint_eq(pcipt_claim_device_count(claim), 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert(pcipt_claim_device_is_inferred(claim, i));
		ck_assert_str_eq(pcipt_claim_device_driver_before(claim, i),
				 i ? "snd_hda_intel" : "nouveau");
		ck_assert_ptr_null(pcipt_claim_device_override_before(claim, i));
	}
	ck_assert(!pcipt_claim_device_is_inferred(claim, 2));
	assert_ok(pcipt_claim_to_json(claim, &json, &error), error);
	ck_assert_ptr_nonnull(strstr(json, "\"inferred\": true"));
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "vm.json"), "\"inferred\": true"));
	pcipt_free(json);
	give_back();
	assert_is(GPU, "nouveau", "none");
	assert_is(AUDIO, "snd_hda_intel", "none");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
}
END_TEST

/* Without the owner's word nothing is adopted; and adopting again is no news. */
START_TEST(only_when_told)
{
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim);

	ck_assert_int_eq(bind_with(GPU, allowing(NULL, false), &error), PCIPT_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "foreign-owner"));
	error = pcipt_error_unref(error);
	assert_state(sim, before, "after a refusal");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	adopt(GPU);
	assert_ok(bind_with(AUDIO, allowing(NULL, false), &error), error);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_UNCHANGED);
	assert_state(sim, before, "after the adoption");
	free(before);
}
END_TEST

/* A group's other devices of that kind come with the set alone. */
START_TEST(without_the_set)
{
	struct pcipt_options *options = allowing("foreign-owner", false);
	struct pcipt_error *error = NULL;

	pcipt_options_set_with_set(options, false);
	assert_ok(bind_with(GPU, options, &error), error);
	ck_assert_uint_eq(pcipt_claim_device_count(claim), 1);
	give_back();
	assert_is(GPU, "nouveau", "none");
	assert_is(AUDIO, "vfio-pci", "vfio-pci");
}
END_TEST

START_TEST(a_group_partly_foreign)
{
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_force_override(sim, AUDIO, NULL);
	adopt(_i ? GPU : AUDIO);
	assert_is(AUDIO, "vfio-pci", "vfio-pci");
	ck_assert_uint_eq(pcipt_claim_device_count(claim), 2);
	ck_assert(pcipt_claim_device_is_inferred(claim, 0));
	ck_assert(!pcipt_claim_device_is_inferred(claim, 1));
	ck_assert_uint_eq(sim_log_matches(sim, "write /sys/bus/pci/devices/" GPU), 0);
	give_back();
	assert_is(GPU, "nouveau", "none");
	assert_is(AUDIO, "snd_hda_intel", "none");
}
END_TEST

static void try_to_adopt(void)
{
	struct pcipt_options *options = allowing("foreign-owner", false);
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_set *set = NULL;

	if (pcipt_snapshot_new(ctx, &snap, NULL) == 0 &&
	    pcipt_snapshot_find(snap, GPU, &device, NULL) == 0 &&
	    pcipt_set_new(snap, &device, 1, options, &set, NULL) == 0)
		pcipt_claim_bind(ctx, set, options, &claim, &result, NULL);
	pcipt_set_unref(set);
	pcipt_snapshot_unref(snap);
	pcipt_options_unref(options);
}

static void end_all(void)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	for (size_t i = 0; i < pcipt_claim_list_count(claims); i++)
		assert_ok(pcipt_release(ctx, pcipt_claim_list_at(claims, i), NULL, &error), error);
	pcipt_claim_list_unref(claims);
}

/*
 * Undone or killed at any operation, the foreign one stays where it was: it is the claim's only
 * when the record says "bound".
 */
START_TEST(undone_and_interrupted)
{
	bool through = false;

	for (unsigned int n = 1; !through; n++) {
		size_t begin;
		char *before;
		bool bound;

		teardown();
		setup();
		sim_force_driver(sim, AUDIO, "snd_hda_intel");
		sim_force_override(sim, AUDIO, NULL);
		before = sim_state(sim);
		begin = sim_log_count(sim);
		/* One fails; or all from there on, which is a process that was killed. */
		sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, _i ? 0 : n, EIO, SIM_FAILS });
		try_to_adopt();
		through = sim_log_count(sim) - begin < n;
		sim_mend(sim);
		pcipt_recover(ctx, NULL, NULL, NULL);
		bound = sim_record(sim, "vm.json") && strstr(sim_record(sim, "vm.json"), "\"bound\"");
		if (!bound && sim_record_count(sim) > 0)
			end_all();
		if (!bound)
			assert_state(sim, before, "a bind that was none");
		free(before);
	}
}
END_TEST

/* What can't be told is said at once, and again in the end: it is left without a driver. */
START_TEST(no_driver_is_known)
{
	static const struct {
		const char *aliases, *why;
	} cases[] = {
		{ NULL, "names no module" },
		{ "alias pci:v00008086d*sv*sd*bc*sc*i* e1000e\n", "names no module" },
		{ "alias pci:v000010DEd*sv*sd*bc*sc*i* nvidia\n", "is loaded (nvidia)" },
		{ "alias pci:v000010DEd*sv*sd*bc*sc*i* nouveau\n"
		  "alias pci:v000010DEd*sv*sd*bc*sc*i* e1000e\n", "nouveau and e1000e would both" },
		{ "alias pci:v000010DEd*sv*sd*bc*sc*i* pci_stub\n"
		  "alias pci:v000010DEd*sv*sd*bc*sc*i* vfio_pci\n", "is loaded (pci_stub, vfio_pci)" },
	};

	put_aliases(cases[_i].aliases);
	adopt(GPU);
	ck_assert_ptr_null(pcipt_claim_device_driver_before(claim, 0));
	ck_assert(pcipt_claim_device_is_inferred(claim, 0));
	ck_assert(is_warned("will leave it without one"));
	ck_assert_msg(is_warned(cases[_i].why), "%s: %s", cases[_i].why,
		      pcipt_error_get_message(pcipt_result_warning_at(result, 0)));
	give_back();
	assert_is(GPU, "none", "none");
	ck_assert(is_warned("without a driver"));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(pcipt_result_warning_at(result, 0)));
}
END_TEST

/* A module is not called as its driver: what it brings is asked of the kernel. */
START_TEST(a_module_of_another_name)
{
	put_aliases("alias pci:v000010DEd00002484sv*sd*bc*sc*i* the_module\n");
	sim_put_file(sim, "/sys/module/the_module/drivers/pci:nouveau", "");
	sim_put_file(sim, "/sys/module/the_module/drivers/pci:gone", "");
	sim_put_file(sim, "/sys/module/the_module/drivers/platform:e1000e", "");
	adopt(GPU);
	ck_assert_str_eq(pcipt_claim_device_driver_before(claim, 0), "nouveau");
}
END_TEST

/* Its driver's module is unloaded while the claim holds the device: the record knows which it was. */
START_TEST(its_module_is_unloaded)
{
	sim_driver_module(sim, "nouveau", "nouveau_pci");
	adopt(GPU);
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "vm.json"), "\"module_before\": \"nouveau_pci\""));
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "vm.json"), "\"module_before\": \"snd_hda_intel\""));
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_log_clear(sim);
	give_back();
	ck_assert_uint_eq(sim_log_matches(sim, "module-load nouveau_pci"), 1);
	assert_is(GPU, "nouveau", "none");
	assert_is(AUDIO, "snd_hda_intel", "none");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
}
END_TEST

/* An override that isn't the passthrough's own stays, and may name the driver. */
START_TEST(the_override_tells)
{
	put_aliases(NULL);
	sim_force_override(sim, GPU, "nouveau");
	sim_force_override(sim, AUDIO, "pcipt-pinned");
	adopt(GPU);
	ck_assert_str_eq(pcipt_claim_device_driver_before(claim, 0), "nouveau");
	ck_assert_str_eq(pcipt_claim_device_override_before(claim, 0), "nouveau");
	ck_assert_ptr_null(pcipt_claim_device_driver_before(claim, 1));
	give_back();
	assert_is(GPU, "nouveau", "nouveau");
	assert_is(AUDIO, "none", "pcipt-pinned");
}
END_TEST

/* driverctl keeps its own file: it is told, before and after, and stays. */
START_TEST(configured_by_others)
{
	struct pcipt_options *options = allowing("foreign-owner", false);
	struct pcipt_set *set;
	bool told = false;

	sim_put_file(sim, "/etc/driverctl.d/pci-" GPU, "vfio-pci");
	set = machine_set_with(ctx, GPU, options);
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++)
		told |= strstr(pcipt_set_finding_message(set, i), "driverctl") != NULL;
	ck_assert(told);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	adopt(GPU);
	give_back();
	assert_is(GPU, "nouveau", "none");
	ck_assert(is_warned("still wanted by driverctl"));
	ck_assert_uint_eq(pcipt_result_warning_count(result), 1);
}
END_TEST

/* A machine that runs is no hindrance for a claim, and one for its end. */
START_TEST(held_by_a_running_machine)
{
	struct pcipt_error *error = NULL;

	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	adopt(GPU);
	ck_assert_int_eq(pcipt_claim_release(ctx, claim, NULL, NULL, &error), PCIPT_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "held-open"));
	pcipt_error_unref(error);
	assert_is(GPU, "vfio-pci", "vfio-pci");
	sim_end_holders(sim);
	give_back();
	assert_is(GPU, "nouveau", "none");
}
END_TEST

/* After a reboot its own driver has it: then that is seen, and no longer inferred. */
START_TEST(seen_after_a_reboot)
{
	struct pcipt_error *error = NULL;
	char *text;

	put_aliases(NULL);
	assert_ok(bind_with(GPU, allowing("foreign-owner", true), &error), error);
	ck_assert_ptr_null(pcipt_claim_device_driver_before(claim, 0));
	text = strdup(sim_record(sim, "vm.json"));
	*strstr(text, "1111111-") = '2';
	sim_put_record(sim, sim_record_folder(sim, "vm.json"), "vm.json", text);
	free(text);
	sim_force_driver(sim, GPU, "nouveau");
	sim_force_driver(sim, AUDIO, _i ? NULL : "snd_hda_intel");
	sim_force_override(sim, GPU, NULL);
	sim_force_override(sim, AUDIO, NULL);
	assert_ok(pcipt_reconcile(ctx, NULL, NULL, &error), error);
	assert_is(GPU, "vfio-pci", "vfio-pci");
	claim = pcipt_claim_unref(claim);
	assert_ok(pcipt_claim_find(ctx, "vm", &claim, &error), error);
	ck_assert_int_eq(pcipt_claim_get_state(claim), PCIPT_CLAIM_BOUND);
	ck_assert(!pcipt_claim_device_is_inferred(claim, 0));
	ck_assert_str_eq(pcipt_claim_device_driver_before(claim, 0), "nouveau");
	ck_assert(pcipt_claim_device_is_inferred(claim, 1) == (_i == 1));
	give_back();
	assert_is(GPU, "nouveau", "none");
	assert_is(AUDIO, _i ? "none" : "snd_hda_intel", "none");
}
END_TEST

/* A record that says it in another way than true or false isn't ours. */
START_TEST(odd_records)
{
	static const struct {
		const char *value;
		size_t problems;
	} cases[] = { { "null ", 0 }, { "false", 0 }, { "12345", 1 }, { "\"yes\"", 1 } };
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	char *text, *at;

	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	adopt(GPU);
	text = test_format("%s ", sim_record(sim, "vm.json"));
	at = strstr(text, "\"inferred\": true");
	memmove(at + 17, at + 16, strlen(at + 16) - 1); /* over the spare blank */
	memcpy(at + 12, cases[_i].value, 5);
	sim_put_record(sim, sim_record_folder(sim, "vm.json"), "vm.json", text);
	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), cases[_i].problems);
	pcipt_claim_list_unref(claims);
	free(text);
}
END_TEST

/* Bound, but it can't be written down, and the undo hangs: the foreign one stays foreign. */
START_TEST(stuck_undo_of_a_partly_foreign_pair)
{
	struct pcipt_error *error = NULL;
	char *foreign, *now;

	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_force_override(sim, AUDIO, NULL);
	foreign = sim_device_state(sim, GPU);
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, "vm.json", 2, 2, ENOSPC, SIM_FAILS });
	sim_block(sim, "vfio-pci/unbind");
	ck_assert_int_lt(bind_with(GPU, allowing("foreign-owner", false), &error), 0);
	error = pcipt_error_unref(error);
	sim_let_go(sim);
	sim_mend(sim);
	assert_ok(pcipt_recover(ctx, NULL, NULL, &error), error);
	now = sim_device_state(sim, GPU);
	ck_assert_str_eq(now, foreign);
	free(now);
	free(foreign);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_uint_eq(sim_record_count(sim), 0);
}
END_TEST

Suite *suite_adopt(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tc = tcase_create("adopt");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_pair);
	tcase_add_test(tc, only_when_told);
	tcase_add_test(tc, without_the_set);
	tcase_add_loop_test(tc, a_group_partly_foreign, 0, 2);
	tcase_add_loop_test(tc, undone_and_interrupted, 0, 2);
	tcase_add_loop_test(tc, no_driver_is_known, 0, 5);
	tcase_add_test(tc, a_module_of_another_name);
	tcase_add_test(tc, its_module_is_unloaded);
	tcase_add_test(tc, the_override_tells);
	tcase_add_test(tc, configured_by_others);
	tcase_add_test(tc, held_by_a_running_machine);
	tcase_add_loop_test(tc, seen_after_a_reboot, 0, 2);
	tcase_add_loop_test(tc, odd_records, 0, 4);
	tcase_add_test(tc, stuck_undo_of_a_partly_foreign_pair);
	suite_add_tcase(suite, tc);
	return suite;
}
