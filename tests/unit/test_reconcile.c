/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reconciling on the simulated kernel: what claims say against what has become of the machine. */
#include <errno.h>

#include "machine.h"

#define STATE_DIR "/var/lib/libpcipt/claims"

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

static void bind_claim(const char *address, bool persistent)
{
	machine_bind(ctx, address, "vm", persistent);
	sim_log_clear(sim);
}

/* The machine was started anew: native drivers, no overrides, another boot. */
static void reboot(void)
{
	char *text = strdup(sim_record(sim, "vm.json")), *id = strstr(text, "1111111-");

	*id = '2';
	sim_put_record(sim, sim_record_folder(sim, "vm.json"), "vm.json", text);
	free(text);
	sim_force_driver(sim, GPU, "nouveau");
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_force_driver(sim, NIC, "e1000e");
	sim_force_override(sim, GPU, NULL);
	sim_force_override(sim, AUDIO, NULL);
	sim_force_override(sim, NIC, NULL);
}

static int reconcile_allowing(bool now, const char *code)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	int r;

	if (code)
		assert_ok(pcipt_options_add_allow(options, code, NULL, &error), error);

	pcipt_options_set_now(options, now);
	pcipt_report_unref(report);
	report = NULL;
	r = pcipt_reconcile(ctx, options, &report, &error);
	ck_assert_msg(r == 0 || error, "no error for %d", r);
	pcipt_error_unref(error);
	pcipt_options_unref(options);
	return r;
}

static int reconcile(bool now)
{
	return reconcile_allowing(now, NULL);
}

/* One line in the report, from, to and why; and the claim's state and reason now. */
static void assert_step(const char *from, const char *to, const char *reason)
{
	struct pcipt_claim *claim = NULL;

	ck_assert_uint_eq(pcipt_report_action_count(report), 1);
	ck_assert_str_eq(pcipt_report_action_claim(report, 0), "vm");
	ck_assert_str_eq(pcipt_report_action_from(report, 0), from);
	ck_assert_msg(strcmp(pcipt_report_action_to(report, 0), to) == 0, "%s (%s) instead of %s: %s",
		      pcipt_report_action_to(report, 0), pcipt_report_action_reason(report, 0), to,
		      pcipt_report_action_message(report, 0));
	ck_assert_str_eq(pcipt_report_action_reason(report, 0), reason);
	ck_assert_ptr_nonnull(pcipt_report_action_message(report, 0));
	if (strcmp(to, "ended") == 0) {
		ck_assert_uint_eq(sim_record_count(sim), 0);
		return;
	}
	ck_assert_int_eq(pcipt_claim_find(ctx, "vm", &claim, NULL), 0);
	ck_assert_str_eq(pcipt_claim_state_name(pcipt_claim_get_state(claim)), to);
	if (strcmp(to, "bound") != 0) {
		ck_assert_str_eq(pcipt_claim_get_reason(claim), reason);
		ck_assert_ptr_nonnull(pcipt_claim_get_message(claim));
		ck_assert_ptr_nonnull(pcipt_claim_get_deadline(claim));
		ck_assert_uint_ge(pcipt_claim_get_attempts(claim), 1);
	}
	pcipt_claim_unref(claim);
}

static void assert_quiet(void)
{
	ck_assert_uint_eq(pcipt_report_action_count(report), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
}

static void add_nic(const char *address, uint16_t device, const char *driver)
{
	sim_add(sim, &(struct sim_device_facts){ .address = address,
						 .vendor = 0x8086,
						 .device = device,
						 .class_id = 0x020000,
						 .driver = driver,
						 .group = 3 });
}

START_TEST(nothing_to_do)
{
	ck_assert_int_eq(reconcile(true), 0);
	assert_quiet();
	bind_claim(GPU, _i);
	ck_assert_int_eq(reconcile(true), 0);
	assert_quiet();
}
END_TEST

START_TEST(after_a_reboot)
{
	bind_claim(GPU, true);
	reboot();
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "bound", "free");
	assert_driver(sim, GPU, "vfio-pci");
	assert_driver(sim, AUDIO, "vfio-pci");
	sim_log_clear(sim);
	ck_assert_int_eq(reconcile(true), 0);
	assert_quiet();
}
END_TEST

