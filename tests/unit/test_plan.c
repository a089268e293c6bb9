/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: the steps of a bind, and the rule that leads a device back to what it was. */
#include <json-c/json.h>

#include "machine.h"
#include "safety/plan.h"

#define OVERRIDE_GPU "/sys/bus/pci/devices/" GPU "/driver_override"
#define OVERRIDE_AUDIO "/sys/bus/pci/devices/" AUDIO "/driver_override"

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

/* ---- a bind ---- */

static const struct {
	int op;
	const char *address, *path, *value, *shell;
} pair[] = {
	{ PCIPT_OP_OVERRIDE, GPU, OVERRIDE_GPU, "vfio-pci", "echo vfio-pci > " OVERRIDE_GPU },
	{ PCIPT_OP_OVERRIDE, AUDIO, OVERRIDE_AUDIO, "vfio-pci", "echo vfio-pci > " OVERRIDE_AUDIO },
	{ PCIPT_OP_UNBIND, GPU, "/sys/bus/pci/drivers/nouveau/unbind", GPU,
	  "echo " GPU " > /sys/bus/pci/drivers/nouveau/unbind" },
	{ PCIPT_OP_UNBIND, AUDIO, "/sys/bus/pci/drivers/snd_hda_intel/unbind", AUDIO,
	  "echo " AUDIO " > /sys/bus/pci/drivers/snd_hda_intel/unbind" },
	{ PCIPT_OP_BIND, GPU, "/sys/bus/pci/drivers/vfio-pci/bind", GPU,
	  "echo " GPU " > /sys/bus/pci/drivers/vfio-pci/bind" },
	{ PCIPT_OP_BIND, AUDIO, "/sys/bus/pci/drivers/vfio-pci/bind", AUDIO,
	  "echo " AUDIO " > /sys/bus/pci/drivers/vfio-pci/bind" },
	{ PCIPT_OP_VERIFY, GPU, "/sys/bus/pci/devices/" GPU "/driver", "vfio-pci",
	  "test \"$(basename \"$(readlink /sys/bus/pci/devices/" GPU "/driver)\")\" = vfio-pci" },
	{ PCIPT_OP_VERIFY, AUDIO, "/sys/bus/pci/devices/" AUDIO "/driver", "vfio-pci",
	  "test \"$(basename \"$(readlink /sys/bus/pci/devices/" AUDIO "/driver)\")\" = vfio-pci" },
};

START_TEST(gpu_pair)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	size_t n = sizeof(pair) / sizeof(*pair);

	ck_assert_uint_eq(pcipt_plan_step_count(plan), n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(pcipt_op_name(pcipt_plan_step_op(plan, i)),
				 pcipt_op_name(pair[i].op));
		ck_assert_pstr_eq(pcipt_plan_step_address(plan, i), pair[i].address);
		ck_assert_pstr_eq(pcipt_plan_step_path(plan, i), pair[i].path);
		ck_assert_pstr_eq(pcipt_plan_step_value(plan, i), pair[i].value);
		ck_assert_pstr_eq(pcipt_plan_step_shell(plan, i), pair[i].shell);
	}
	ck_assert_int_eq(pcipt_plan_step_op(plan, n), -1);
	ck_assert_ptr_null(pcipt_plan_step_address(plan, n));
	ck_assert_ptr_null(pcipt_plan_step_path(plan, n));
	ck_assert_ptr_null(pcipt_plan_step_value(plan, n));
	ck_assert_ptr_null(pcipt_plan_step_shell(plan, n));
	pcipt_plan_unref(plan);
}
END_TEST

/* The same whichever of the two is named, and nothing is written by planning. */
START_TEST(named_by_the_other)
{
	struct pcipt_plan *one = machine_plan(ctx, GPU), *other = machine_plan(ctx, AUDIO);

	ck_assert_uint_eq(pcipt_plan_step_count(one), pcipt_plan_step_count(other));
	for (size_t i = 0; i < pcipt_plan_step_count(one); i++)
		ck_assert_str_eq(pcipt_plan_step_shell(one, i), pcipt_plan_step_shell(other, i));
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write "), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "module-load "), 0);
	pcipt_plan_unref(one);
	pcipt_plan_unref(other);
}
END_TEST

