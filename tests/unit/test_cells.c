/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every cell of the table of reconciling, carried out: a claim in that state on a simulated
 * machine in that situation is reconciled, and what was done and where it stands then is
 * held against what the table promises.
 */
#include "machine.h"

#include <errno.h>

#include "claims/compare.h"

#define NEW_GPU "0000:05:00.0"
#define NEW_AUDIO "0000:05:00.1"
#define TWIN "0000:06:00.0"
#define DEVICES "/sys/bus/pci/devices/"

static struct sim *sim;
static struct pcipt_context *ctx;
static struct pcipt_report *report;

/* ---- what has become of the machine ---- */

/* The record with one text in place of another, which must be there. */
static void edit(const char *from, const char *to)
{
	const char *old = sim_record(sim, "vm.json"), *at = strstr(old, from);
	char *text;

	ck_assert_msg(at, "%s isn't in %s", from, old);
	text = test_format("%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
	sim_put_record(sim, sim_record_folder(sim, "vm.json"), "vm.json", text);
	free(text);
}

static void add(const char *address, const char *parent, uint16_t device, const char *driver, int group)
{
	sim_add(sim, &(struct sim_device_facts){ .address = address,
						 .parent = parent,
						 .vendor = 0x10de,
						 .device = device,
						 .class_id = device == 0x2484 ? 0x030000 : 0x040300,
						 .driver = driver,
						 .boot_vga = device == 0x2484 ? "0" : NULL,
						 .group = group });
}

static void set_serial(const char *address, uint8_t serial)
{
	char *path = test_format(DEVICES "%s/config", address);
	uint8_t config[4096] = { 0 };

	memcpy(config + 0x100, (uint8_t[]){ 0x03, 0, 0x01, 0, serial }, 5);
	sim_put_bytes(sim, path, config, sizeof(config));
	free(path);
}

static void native(void)
{
	sim_force_driver(sim, GPU, "nouveau");
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_force_override(sim, GPU, NULL);
	sim_force_override(sim, AUDIO, NULL);
}

static void make_new_boot(void)
{
	edit("\"11111111-", "\"21111111-");
}

static void make_unreadable(void)
{
	sim_fail(sim, &(struct sim_fault){ SIM_READ, GPU "/revision", 1, 0, EIO, SIM_FAILS });
}

static void make_ambiguous(void)
{
	edit("\"serial\": null", "\"serial\": \"00-00-00-00-00-00-00-01\"");
	sim_remove(sim, GPU);
	add(NEW_GPU, NULL, 0x2484, NULL, 5);
	add(TWIN, NULL, 0x2484, NULL, 6);
	set_serial(NEW_GPU, 1);
	set_serial(TWIN, 1);
}

static void make_replaced(void)
{
	sim_remove(sim, GPU);
	add(GPU, "0000:00:01.0", 0x2504, NULL, 2);
}

static void make_unproven(void)
{
	sim_remove(sim, GPU);
	add(NEW_GPU, NULL, 0x2484, NULL, 5);
}

static void make_pf_lost(void)
{
	edit("/00.0\"", "/00.0/vf0\"");
	sim_remove(sim, GPU);
}

static void make_absent(void)
{
	sim_remove(sim, GPU);
}

static void make_moved(void)
{
	sim_remove(sim, GPU);
	sim_remove(sim, AUDIO);
	add(NEW_GPU, "0000:00:01.0", 0x2484, "nouveau", 2);
	add(NEW_AUDIO, "0000:00:01.0", 0x228b, "snd_hda_intel", 2);
}

static void make_taken(void)
{
	sim_force_driver(sim, GPU, "pci-stub");
}

static void make_driver_gone(void)
{
	native();
	edit("\"driver\": \"vfio-pci\"", "\"driver\": \"gone-vfio-pci\"");
}

static void make_half(void)
{
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
}

static void make_grown(void)
{
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:02.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .driver = "e1000e",
						 .group = 2 });
}

static void make_held(void)
{
}

static void (*const makers[PCIPT_N_SITUATIONS])(void) = {
	[PCIPT_SITUATION_NEW_BOOT] = make_new_boot,
	[PCIPT_SITUATION_UNREADABLE] = make_unreadable,
	[PCIPT_SITUATION_AMBIGUOUS] = make_ambiguous,
	[PCIPT_SITUATION_REPLACED] = make_replaced,
	[PCIPT_SITUATION_UNPROVEN] = make_unproven,
	[PCIPT_SITUATION_PF_LOST] = make_pf_lost,
	[PCIPT_SITUATION_ABSENT] = make_absent,
	[PCIPT_SITUATION_MOVED] = make_moved,
	[PCIPT_SITUATION_TAKEN] = make_taken,
	[PCIPT_SITUATION_DRIVER_GONE] = make_driver_gone,
	[PCIPT_SITUATION_HALF] = make_half,
	[PCIPT_SITUATION_FREE] = native,
	[PCIPT_SITUATION_GROWN] = make_grown,
	[PCIPT_SITUATION_HELD] = make_held,
};

