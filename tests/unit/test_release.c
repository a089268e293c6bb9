/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving back: a release only goes forward, and says what it could not put back. */
#include "machine.h"

static struct sim *sim;
static struct pcipt_context *ctx;
static char *before; /* what the machine was before the claim */
static struct pcipt_set *card;

static void use(unsigned int variant)
{
	card = machine_set_of(variant);
	sim = machine_variant(variant, NULL);
	ctx = sim_context(sim);
	before = sim_state(sim);
}

static void forget(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
	free(before);
}

static void setup(void)
{
	use(0);
}

static int bind_gpu(struct pcipt_claim **claim, struct pcipt_error **error)
{
	return pcipt_bind(ctx, card, NULL, claim, error);
}

static struct pcipt_claim *must_bind(void)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(bind_gpu(&claim, &error), error);
	return claim;
}

static size_t count_claims(void)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	size_t n;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	n = pcipt_claim_list_count(claims);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 0);
	pcipt_claim_list_unref(claims);
	return n;
}

/* Another process: it has never seen the claim, and finds it by a device. */
static int release_elsewhere(struct pcipt_result **result, struct pcipt_error **error)
{
	struct pcipt_context *there = sim_context(sim);
	struct pcipt_claim *claim = NULL;
	int r = pcipt_claim_find(there, GPU, &claim, error);

	if (r == 0)
		r = pcipt_claim_release(there, claim, NULL, result, error);
	pcipt_claim_unref(claim);
	pcipt_context_unref(there);
	return r;
}

START_TEST(puts_every_variant_back)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	forget();
	use((unsigned int)_i);
	pcipt_claim_unref(must_bind());
	assert_ok(release_elsewhere(&result, &error), error);
	assert_state(sim, before, "after the release");
	ck_assert_uint_eq(count_claims(), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
	pcipt_result_unref(result);
}
END_TEST

/* The name is free again, and nothing is left that a second round would stumble over. */
START_TEST(again_and_again)
{
	struct pcipt_error *error = NULL;

	for (int i = 0; i < 5; i++) {
		struct pcipt_claim *claim = must_bind();

		ck_assert_str_eq(pcipt_claim_get_name(claim), "pci-0000-01-00.0");
		assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
		assert_state(sim, before, "after a round");
		pcipt_claim_unref(claim);
	}
}
END_TEST

START_TEST(released_twice)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, &error), PCIPT_E_NO_CLAIM);
	assert_fails(PCIPT_E_NO_CLAIM, error);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	pcipt_claim_unref(claim);
}
END_TEST

/* A name is used again: the old handle must not end the new claim. */
START_TEST(handle_of_an_ended_claim)
{
	struct pcipt_claim *old = must_bind(), *new;
	struct pcipt_error *error = NULL;

	assert_ok(release_elsewhere(NULL, &error), error);
	new = must_bind();
	ck_assert_str_eq(pcipt_claim_get_name(old), pcipt_claim_get_name(new));
	ck_assert_int_eq(pcipt_release(ctx, old, NULL, &error), PCIPT_E_NO_CLAIM);
	assert_fails(PCIPT_E_NO_CLAIM, error);
	assert_driver(sim, GPU, "vfio-pci");
	ck_assert_uint_eq(count_claims(), 1);
	pcipt_claim_unref(old);
	pcipt_claim_unref(new);
}
END_TEST

/* ---- a device that goes ---- */

static void vanish(struct sim *machine, void *data, unsigned int number)
{
	unsigned int *at = data;

	if (number == *at)
		sim_remove(machine, AUDIO);
	else if (number > *at)
		*at = 0;
}

/* Whatever the moment, one call is enough: the other device is back, and the claim has ended. */
START_TEST(vanishes_at_each_operation)
{
	unsigned int at = 0;

	for (unsigned int n = 1; n == 1 || at == 0; n++) {
		struct pcipt_result *result = NULL;
		struct pcipt_error *error = NULL;

		forget();
		use(0);
		pcipt_claim_unref(must_bind());
		at = n;
		sim_hook(sim, ~0u, vanish, &at);
		ck_assert_msg(release_elsewhere(&result, &error) == 0, "gone before operation %u: %s",
			      n, pcipt_error_get_message(error));
		sim_hook(sim, 0, NULL, NULL);
		assert_driver(sim, GPU, "nouveau");
		ck_assert_uint_eq(count_claims(), 0);
		pcipt_result_unref(result);
	}
	printf("release: a device vanished, to %u\n", at - 1);
}
END_TEST

