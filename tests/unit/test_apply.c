/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transactions on the simulated kernel. The promise under test: after an error every
 * device is exactly as it was, or the error is ROLLBACK_INCOMPLETE and names it.
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

START_TEST(binds_a_pair)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_apply(ctx, plan, NULL, &result, &error), error);
	assert_driver(sim, GPU, "vfio-pci");
	assert_driver(sim, AUDIO, "vfio-pci");
	assert_driver(sim, NIC, "e1000e");
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_uint_eq(pcipt_result_device_count(result), 2);
	ck_assert_str_eq(pcipt_result_device_address(result, 0), GPU);
	ck_assert_str_eq(pcipt_result_device_driver_before(result, 0), "nouveau");
	ck_assert_str_eq(pcipt_result_device_driver_after(result, 1), "vfio-pci");
	ck_assert_str_eq(pcipt_result_device_vfio_device(result, 1), "/dev/vfio/2");
	ck_assert_uint_eq(pcipt_result_warning_count(result), 0);
	ck_assert_uint_eq(pcipt_result_step_count(result), pcipt_plan_step_count(plan));
	for (size_t i = 0; i < pcipt_result_step_count(result); i++) {
		ck_assert_int_eq(pcipt_result_step_op(result, i), pcipt_plan_step_op(plan, i));
		ck_assert_int_eq(pcipt_result_step_errno(result, i), 0);
		ck_assert(!pcipt_result_step_is_undo(result, i));
		ck_assert(pcipt_result_step_ms(result, i) >= 0);
	}
	pcipt_result_unref(result);
	pcipt_plan_unref(plan);
}
END_TEST

/* Every override stands before a device moves, every device is free before one is bound. */
START_TEST(order_of_writes)
{
	static const char *const expected[] = {
		"write /sys/bus/pci/devices/" GPU "/driver_override vfio-pci",
		"write /sys/bus/pci/devices/" AUDIO "/driver_override vfio-pci",
		"write /sys/bus/pci/drivers/nouveau/unbind " GPU,
		"write /sys/bus/pci/drivers/snd_hda_intel/unbind " AUDIO,
		"write /sys/bus/pci/drivers/vfio-pci/bind " GPU,
		"write /sys/bus/pci/drivers/vfio-pci/bind " AUDIO,
	};
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	size_t at = 0;

	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, NULL), 0);
	for (size_t i = 0; i < 6; i++) {
		size_t next = sim_log_find(sim, at, expected[i]);

		ck_assert_msg(next != SIZE_MAX, "missing or out of order: %s", expected[i]);
		at = next + 1;
	}
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 6);
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(binds_every_variant)
{
	const char *name;
	struct sim *other = machine_variant((unsigned int)_i, &name);
	struct pcipt_context *there = sim_context(other);
	struct pcipt_plan *plan = machine_plan(there, GPU);
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_apply(there, plan, NULL, NULL, &error), error);
	assert_driver(other, GPU, "vfio-pci");
	pcipt_plan_unref(plan);
	pcipt_context_unref(there);
	sim_free(other);
}
END_TEST

/* ---- faults in every write ---- */

static const int errnos[] = { ENOSPC, EINVAL, ENODEV, EBUSY, EIO, EACCES, EROFS, EPERM, EAGAIN };

#define N_ERRNOS (sizeof(errnos) / sizeof(*errnos))

/* One bind of a variant with faults; the caller looks at what came of it. */
struct run {
	struct sim *sim;
	struct pcipt_context *ctx;
	const char *name;
	char *before;
	struct pcipt_result *result;
	struct pcipt_error *error;
	int code;
};

/* A variant's plan, made once: carrying a plan out doesn't change it. */
static struct pcipt_plan *plan_of(unsigned int variant)
{
	static struct pcipt_plan *plans[MACHINE_VARIANTS];

	if (!plans[variant])
		ck_assert_int_eq(pcipt_plan_bind(machine_set_of(variant), NULL, &plans[variant],
						 NULL), 0);
	return plans[variant];
}

static struct run bind_with(unsigned int variant, const struct sim_fault *faults, size_t n)
{
	struct run run = { 0 };

	run.sim = machine_variant(variant, &run.name);
	run.ctx = sim_context(run.sim);
	run.before = sim_state(run.sim);
	for (size_t i = 0; i < n; i++)
		sim_fail(run.sim, &faults[i]);
	run.code = pcipt_apply(run.ctx, plan_of(variant), NULL, &run.result, &run.error);
	sim_mend(run.sim);
	return run;
}

static void end_run(struct run *run)
{
	pcipt_result_unref(run->result);
	pcipt_error_unref(run->error);
	pcipt_context_unref(run->ctx);
	sim_free(run->sim);
	free(run->before);
}

