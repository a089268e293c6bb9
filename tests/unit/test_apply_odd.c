/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transactions on a machine that changes under them: stale plans, vanished devices,
 * drivers that load meanwhile, rights that are missing.
 */
#include "machine.h"

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

/* Applies a plan that must fail before any write. */
static void assert_untouched(struct pcipt_plan *plan, int code, const char *when)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim);
	int r;

	sim_log_clear(sim);
	r = pcipt_apply(ctx, plan, NULL, &result, &error);
	ck_assert_msg(r == code, "%s: %s, not %s", when, pcipt_errc_name(r), pcipt_errc_name(code));
	ck_assert_msg(sim_log_matches(sim, "write ") == 0, "%s: something was written", when);
	ck_assert_msg(sim_log_matches(sim, "module-load ") == 0, "%s: a module was loaded", when);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_FAILED);
	ck_assert_uint_eq(pcipt_result_step_count(result), 0);
	ck_assert_int_eq(pcipt_error_get_code(error), code);
	assert_state(sim, before, when);
	free(before);
	pcipt_error_unref(error);
	pcipt_result_unref(result);
}

/* ---- stale plans ---- */

static void no_driver(void)
{
	sim_force_driver(sim, GPU, NULL);
}

static void on_target_already(void)
{
	sim_force_driver(sim, AUDIO, "vfio-pci");
}

static void an_override(void)
{
	sim_force_override(sim, AUDIO, "snd_hda_intel");
}

static void another_card(void)
{
	sim_remove(sim, AUDIO);
	sim_add(sim, &(struct sim_device_facts){ .address = AUDIO,
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x4711,
						 .class_id = 0x040300,
						 .group = 2,
						 .driver = "snd_hda_intel" });
}

static void another_vendor(void)
{
	sim_remove(sim, GPU);
	sim_add(sim, &(struct sim_device_facts){ .address = GPU,
						 .parent = "0000:00:01.0",
						 .vendor = 0x1002,
						 .device = 0x2484,
						 .class_id = 0x030000,
						 .group = 2,
						 .driver = "nouveau" });
}

static void another_group(void)
{
	sim_remove(sim, AUDIO);
	sim_add(sim, &(struct sim_device_facts){ .address = AUDIO,
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x228b,
						 .class_id = 0x040300,
						 .group = 7,
						 .driver = "snd_hda_intel" });
}

static void a_new_member(void)
{
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:02.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .group = 2,
						 .driver = "e1000e" });
}

static void virtual_functions(void)
{
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:10.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x10de,
						 .device = 0x2485,
						 .class_id = 0x030000,
						 .group = 9,
						 .physfn = GPU });
}

static void gone(void)
{
	sim_remove(sim, AUDIO);
}

static const struct {
	const char *what;
	void (*change)(void);
	int code;
} changes[] = {
	/* Planned again, and not safe any more: nobody knows who took it. */
	{ "on the target by itself", on_target_already, PCIPT_E_REFUSED },
	{ "another card", another_card, PCIPT_E_STALE },
	{ "another vendor's card", another_vendor, PCIPT_E_STALE },
	{ "another group", another_group, PCIPT_E_STALE },
	{ "a new member of the group", a_new_member, PCIPT_E_STALE },
	{ "virtual functions", virtual_functions, PCIPT_E_STALE },
	{ "gone", gone, PCIPT_E_GONE },
};

START_TEST(stale_plan)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);

	changes[_i].change();
	assert_untouched(plan, changes[_i].code, changes[_i].what);
	pcipt_plan_unref(plan);
}
END_TEST

/* Another state of the same devices is planned again, and that state is what undo returns to. */
static const struct {
	const char *what;
	void (*change)(void);
} states[] = {
	{ "no driver any more", no_driver },
	{ "an override", an_override },
};

START_TEST(planned_again)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;
	char *before;

	states[_i].change();
	before = sim_state(sim);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "/bind " AUDIO, 1, 1, EIO, SIM_FAILS });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_BIND);
	error = pcipt_error_unref(error);
	assert_state(sim, before, states[_i].what);
	sim_mend(sim);
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	assert_driver(sim, GPU, "vfio-pci");
	assert_driver(sim, AUDIO, "vfio-pci");
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	pcipt_plan_unref(plan);
	free(before);
}
END_TEST

