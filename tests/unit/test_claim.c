/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims on the simulated kernel: taking, remembering, finding, and what stands in the way. */
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

/* Binds a device with its set under options; the claim, or NULL with the code in *code. */
static struct pcipt_claim *bind_with(const char *address, struct pcipt_options *options,
				     struct pcipt_result **result, struct pcipt_error **error,
				     int *code)
{
	struct pcipt_set *set = machine_set_with(ctx, address, options);
	struct pcipt_claim *claim = NULL;

	*code = pcipt_claim_bind(ctx, set, options, &claim, result, error);
	pcipt_set_unref(set);
	return claim;
}

static struct pcipt_claim *must_bind(const char *address)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	int code;
	struct pcipt_claim *claim = bind_with(address, options, NULL, &error, &code);

	ck_assert_msg(code == 0, "%s", pcipt_error_get_message(error));
	pcipt_options_unref(options);
	return claim;
}

static struct pcipt_claim_list *list(void)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	return claims;
}

START_TEST(a_claim_and_its_facts)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim;
	int code;

	assert_ok(pcipt_options_set_name(options, "gaming-vm", &error), error);
	assert_ok(pcipt_options_set_owner(options, "the one in the attic", &error), error);
	claim = bind_with(GPU, options, &result, &error, &code);
	ck_assert_int_eq(code, 0);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_str_eq(pcipt_claim_get_name(claim), "gaming-vm");
	ck_assert_str_eq(pcipt_claim_get_owner(claim), "the one in the attic");
	ck_assert_str_eq(pcipt_claim_get_driver(claim), "vfio-pci");
	ck_assert_int_eq(pcipt_claim_get_state(claim), PCIPT_CLAIM_BOUND);
	ck_assert_uint_eq(strlen(pcipt_claim_get_since(claim)), strlen("2025-01-01T00:00:00Z"));
	ck_assert_uint_eq(pcipt_claim_device_count(claim), 2);
	ck_assert_str_eq(pcipt_claim_device_address(claim, 0), GPU);
	ck_assert_str_eq(pcipt_claim_device_address(claim, 1), AUDIO);
	ck_assert_str_eq(pcipt_claim_device_driver_before(claim, 1), "snd_hda_intel");
	ck_assert_ptr_null(pcipt_claim_device_override_before(claim, 0));
	ck_assert_int_eq(pcipt_claim_device_role(claim, 0), PCIPT_ROLE_REQUESTED);
	ck_assert_int_eq(pcipt_claim_device_role(claim, 1), PCIPT_ROLE_GROUP_MEMBER);
	ck_assert_str_eq(pcipt_claim_device_identity(claim, 0),
			 "10de:2484:0000:0000:00@pci0000:00/01.0/00.0");
	ck_assert_ptr_null(pcipt_claim_device_address(claim, 2));
	ck_assert_ptr_null(pcipt_claim_device_identity(claim, 2));
	ck_assert_int_eq(pcipt_claim_device_role(claim, 2), -1);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	ck_assert_ptr_nonnull(sim_record(sim, "gaming-vm.json"));
	pcipt_result_unref(result);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

/* The record is whole, and says "binding", before the kernel hears of anything. */
static void look_at_record(struct sim *machine, void *data, unsigned int number)
{
	bool *seen = data;
	const char *record = sim_record(machine, "pci-0000-01-00.0.json");

	if (number != 1)
		return;
	ck_assert_msg(record && strstr(record, "\"state\": \"binding\""), "at the first write: %s",
		      record ? record : "no record");
	/* Who finds it so is told what it is, and until when it may be so. */
	ck_assert_ptr_nonnull(strstr(record, "\"reason\": \"under-way\""));
	ck_assert_ptr_nonnull(strstr(record, "pcipt recover"));
	ck_assert_ptr_null(strstr(record, "\"deadline\": null"));
	ck_assert_ptr_nonnull(strstr(record, "\"driver_before\": \"nouveau\""));
	ck_assert_ptr_nonnull(strstr(record, "\"driver_before\": \"snd_hda_intel\""));
	ck_assert_ptr_nonnull(strstr(record, "\"power_control_before\": \"auto\""));
	*seen = true;
}