/* ---- a sibling that is somebody else's ---- */

#define SIBLING "0000:01:01.0"

static void add_foreign_sibling(void)
{
	sim_add(sim, &(struct sim_device_facts){ .address = SIBLING,
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x1ad9,
						 .class_id = 0x0c8000,
						 .group = 2,
						 .driver = "vfio-pci",
						 .driver_override = "vfio-pci" });
}

/*
 * It came after the claim, somebody gave it to user space, and its group is in use when our
 * devices go back: no driver of the host's is put beside that, and the claim stays until it can be.
 */
START_TEST(beside_a_foreign_one_in_use)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = must_bind();

	assert_ok(pcipt_options_add_allow(options, "held-open", NULL, &error), error);
	add_foreign_sibling();
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	ck_assert_int_lt(pcipt_release(ctx, claim, options, &error), 0);
	ck_assert_int_eq(pcipt_error_get_code(pcipt_error_cause_at(error, 0)), PCIPT_E_BUSY);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(pcipt_error_cause_at(error, 0)), SIBLING));
	assert_fails(PCIPT_E_ROLLBACK_INCOMPLETE, error);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, NULL);
	ck_assert_uint_eq(count_claims(), 1);
	sim_end_holders(sim);
	assert_ok(pcipt_release(ctx, claim, options, &error), error);
	assert_driver(sim, SIBLING, "vfio-pci");
	sim_remove(sim, SIBLING);
	assert_state(sim, before, "after the release");
	ck_assert_uint_eq(count_claims(), 0);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

/* Where nobody can look whether the foreign one is in use, it counts as in use. */
START_TEST(beside_a_foreign_one_unseen)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = must_bind();

	assert_ok(pcipt_options_add_allow(options, "held-open", NULL, &error), error);
	assert_ok(pcipt_options_add_allow(options, "unreadable", NULL, &error), error);
	add_foreign_sibling();
	sim_set_in_container(sim, true);
	sim_log_clear(sim);
	ck_assert_int_lt(pcipt_release(ctx, claim, options, &error), 0);
	assert_fails(PCIPT_E_ROLLBACK_INCOMPLETE, error);
	ck_assert_uint_eq(sim_log_matches(sim, "write /sys/bus/pci/drivers/nouveau/bind"), 0);
	ck_assert_uint_eq(count_claims(), 1);
	sim_set_in_container(sim, false);
	assert_ok(pcipt_release(ctx, claim, options, &error), error);
	ck_assert_uint_eq(count_claims(), 0);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

/* ---- while others have it locked ---- */

static void open_and_unlock(struct sim *s, void *data, unsigned int number)
{
	(void)data;
	if (number != 3)
		return;
	sim_hold(s, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	sim_lock_elsewhere(s, GPU, NULL);
}

/* A virtual machine begins while the release waits for a lock: it keeps its card. */
START_TEST(opened_while_locked)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_lock_elsewhere(sim, GPU, "libpcipt-lock/1\npid 9\n");
	sim_log_clear(sim);
	sim_hook(sim, SIM_WAIT, open_and_unlock, NULL);
	ck_assert_int_eq(release_elsewhere(&result, &error), PCIPT_E_REFUSED);
	sim_hook(sim, 0, NULL, NULL);
	assert_fails(PCIPT_E_REFUSED, error);
	ck_assert_uint_eq(sim_log_matches(sim, "write /sys"), 0);
	assert_driver(sim, GPU, "vfio-pci");
	ck_assert_uint_eq(count_claims(), 1);
	pcipt_result_unref(result);
}
END_TEST

/* ---- faults ---- */

static const int errnos[] = { ENOSPC, EINVAL, ENODEV, EBUSY, EIO, EACCES, EROFS };

static bool warns_of(const struct pcipt_result *result, const char *address)
{
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++) {
		const char *about = pcipt_error_get_address(pcipt_result_warning_at(result, i));

		if (about && strcmp(about, address) == 0)
			return true;
	}
	return false;
}