/* A machine that never comes to rest: after three plans it is given up, untouched. */
static void flip(struct sim *machine, void *data, unsigned int number)
{
	char *text = test_format("driver-%u", number);

	(void)data;
	sim_force_override(machine, AUDIO, text);
	free(text);
}

/* nvme's probe goes on behind a bind that succeeded: only its end is proof. */
START_TEST(probe_goes_on)
{
	bool badly = _i % 2;
	struct pcipt_plan *plan;
	struct pcipt_error *error = NULL;
	char *before;
	int r;

	sim_driver(sim, "nvme", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "nvme", 0x10de, 0x228b);
	sim_force_driver(sim, AUDIO, "nvme");
	plan = machine_plan(ctx, GPU);
	before = sim_state(sim);
	sim_settles(sim, AUDIO, (unsigned int)_i / 2 * 5, badly);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "/bind " GPU, 1, 1, EIO, SIM_FAILS });
	r = pcipt_apply(ctx, plan, NULL, NULL, &error);
	if (badly) {
		ck_assert_int_eq(r, PCIPT_E_ROLLBACK_INCOMPLETE);
		assert_driver(sim, AUDIO, NULL);
	} else {
		ck_assert_int_eq(r, PCIPT_E_BIND);
		assert_state(sim, before, "after a slow probe");
	}
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	free(before);
}
END_TEST

START_TEST(never_at_rest)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_log_clear(sim);
	sim_hook(sim, SIM_GUARDED, flip, NULL);
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_STALE);
	assert_fails(PCIPT_E_STALE, error);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	sim_mend(sim);
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(unreadable_before_the_first_write)
{
	static const struct {
		unsigned int op;
		const char *contains;
		int errnum, code;
	} table[] = {
		{ SIM_GUARDED, AUDIO, EBUSY, PCIPT_E_BUSY },
		{ SIM_GUARDED, AUDIO, EIO, PCIPT_E_IO },
		{ SIM_GUARDED, AUDIO, EACCES, PCIPT_E_IO },
		{ SIM_READ_LINK, AUDIO "/driver", EIO, PCIPT_E_IO },
		{ SIM_READ, AUDIO "/", EIO, PCIPT_E_IO },
		{ SIM_READ, AUDIO "/revision", EIO, PCIPT_E_IO },
	};
	struct pcipt_plan *plan = machine_plan(ctx, GPU);

	sim_fail(sim, &(struct sim_fault){ table[_i].op, table[_i].contains, 1, 0, table[_i].errnum,
					   SIM_FAILS });
	assert_untouched(plan, table[_i].code, table[_i].contains);
	pcipt_plan_unref(plan);
}
END_TEST

/* ---- who may ---- */

START_TEST(not_real)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);

	sim_set_real(sim, false);
	assert_untouched(plan, PCIPT_E_NOT_REAL, "a tree that isn't real");
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(not_permitted)
{
	static const int errnos[] = { EACCES, EPERM, EROFS };
	struct pcipt_plan *plan = machine_plan(ctx, GPU);

	for (size_t i = 0; i < 3; i++) {
		sim_set_may_write(sim, errnos[i]);
		assert_untouched(plan, PCIPT_E_PERMISSION, "no right to write");
	}
	pcipt_plan_unref(plan);
}
END_TEST

/* ---- devices that go away ---- */

struct removal {
	unsigned int when;
	const char *who;
	bool done;
};

static void remove_at(struct sim *machine, void *data, unsigned int number)
{
	struct removal *removal = data;

	if (number != removal->when || removal->done)
		return;
	sim_remove(machine, removal->who);
	removal->done = true;
}

