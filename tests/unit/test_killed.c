/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process is killed at every operation of a bind, a release and an undo, and so is the
 * recovery that follows. Afterwards each device is exactly before or exactly after.
 */
#include "exhaustive.h"

/* Killed at the k-th operation; recovered, itself killed at the m-th (0: not). */
static struct run kill_at(unsigned int n, bool releasing, unsigned int k, unsigned int m)
{
	struct run run = exhaustive_begin(n);
	char *when = test_format("%u devices, %s killed at %u, its recovery at %u", n,
				 releasing ? "a release" : "a bind", k, m);
	bool through;

	if (releasing)
		exhaustive_bind(&run);
	sim_fail(run.sim, &(struct sim_fault){ ~0u, NULL, k, 0, EIO, SIM_FAILS });
	if (releasing)
		exhaustive_release(&run);
	else
		exhaustive_bind(&run);
	through = run.operations < k;
	if (m) {
		exhaustive_recover(&run, m);
		if (run.operations < m)
			m = 0; /* it was through before */
	}
	ck_assert_msg(exhaustive_recover(&run, 0) == 0, "%s: the recovery failed", when);
	exhaustive_assert_whole(&run, when);
	free(when);
	run.operations = through ? 0 : m ? 2 : 1;
	return run;
}

static void kill_each(unsigned int n, bool releasing, bool recovery_too)
{
	unsigned int stride = exhaustive_every() ? 1 : 2 * n + 1;

	for (unsigned int k = 1;; k += recovery_too ? stride : 1) {
		struct run run = kill_at(n, releasing, k, 0);
		bool through = run.operations == 0;

		exhaustive_end(&run);
		for (unsigned int m = 1; recovery_too && !through; m += stride) {
			bool was_killed;

			run = kill_at(n, releasing, k, m);
			was_killed = run.operations == 2;
			exhaustive_end(&run);
			if (!was_killed)
				break;
		}
		if (through)
			return;
		ck_assert_uint_lt(k, 5000);
	}
}

START_TEST(bind_is_killed)
{
	exhaustive_points = 0;
	kill_each((unsigned int)_i + 1, false, false);
	exhaustive_print("binds killed", _i + 1);
}
END_TEST

START_TEST(release_is_killed)
{
	exhaustive_points = 0;
	kill_each((unsigned int)_i + 1, true, false);
	exhaustive_print("releases killed", _i + 1);
}
END_TEST

START_TEST(recovery_is_killed)
{
	exhaustive_points = 0;
	kill_each((unsigned int)_i + 1, false, true);
	exhaustive_print("binds and their recovery killed", _i + 1);
}
END_TEST

START_TEST(recovery_of_a_release_is_killed)
{
	exhaustive_points = 0;
	kill_each((unsigned int)_i + 1, true, true);
	exhaustive_print("releases and their recovery killed", _i + 1);
}
END_TEST

/* A write fails, and what undoes the rest is killed. */
START_TEST(undo_is_killed)
{
	unsigned int n = (unsigned int)_i + 1, stride = exhaustive_every() ? 1 : 3 * n;
	bool through = false;

	exhaustive_points = 0;
	for (unsigned int k = 1; !through; k++)
		for (unsigned int m = 1;; m += stride) {
			struct run run = exhaustive_begin(n);
			char *when = test_format("%u devices, write %u fails, killed at %u", n, k,
						 m);
			bool to_the_end;

			sim_fail(run.sim, &(struct sim_fault){ SIM_WRITE, NULL, k, k, ENOSPC,
							       SIM_FAILS });
			sim_fail(run.sim, &(struct sim_fault){ ~0u, NULL, m, 0, EIO, SIM_FAILS });
			exhaustive_bind(&run);
			to_the_end = run.operations < m;
			through = to_the_end && sim_log_matches(run.sim, "write ") < k;
			ck_assert_msg(exhaustive_recover(&run, 0) == 0, "%s: the recovery failed", when);
			exhaustive_assert_whole(&run, when);
			free(when);
			exhaustive_end(&run);
			if (to_the_end)
				break;
		}
	exhaustive_print("failed binds killed while they are undone", (int)n);
}
END_TEST

void exhaustive_add_kills(Suite *suite)
{
	TCase *tc = tcase_create("killed");

	tcase_set_timeout(tc, exhaustive_every() ? 3600 : 300);
	tcase_add_loop_test(tc, bind_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, release_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, undo_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, recovery_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, recovery_of_a_release_is_killed, 0, N_MAX);
	suite_add_tcase(suite, tc);
}