static void assert_went_forward(const struct pcipt_result *result, const char *when)
{
	static const char *const addresses[] = { GPU, AUDIO };

	ck_assert_msg(sim_log_find(sim, 0, "write /sys/bus/pci/drivers/vfio-pci/bind") == SIZE_MAX,
		      "%s: a release bound to vfio-pci", when);
	ck_assert_uint_eq(count_claims(), 0);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	for (size_t i = 0; i < 2; i++) {
		char *now = sim_device_state(sim, addresses[i]);

		ck_assert_msg(strstr(before, now) || warns_of(result, addresses[i]),
			      "%s: no warning tells of %s", when, now);
		free(now);
	}
}

static void release_with_fault(unsigned int variant, unsigned int first, unsigned int last,
			       int errnum)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	int r;
	char *when = test_format("variant %u, writes %u to %u give %d", variant, first, last, errnum);

	forget();
	use(variant);
	pcipt_claim_unref(must_bind());
	sim_log_clear(sim);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, first, last, errnum, SIM_FAILS });
	r = release_elsewhere(&result, &error);
	sim_mend(sim);
	if (r < 0) {
		/* A device couldn't be taken from vfio-pci: the claim stays, to be released again. */
		ck_assert_msg(count_claims() == 1, "%s: the claim is lost", when);
		pcipt_error_unref(error);
		pcipt_result_unref(result);
		result = NULL;
		error = NULL;
		assert_ok(release_elsewhere(&result, &error), error);
	}
	assert_went_forward(result, when);
	pcipt_result_unref(result);
	free(when);
}

START_TEST(goes_forward_only)
{
	for (unsigned int variant = 0; variant < MACHINE_VARIANTS; variant++)
		for (unsigned int n = 1; n <= 10; n++) {
			release_with_fault(variant, n, n, errnos[_i]);
			release_with_fault(variant, n, 0, errnos[_i]);
		}
}
END_TEST

/* It stays without a driver, with its prior override; errno and remedy are told. */
START_TEST(old_driver_refuses)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	const struct pcipt_error *warning;
	char *now;

	pcipt_claim_unref(must_bind());
	sim_driver_refuses(sim, "nouveau", GPU, EIO);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 1);
	warning = pcipt_result_warning_at(result, 0);
	ck_assert_str_eq(pcipt_error_get_address(warning), GPU);
	ck_assert_int_eq(pcipt_error_get_errno(warning), EIO);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(warning), "restore-failed"));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(warning));
	now = sim_device_state(sim, GPU);
	ck_assert_ptr_null(strstr(now, "override vfio-pci"));
	free(now);
	pcipt_result_unref(result);
}
END_TEST

/* It is loaded again, before anything of the claim's is free for it to take. */
START_TEST(driver_was_unloaded)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	size_t load;

	pcipt_claim_unref(must_bind());
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_log_clear(sim);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
	load = sim_log_find(sim, 0, "module-load nouveau");
	ck_assert_uint_lt(load, sim_log_find(sim, 0, "write "));
	ck_assert_uint_eq(sim_log_matches(sim, "module-load "), 1);
	pcipt_result_unref(result);
}
END_TEST

/* The module is called otherwise than its driver: what the record says is loaded. */
START_TEST(unloaded_module_of_another_name)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	sim_driver_module(sim, "nouveau", "nouveau_pci");
	pcipt_claim_unref(must_bind());
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_log_clear(sim);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "module-load nouveau_pci"), 1);
	ck_assert_uint_eq(sim_log_matches(sim, "module-load "), 1);
	pcipt_result_unref(result);
}
END_TEST

/* Loading it again binds a card of the same model that had no driver: that is told. */
START_TEST(loading_takes_another)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	const struct pcipt_error *warning;

	pcipt_claim_unref(must_bind());
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:09:00.0",
						 .vendor = 0x10de,
						 .device = 0x2484,
						 .class_id = 0x030000,
						 .group = 90 });
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, "0000:09:00.0", "nouveau");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 1);
	warning = pcipt_result_warning_at(result, 0);
	ck_assert_int_eq(pcipt_error_get_code(warning), PCIPT_E_STALE);
	ck_assert_str_eq(pcipt_error_get_address(warning), "0000:09:00.0");
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(warning), "nouveau"));
	pcipt_result_unref(result);
}
END_TEST