static char *explain(const struct run *run, const struct sim_fault *faults, size_t n)
{
	char *text = test_format("%s, code %s", run->name, pcipt_errc_name(run->code));

	for (size_t i = 0; i < n; i++) {
		char *more = test_format("%s, writes %u to %u give %d (%d)", text, faults[i].first,
					 faults[i].last, faults[i].errnum, (int)faults[i].how);

		free(text);
		text = more;
	}
	for (size_t i = 0; i < sim_log_count(run->sim); i++) {
		const char *entry = sim_log_at(run->sim, i);
		char *more;

		if (strncmp(entry, "write", 5) != 0)
			continue;
		more = test_format("%s\n%s", text, entry);
		free(text);
		text = more;
	}
	return text;
}

static bool mentions(const struct pcipt_error *error, const char *address)
{
	const char *about = pcipt_error_get_address(error);

	if (about && strcmp(about, address) == 0)
		return true;
	for (size_t i = 0; i < pcipt_error_cause_count(error); i++)
		if (mentions(pcipt_error_cause_at(error, i), address))
			return true;
	return false;
}

/* Every device that isn't as it was is named: in the error, and in the result's warnings. */
static void assert_all_named(const struct run *run, const char *text)
{
	static const char *const addresses[] = { GPU, AUDIO, "0000:01:01.0", NIC, "0000:00:01.0" };

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		char *now = sim_device_state(run->sim, addresses[i]);
		bool same = strstr(run->before, now) || strstr(now, "gone");
		bool warned = false;

		for (size_t k = 0; k < pcipt_result_warning_count(run->result); k++)
			warned |= mentions(pcipt_result_warning_at(run->result, k), addresses[i]);
		ck_assert_msg(same || mentions(run->error, addresses[i]), "%s: the error hides %s",
			      text, now);
		ck_assert_msg(same || warned, "%s: no warning tells of %s", text, now);
		free(now);
	}
}

static void assert_error_is_whole(const struct run *run, const char *text)
{
	ck_assert_msg(pcipt_error_get_code(run->error) == run->code, "%s", text);
	ck_assert_msg(pcipt_error_get_message(run->error) != NULL, "%s", text);
	ck_assert_msg(pcipt_error_get_remedy(run->error) != NULL, "%s: no remedy", text);
	ck_assert_msg(pcipt_error_get_step(run->error) != NULL, "%s: no step", text);
	ck_assert_msg(pcipt_error_get_errno(run->error) != 0, "%s: no errno", text);
}

/* What holds whatever was faulted. True when the bind went through. */
static bool assert_promise(const struct run *run, const struct sim_fault *faults, size_t n)
{
	char *text = explain(run, faults, n), *now = sim_state(run->sim);
	int outcome = pcipt_result_get_outcome(run->result);

	if (run->code == 0) {
		ck_assert_msg(run->error == NULL && outcome == PCIPT_OUTCOME_DONE, "%s", text);
		assert_driver(run->sim, GPU, "vfio-pci");
	} else if (run->code == PCIPT_E_ROLLBACK_INCOMPLETE) {
		assert_error_is_whole(run, text);
		ck_assert_msg(outcome == PCIPT_OUTCOME_ROLLBACK_INCOMPLETE, "%s", text);
		ck_assert_msg(strcmp(now, run->before) != 0, "%s: yet all is as it was", text);
		assert_all_named(run, text);
	} else {
		assert_error_is_whole(run, text);
		ck_assert_msg(outcome == PCIPT_OUTCOME_ROLLED_BACK, "%s", text);
		ck_assert_msg(strcmp(now, run->before) == 0, "%s: was\n%sis\n%s", text, run->before,
			      now);
	}
	free(text);
	free(now);
	return run->code == 0;
}

/*
 * Fails the n-th write for every n, until the bind goes through untouched. A single
 * fault is always undone: nothing stands in the undo's way.
 */
static void fail_each_write(unsigned int variant, int errnum, enum sim_how how, const char *only)
{
	for (unsigned int n = 1;; n++) {
		struct sim_fault fault = { SIM_WRITE, only, n, n, errnum, how };
		struct run run = bind_with(variant, &fault, 1);
		bool through = assert_promise(&run, &fault, 1);

		ck_assert_msg(run.code != PCIPT_E_ROLLBACK_INCOMPLETE, "%s: %s", run.name,
			      pcipt_error_get_message(run.error));
		/* Success means that the fault came too late, or that it changed nothing. */
		through = through && sim_log_matches(run.sim, "write ") < n;
		end_run(&run);
		if (through || n > 40)
			return;
	}
}

START_TEST(each_write_fails)
{
	for (unsigned int variant = 0; variant < MACHINE_VARIANTS; variant++)
		fail_each_write(variant, errnos[_i], SIM_FAILS, NULL);
}
END_TEST

/* The write happens, and is told to have failed: a signal, a lost answer. */
START_TEST(each_write_fails_late)
{
	for (unsigned int variant = 0; variant < MACHINE_VARIANTS; variant++)
		fail_each_write(variant, errnos[_i], SIM_FAILS_LATE, NULL);
}
END_TEST