START_TEST(the_record_comes_first)
{
	struct pcipt_claim *claim;
	bool seen = false;
	size_t begun, wrote, last = 0;

	sim_hook(sim, SIM_WRITE, look_at_record, &seen);
	claim = must_bind(GPU);
	ck_assert(seen);
	begun = sim_log_find(sim, 0, "record-write ");
	wrote = sim_log_find(sim, 0, "write ");
	ck_assert_uint_lt(begun, wrote);
	for (size_t i = 0; i < sim_log_count(sim); i++)
		if (strncmp(sim_log_at(sim, i), "write ", 6) == 0)
			last = i;
	/* It says "bound" only when everything is. */
	ck_assert_uint_ne(sim_log_find(sim, last, "record-write "), SIZE_MAX);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write "), 2);
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "pci-0000-01-00.0.json"), "\"bound\""));
	ck_assert_ptr_null(pcipt_claim_get_reason(claim));
	pcipt_claim_unref(claim);
}
END_TEST

/* A set of a machine that was looked at before somebody took the same for us. */
START_TEST(bound_since_it_was_judged)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_set *set = machine_set_with(ctx, GPU, options);
	struct pcipt_claim *first = must_bind(GPU), *second = NULL;
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_bind(ctx, set, options, &second, &result, &error), error);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_UNCHANGED);
	ck_assert_str_eq(pcipt_claim_get_name(second), pcipt_claim_get_name(first));
	ck_assert_uint_eq(pcipt_result_device_count(result), 2);
	ck_assert_str_eq(pcipt_result_device_address(result, 0), GPU);
	ck_assert_str_eq(pcipt_result_device_vfio_device(result, 1), "/dev/vfio/2");
	pcipt_result_unref(result);
	pcipt_claim_unref(first);
	pcipt_claim_unref(second);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}
END_TEST

START_TEST(bound_already)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *first = must_bind(GPU), *second;
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim), *record;
	int code;

	record = test_format("%s", sim_record(sim, "pci-0000-01-00.0.json"));
	sim_log_clear(sim);
	/* Whichever of its devices is named, and whatever the second one would be called. */
	assert_ok(pcipt_options_set_name(options, "another", &error), error);
	second = bind_with(_i == 0 ? GPU : AUDIO, options, &result, &error, &code);
	ck_assert_msg(code == 0, "%s", pcipt_error_get_message(error));
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_UNCHANGED);
	ck_assert_str_eq(pcipt_claim_get_name(second), pcipt_claim_get_name(first));
	ck_assert_uint_eq(pcipt_result_device_count(result), 2);
	ck_assert_str_eq(pcipt_result_device_vfio_device(result, 0), "/dev/vfio/2");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write "), 0);
	ck_assert_str_eq(sim_record(sim, "pci-0000-01-00.0.json"), record);
	assert_state(sim, before, "after a bind of what is bound");
	free(before);
	free(record);
	pcipt_result_unref(result);
	pcipt_claim_unref(first);
	pcipt_claim_unref(second);
	pcipt_options_unref(options);
}
END_TEST

/* A bind that must be refused with a finding, and leave no trace. */
static void assert_refused(struct pcipt_set *set, const char *code)
{
	struct pcipt_result *result = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	size_t records = sim_record_count(sim);
	bool found = false;

	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_claim_bind(ctx, set, NULL, &claim, &result, &error),
			 PCIPT_E_REFUSED);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_REFUSED);
	ck_assert_ptr_null(claim);
	for (size_t i = 0; i < pcipt_error_cause_count(error); i++)
		found |= strncmp(pcipt_error_get_message(pcipt_error_cause_at(error, i)), code,
				 strlen(code)) == 0;
	ck_assert_msg(found, "%s isn't among the causes of: %s", code,
		      pcipt_error_get_message(error));
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_record_count(sim), records);
	pcipt_result_unref(result);
	pcipt_error_unref(error);
	pcipt_set_unref(set);
}