/* Its module was unloaded, and loading it again hangs: the others have their drivers all the same. */
START_TEST(load_hangs)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_block(sim, "load nouveau");
	assert_ok(release_elsewhere(&result, &error), error);
	ck_assert_uint_ge(pcipt_result_warning_count(result), 1);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_uint_eq(count_claims(), 0);
	sim_let_go(sim);
	pcipt_result_unref(result);
}
END_TEST

START_TEST(driver_cannot_be_had)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	const struct pcipt_error *warning;

	pcipt_claim_unref(must_bind());
	ck_assert_int_eq(sim_unload(sim, "nouveau"), 0);
	sim_fail(sim, &(struct sim_fault){ SIM_MODULE_LOAD, NULL, 1, 0, ENOENT, SIM_FAILS });
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 1);
	warning = pcipt_result_warning_at(result, 0);
	ck_assert_int_eq(pcipt_error_get_errno(warning), ENOENT);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_remedy(warning), "modprobe"));
	pcipt_result_unref(result);
}
END_TEST

/* ---- devices that are not what was taken ---- */

START_TEST(vanished_device)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_remove(sim, AUDIO);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	ck_assert(warns_of(result, AUDIO));
	ck_assert_int_eq(pcipt_error_get_code(pcipt_result_warning_at(result, 0)), PCIPT_E_GONE);
	ck_assert_uint_eq(count_claims(), 0);
	pcipt_result_unref(result);
}
END_TEST

START_TEST(device_of_somebody_else)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_force_driver(sim, AUDIO, "pci-stub");
	sim_force_override(sim, AUDIO, "pci-stub");
	sim_log_clear(sim);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, AUDIO, "pci-stub");
	ck_assert(warns_of(result, AUDIO));
	for (size_t i = 0; i < sim_log_count(sim); i++)
		ck_assert_msg(strncmp(sim_log_at(sim, i), "write ", 6) != 0 ||
				      !strstr(sim_log_at(sim, i), AUDIO),
			      "%s", sim_log_at(sim, i));
	pcipt_result_unref(result);
}
END_TEST

START_TEST(another_device_at_the_address)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_remove(sim, AUDIO);
	sim_add(sim, &(struct sim_device_facts){ .address = AUDIO,
						 .parent = "0000:00:01.0",
						 .vendor = 0x1af4,
						 .device = 0x1041,
						 .class_id = 0x020000,
						 .group = 2,
						 .driver = "vfio-pci" });
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, AUDIO, "vfio-pci");
	ck_assert(warns_of(result, AUDIO));
	ck_assert_uint_eq(count_claims(), 0);
	pcipt_result_unref(result);
}
END_TEST

/* Put back by hand already: the override and the power setting are still ours to mend. */
START_TEST(half_put_back_by_hand)
{
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_force_driver(sim, GPU, "nouveau");
	sim_force_driver(sim, AUDIO, NULL);
	assert_ok(release_elsewhere(NULL, &error), error);
	assert_state(sim, before, "after a release of what was half put back");
}
END_TEST

/* Pinned by the claim, and bound by somebody since: it isn't the claim's any more. */
START_TEST(pinned_device_of_somebody_else)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	forget();
	use(5);
	pcipt_claim_unref(must_bind());
	sim_force_override(sim, "0000:01:01.0", "e1000e");
	sim_force_driver(sim, "0000:01:01.0", "e1000e");
	sim_log_clear(sim);
	assert_ok(release_elsewhere(&result, &error), error);
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, "0000:01:01.0", "e1000e");
	ck_assert(warns_of(result, "0000:01:01.0"));
	ck_assert_uint_eq(sim_log_matches(sim, "write /sys/bus/pci/devices/0000:01:01.0"), 0);
	pcipt_result_unref(result);
}
END_TEST

/* A plan of a release, carried out when its claim has ended and another has come. */
START_TEST(plan_of_an_ended_claim)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;

	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	assert_ok(pcipt_plan_release(snap, claim, NULL, &plan, &error), error);
	assert_ok(release_elsewhere(NULL, &error), error);
	if (_i == 1)
		pcipt_claim_unref(must_bind());
	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_STALE);
	assert_fails(PCIPT_E_STALE, error);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	assert_driver(sim, GPU, _i == 1 ? "vfio-pci" : "nouveau");
	pcipt_plan_unref(plan);
	pcipt_snapshot_unref(snap);
	pcipt_claim_unref(claim);
}
END_TEST