START_TEST(not_persistent_ends_with_its_boot)
{
	char *before;

	bind_claim(GPU, false);
	reboot();
	before = sim_state(sim);
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("bound", "ended", "new-boot");
	assert_state(sim, before, "after its end");
	free(before);
}
END_TEST

/* Bound already when reconcile comes: a rule at boot was quicker. */
START_TEST(bound_before_us)
{
	bind_claim(NIC, true);
	reboot();
	sim_force_driver(sim, NIC, "vfio-pci");
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "bound", "as-claimed");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
}
END_TEST

START_TEST(absent_and_back)
{
	bind_claim(NIC, true);
	sim_remove(sim, NIC);
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("bound", "waiting", "absent");
	/* Told again, and written once. */
	sim_log_clear(sim);
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("waiting", "waiting", "absent");
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	ck_assert_int_eq(reconcile(true), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 1);
	add_nic(NIC, 0x10d3, "e1000e");
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("waiting", "bound", "free");
	assert_driver(sim, NIC, "vfio-pci");
}
END_TEST

START_TEST(replaced_is_left_alone)
{
	char *before;

	bind_claim(NIC, true);
	sim_remove(sim, NIC);
	add_nic(NIC, 0x1533, NULL);
	before = sim_state(sim);
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("bound", "waiting", "replaced");
	assert_state(sim, before, "with another card in its place");
	free(before);
}
END_TEST

/* A new card elsewhere shifted the bus: the same slot, another address. */
START_TEST(follows_its_slot)
{
	static const char *const address[] = { "0000:05:00.0", "0000:05:00.1" };

	bind_claim(GPU, true);
	reboot();
	sim_remove(sim, GPU);
	sim_remove(sim, AUDIO);
	for (int i = 0; i < 2; i++)
		sim_add(sim, &(struct sim_device_facts){ .address = address[i],
							 .parent = "0000:00:01.0",
							 .vendor = 0x10de,
							 .device = i ? 0x228b : 0x2484,
							 .class_id = i ? 0x040300 : 0x030000,
							 .driver = i ? "snd_hda_intel" : "nouveau",
							 .boot_vga = i ? NULL : "0",
							 .group = 2 });
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "bound", "moved");
	assert_driver(sim, address[0], "vfio-pci");
	assert_driver(sim, address[1], "vfio-pci");
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "vm.json"), "0000:05:00.1"));
	ck_assert_ptr_null(strstr(sim_record(sim, "vm.json"), "0000:01:00"));
}
END_TEST

/* Bound with a display server on it, which was allowed by name, there alone. */
static void bind_held(void)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;

	sim_add_node(sim, GPU, "drm", "card0", "226:0");
	sim_add_node(sim, AUDIO, "sound", "controlC0", "116:2");
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "X", .numbers = "226:0" });
	pcipt_options_set_persistent(options, true);
	ck_assert_int_eq(pcipt_options_set_name(options, "vm", NULL), 0);
	assert_ok(pcipt_options_add_allow(options, "held-open", GPU, &error), error);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	reboot();
}

/* What was allowed then is allowed now, on that device and on no other. */
START_TEST(allowed_as_before)
{
	bind_held();
	if (_i == 1)
		sim_hold(sim, &(struct sim_holder){ .pid = 8, .numbers = "116:2" });
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", _i ? "waiting" : "bound", _i ? "refused" : "free");
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "vm.json"), "\"held-open\""));
	if (_i == 0)
		return;
	/* The other one lets go. */
	sim_end_holders(sim);
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "X", .numbers = "226:0" });
	ck_assert_int_eq(reconcile(true), 0);
	assert_driver(sim, GPU, "vfio-pci");
}
END_TEST

/* How often a word stands in the claim's record. */
static size_t count_recorded(const char *word)
{
	size_t n = 0;

	for (const char *at = sim_record(sim, "vm.json"); (at = strstr(at, word)); at++)
		n++;
	return n;
}

/*
 * What the caller allows is written down with the bind, as if it had been allowed at the first:
 * at the next boot it passes without a word. Where the bind fails it isn't.
 */
