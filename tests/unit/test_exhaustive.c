/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One to six devices of one group, in the states that a restore must get right. Every
 * operation of a bind and of a release fails with every plausible errno, lies, or hangs;
 * test_killed.c has the process killed. In the end each device is exactly before or exactly
 * after, never a third thing. PCIPT_TEST_EVERY=1 leaves no point out; by default the long
 * ways round are walked in strides. The number of points tried is printed.
 */
#include "base/error.h"
#include "exhaustive.h"

#define READS (SIM_READ | SIM_GUARDED | SIM_READ_LINK | SIM_LIST)

/*
 * Which ones, and what can't fail with them. A release takes a device for gone when the
 * kernel says so: by these errnos from its attributes and links.
 */
static const struct {
	int errnum;
	unsigned int not_in_a_bind, not_in_a_release;
} errnos[] = {
	{ EIO, 0, 0 },
	{ EINVAL, 0, SIM_READ_LINK },
	{ ENODEV, 0, READS },
	{ EBUSY, 0, 0 },
	{ EACCES, 0, 0 },
	{ EROFS, 0, 0 },
	{ ENOSPC, 0, 0 },
	{ EAGAIN, 0, 0 },
	{ ENOENT, 0, READS },
	{ EPERM, 0, 0 },
	{ ENOMEM, 0, 0 },
	/* Another claim has the name: then nothing was written. */
	{ EEXIST, SIM_RECORD_WRITE, SIM_RECORD_WRITE },
	{ EINTR, 0, 0 },
	{ ENXIO, 0, 0 },
	/* Somebody killed the helper. */
	{ EOWNERDEAD, 0, 0 },
};

#define N_ERRNOS (sizeof(errnos) / sizeof(*errnos))

/* The operations that a fault hit, as the log tells them; for messages. */
static char *failed_operations(const struct run *run, int errnum)
{
	char *all = strdup(""), *end = test_format(" = %s", pcipt_errno_name(errnum));

	for (size_t i = 0; strlen(all) < 400 && i < sim_log_count(run->sim); i++) {
		const char *line = sim_log_at(run->sim, i);
		char *longer;

		if (strlen(line) < strlen(end) ||
		    strcmp(line + strlen(line) - strlen(end), end) != 0)
			continue;
		longer = test_format("%s%s; ", all, line);
		free(all);
		all = longer;
	}
	free(end);
	return all;
}

/* ---- one operation fails ---- */

/* One fault is always undone: nothing stands in the undo's way. */
static void fail_at(unsigned int n, unsigned int k, size_t e, enum sim_how how, bool *through)
{
	struct run run = exhaustive_begin(n);
	int errnum = errnos[e].errnum;
	char *when = test_format("%u devices, operation %u gives %d", n, k, errnum);

	sim_fail(run.sim, &(struct sim_fault){ ~errnos[e].not_in_a_bind, NULL, k, k, errnum, how });
	exhaustive_bind(&run);
	sim_mend(run.sim);
	*through = run.operations < k;
	ck_assert_msg(run.code != PCIPT_E_ROLLBACK_INCOMPLETE, "%s: not undone", when);
	ck_assert_msg(run.code == 0 ? exhaustive_is_after(&run) : exhaustive_is_before(&run),
		      "%s: %s, and a third thing", when, pcipt_errc_name(run.code));
	/* The record of a bind that was undone may be what could not be removed. */
	ck_assert_msg(sim_record_count(run.sim) <= 1, "%s: %zu records: %s", when,
		      sim_record_count(run.sim), failed_operations(&run, errnum));
	ck_assert_msg(exhaustive_recover(&run, 0) == 0, "%s: the recovery failed", when);
	ck_assert_msg(run.code < 0 || exhaustive_is_after(&run), "%s: a bind that succeeded was undone", when);
	exhaustive_assert_whole(&run, when);
	free(when);
	exhaustive_end(&run);
}