/* Those still there are as before, or bound; nothing hangs, crashes, or is half done. */
static void assert_after_removal(const char *before, const struct removal *removal, int r,
				 const struct pcipt_error *error)
{
	const char *other = strcmp(removal->who, GPU) == 0 ? AUDIO : GPU;
	char *now = sim_device_state(sim, other);

	if (r == 0)
		assert_driver(sim, other, "vfio-pci");
	else
		ck_assert_msg(strstr(before, now) != NULL, "operation %u, %s: %s is left as %s",
			      removal->when, pcipt_error_get_message(error), other, now);
	ck_assert_msg(r != PCIPT_E_ROLLBACK_INCOMPLETE, "operation %u: %s", removal->when,
		      pcipt_error_get_message(error));
	free(now);
}

START_TEST(vanishes_at_each_operation)
{
	static const char *const who[] = { GPU, AUDIO };

	for (unsigned int n = 1;; n++) {
		struct removal removal = { n, who[_i], false };
		struct pcipt_result *result = NULL;
		struct pcipt_error *error = NULL;
		struct pcipt_plan *plan;
		char *before;
		int r;

		teardown();
		setup();
		plan = machine_plan(ctx, GPU);
		before = sim_state(sim);
		sim_hook(sim, ~0u, remove_at, &removal);
		r = pcipt_apply(ctx, plan, NULL, &result, &error);
		sim_mend(sim);
		if (removal.done)
			assert_after_removal(before, &removal, r, error);
		pcipt_result_unref(result);
		pcipt_error_unref(error);
		pcipt_plan_unref(plan);
		free(before);
		if (!removal.done)
			break;
		ck_assert_uint_lt(n, 500);
	}
}
END_TEST

/* ---- others act too ---- */

/* Somebody binds the device to the target first: EBUSY, and what was wanted. */
static void bind_first(struct sim *machine, void *data, unsigned int number)
{
	(void)data;
	if (number == 5)
		sim_force_driver(machine, GPU, "vfio-pci");
}

START_TEST(somebody_binds_it_first)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_hook(sim, SIM_WRITE, bind_first, NULL);
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_plan_unref(plan);
}
END_TEST

/* Somebody takes it for another driver in between: no success, and it goes back. */
static void steal_it(struct sim *machine, void *data, unsigned int number)
{
	(void)data;
	if (number == 5)
		sim_force_driver(machine, GPU, "pci-stub");
}

START_TEST(somebody_takes_it)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim);

	sim_hook(sim, SIM_WRITE, steal_it, NULL);
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_BIND);
	ck_assert_int_eq(pcipt_error_get_errno(error), EBUSY);
	assert_state(sim, before, "after a device was taken in between");
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	free(before);
}
END_TEST

/* It left its driver by itself between the comparison and the unbind. */
static void free_it(struct sim *machine, void *data, unsigned int number)
{
	(void)data;
	if (number == 3)
		sim_force_driver(machine, GPU, NULL);
}

START_TEST(leaves_its_driver_by_itself)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_hook(sim, SIM_WRITE, free_it, NULL);
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_plan_unref(plan);
}
END_TEST

/* ---- drivers that must be loaded ---- */

static struct sim *without_vfio(void)
{
	struct sim *other = sim_new();

	sim_driver(other, "vfio-pci", SIM_MATCH_OVERRIDE, false);
	sim_driver(other, "e1000e", SIM_MATCH_IDS, true);
	sim_add(other, &(struct sim_device_facts){ .address = NIC,
						   .vendor = 0x8086,
						   .device = 0x10d3,
						   .class_id = 0x020000,
						   .driver = "e1000e",
						   .group = 3 });
	return other;
}

static void use(struct sim *other)
{
	teardown();
	sim = other;
	ctx = sim_context(sim);
}

START_TEST(loads_the_driver_first)
{
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan;
	size_t load;

	use(without_vfio());
	plan = machine_plan(ctx, NIC);
	ck_assert_int_eq(pcipt_plan_step_op(plan, 0), PCIPT_OP_LOAD);
	ck_assert_str_eq(pcipt_plan_step_shell(plan, 0), "modprobe vfio-pci");
	ck_assert_ptr_null(pcipt_plan_step_address(plan, 0));
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	load = sim_log_find(sim, 0, "module-load vfio-pci");
	ck_assert_uint_ne(load, SIZE_MAX);
	ck_assert_uint_gt(sim_log_find(sim, 0, "write "), load);
	assert_driver(sim, NIC, "vfio-pci");
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(driver_that_cannot_be_loaded)
{
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan;
	char *before;

	use(without_vfio());
	plan = machine_plan(ctx, NIC);
	before = sim_state(sim);
	sim_fail(sim, &(struct sim_fault){ SIM_MODULE_LOAD, NULL, 1, 0, ENOENT, SIM_FAILS });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_NO_DRIVER);
	ck_assert_int_eq(pcipt_error_get_errno(error), ENOENT);
	assert_state(sim, before, "without the driver");
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	free(before);
}
END_TEST