START_TEST(claimed_by_another)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = must_bind(GPU);
	struct pcipt_device *devices[2] = { 0 };
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set = NULL;

	/* With another driver. */
	assert_ok(pcipt_options_set_driver(options, "pci-stub", &error), error);
	assert_refused(machine_set_with(ctx, GPU, options), "claimed");
	pcipt_options_unref(options);
	/* Together with a device that isn't in the claim. */
	options = machine_options();
	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	assert_ok(pcipt_snapshot_find(snap, GPU, &devices[0], &error), error);
	assert_ok(pcipt_snapshot_find(snap, NIC, &devices[1], &error), error);
	assert_ok(pcipt_set_new(snap, devices, 2, options, &set, &error), error);
	assert_refused(set, "claimed");
	pcipt_snapshot_unref(snap);
	pcipt_options_unref(options);
	pcipt_claim_unref(claim);
}
END_TEST

/* The claim of one owner is not found again by another. */
START_TEST(claimed_by_another_owner)
{
	struct pcipt_options *options = machine_options(), *unowned = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_result *result = NULL;
	struct pcipt_claim *claim, *other = NULL;
	struct pcipt_set *set;
	int code;

	assert_ok(pcipt_options_set_owner(options, "first", &error), error);
	pcipt_claim_unref(bind_with(GPU, options, NULL, &error, &code));
	ck_assert_int_eq(code, 0);
	claim = bind_with(GPU, options, &result, &error, &code);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_UNCHANGED);
	assert_ok(pcipt_options_set_owner(options, "second", &error), error);
	assert_refused(machine_set_with(ctx, GPU, options), "claimed");
	/* Nor with a set that was made without an owner. */
	set = machine_set_with(ctx, GPU, unowned);
	ck_assert_int_eq(pcipt_bind(ctx, set, options, &other, &error), PCIPT_E_CLAIMED);
	ck_assert_ptr_null(other);
	error = pcipt_error_unref(error);
	pcipt_set_unref(set);
	pcipt_options_unref(unowned);
	pcipt_result_unref(result);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

/* The group grew while it was claimed: what is new was never judged, and is not moved. */
START_TEST(claimed_group_that_grew)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = must_bind(GPU);
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	struct pcipt_set *set;

	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:02.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .group = 2,
						 .driver = "e1000e" });
	set = machine_set_with(ctx, GPU, options);
	if (pcipt_plan_bind(set, NULL, &plan, &error) == 0)
		ck_assert_uint_eq(pcipt_plan_step_count(plan), 0);
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	pcipt_claim_unref(claim);
}
END_TEST

START_TEST(unsafe_set)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_options_new(&options, &error), error);
	assert_refused(machine_set_with(ctx, GPU, options), "set-incomplete");
	pcipt_options_unref(options);
}
END_TEST

/* Who may not act needn't argue: the right to write is asked for before the findings. */
START_TEST(permission_before_findings)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;

	assert_ok(pcipt_options_new(&options, &error), error);
	set = machine_set_with(ctx, GPU, options);
	sim_set_may_write(sim, EROFS);
	ck_assert_int_eq(pcipt_bind(ctx, set, options, &claim, &error), PCIPT_E_PERMISSION);
	ck_assert_int_eq(pcipt_error_get_errno(error), EROFS);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write "), 0);
	pcipt_error_unref(error);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}
END_TEST

/* ---- names ---- */

START_TEST(default_names)
{
	struct pcipt_claim *claim;

	/* What lies there under the name may even be no record. */
	sim_put_record(sim, "/run/libpcipt/claims", "pci-0000-01-00.0.json", "{ damaged");
	sim_put_record(sim, "/run/libpcipt/claims", "pci-0000-01-00.0-2.json", "");
	claim = must_bind(GPU);
	ck_assert_str_eq(pcipt_claim_get_name(claim), "pci-0000-01-00.0-3");
	pcipt_claim_unref(claim);
	claim = must_bind(NIC);
	ck_assert_str_eq(pcipt_claim_get_name(claim), "pci-0000-02-00.0");
	pcipt_claim_unref(claim);
}
END_TEST

START_TEST(a_name_that_is_taken)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_result *result = NULL;
	struct pcipt_claim *first, *second;
	char *before;
	int code;

	assert_ok(pcipt_options_set_name(options, "mine", &error), error);
	first = bind_with(NIC, options, NULL, &error, &code);
	ck_assert_int_eq(code, 0);
	before = sim_state(sim);
	second = bind_with(GPU, options, &result, &error, &code);
	ck_assert_int_eq(code, PCIPT_E_NAME);
	ck_assert_ptr_null(second);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_FAILED);
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	assert_state(sim, before, "after a name that was taken");
	ck_assert_uint_eq(sim_record_count(sim), 1);
	/* The other's record is untouched. */
	ck_assert_ptr_nonnull(strstr(sim_record(sim, "mine.json"), NIC));
	free(before);
	pcipt_result_unref(result);
	pcipt_error_unref(error);
	pcipt_claim_unref(first);
	pcipt_options_unref(options);
}
END_TEST