/* What a release comes to that its own driver or power control stood in the way of. */
static bool was_refused(const struct run *run)
{
	for (size_t i = 0; i < sim_log_count(run->sim); i++) {
		const char *line = sim_log_at(run->sim, i);

		if (strstr(line, " = ") && strncmp(line, "write ", 6) == 0 &&
		    (strstr(line, "/bind ") || strstr(line, "power/control")))
			return true;
	}
	return false;
}

/* Nothing is left on vfio-pci, and every override is what it was. */
static bool is_given_back(const struct run *run)
{
	_cleanup_free_ char *before = strdup(run->before);
	char *rest = before, *line;

	while ((line = strsep(&rest, "\n")) && *line) {
		const char *wish = strstr(line, ", override "), *end = strstr(line, ", power");
		_cleanup_free_ char *address = strndup(line, strcspn(line, " "));
		_cleanup_free_ char *override = strndup(wish, (size_t)(end - wish));

		if (exhaustive_says(run, address, "driver vfio-pci") || !exhaustive_says(run, address, override))
			return false;
	}
	return true;
}

/* One fault: what it keeps the release from is done by the next one, if not by the recovery. */
static void fail_release_at(unsigned int n, unsigned int k, size_t e, enum sim_how how,
			    bool *through)
{
	struct run run = exhaustive_begin(n);
	int errnum = errnos[e].errnum;
	char *when = test_format("%u devices, operation %u of the release gives %d (%d)", n, k,
				 errnum, how);
	char *now, *hit;

	exhaustive_bind(&run);
	ck_assert_int_eq(run.code, 0);
	sim_log_clear(run.sim);
	sim_fail(run.sim, &(struct sim_fault){ ~errnos[e].not_in_a_release, NULL, k, k, errnum, how });
	exhaustive_release(&run);
	sim_mend(run.sim);
	*through = run.operations < k;
	ck_assert_msg(exhaustive_recover(&run, 0) == 0, "%s: the recovery failed", when);
	if (sim_record_count(run.sim) > 0) {
		exhaustive_release(&run);
		ck_assert_msg(run.code == 0, "%s: the next one failed: %s", when,
			      pcipt_errc_name(run.code));
	}
	now = sim_state(run.sim);
	hit = failed_operations(&run, errnum);
	ck_assert_msg(exhaustive_is_before(&run) || (was_refused(&run) && is_given_back(&run)),
		      "%s: %s was\n%s is\n%s", when, hit, run.before, now);
	ck_assert_msg(sim_record_count(run.sim) == 0, "%s: a record is left", when);
	ck_assert_msg(sim_locks_held(run.sim) == 0, "%s: a lock is held", when);
	free(now);
	free(hit);
	free(when);
	exhaustive_end(&run);
}

typedef void (*fail_fn)(unsigned int n, unsigned int k, size_t e, enum sim_how how,
			bool *through);

/* Each errno with one number of devices at least, a few of them with all. */
static void fail_each(fail_fn fail_one, unsigned int n)
{
	for (size_t e = 0; e < N_ERRNOS; e++) {
		bool through = !exhaustive_every() && n > 1 && (e + n) % 4 != 0;

		for (unsigned int k = 1; !through; k += 1) {
			fail_one(n, k, e, SIM_FAILS, &through);
			ck_assert_uint_lt(k, 5000);
		}
		/* It happened, and was told to have failed. */
		through = !exhaustive_every() && (e + n) % 4 != 1;
		for (unsigned int k = 1; !through; k++)
			fail_one(n, k, e, SIM_FAILS_LATE, &through);
	}
}

START_TEST(each_operation_fails)
{
	unsigned int n = (unsigned int)_i + 1;

	exhaustive_points = 0;
	fail_each(fail_at, n);
	exhaustive_print("failing operations of a bind", (int)n);
}
END_TEST

START_TEST(each_operation_of_a_release_fails)
{
	unsigned int n = (unsigned int)_i + 1;

	exhaustive_points = 0;
	fail_each(fail_release_at, n);
	exhaustive_print("failing operations of a release", (int)n);
}
END_TEST