/* Loading binds every match: not one that is free on purpose, since it is pinned before. */
START_TEST(loading_binds_strangers)
{
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan;
	char *before;

	use(without_vfio());
	sim_driver(sim, "other-vfio-pci", SIM_MATCH_IDS, false);
	sim_driver_takes(sim, "other-vfio-pci", 0x10de, 0x1ad9);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:02:01.0",
						 .vendor = 0x10de,
						 .device = 0x1ad9,
						 .class_id = 0x0c8000,
						 .group = 3 });
	{
		struct pcipt_options *options = machine_options();
		struct pcipt_set *set;

		assert_ok(pcipt_options_set_driver(options, "other-vfio-pci", &error), error);
		set = machine_set_with(ctx, NIC, options);
		assert_ok(pcipt_plan_bind(set, NULL, &plan, &error), error);
		pcipt_set_unref(set);
		pcipt_options_unref(options);
	}
	before = sim_state(sim);
	if (_i == 1)
		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "other-vfio-pci/bind " NIC, 1, 1,
						   EINVAL, SIM_FAILS });
	/* A pin that was written, but doesn't stand. */
	if (_i == 2)
		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "0000:02:01.0/driver_override", 1, 1, 0,
						   SIM_LIES });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error),
			 _i == 2 ? PCIPT_E_VERIFY : _i ? PCIPT_E_BIND : 0);
	if (_i == 2)
		ck_assert_str_eq(pcipt_error_get_address(error), "0000:02:01.0");
	ck_assert_uint_lt(sim_log_find(sim, 0, "write /sys/bus/pci/devices/0000:02:01.0/driver_override"),
			  sim_log_find(sim, 0, "module-load"));
	assert_driver(sim, "0000:02:01.0", NULL);
	if (_i)
		assert_state(sim, before, "after a load beside the sibling");
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	free(before);
}
END_TEST

/* ---- nothing to do, and arguments ---- */

START_TEST(nothing_to_do)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	struct pcipt_set *set;

	sim_force_driver(sim, GPU, "vfio-pci");
	sim_force_driver(sim, AUDIO, "vfio-pci");
	assert_ok(pcipt_options_add_allow(options, "foreign-owner", NULL, &error), error);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_plan_bind(set, NULL, &plan, &error), error);
	ck_assert_uint_eq(pcipt_plan_step_count(plan), 0);
	assert_ok(pcipt_apply(ctx, plan, NULL, &result, &error), error);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_UNCHANGED);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	pcipt_result_unref(result);
	pcipt_plan_unref(plan);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}
END_TEST

/*
 * An override can be as long as a page allows. It comes back whole, or the bind is
 * refused because it could not be put back: it is never cut.
 */
START_TEST(long_override)
{
	static const size_t lengths[] = { 64, 254, 255, 256, 257, 4000 };
	char *before, *text = calloc(1, lengths[_i] + 1);
	struct pcipt_set *set;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;

	memset(text, 'o', lengths[_i]);
	sim_force_override(sim, GPU, text);
	before = sim_state(sim);
	set = machine_set(ctx, GPU);
	if (pcipt_plan_bind(set, NULL, &plan, &error) < 0) {
		ck_assert_uint_gt(lengths[_i], 64);
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "unreadable"));
	} else {
		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind " AUDIO, 1, 1, EINVAL,
						   SIM_FAILS });
		ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_BIND);
	}
	assert_state(sim, before, "with a long override");
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	pcipt_set_unref(set);
	free(before);
	free(text);
}
END_TEST

/*
 * Any bytes can stand in an override. They come back as they were, or the bind is
 * refused as unreadable: a plan that is stale for ever helps nobody.
 */