static bool has_step(const struct pcipt_plan *plan, int op, const char *address)
{
	for (size_t i = 0; i < pcipt_plan_step_count(plan); i++)
		if (pcipt_plan_step_op(plan, i) == op &&
		    strcmp(pcipt_plan_step_address(plan, i), address) == 0)
			return true;
	return false;
}

/* What each variant of the machine is special in. */
START_TEST(variants)
{
	struct sim *other = machine_variant((unsigned int)_i, NULL);
	struct pcipt_context *there = sim_context(other);
	struct pcipt_plan *plan = machine_plan(there, GPU);

	if (_i == 3) { /* audio has no driver: bound, not unbound */
		ck_assert(!has_step(plan, PCIPT_OP_UNBIND, AUDIO));
		ck_assert(has_step(plan, PCIPT_OP_BIND, AUDIO));
	}
	if (_i == 5) { /* a driverless sibling in another slot: pinned, and first of all */
		ck_assert_int_eq(pcipt_plan_step_op(plan, 0), PCIPT_OP_PIN);
		ck_assert_str_eq(pcipt_plan_step_value(plan, 0), "pcipt-pinned");
		ck_assert(!has_step(plan, PCIPT_OP_BIND, "0000:01:01.0"));
	}
	if (_i == 6) { /* an override that is there already is left */
		ck_assert(!has_step(plan, PCIPT_OP_PIN, "0000:01:01.0"));
		ck_assert(!has_step(plan, PCIPT_OP_BIND, AUDIO));
	}
	ck_assert(!has_step(plan, PCIPT_OP_BIND, NIC));
	ck_assert(!has_step(plan, PCIPT_OP_OVERRIDE, "0000:00:01.0"));
	pcipt_plan_unref(plan);
	pcipt_context_unref(there);
	sim_free(other);
}
END_TEST

/* Every plan: overrides, then unbinds, then binds, then comparisons. */
START_TEST(phases)
{
	struct sim *other = machine_variant((unsigned int)_i, NULL);
	struct pcipt_context *there = sim_context(other);
	struct pcipt_plan *plan = machine_plan(there, GPU);
	static const int phase[] = { [PCIPT_OP_PIN] = 0,	   [PCIPT_OP_LOAD] = 1,
				     [PCIPT_OP_OVERRIDE] = 2, [PCIPT_OP_UNBIND] = 3,
				     [PCIPT_OP_BIND] = 4,     [PCIPT_OP_VERIFY] = 5,
				     [PCIPT_OP_POWER] = 6 };

	for (size_t i = 1; i < pcipt_plan_step_count(plan); i++)
		ck_assert_int_le(phase[pcipt_plan_step_op(plan, i - 1)],
				 phase[pcipt_plan_step_op(plan, i)]);
	pcipt_plan_unref(plan);
	pcipt_context_unref(there);
	sim_free(other);
}
END_TEST

START_TEST(unsafe_set)
{
	struct pcipt_set *set = machine_set_with(ctx, GPU, NULL);
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	const struct pcipt_error *cause;

	ck_assert_int_eq(pcipt_plan_bind(set, NULL, &plan, &error), PCIPT_E_REFUSED);
	ck_assert_ptr_null(plan);
	ck_assert_str_eq(pcipt_error_get_step(error), "plan");
	ck_assert_str_eq(pcipt_error_get_address(error), GPU);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "set-incomplete"));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	ck_assert_uint_eq(pcipt_error_cause_count(error), 1);
	cause = pcipt_error_cause_at(error, 0);
	ck_assert_int_eq(pcipt_error_get_code(cause), PCIPT_E_REFUSED);
	pcipt_error_unref(error);
	pcipt_set_unref(set);
}
END_TEST

/* ---- JSON ---- */

static void assert_text(struct json_object *o, const char *key, const char *expected)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(o, key, &value), "no key %s", key);
	ck_assert_pstr_eq(value ? json_object_get_string(value) : NULL, expected);
}