/* Some drivers probe later: bind and unbind succeed, and the link says otherwise. */
START_TEST(each_bind_lies)
{
	for (unsigned int variant = 0; variant < MACHINE_VARIANTS; variant++) {
		fail_each_write(variant, 0, SIM_LIES, "/bind ");
		fail_each_write(variant, 0, SIM_LIES, "/unbind ");
	}
}
END_TEST

START_TEST(every_write_from_one_on_fails)
{
	for (unsigned int variant = 0; variant < MACHINE_VARIANTS; variant++)
		for (unsigned int n = 1; n < 40; n++) {
			struct sim_fault fault = { SIM_WRITE, NULL, n, 0, errnos[_i], SIM_FAILS };
			struct run run = bind_with(variant, &fault, 1);
			bool through = assert_promise(&run, &fault, 1);

			end_run(&run);
			if (through)
				break;
		}
}
END_TEST

/* One write of the bind and one of its undo. */
START_TEST(two_writes_fail)
{
	for (unsigned int first = 1; first < 8; first++)
		for (unsigned int second = first + 1; second < 24; second++) {
			struct sim_fault faults[] = {
				{ SIM_WRITE, NULL, first, first, EIO, SIM_FAILS },
				{ SIM_WRITE, NULL, second, second, ENODEV, SIM_FAILS },
			};
			struct run run = bind_with((unsigned int)_i, faults, 2);

			assert_promise(&run, faults, 2);
			end_run(&run);
		}
}
END_TEST

/* A device that a driver takes back no more, whatever is tried. */
START_TEST(old_driver_refuses)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	sim_driver_refuses(sim, "nouveau", GPU, EIO);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind " AUDIO, 1, 1, EINVAL,
					   SIM_FAILS });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, &result, &error),
			 PCIPT_E_ROLLBACK_INCOMPLETE);
	ck_assert(mentions(error, GPU));
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	pcipt_error_unref(error);
	pcipt_result_unref(result);
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(new_driver_refuses)
{
	static const int codes[] = { ENODEV, EINVAL, EBUSY, EIO, ENOMEM };

	for (size_t i = 0; i < 5; i++) {
		struct pcipt_plan *plan = machine_plan(ctx, GPU);
		char *before = sim_state(sim);
		struct pcipt_error *error = NULL;

		sim_driver_refuses(sim, "vfio-pci", AUDIO, codes[i]);
		ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_BIND);
		ck_assert_int_eq(pcipt_error_get_errno(error), codes[i]);
		ck_assert_str_eq(pcipt_error_get_address(error), AUDIO);
		ck_assert_str_eq(pcipt_error_get_path(error), "/sys/bus/pci/drivers/vfio-pci/bind");
		ck_assert_str_eq(pcipt_error_get_step(error), "bind");
		assert_state(sim, before, "after a refused bind");
		pcipt_error_unref(error);
		pcipt_plan_unref(plan);
		free(before);
	}
}
END_TEST

/* What fails in which step has a code of its own. */
START_TEST(codes_of_steps)
{
	static const struct {
		const char *contains;
		int errnum, code;
	} table[] = {
		{ "driver_override", EIO, PCIPT_E_OVERRIDE },
		{ "driver_override", ENOSPC, PCIPT_E_OVERRIDE },
		{ "/unbind", EIO, PCIPT_E_UNBIND },
		{ "/bind", ENODEV, PCIPT_E_BIND },
		{ "driver_override", EACCES, PCIPT_E_PERMISSION },
		{ "/unbind", EROFS, PCIPT_E_PERMISSION },
		{ "/bind", EPERM, PCIPT_E_PERMISSION },
	};
	struct sim_fault fault = { SIM_WRITE, table[_i].contains, 1, 1, table[_i].errnum,
				   SIM_FAILS };
	struct run run = bind_with(0, &fault, 1);

	assert_promise(&run, &fault, 1);
	ck_assert_str_eq(pcipt_errc_name(run.code), pcipt_errc_name(table[_i].code));
	ck_assert_int_eq(pcipt_error_get_errno(run.error), table[_i].errnum);
	end_run(&run);
}
END_TEST

Suite *suite_apply(void)
{
	Suite *suite = suite_create("apply");
	TCase *tc = tcase_create("bind");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, binds_a_pair);
	tcase_add_test(tc, order_of_writes);
	tcase_add_loop_test(tc, binds_every_variant, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, each_write_fails, 0, N_ERRNOS);
	tcase_add_loop_test(tc, each_write_fails_late, 0, N_ERRNOS);
	tcase_add_test(tc, each_bind_lies);
	tcase_add_loop_test(tc, every_write_from_one_on_fails, 0, N_ERRNOS);
	tcase_add_loop_test(tc, two_writes_fail, 0, MACHINE_VARIANTS);
	tcase_add_test(tc, old_driver_refuses);
	tcase_add_test(tc, new_driver_refuses);
	tcase_add_loop_test(tc, codes_of_steps, 0, 7);
	suite_add_tcase(suite, tc);
	return suite;
}