/* The kernel says that a write was done, and it wasn't: only looking finds that out. */
START_TEST(each_write_of_a_bind_lies)
{
	/* Without a sibling: a pin is not looked at again, it only matters to who comes later. */
	unsigned int n = 2 * (unsigned int)_i + 1;
	bool through = false;

	exhaustive_points = 0;
	for (unsigned int k = 1; !through; k++) {
		struct run run = exhaustive_begin(n);
		char *when = test_format("%u devices, write %u does nothing", n, k);

		sim_fail(run.sim, &(struct sim_fault){ SIM_WRITE, NULL, k, k, 0, SIM_LIES });
		exhaustive_bind(&run);
		sim_mend(run.sim);
		through = sim_log_matches(run.sim, "write ") < k;
		ck_assert_msg(run.code == 0 ? exhaustive_is_after(&run) : exhaustive_is_before(&run),
			      "%s: %s, and a third thing", when, pcipt_errc_name(run.code));
		exhaustive_assert_whole(&run, when);
		free(when);
		exhaustive_end(&run);
	}
	exhaustive_print("writes of a bind that do nothing", (int)n);
}
END_TEST

/* ---- writes that don't return ---- */

/* The texts of all writes of a bind, or of a release, as the log has them; NULL at the end. */
static char **list_writes(unsigned int n, bool releasing)
{
	struct run run = exhaustive_begin(n);
	char **writes = calloc(64, sizeof(*writes));
	size_t count = 0;

	exhaustive_bind(&run);
	if (releasing) {
		sim_log_clear(run.sim);
		exhaustive_release(&run);
	}
	for (size_t i = 0; i < sim_log_count(run.sim); i++)
		if (strncmp(sim_log_at(run.sim, i), "write ", 6) == 0 && count < 63)
			writes[count++] = strdup(sim_log_at(run.sim, i) + 6);
	exhaustive_end(&run);
	exhaustive_points--;
	return writes;
}

/* The caller comes back, the kernel lets go at last, and what was left is finished. */
static void hang_at(unsigned int n, bool releasing, const char *write)
{
	struct run run = exhaustive_begin(n);
	char *when = test_format("%u devices, a %s that hangs in %s", n,
				 releasing ? "release" : "bind", write);

	if (releasing)
		exhaustive_bind(&run);
	sim_block(run.sim, write);
	if (releasing)
		exhaustive_release(&run);
	else
		exhaustive_bind(&run);
	ck_assert_msg(run.code < 0, "%s: it succeeded", when);
	sim_let_go(run.sim);
	ck_assert_msg(exhaustive_recover(&run, 0) == 0, "%s: the recovery failed", when);
	if (releasing && sim_record_count(run.sim) > 0)
		exhaustive_release(&run);
	ck_assert_msg(!releasing || exhaustive_is_before(&run), "%s: not given back", when);
	exhaustive_assert_whole(&run, when);
	free(when);
	exhaustive_end(&run);
}

static void hang_each(unsigned int n, bool releasing)
{
	char **writes = list_writes(n, releasing);

	ck_assert_ptr_nonnull(writes[0]);
	for (size_t i = 0; writes[i]; i++) {
		hang_at(n, releasing, writes[i]);
		free(writes[i]);
	}
	free(writes);
}

START_TEST(each_write_hangs)
{
	exhaustive_points = 0;
	hang_each((unsigned int)_i + 1, false);
	hang_each((unsigned int)_i + 1, true);
	exhaustive_print("writes of a bind and a release that hang", _i + 1);
}
END_TEST

Suite *suite_exhaustive(void)
{
	Suite *suite = suite_create("exhaustive");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, exhaustive_every() ? 3600 : 300);
	tcase_add_loop_test(tc, each_operation_fails, 0, N_MAX);
	tcase_add_loop_test(tc, each_operation_of_a_release_fails, 0, N_MAX);
	tcase_add_loop_test(tc, each_write_of_a_bind_lies, 0, N_MAX / 2);
	tcase_add_loop_test(tc, each_write_hangs, 0, N_MAX);
	suite_add_tcase(suite, tc);
	exhaustive_add_kills(suite);
	return suite;
}