START_TEST(json)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;
	struct json_object *array, *o;
	char *text = NULL;

	assert_ok(pcipt_plan_to_json(plan, &text, &error), error);
	array = json_tokener_parse(text);
	ck_assert(json_object_is_type(array, json_type_array));
	ck_assert_uint_eq(json_object_array_length(array), sizeof(pair) / sizeof(*pair));
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		o = json_object_array_get_idx(array, i);
		ck_assert_int_eq(json_object_object_length(o), 5);
		assert_text(o, "op", pcipt_op_name(pair[i].op));
		assert_text(o, "address", pair[i].address);
		assert_text(o, "path", pair[i].path);
		assert_text(o, "value", pair[i].value);
		assert_text(o, "shell", pair[i].shell);
	}
	json_object_put(array);
	pcipt_free(text);
	pcipt_plan_unref(plan);
}
END_TEST

/* ---- back to what it was ---- */

#define NOTHING { NULL, NULL, NULL, NULL }
#define D_VFIO "vfio-pci"

/* Steps as words: "override X", "unbind D", "bind D", "verify D", "power P"; "-" is none. */
static const struct {
	const char *what;
	struct pcipt_device_state now, before;
	const char *steps;
} restores[] = {
	{ "nothing changed",
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "" },
	{ "nothing changed, no driver", NOTHING, NOTHING, "" },
	{ "only the override was written",
	  { (char *)"nouveau", (char *)D_VFIO, (char *)"auto", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "override -" },
	{ "only the override, there was another",
	  { (char *)"nouveau", (char *)D_VFIO, (char *)"auto", NULL },
	  { (char *)"nouveau", (char *)"pci-stub", (char *)"auto", NULL },
	  "override pci-stub" },
	{ "unbound, not bound again",
	  { NULL, (char *)D_VFIO, (char *)"auto", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "override nouveau, bind nouveau, verify nouveau, override -, power auto" },
	{ "bound",
	  { (char *)D_VFIO, (char *)D_VFIO, (char *)"auto", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "override nouveau, unbind vfio-pci, bind nouveau, verify nouveau, override -, power auto" },
	{ "bound, the override named its driver",
	  { (char *)D_VFIO, (char *)D_VFIO, (char *)"auto", NULL },
	  { (char *)"nouveau", (char *)"nouveau", (char *)"auto", NULL },
	  "override nouveau, unbind vfio-pci, bind nouveau, verify nouveau, power auto" },
	{ "bound, the override named another",
	  { (char *)D_VFIO, (char *)D_VFIO, (char *)"on", NULL },
	  { (char *)"xhci_hcd", (char *)"pci-stub", (char *)"on", NULL },
	  "override xhci_hcd, unbind vfio-pci, bind xhci_hcd, verify xhci_hcd, override pci-stub, power on" },
	{ "bound, the override is right already",
	  { (char *)D_VFIO, (char *)"nouveau", (char *)"on", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "unbind vfio-pci, bind nouveau, verify nouveau, override -, power auto" },
	{ "had no driver",
	  { (char *)D_VFIO, (char *)D_VFIO, (char *)"auto", NULL },
	  { NULL, NULL, (char *)"auto", NULL },
	  "override -, unbind vfio-pci, verify -, power auto" },
	{ "had no driver, but an override",
	  { (char *)D_VFIO, (char *)D_VFIO, (char *)"on", NULL },
	  { NULL, (char *)"pcipt-pinned", (char *)"on", NULL },
	  "override pcipt-pinned, unbind vfio-pci, verify -" },
	{ "was pinned",
	  { NULL, (char *)"pcipt-pinned", (char *)"auto", NULL },
	  { NULL, NULL, (char *)"auto", NULL },
	  "override -" },
	{ "only the power setting",
	  { (char *)"nouveau", NULL, (char *)"on", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "power auto" },
	{ "without a power setting",
	  { (char *)D_VFIO, (char *)D_VFIO, NULL, NULL },
	  { (char *)"nouveau", NULL, NULL, NULL },
	  "override nouveau, unbind vfio-pci, bind nouveau, verify nouveau, override -" },
	{ "unbound by vfio already: the power setting reads on",
	  { NULL, (char *)D_VFIO, (char *)"on", NULL },
	  { (char *)"nouveau", NULL, (char *)"auto", NULL },
	  "override nouveau, bind nouveau, verify nouveau, override -, power auto" },
};

static char *print_steps(const struct pcipt_steps *steps)
{
	char *text = test_format("%s", "");

	for (size_t i = 0; i < steps->n; i++) {
		const struct pcipt_step *s = &steps->items[i];
		const char *word = s->value;
		char *driver = NULL, *more;

		if (s->op == PCIPT_OP_BIND || s->op == PCIPT_OP_UNBIND) {
			ck_assert_str_eq(s->value, GPU);
			driver = test_format("%s", s->path + strlen("/sys/bus/pci/drivers/"));
			*strchr(driver, '/') = '\0';
			word = driver;
		}
		more = test_format("%s%s%s %s", text, i ? ", " : "", pcipt_op_name(s->op),
				   *word ? word : "-");
		free(driver);
		free(text);
		text = more;
	}
	return text;
}

START_TEST(restore)
{
	struct pcipt_steps steps = { 0 };
	char *text;

	pcipt_restore_steps(&steps, 0, GPU, &restores[_i].now, &restores[_i].before);
	ck_assert(!steps.no_memory);
	text = print_steps(&steps);
	ck_assert_msg(strcmp(text, restores[_i].steps) == 0, "%s: \"%s\", not \"%s\"",
		      restores[_i].what, text, restores[_i].steps);
	free(text);
	pcipt_steps_clear(&steps);
}
END_TEST

/*
 * Every now against every before, over drivers and overrides: each of them leads back,
 * when it is carried out by the kernel's rules.
 */
static void carry_out(struct sim *machine, const struct pcipt_steps *steps)
{
	for (size_t i = 0; i < steps->n; i++)
		if (steps->items[i].op != PCIPT_OP_VERIFY)
			sim_write_now(machine, steps->items[i].path, steps->items[i].value);
}

START_TEST(restore_whatever_it_is)
{
	static const char *const drivers[] = { NULL, "nouveau", "vfio-pci", "pci-stub" };
	static const char *const overrides[] = { NULL, "nouveau", "vfio-pci", "pci-stub", "nobody" };
	const char *was_driver = drivers[_i % 2], *was_override = overrides[_i / 2];
	char *before, *power = _i % 3 ? (char *)"auto" : (char *)"on";

	for (size_t i = 0; i < 4 * 5 * 2; i++) {
		struct pcipt_device_state state[2] = {
			{ (char *)drivers[i % 4], (char *)overrides[i / 4 % 5],
			  i < 20 ? (char *)"on" : (char *)"auto", NULL },
			{ (char *)was_driver, (char *)was_override, power, NULL },
		};
		struct pcipt_steps steps = { 0 };

		sim_force_driver(sim, GPU, was_driver);
		sim_force_override(sim, GPU, was_override);
		sim_force_power(sim, GPU, power);
		before = sim_state(sim);
		sim_force_driver(sim, GPU, state[0].driver);
		sim_force_override(sim, GPU, state[0].override);
		sim_force_power(sim, GPU, state[0].power_control);
		pcipt_restore_steps(&steps, 0, GPU, &state[0], &state[1]);
		carry_out(sim, &steps);
		assert_state(sim, before, restores[0].what);
		pcipt_steps_clear(&steps);
		free(before);
	}
}
END_TEST

/* ---- shell lines ---- */

/* Names of drivers and overrides are other people's text. */
START_TEST(shell_quotes)
{
	static const struct {
		const char *value, *word;
	} table[] = {
		{ "vfio-pci", "vfio-pci" },   { "a b", "'a b'" },      { "a;reboot", "'a;reboot'" },
		{ "$(reboot)", "'$(reboot)'" }, { "`x`", "'`x`'" },	       { "it's", "'it'\\''s'" },
		{ "\"q\"", "'\"q\"'" },	      { "a>b", "'a>b'" },      { "*", "'*'" },
		{ "~", "'~'" },		      { "#", "'#'" },	       { "a\\b", "'a\\b'" },
		{ "!", "'!'" },		      { "\303\251", "'\303\251'" },
	};
	struct pcipt_steps steps = { 0 };
	char *expected = test_format("echo %s > " OVERRIDE_GPU, table[_i].word);

	pcipt_steps_add(&steps, PCIPT_OP_OVERRIDE, 0, GPU, table[_i].value, NULL);
	ck_assert_str_eq(steps.items[0].shell, expected);
	ck_assert_str_eq(steps.items[0].value, table[_i].value);
	pcipt_steps_clear(&steps);
	free(expected);
}
END_TEST

START_TEST(shell_of_every_step)
{
	static const struct {
		int op;
		const char *value, *driver_now, *shell;
	} table[] = {
		{ PCIPT_OP_LOAD, "vfio-pci", NULL, "modprobe vfio-pci" },
		{ PCIPT_OP_PIN, "pcipt-pinned", NULL, "echo pcipt-pinned > " OVERRIDE_GPU },
		{ PCIPT_OP_OVERRIDE, NULL, NULL, "echo > " OVERRIDE_GPU },
		{ PCIPT_OP_UNBIND, NULL, "nouveau",
		  "echo " GPU " > /sys/bus/pci/drivers/nouveau/unbind" },
		{ PCIPT_OP_UNBIND, NULL, "a driver",
		  "echo " GPU " > '/sys/bus/pci/drivers/a driver/unbind'" },
		{ PCIPT_OP_VERIFY, NULL, NULL, "test ! -e /sys/bus/pci/devices/" GPU "/driver" },
		{ PCIPT_OP_POWER, "auto", NULL,
		  "echo auto > /sys/bus/pci/devices/" GPU "/power/control" },
	};
	struct pcipt_steps steps = { 0 };

	pcipt_steps_add(&steps, table[_i].op, 0, GPU, table[_i].value, table[_i].driver_now);
	ck_assert_uint_eq(steps.n, 1);
	ck_assert_str_eq(steps.items[0].shell, table[_i].shell);
	pcipt_steps_clear(&steps);
}
END_TEST

/* ---- a release ---- */

START_TEST(release)
{
	static const char *const expected[] = { "override", "unbind", "bind", "verify", "override",
						"power" };
	struct pcipt_set *set = machine_set(ctx, NIC);
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;

	assert_ok(pcipt_bind(ctx, set, NULL, &claim, &error), error);
	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	sim_log_clear(sim);
	assert_ok(pcipt_plan_release(snap, claim, NULL, &plan, &error), error);
	ck_assert_uint_eq(pcipt_plan_step_count(plan), 6);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_str_eq(pcipt_op_name(pcipt_plan_step_op(plan, i)), expected[i]);
		ck_assert_str_eq(pcipt_plan_step_address(plan, i), NIC);
	}
	ck_assert_str_eq(pcipt_plan_step_value(plan, 0), "e1000e");
	ck_assert_str_eq(pcipt_plan_step_value(plan, 4), "");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	pcipt_plan_unref(plan);
	pcipt_snapshot_unref(snap);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
}
END_TEST

START_TEST(null_arguments)
{
	struct pcipt_set *set = machine_set(ctx, NIC);
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	char *text = NULL;

	ck_assert_int_eq(pcipt_plan_bind(NULL, NULL, &plan, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_plan_bind(set, NULL, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_plan_release(NULL, NULL, NULL, &plan, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_plan_to_json(NULL, &text, NULL), PCIPT_E_INVALID);
	ck_assert_uint_eq(pcipt_plan_step_count(NULL), 0);
	ck_assert_int_eq(pcipt_plan_step_op(NULL, 0), -1);
	ck_assert_ptr_null(pcipt_plan_step_address(NULL, 0));
	ck_assert_ptr_null(pcipt_plan_step_shell(NULL, 0));
	ck_assert_ptr_null(pcipt_plan_ref(NULL));
	ck_assert_ptr_null(pcipt_plan_unref(NULL));
	ck_assert_ptr_null(plan);
	pcipt_set_unref(set);
}
END_TEST

Suite *suite_plan(void)
{
	Suite *suite = suite_create("plan");
	TCase *tc = tcase_create("steps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gpu_pair);
	tcase_add_test(tc, named_by_the_other);
	tcase_add_loop_test(tc, variants, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, phases, 0, MACHINE_VARIANTS);
	tcase_add_test(tc, unsafe_set);
	tcase_add_test(tc, json);
	tcase_add_loop_test(tc, restore, 0, sizeof(restores) / sizeof(*restores));
	tcase_add_loop_test(tc, restore_whatever_it_is, 0, 10);
	tcase_add_loop_test(tc, shell_quotes, 0, 14);
	tcase_add_loop_test(tc, shell_of_every_step, 0, 7);
	tcase_add_test(tc, release);
	tcase_add_test(tc, null_arguments);
	suite_add_tcase(suite, tc);
	return suite;
}