/* ---- the claim ---- */

static void bind_claim(bool persistent)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;

	pcipt_options_set_persistent(options, persistent);
	assert_ok(pcipt_options_set_name(options, "vm", &error), error);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}

/* The record as it stands in that state, its time come. */
static void put_in_state(int state)
{
	char *text = test_format("\"state\": \"%s\"", pcipt_claim_state_name(state));

	edit("\"state\": \"bound\"", text);
	free(text);
	if (state == PCIPT_CLAIM_BOUND)
		return;
	edit("\"deadline\": null", "\"deadline\": \"2025-01-01T00:00:00Z\"");
	edit("\"deadline_boot_ms\": -1", "\"deadline_boot_ms\": 0");
	if (state != PCIPT_CLAIM_WAITING && state != PCIPT_CLAIM_STUCK)
		return;
	edit("\"reason\": null", state == PCIPT_CLAIM_STUCK ? "\"reason\": \"rollback-incomplete\"" :
							      "\"reason\": \"locked\"");
	edit("\"message\": null", "\"message\": \"Something\"");
}

static void begin(int state, size_t situation, bool persistent)
{
	sim = machine_new();
	ctx = sim_context(sim);
	report = NULL;
	bind_claim(persistent);
	put_in_state(state);
	makers[situation]();
	sim_log_clear(sim);
}

static void end(void)
{
	report = pcipt_report_unref(report);
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static void reconcile(void)
{
	struct pcipt_error *error = NULL;

	report = pcipt_report_unref(report);
	pcipt_reconcile(ctx, NULL, &report, &error);
	pcipt_error_unref(error);
}

/* ---- what is promised ---- */

static const char *line(const struct pcipt_record *record)
{
	return pcipt_claim_state_name(record->state);
}

/* What every claim that isn't bound has; NULL when it has it all. */
static const char *lacks(const struct pcipt_record *record)
{
	if (record->state == PCIPT_CLAIM_BOUND)
		return record->deadline || record->deadline_ms >= 0 ? "is bound and has a deadline" :
								      NULL;
	if (!record->deadline || record->deadline_ms < pcipt_boot_ms())
		return "has no deadline, or one that is past";
	if (record->state != PCIPT_CLAIM_WAITING && record->state != PCIPT_CLAIM_STUCK)
		return NULL;
	if (!record->reason || !record->message)
		return "doesn't say why";
	if (record->attempts < 1)
		return "counts no attempts";
	return strstr(record->message, "0000:0") && strstr(record->message, ". ") ?
		       NULL :
		       "doesn't say which device, and what to do";
}

/* What is wrong after a claim was reconciled; NULL for nothing. */
static const char *wrong_after(struct pcipt_reconcile_cell cell, size_t situation,
			       const char *devices, const struct pcipt_record *now)
{
	bool wrote = sim_log_matches(sim, "write ") > 0;
	bool moves = situation == PCIPT_SITUATION_MOVED;
	char *after = sim_state(sim), *gpu = sim_device_state(sim, moves ? NEW_GPU : GPU);
	bool same = strcmp(devices, after) == 0, bound = strstr(gpu, "driver vfio-pci,");
	const char *wrong = now ? lacks(now) : NULL;

	if (cell.action == PCIPT_RECONCILE_END || cell.action == PCIPT_RECONCILE_GIVE_BACK)
		wrong = now ? "didn't end" : NULL;
	else if (!now)
		wrong = "ended";
	else if (!wrong && now->state != cell.next)
		wrong = "has another state";
	if (!wrong && cell.action != PCIPT_RECONCILE_GIVE_BACK && cell.action != PCIPT_RECONCILE_BIND &&
	    cell.action != PCIPT_RECONCILE_FOLLOW && (wrote || !same))
		wrong = "had its devices touched";
	if (!wrong && (cell.action == PCIPT_RECONCILE_BIND || cell.action == PCIPT_RECONCILE_FOLLOW) &&
	    !bound)
		wrong = "has a device that isn't bound";
	if (!wrong && cell.action == PCIPT_RECONCILE_GIVE_BACK && bound)
		wrong = "left a device bound";
	if (!wrong && cell.action == PCIPT_RECONCILE_WAIT &&
	    !pcipt_streq(now->reason, pcipt_situation_row((enum pcipt_situation)situation)->name))
		wrong = "waits for something else";
	free(after);
	free(gpu);
	return wrong;
}

/* The claim, or NULL when it has ended. */
static const struct pcipt_record *look(struct pcipt_records *records)
{
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_records_read(ctx, records, &error), error);
	ck_assert_uint_eq(records->n_problems, 0);
	return records->n ? &records->items[0] : NULL;
}

/* A record of another boot is looked at twice: then its devices, which are all as it says. */
static struct pcipt_reconcile_cell cell_of(int state, size_t situation, bool persistent)
{
	struct pcipt_reconcile_cell cell =
		pcipt_reconcile_cell(state, (enum pcipt_situation)situation, persistent);