START_TEST(allowed_when_bound_again)
{
	bind_held();
	sim_hold(sim, &(struct sim_holder){ .pid = 8, .numbers = "116:2" });
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "waiting", "refused");
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind", 1, 0, EIO, SIM_FAILS });
	ck_assert_int_eq(reconcile_allowing(true, "held-open"), 0);
	sim_mend(sim);
	assert_step("waiting", "waiting", "bind-failed");
	ck_assert_uint_eq(count_recorded("\"held-open\""), 1);
	ck_assert_int_eq(reconcile_allowing(true, "held-open"), 0);
	assert_step("waiting", "bound", "free");
	assert_driver(sim, AUDIO, "vfio-pci");
	ck_assert_uint_eq(count_recorded("\"held-open\""), 2);
	ck_assert_ptr_null(strstr(sim_record(sim, "vm.json"), "\"address\": null"));
	reboot();
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "bound", "free");
	assert_driver(sim, AUDIO, "vfio-pci");
}
END_TEST

START_TEST(allowed_where_it_is_now)
{
	static const char *const address[] = { "0000:05:00.0", "0000:05:00.1" };

	bind_held();
	sim_end_holders(sim);
	sim_remove(sim, GPU);
	sim_remove(sim, AUDIO);
	for (int i = 0; i < 2; i++)
		sim_add(sim, &(struct sim_device_facts){ .address = address[i],
							 .parent = "0000:00:01.0",
							 .vendor = 0x10de,
							 .device = i ? 0x228b : 0x2484,
							 .class_id = i ? 0x040300 : 0x030000,
							 .driver = i ? "snd_hda_intel" : "nouveau",
							 .boot_vga = i ? NULL : "0",
							 .group = 2 });
	sim_add_node(sim, address[_i], "drm", "card1", "226:1");
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "X", .numbers = "226:1" });
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", _i ? "waiting" : "bound", _i ? "refused" : "moved");
}
END_TEST

START_TEST(half_of_it_was_taken_away)
{
	bind_claim(GPU, _i);
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("bound", "bound", "half-bound");
	assert_driver(sim, AUDIO, "vfio-pci");
}
END_TEST

START_TEST(taken_by_others)
{
	bind_claim(NIC, true);
	sim_force_driver(sim, NIC, "pci-stub");
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("bound", "waiting", "taken");
	assert_driver(sim, NIC, "pci-stub");
}
END_TEST

/* What was hot-plugged into the group was never accepted: refused, and said. */
START_TEST(a_group_that_has_grown)
{
	bind_claim(GPU, true);
	reboot();
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:01.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .driver = "e1000e",
						 .group = 2 });
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("pending", "waiting", "refused");
	ck_assert_ptr_nonnull(strstr(pcipt_report_action_message(report, 0), "set-incomplete"));
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, "0000:01:01.0", "e1000e");
}
END_TEST

START_TEST(a_driver_that_refuses)
{
	char *before;

	bind_claim(GPU, true);
	reboot();
	before = sim_state(sim);
	sim_driver_refuses(sim, "vfio-pci", AUDIO, EIO);
	ck_assert_int_eq(reconcile(false), 0);
	assert_step("pending", "waiting", "bind-failed");
	assert_state(sim, before, "after a bind that failed");
	/* Before its time nothing is tried, unless one asks for it. */
	sim_log_clear(sim);
	ck_assert_int_eq(reconcile(false), 0);
	assert_quiet();
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("waiting", "waiting", "bind-failed");
	sim_driver_refuses(sim, "vfio-pci", AUDIO, 0);
	ck_assert_int_eq(reconcile(true), 0);
	assert_step("waiting", "bound", "free");
	free(before);
}
END_TEST

/* What the claim was before is what a release leads to, however often it was bound again. */
START_TEST(release_after_all_that)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim);

	bind_claim(GPU, true);
	for (int i = 0; i < 3; i++) {
		reboot();
		ck_assert_int_eq(reconcile(true), 0);
		sim_force_driver(sim, GPU, NULL);
		ck_assert_int_eq(reconcile(true), 0);
	}
	assert_ok(pcipt_claim_find(ctx, "vm", &claim, &error), error);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	assert_state(sim, before, "after a release");
	pcipt_claim_unref(claim);
	free(before);
}
END_TEST

/* ---- what goes wrong on the way ---- */