START_TEST(override_of_odd_bytes)
{
	static const char *const overrides[] = { "a b", "\303\251", "a\377b", "a\033[2Jb",
						 "\302\233", "(null) ", "\"'$(x)`" };
	struct pcipt_set *set;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	char *before;
	int r;

	sim_force_override(sim, GPU, overrides[_i]);
	before = sim_state(sim);
	set = machine_set(ctx, GPU);
	r = pcipt_plan_bind(set, NULL, &plan, &error);
	if (r == 0) {
		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind " AUDIO, 1, 1, EINVAL,
						   SIM_FAILS });
		r = pcipt_apply(ctx, plan, NULL, NULL, &error);
		ck_assert_str_eq(pcipt_errc_name(r), "PCIPT_E_BIND");
	} else {
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "unreadable"));
	}
	assert_state(sim, before, "with an odd override");
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	pcipt_set_unref(set);
	free(before);
}
END_TEST

START_TEST(null_arguments)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	char *json = NULL;

	ck_assert_int_eq(pcipt_apply(NULL, plan, NULL, &result, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_apply(ctx, NULL, NULL, &result, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_ptr_null(result);
	ck_assert_int_eq(pcipt_result_to_json(NULL, &json, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_result_get_outcome(NULL), PCIPT_OUTCOME_FAILED);
	ck_assert_uint_eq(pcipt_result_device_count(NULL), 0);
	ck_assert_ptr_null(pcipt_result_device_address(NULL, 0));
	ck_assert_ptr_null(pcipt_result_device_driver_before(NULL, 0));
	ck_assert_ptr_null(pcipt_result_device_driver_after(NULL, 0));
	ck_assert_ptr_null(pcipt_result_device_vfio_device(NULL, 0));
	ck_assert_uint_eq(pcipt_result_step_count(NULL), 0);
	ck_assert_int_eq(pcipt_result_step_op(NULL, 0), -1);
	ck_assert_ptr_null(pcipt_result_step_address(NULL, 0));
	ck_assert_ptr_null(pcipt_result_step_path(NULL, 0));
	ck_assert_ptr_null(pcipt_result_step_value(NULL, 0));
	ck_assert_int_eq(pcipt_result_step_errno(NULL, 0), 0);
	ck_assert(!pcipt_result_step_is_undo(NULL, 0));
	ck_assert_uint_eq(pcipt_result_warning_count(NULL), 0);
	ck_assert_ptr_null(pcipt_result_warning_at(NULL, 0));
	ck_assert_ptr_null(pcipt_result_ref(NULL));
	ck_assert_ptr_null(pcipt_result_unref(NULL));
	pcipt_plan_unref(plan);
}
END_TEST

Suite *suite_apply_odd(void)
{
	Suite *suite = suite_create("apply_odd");
	TCase *tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, stale_plan, 0, sizeof(changes) / sizeof(*changes));
	tcase_add_loop_test(tc, planned_again, 0, sizeof(states) / sizeof(*states));
	tcase_add_test(tc, never_at_rest);
	tcase_add_loop_test(tc, probe_goes_on, 0, 4);
	tcase_add_loop_test(tc, unreadable_before_the_first_write, 0, 6);
	tcase_add_test(tc, not_real);
	tcase_add_test(tc, not_permitted);
	tcase_add_loop_test(tc, vanishes_at_each_operation, 0, 2);
	tcase_add_test(tc, somebody_binds_it_first);
	tcase_add_test(tc, somebody_takes_it);
	tcase_add_test(tc, leaves_its_driver_by_itself);
	tcase_add_test(tc, loads_the_driver_first);
	tcase_add_test(tc, driver_that_cannot_be_loaded);
	tcase_add_loop_test(tc, loading_binds_strangers, 0, 3);
	tcase_add_test(tc, nothing_to_do);
	tcase_add_loop_test(tc, long_override, 0, 6);
	tcase_add_loop_test(tc, override_of_odd_bytes, 0, 7);
	tcase_add_test(tc, null_arguments);
	suite_add_tcase(suite, tc);
	return suite;
}