	return situation == PCIPT_SITUATION_NEW_BOOT && cell.action == PCIPT_RECONCILE_NOTE ?
		       pcipt_reconcile_cell(cell.next, PCIPT_SITUATION_HELD, persistent) :
		       cell;
}

START_TEST(each_cell)
{
	for (size_t s = 0; s < PCIPT_N_SITUATIONS; s++)
		for (int persistent = 0; persistent < 2; persistent++) {
			struct pcipt_reconcile_cell cell = cell_of(_i, s, persistent);
			const struct pcipt_record *now;
			struct pcipt_records records;
			const char *wrong;
			char *devices;

			begin(_i, s, persistent);
			devices = sim_state(sim);
			reconcile();
			now = look(&records);
			wrong = wrong_after(cell, s, devices, now);
			ck_assert_msg(!wrong, "%s, %s%s: the claim %s: it is %s (%s: %s)",
				      pcipt_claim_state_name(_i),
				      pcipt_situation_row((enum pcipt_situation)s)->name,
				      persistent ? ", persistent" : "", wrong,
				      now ? line(now) : "ended", now ? now->reason : NULL,
				      now ? now->message : NULL);
			pcipt_records_clear(&records);
			free(devices);
			end();
		}
}
END_TEST

/* ---- its time, and others at work ---- */

/* The record as another process, or the time, has changed it. */
static void change(void (*fn)(struct pcipt_record *record))
{
	struct pcipt_records records;
	char *text;

	look(&records);
	fn(&records.items[0]);
	text = pcipt_record_print(&records.items[0]);
	sim_put_record(sim, sim_record_folder(sim, "vm.json"), "vm.json", text);
	free(text);
	pcipt_records_clear(&records);
}

static void pass_deadline(struct pcipt_record *record)
{
	record->deadline_ms = 0;
}

/* What can't be had is tried again and again, less and less often, and never given up. */
START_TEST(backs_off)
{
	struct pcipt_records records;
	int64_t last = 0;

	begin(PCIPT_CLAIM_WAITING, _i ? PCIPT_SITUATION_FREE : PCIPT_SITUATION_ABSENT, true);
	if (_i)
		sim_driver_refuses(sim, "vfio-pci", AUDIO, EIO);
	for (uint32_t attempt = 1; attempt < 12; attempt++) {
		int64_t wait;

		reconcile();
		wait = look(&records)->deadline_ms - pcipt_boot_ms();
		ck_assert_uint_eq(records.items[0].attempts, attempt);
		ck_assert_msg(!lacks(&records.items[0]), "the claim %s", lacks(&records.items[0]));
		/* Twice as long, but for what the test itself took; ten minutes at most. */
		ck_assert_int_gt(wait, last > 300000 ? 590000 : last + last / 2);
		ck_assert_int_le(wait, 600000);
		last = wait;
		pcipt_records_clear(&records);
		/* Before its time nothing is written. */
		sim_log_clear(sim);
		reconcile();
		ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
		ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
		change(pass_deadline);
	}
	end();
}
END_TEST

struct rival {
	unsigned int at;
	bool done;
};

/* Another process begins to release it, and is killed at once. */
static void rival_releases(struct sim *machine, void *data, unsigned int number)
{
	struct rival *rival = data;

	if (number < rival->at || rival->done || sim_lock_is_held(machine, "claims") ||
	    sim_locks_held(machine) > 0 || !strstr(sim_record(machine, "vm.json"), "\"bound\""))
		return;
	rival->done = true;
	edit("\"state\": \"bound\"", "\"state\": \"releasing\"");
}

/*
 * Reconciling finds a bound claim whose device is gone, and notes that. A release that has begun
 * meanwhile, whose process is gone, must not be forgotten for it: it is completed.
 */
START_TEST(a_release_that_begins_meanwhile)
{
	bool done = true;

	for (unsigned int n = 1; done; n++) {
		struct rival rival = { .at = n };

		begin(PCIPT_CLAIM_BOUND, _i ? PCIPT_SITUATION_TAKEN : PCIPT_SITUATION_ABSENT, true);
		sim_hook(sim, ~0u, rival_releases, &rival);
		reconcile();
		sim_mend(sim);
		done = rival.done;
		if (done) {
			reconcile();
			ck_assert_msg(sim_record_count(sim) == 0, "operation %u: the release was lost",
				      n);
		}
		end();
	}
}
END_TEST

Suite *suite_cells(void)
{
	Suite *suite = suite_create("cells");
	TCase *tc = tcase_create("cells");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, backs_off, 0, 2);
	tcase_add_loop_test(tc, a_release_that_begins_meanwhile, 0, 2);
	tcase_add_loop_test(tc, each_cell, 0, PCIPT_CLAIM_STUCK + 1);
	suite_add_tcase(suite, tc);
	return suite;
}