/* Whatever is accepted as an owner comes back when the record is read. */
static const struct {
	const char *given, *kept;
} owners[] = {
	{ "", "" },
	{ "a", "a" },
	{ "two words, \"quoted\" \\ and /slashed/", "two words, \"quoted\" \\ and /slashed/" },
	{ "b\303\251b\303\251", "b\303\251b\303\251" },
	{ "line\nline\033[2J", "line?line?[2J" },
	{ "\302\233", "??" },
	{ "\377", "?" },
};

START_TEST(owner_comes_back)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim, *found = NULL;
	struct pcipt_error *error = NULL;
	const char *owner;
	int code;

	assert_ok(pcipt_options_set_owner(options, owners[_i].given, &error), error);
	claim = bind_with(GPU, options, NULL, &error, &code);
	ck_assert_int_eq(code, 0);
	assert_ok(pcipt_claim_find(ctx, GPU, &found, &error), error);
	owner = pcipt_claim_get_owner(found);
	/* An empty owner may as well be none. */
	ck_assert_str_eq(owner ? owner : "", owners[_i].kept);
	assert_ok(pcipt_release(ctx, found, NULL, &error), error);
	pcipt_claim_unref(found);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
}
END_TEST

/* ---- lists ---- */

START_TEST(list_and_find)
{
	struct pcipt_claim *gpu = must_bind(GPU), *nic = must_bind(NIC), *found = NULL;
	static const char *const ways[] = { "pci-0000-01-00.0", GPU, AUDIO, "01:00.1" };
	struct pcipt_claim_list *claims = list();
	struct pcipt_error *error = NULL;

	ck_assert_uint_eq(pcipt_claim_list_count(claims), 2);
	ck_assert_str_eq(pcipt_claim_get_name(pcipt_claim_list_at(claims, 0)), "pci-0000-01-00.0");
	ck_assert_str_eq(pcipt_claim_get_name(pcipt_claim_list_at(claims, 1)), "pci-0000-02-00.0");
	ck_assert_ptr_null(pcipt_claim_list_at(claims, 2));
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_ok(pcipt_claim_find(ctx, ways[i], &found, &error), error);
		ck_assert_str_eq(pcipt_claim_get_name(found), "pci-0000-01-00.0");
		pcipt_claim_unref(found);
	}
	found = NULL;
	ck_assert_int_eq(pcipt_claim_find(ctx, "nobody", &found, &error), PCIPT_E_NO_CLAIM);
	assert_fails(PCIPT_E_NO_CLAIM, error);
	ck_assert_int_eq(pcipt_claim_find(ctx, "0000:00:01.0", &found, &error), PCIPT_E_NO_CLAIM);
	ck_assert_str_eq(pcipt_error_get_address(error), "0000:00:01.0");
	assert_fails(PCIPT_E_NO_CLAIM, error);
	ck_assert_ptr_null(found);
	pcipt_claim_list_unref(claims);
	pcipt_claim_unref(gpu);
	pcipt_claim_unref(nic);
}
END_TEST

/* One damaged record hides no other, and is neither deleted nor overwritten. */
START_TEST(damaged_records_stand_aside)
{
	struct pcipt_claim *claim = must_bind(GPU);
	struct pcipt_claim_list *claims;

	sim_put_record(sim, "/run/libpcipt/claims", "aaa.json", "{");
	sim_put_record(sim, "/run/libpcipt/claims", "zzz.json", "[]");
	sim_put_record(sim, "/run/libpcipt/claims", "other-name.json",
		       sim_record(sim, "pci-0000-01-00.0.json"));
	sim_put_record(sim, "/run/libpcipt/claims", ".half.json.4711.tmp", "{");
	sim_put_record(sim, "/run/libpcipt/claims", "README", "no record");
	claims = list();
	ck_assert_uint_eq(pcipt_claim_list_count(claims), 1);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct pcipt_error *problem = pcipt_claim_list_problem_at(claims, i);

		ck_assert_int_eq(pcipt_error_get_code(problem), PCIPT_E_DAMAGED);
		ck_assert_ptr_nonnull(pcipt_error_get_path(problem));
		ck_assert_ptr_nonnull(pcipt_error_get_remedy(problem));
	}
	ck_assert_ptr_null(pcipt_claim_list_problem_at(claims, 3));
	ck_assert_uint_eq(sim_record_count(sim), 6);
	pcipt_claim_list_unref(claims);
	pcipt_claim_unref(claim);
}
END_TEST