/* The kernel's state went with the boot: the record ends, no device is touched. */
START_TEST(claim_of_another_boot)
{
	static const char record[] =
		"{ \"schema\": \"libpcipt-claim/1\", \"name\": \"old\", \"state\": \"bound\", "
		"\"driver\": \"vfio-pci\", \"boot_id\": \"another\", \"devices\": [ { "
		"\"address\": \"" GPU "\", \"role\": \"requested\", \"action\": \"bind\", "
		"\"driver_before\": \"pci-stub\" } ] }";
	struct pcipt_result *result = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	sim_put_record(sim, "/run/libpcipt/claims", "old.json", record);
	assert_ok(pcipt_claim_find(ctx, "old", &claim, &error), error);
	assert_ok(pcipt_claim_release(ctx, claim, NULL, &result, &error), error);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(pcipt_result_warning_count(result), 1);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	assert_state(sim, before, "after a release of another boot's claim");
	pcipt_result_unref(result);
	pcipt_claim_unref(claim);
}
END_TEST

/* ---- what stands in a release's way ---- */

static void assert_still_bound(int r, int code, struct pcipt_error *error)
{
	ck_assert_str_eq(pcipt_errc_name(r), pcipt_errc_name(code));
	ck_assert_int_eq(pcipt_error_get_code(error), code);
	pcipt_error_unref(error);
	error = NULL;
	assert_driver(sim, GPU, "vfio-pci");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	sim_mend(sim);
	sim_set_may_write(sim, 0);
	sim_set_real(sim, true);
	ck_assert_uint_eq(count_claims(), 1);
	assert_ok(release_elsewhere(NULL, &error), error);
	assert_state(sim, before, "after the second try");
}

START_TEST(not_permitted)
{
	struct pcipt_error *error = NULL;
	int r;

	pcipt_claim_unref(must_bind());
	sim_log_clear(sim);
	sim_set_may_write(sim, EACCES);
	r = release_elsewhere(NULL, &error);
	assert_still_bound(r, PCIPT_E_PERMISSION, error);
}
END_TEST

START_TEST(not_real)
{
	struct pcipt_error *error = NULL;
	int r;

	pcipt_claim_unref(must_bind());
	sim_log_clear(sim);
	sim_set_real(sim, false);
	r = release_elsewhere(NULL, &error);
	assert_still_bound(r, PCIPT_E_NOT_REAL, error);
}
END_TEST

START_TEST(record_that_cannot_be_written)
{
	static const struct {
		int errnum, code;
	} table[] = { { EROFS, PCIPT_E_PERMISSION },
		      { EACCES, PCIPT_E_PERMISSION },
		      { EBADMSG, PCIPT_E_DAMAGED } };
	struct pcipt_error *error = NULL;
	int r;

	pcipt_claim_unref(must_bind());
	sim_log_clear(sim);
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, NULL, 1, 0, table[_i].errnum,
					   SIM_FAILS });
	r = release_elsewhere(NULL, &error);
	assert_still_bound(r, table[_i].code, error);
}
END_TEST

/* A full disk has no room for "releasing", but removing the record needs none. */
START_TEST(full_disk)
{
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, NULL, 1, 0, ENOSPC, SIM_FAILS });
	assert_ok(release_elsewhere(NULL, &error), error);
	ck_assert_uint_eq(count_claims(), 0);
	assert_state(sim, before, "after a release with a full disk");
}
END_TEST

/* The devices are back, the record is not gone: an error, and the next try ends it. */
START_TEST(record_that_cannot_be_removed)
{
	struct pcipt_error *error = NULL;

	pcipt_claim_unref(must_bind());
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EROFS, SIM_FAILS });
	ck_assert_int_eq(release_elsewhere(NULL, &error), PCIPT_E_PERMISSION);
	error = pcipt_error_unref(error);
	sim_mend(sim);
	ck_assert_uint_eq(count_claims(), 1);
	assert_ok(release_elsewhere(NULL, &error), error);
	assert_state(sim, before, "after the second try");
	ck_assert_uint_eq(count_claims(), 0);
}
END_TEST

