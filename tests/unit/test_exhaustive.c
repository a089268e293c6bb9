/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One to six devices of one group, in the states that a restore must get right. Every
 * operation fails with every plausible errno; the process is killed at every operation,
 * and so is the recovery that follows. In the end each device is exactly before or exactly
 * after, never a third thing. PCIPT_TEST_EVERY=1 leaves no point out; by default the long
 * ways round are walked in strides. The number of points tried is printed.
 */
#include "machine.h"

#define N_MAX 6

static const int errnos[] = { EIO, EINVAL, ENODEV, EBUSY, EACCES, EROFS, ENOSPC, EAGAIN, ENOENT };

#define N_ERRNOS (sizeof(errnos) / sizeof(*errnos))

static void add_function(struct sim *sim, unsigned int i)
{
	static const struct sim_device_facts kinds[] = {
		{ .device = 0x2484, .class_id = 0x030000, .driver = "nouveau" },
		{ .device = 0x228b, .class_id = 0x040300, .driver = "snd_hda_intel",
		  .driver_override = "snd_hda_intel", .power_control = "on" },
		{ .device = 0x1ad9, .class_id = 0x0c8000 },
		{ .device = 0x2484, .class_id = 0x030200, .driver = "nouveau",
		  .driver_override = "pci-stub" },
		{ .device = 0x1ad9, .class_id = 0x0c8000, .driver_override = "nobody" },
		{ .device = 0x228b, .class_id = 0x040300, .driver = "snd_hda_intel" },
	};
	struct sim_device_facts facts = kinds[i];
	char address[32];

	snprintf(address, sizeof(address), "0000:01:00.%u", i);
	facts.address = address;
	facts.parent = "0000:00:01.0";
	facts.vendor = 0x10de;
	facts.group = 2;
	sim_add(sim, &facts);
}

#define SIBLING "0000:01:01.0"

static bool has_sibling(unsigned int n)
{
	return n % 2 == 0;
}

static struct sim *make_machine(unsigned int n)
{
	struct sim *sim = sim_new();

	sim_driver(sim, "pcieport", SIM_MATCH_IDS, true);
	sim_driver(sim, "nouveau", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "nouveau", 0x10de, 0x2484);
	sim_driver(sim, "snd_hda_intel", SIM_MATCH_IDS, true);
	sim_driver_takes(sim, "snd_hda_intel", 0x10de, 0x228b);
	sim_driver(sim, "vfio-pci", SIM_MATCH_OVERRIDE, true);
	sim_driver(sim, "pci-stub", SIM_MATCH_OVERRIDE, true);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:00:01.0", .class_id = 0x060400,
						 .driver = "pcieport", .group = 1 });
	for (unsigned int i = 0; i < n; i++)
		add_function(sim, i);
	/* Driverless, and in another slot: it is pinned. */
	if (has_sibling(n))
		sim_add(sim, &(struct sim_device_facts){ .address = SIBLING,
							 .parent = "0000:00:01.0",
							 .vendor = 0x10de,
							 .device = 0x1ad9,
							 .class_id = 0x0c8000,
							 .group = 2 });
	return sim;
}

/* The set of all functions, made once: looking at names is slow. */
static struct pcipt_set *set_of(unsigned int n)
{
	static struct pcipt_set *sets[N_MAX + 1];
	struct pcipt_context *ctx;
	struct sim *twin;

	if (!sets[n]) {
		twin = make_machine(n);
		ctx = sim_context(twin);
		sets[n] = machine_set(ctx, GPU);
		ck_assert_msg(pcipt_set_is_safe(sets[n]), "%s",
			      pcipt_set_finding_message(sets[n], 0));
		pcipt_context_unref(ctx);
		sim_free(twin);
	}
	return sets[n];
}

/* A machine with what it was, and what it is when the claim is bound. */
struct run {
	unsigned int n;
	struct sim *sim;
	struct pcipt_context *ctx;
	char *before;
	int code;
	size_t operations; /* of the call that was faulted */
};

static unsigned int points;