struct rival {
	unsigned int at;
	bool done, bound; /* what the claim was then */
};

/* Another process forgets the claim before an operation of ours, as soon as it gets the lock. */
static void end_claim(struct sim *machine, void *data, unsigned int number)
{
	struct rival *rival = data;

	if (number < rival->at || rival->done || sim_lock_is_held(machine, "claims"))
		return;
	rival->done = true;
	rival->bound = strstr(sim_record(machine, "vm.json"), "\"bound\"") &&
		       strstr(sim_record(machine, "vm.json"), "11111111-");
	sim_take_record(machine, "vm.json");
}

/* A claim that somebody ends meanwhile doesn't come back, and nothing stays bound for it. */
START_TEST(ended_by_another)
{
	bool done = true;

	teardown();
	for (unsigned int n = 1; done; n++) {
		struct rival rival = { .at = n };

		setup();
		bind_claim(GPU, true);
		reboot();
		sim_hook(sim, ~0u, end_claim, &rival);
		reconcile(true);
		sim_mend(sim);
		done = rival.done;
		if (done) {
			reconcile(true);
			ck_assert_msg(sim_record_count(sim) == 0, "operation %u: a record is left",
				      n);
			/* Forgetting a bound claim leaves its devices as they are. */
			assert_driver(sim, GPU, rival.bound ? "vfio-pci" : "nouveau");
			assert_driver(sim, AUDIO, rival.bound ? "vfio-pci" : "snd_hda_intel");
		}
		teardown();
	}
	setup();
}
END_TEST

static bool is_all_or_nothing(void)
{
	char *gpu = sim_device_state(sim, GPU), *audio = sim_device_state(sim, AUDIO);
	bool both = strstr(gpu, "vfio-pci") && strstr(audio, "vfio-pci");
	bool none = strstr(gpu, "driver nouveau, override none") &&
		    strstr(audio, "driver snd_hda_intel, override none");

	free(gpu);
	free(audio);
	return both || none;
}

/* Each operation fails once: afterwards, at the latest after another one, all is as claimed. */
START_TEST(each_operation_fails)
{
	static const int errnos[] = { EIO, ENOSPC, EACCES, ENOENT };
	bool more = true;

	teardown();
	for (unsigned int n = 1; more; n++) {
		size_t begin;

		setup();
		bind_claim(GPU, true);
		reboot();
		begin = sim_log_count(sim);
		sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, n, errnos[_i], SIM_FAILS });
		reconcile(true);
		more = sim_log_count(sim) - begin >= n;
		sim_mend(sim);
		ck_assert_msg(sim_record(sim, "vm.json"), "operation %u lost the claim: %s", n,
			      sim_log_at(sim, begin + n - 1));
		reconcile(true);
		ck_assert_msg(is_all_or_nothing(), "operation %u: %s: %s", n,
			      sim_log_at(sim, begin + n - 1), sim_state(sim));
		reconcile(true);
		assert_driver(sim, GPU, "vfio-pci");
		assert_driver(sim, AUDIO, "vfio-pci");
		teardown();
	}
	setup();
}
END_TEST

Suite *suite_reconcile(void)
{
	Suite *suite = suite_create("reconcile");
	TCase *tc = tcase_create("reconcile");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, nothing_to_do, 0, 2);
	tcase_add_test(tc, after_a_reboot);
	tcase_add_test(tc, not_persistent_ends_with_its_boot);
	tcase_add_test(tc, bound_before_us);
	tcase_add_test(tc, absent_and_back);
	tcase_add_test(tc, replaced_is_left_alone);
	tcase_add_test(tc, follows_its_slot);
	tcase_add_loop_test(tc, allowed_as_before, 0, 2);
	tcase_add_test(tc, allowed_when_bound_again);
	tcase_add_loop_test(tc, allowed_where_it_is_now, 0, 2);
	tcase_add_loop_test(tc, half_of_it_was_taken_away, 0, 2);
	tcase_add_test(tc, taken_by_others);
	tcase_add_test(tc, a_group_that_has_grown);
	tcase_add_test(tc, a_driver_that_refuses);
	tcase_add_test(tc, release_after_all_that);
	tcase_add_test(tc, ended_by_another);
	tcase_add_loop_test(tc, each_operation_fails, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