/* ---- binds that fail, and their claims ---- */

START_TEST(record_before_a_bind_cannot_be_written)
{
	static const int codes[] = { ENOSPC, EROFS, EACCES, EIO, EBADMSG };
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, NULL, 1, 0, codes[_i], SIM_FAILS });
	ck_assert_int_lt(bind_gpu(&claim, &error), 0);
	ck_assert_ptr_null(claim);
	ck_assert_str_eq(pcipt_error_get_step(error), "record");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	assert_state(sim, before, "without a record");
	pcipt_error_unref(error);
}
END_TEST

START_TEST(failed_bind_leaves_no_claim)
{
	for (unsigned int n = 1; n <= 6; n++) {
		struct pcipt_error *error = NULL;
		struct pcipt_claim *claim = NULL;

		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, n, n, EIO, SIM_FAILS });
		ck_assert_int_lt(bind_gpu(&claim, &error), 0);
		ck_assert_ptr_null(claim);
		sim_mend(sim);
		ck_assert_uint_eq(sim_record_count(sim), 0);
		assert_state(sim, before, "after a failed bind");
		pcipt_error_unref(error);
	}
}
END_TEST

/* What could not be put back stays claimed, so that a release can try again. */
START_TEST(incomplete_bind_keeps_its_claim)
{
	for (unsigned int n = 2; n <= 6; n++) {
		struct pcipt_error *error = NULL;
		struct pcipt_claim *claim = NULL;

		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, n, 0, EIO, SIM_FAILS });
		ck_assert_int_eq(bind_gpu(&claim, &error), PCIPT_E_ROLLBACK_INCOMPLETE);
		error = pcipt_error_unref(error);
		sim_mend(sim);
		ck_assert_uint_eq(count_claims(), 1);
		assert_ok(release_elsewhere(NULL, &error), error);
		assert_state(sim, before, "after the release of an incomplete bind");
	}
}
END_TEST

Suite *suite_release(void)
{
	Suite *suite = suite_create("release");
	TCase *tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, setup, forget);
	tcase_add_loop_test(tc, puts_every_variant_back, 0, MACHINE_VARIANTS);
	tcase_add_test(tc, again_and_again);
	tcase_add_test(tc, released_twice);
	tcase_add_test(tc, handle_of_an_ended_claim);
	tcase_add_test(tc, vanishes_at_each_operation);
	tcase_add_test(tc, beside_a_foreign_one_in_use);
	tcase_add_test(tc, beside_a_foreign_one_unseen);
	tcase_add_test(tc, opened_while_locked);
	tcase_add_test(tc, unloaded_module_of_another_name);
	tcase_add_test(tc, loading_takes_another);
	tcase_add_test(tc, load_hangs);
	tcase_add_loop_test(tc, goes_forward_only, 0, sizeof(errnos) / sizeof(*errnos));
	tcase_add_test(tc, old_driver_refuses);
	tcase_add_test(tc, driver_was_unloaded);
	tcase_add_test(tc, driver_cannot_be_had);
	tcase_add_test(tc, vanished_device);
	tcase_add_test(tc, device_of_somebody_else);
	tcase_add_test(tc, another_device_at_the_address);
	tcase_add_test(tc, half_put_back_by_hand);
	tcase_add_test(tc, pinned_device_of_somebody_else);
	tcase_add_loop_test(tc, plan_of_an_ended_claim, 0, 2);
	tcase_add_test(tc, claim_of_another_boot);
	tcase_add_test(tc, not_permitted);
	tcase_add_test(tc, not_real);
	tcase_add_loop_test(tc, record_that_cannot_be_written, 0, 3);
	tcase_add_test(tc, full_disk);
	tcase_add_test(tc, record_that_cannot_be_removed);
	tcase_add_loop_test(tc, record_before_a_bind_cannot_be_written, 0, 5);
	tcase_add_test(tc, failed_bind_leaves_no_claim);
	tcase_add_test(tc, incomplete_bind_keeps_its_claim);
	suite_add_tcase(suite, tc);
	return suite;
}