static struct run begin_run(unsigned int n)
{
	struct run run = { .n = n, .sim = make_machine(n) };

	run.ctx = sim_context(run.sim);
	run.before = sim_state(run.sim);
	points++;
	return run;
}

static void end_run(struct run *run)
{
	pcipt_context_unref(run->ctx);
	sim_free(run->sim);
	free(run->before);
}

static bool is_before(const struct run *run)
{
	char *now = sim_state(run->sim);
	bool same = strcmp(now, run->before) == 0;

	free(now);
	return same;
}

static bool says(const struct run *run, const char *address, const char *what)
{
	char *state = sim_device_state(run->sim, address);
	bool found = strstr(state, what) != NULL;

	free(state);
	return found;
}

/* Every function on vfio-pci, by its own override; the sibling pinned. */
static bool is_after(const struct run *run)
{
	for (unsigned int i = 0; i < run->n; i++) {
		char *address = test_format("0000:01:00.%u", i);
		bool bound = says(run, address, "driver vfio-pci, override vfio-pci");

		free(address);
		if (!bound)
			return false;
	}
	return !has_sibling(run->n) || says(run, SIBLING, "driver none, override pcipt-pinned");
}

static void bind_run(struct run *run)
{
	struct pcipt_claim *claim = NULL;
	size_t begin = sim_log_count(run->sim);

	run->code = pcipt_bind(run->ctx, set_of(run->n), NULL, &claim, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	pcipt_claim_unref(claim);
}

static void release_run(struct run *run)
{
	struct pcipt_claim *claim = NULL;
	size_t begin = sim_log_count(run->sim);

	run->code = pcipt_claim_find(run->ctx, GPU, &claim, NULL);
	if (run->code == 0)
		run->code = pcipt_release(run->ctx, claim, NULL, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	pcipt_claim_unref(claim);
}

/* Another process comes; the one before had everything from its m-th operation on fail. */
static int recover_run(struct run *run, unsigned int m)
{
	size_t begin = sim_log_count(run->sim);
	int r;

	sim_mend(run->sim);
	pcipt_context_unref(run->ctx);
	run->ctx = sim_context(run->sim);
	if (m)
		sim_fail(run->sim, &(struct sim_fault){ ~0u, NULL, m, 0, EIO, SIM_FAILS });
	r = pcipt_recover(run->ctx, NULL, NULL, NULL);
	run->operations = sim_log_count(run->sim) - begin;
	sim_mend(run->sim);
	return r;
}

static void assert_whole(struct run *run, const char *when)
{
	char *now = sim_state(run->sim);

	ck_assert_msg(is_before(run) ? sim_record_count(run->sim) == 0 :
				       is_after(run) && sim_record_count(run->sim) == 1,
		      "%s: a third thing, with %zu records:\n%s", when, sim_record_count(run->sim),
		      now);
	ck_assert_msg(sim_locks_held(run->sim) == 0, "%s: a lock is held", when);
	free(now);
}

static bool every(void)
{
	return getenv("PCIPT_TEST_EVERY") != NULL;
}

static void print_points(const char *what, int n)
{
	printf("exhaustive: %s, %d devices: %u points\n", what, n, points);
	fflush(stdout);
}

/* ---- one operation fails ---- */

/* One fault is always undone: nothing stands in the undo's way. */
static void fail_at(unsigned int n, unsigned int k, int errnum, enum sim_how how, bool *through)
{
	struct run run = begin_run(n);
	char *when = test_format("%u devices, operation %u gives %d", n, k, errnum);

	sim_fail(run.sim, &(struct sim_fault){ ~0u, NULL, k, k, errnum, how });
	bind_run(&run);
	sim_mend(run.sim);
	*through = run.operations < k;
	ck_assert_msg(run.code != PCIPT_E_ROLLBACK_INCOMPLETE, "%s: not undone", when);
	ck_assert_msg(run.code == 0 ? is_after(&run) : is_before(&run),
		      "%s: %s, and a third thing", when, pcipt_errc_name(run.code));
	/* The record of a bind that was undone may be what could not be removed. */
	ck_assert_msg(sim_record_count(run.sim) <= 1, "%s", when);
	ck_assert_msg(recover_run(&run, 0) == 0, "%s: the recovery failed", when);
	ck_assert_msg(run.code < 0 || is_after(&run), "%s: a bind that succeeded was undone", when);
	assert_whole(&run, when);
	free(when);
	end_run(&run);
}

START_TEST(each_operation_fails)
{
	unsigned int n = (unsigned int)_i + 1;

	points = 0;
	/* Each errno with one number of devices at least, a few of them with all. */
	for (size_t e = 0; e < N_ERRNOS; e++) {
		bool through = !every() && n > 1 && (e + n) % 4 != 0;

		for (unsigned int k = 1; !through; k += 1) {
			fail_at(n, k, errnos[e], SIM_FAILS, &through);
			ck_assert_uint_lt(k, 5000);
		}
		/* It happened, and was told to have failed. */
		through = !every() && (e + n) % 4 != 1;
		for (unsigned int k = 1; !through; k++)
			fail_at(n, k, errnos[e], SIM_FAILS_LATE, &through);
	}
	print_points("failing operations of a bind", (int)n);
}
END_TEST

/* ---- killed ---- */

/* Killed at the k-th operation; recovered, itself killed at the m-th (0: not). */
static struct run kill_at(unsigned int n, bool releasing, unsigned int k, unsigned int m)
{
	struct run run = begin_run(n);
	char *when = test_format("%u devices, %s killed at %u, its recovery at %u", n,
				 releasing ? "a release" : "a bind", k, m);
	bool through;

	if (releasing)
		bind_run(&run);
	sim_fail(run.sim, &(struct sim_fault){ ~0u, NULL, k, 0, EIO, SIM_FAILS });
	if (releasing)
		release_run(&run);
	else
		bind_run(&run);
	through = run.operations < k;
	if (m) {
		recover_run(&run, m);
		if (run.operations < m)
			m = 0; /* it was through before */
	}
	ck_assert_msg(recover_run(&run, 0) == 0, "%s: the recovery failed", when);
	assert_whole(&run, when);
	free(when);
	run.operations = through ? 0 : m ? 2 : 1;
	return run;
}

static void kill_each(unsigned int n, bool releasing, bool recovery_too)
{
	unsigned int stride = every() ? 1 : 2 * n + 1;

	for (unsigned int k = 1;; k += recovery_too ? stride : 1) {
		struct run run = kill_at(n, releasing, k, 0);
		bool through = run.operations == 0;

		end_run(&run);
		for (unsigned int m = 1; recovery_too && !through; m += stride) {
			bool was_killed;

			run = kill_at(n, releasing, k, m);
			was_killed = run.operations == 2;
			end_run(&run);
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
	points = 0;
	kill_each((unsigned int)_i + 1, false, false);
	print_points("binds killed", _i + 1);
}
END_TEST

START_TEST(release_is_killed)
{
	points = 0;
	kill_each((unsigned int)_i + 1, true, false);
	print_points("releases killed", _i + 1);
}
END_TEST

START_TEST(recovery_is_killed)
{
	points = 0;
	kill_each((unsigned int)_i + 1, false, true);
	print_points("binds and their recovery killed", _i + 1);
}
END_TEST

START_TEST(recovery_of_a_release_is_killed)
{
	points = 0;
	kill_each((unsigned int)_i + 1, true, true);
	print_points("releases and their recovery killed", _i + 1);
}
END_TEST

Suite *suite_exhaustive(void)
{
	Suite *suite = suite_create("exhaustive");
	TCase *tc = tcase_create("points");

	tcase_set_timeout(tc, every() ? 3600 : 300);
	tcase_add_loop_test(tc, each_operation_fails, 0, N_MAX);
	tcase_add_loop_test(tc, bind_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, release_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, recovery_is_killed, 0, N_MAX);
	tcase_add_loop_test(tc, recovery_of_a_release_is_killed, 0, N_MAX);
	suite_add_tcase(suite, tc);
	return suite;
}