START_TEST(records_that_cannot_be_listed)
{
	static const struct {
		int errnum, code;
	} table[] = { { EACCES, PCIPT_E_PERMISSION }, { EIO, PCIPT_E_IO }, { EBADMSG, PCIPT_E_DAMAGED } };
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_LIST, NULL, 1, 0, table[_i].errnum,
					   SIM_FAILS });
	ck_assert_int_eq(pcipt_claim_list(ctx, &claims, &error), table[_i].code);
	ck_assert_int_eq(pcipt_error_get_code(error), table[_i].code);
	ck_assert_ptr_null(claims);
	pcipt_error_unref(error);
}
END_TEST

START_TEST(null_arguments)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set = machine_set(ctx, NIC);
	char *json = NULL;

	ck_assert_int_eq(pcipt_bind(NULL, set, NULL, &claim, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_bind(ctx, NULL, NULL, &claim, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_bind(ctx, set, NULL, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_release(ctx, NULL, NULL, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_claim_list(NULL, &claims, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_claim_list(ctx, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_claim_find(ctx, NULL, &claim, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_claim_find(NULL, "x", &claim, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_claim_to_json(NULL, &json, NULL), PCIPT_E_INVALID);
	ck_assert_ptr_null(pcipt_claim_get_name(NULL));
	ck_assert_int_eq(pcipt_claim_get_state(NULL), -1);
	ck_assert_ptr_null(pcipt_claim_get_owner(NULL));
	ck_assert_ptr_null(pcipt_claim_get_driver(NULL));
	ck_assert_ptr_null(pcipt_claim_get_since(NULL));
	ck_assert_uint_eq(pcipt_claim_device_count(NULL), 0);
	ck_assert_ptr_null(pcipt_claim_device_driver_before(NULL, 0));
	ck_assert_ptr_null(pcipt_claim_device_override_before(NULL, 0));
	ck_assert_uint_eq(pcipt_claim_list_count(NULL), 0);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(NULL), 0);
	ck_assert_ptr_null(pcipt_claim_list_at(NULL, 0));
	ck_assert_ptr_null(pcipt_claim_list_problem_at(NULL, 0));
	ck_assert_ptr_null(pcipt_claim_ref(NULL));
	ck_assert_ptr_null(pcipt_claim_unref(NULL));
	ck_assert_ptr_null(pcipt_claim_list_unref(pcipt_claim_list_ref(NULL)));
	pcipt_set_unref(set);
}
END_TEST

Suite *suite_claim(void)
{
	Suite *suite = suite_create("claim");
	TCase *tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_claim_and_its_facts);
	tcase_add_test(tc, the_record_comes_first);
	tcase_add_loop_test(tc, bound_already, 0, 2);
	tcase_add_test(tc, bound_since_it_was_judged);
	tcase_add_test(tc, claimed_by_another);
	tcase_add_test(tc, claimed_by_another_owner);
	tcase_add_test(tc, claimed_group_that_grew);
	tcase_add_test(tc, unsafe_set);
	tcase_add_test(tc, permission_before_findings);
	tcase_add_test(tc, default_names);
	tcase_add_test(tc, a_name_that_is_taken);
	tcase_add_loop_test(tc, owner_comes_back, 0, sizeof(owners) / sizeof(*owners));
	tcase_add_test(tc, list_and_find);
	tcase_add_test(tc, damaged_records_stand_aside);
	tcase_add_loop_test(tc, records_that_cannot_be_listed, 0, 3);
	tcase_add_test(tc, null_arguments);
	suite_add_tcase(suite, tc);
	return suite;
}
