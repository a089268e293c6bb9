/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims held against machines: each situation seen, and the table of what follows. */
#include "unit.h"

#include "claims/compare.h"
#include "tree.h"

#include <libpcipt/claim.h>
#include <libpcipt/set.h>

#define CARD "0000:01:00.0"
#define AUDIO "0000:01:00.1"
#define SERIAL "00-00-00-00-00-00-00-01"

static struct tree *tree;
static struct pcipt_record record;
static struct pcipt_record_device recorded[2];

/* A card of the model, with the last byte of its serial number; 0 for one without. */
static void add_card(const char *address, const char *parent, const char *driver, uint16_t device,
		     int group, uint8_t serial)
{
	tree_add(tree, &(struct tree_device){ .address = address,
					      .parent = parent,
					      .vendor = 0x8086,
					      .device = device,
					      .class_id = 0x020000,
					      .driver = driver,
					      .group = group });
	if (serial)
		tree_set_serial(tree, address, serial);
}

static void add_bridge(const char *address, int group)
{
	tree_add(tree, &(struct tree_device){ .address = address,
					      .vendor = 0x8086,
					      .device = 0x4c01,
					      .class_id = 0x060400,
					      .driver = "pcieport",
					      .group = group });
}

/* ---- what the claim took: a card and its second function, which had drivers of their own ---- */

static void setup(void)
{
	char *root = test_path("machine");

	tree = tree_new(root);
	free(root);
	add_bridge("0000:00:01.0", 1);
	add_bridge("0000:00:02.0", 9);
	memset(recorded, 0, sizeof(recorded));
	for (int i = 0; i < 2; i++) {
		recorded[i].at = (struct pcipt_address){ 0, 1, (uint8_t)i };
		strcpy(recorded[i].address, i ? AUDIO : CARD);
		recorded[i].identity = (char *)(i ? "8086:1002:0000:0000:00@pci0000:00/01.0/00.1" :
						    "8086:1001:0000:0000:00@pci0000:00/01.0/00.0");
		recorded[i].role = i ? PCIPT_ROLE_GROUP_MEMBER : PCIPT_ROLE_REQUESTED;
		recorded[i].before.driver = (char *)(i ? "igb" : "e1000e");
	}
	recorded[0].serial = (char *)SERIAL;
	record = (struct pcipt_record){ .name = (char *)"c",
					.driver = (char *)"vfio-pci",
					.state = PCIPT_CLAIM_BOUND,
					.devices = recorded,
					.n_devices = 2 };
}

static void teardown(void)
{
	tree_free(tree);
}

static void add_pair(const char *card, const char *audio, uint8_t serial)
{
	add_card(CARD, "0000:00:01.0", card, 0x1001, 2, serial);
	add_card(AUDIO, "0000:00:01.0", audio, 0x1002, 2, 0);
}

/* ---- one scene for each situation, some in several ways ---- */

static void as_claimed(void)
{
	add_pair("vfio-pci", "vfio-pci", 1);
}

/* The serial of a device that is bound isn't read: reading wakes it. */
static void as_claimed_whatever_the_serial(void)
{
	add_pair("vfio-pci", "vfio-pci", 7);
}

/* In this boot nobody has looked yet which card it is: something at boot can have bound another. */
static void a_twin_was_bound_at_boot(void)
{
	as_claimed_whatever_the_serial();
	record.state = PCIPT_CLAIM_PENDING;
}

static void pinned_as_claimed(void)
{
	add_pair("vfio-pci", NULL, 1);
	recorded[1].action = PCIPT_ACTION_PIN;
	recorded[1].before.driver = NULL;
}

static void grown(void)
{
	add_pair("vfio-pci", "vfio-pci", 1);
	add_card("0000:01:01.0", "0000:00:01.0", "e1000e", 0x1003, 2, 0);
}

static void all_free(void)
{
	add_pair("e1000e", "igb", 1);
}

static void all_driverless(void)
{
	add_pair(NULL, NULL, 1);
}

static void half_bound(void)
{
	add_pair("vfio-pci", "igb", 1);
}

static void driver_gone(void)
{
	add_pair("e1000e", "igb", 1);
}

static void half_bound_driver_gone(void)
{
	add_pair("vfio-pci", NULL, 1);
}

static void taken(void)
{
	add_pair("vfio-pci", "uio_pci_generic", 1);
}

static void pin_lost(void)
{
	pinned_as_claimed();
	tree_set_link(tree, AUDIO, "driver", "../../../../bus/pci/drivers/e1000e");
}

static void moved_by_bus_number(void)
{
	add_card("0000:05:00.0", "0000:00:01.0", "e1000e", 0x1001, 2, 1);
	add_card("0000:05:00.1", "0000:00:01.0", "igb", 0x1002, 2, 0);
}

static void moved_by_serial(void)
{
	add_card("0000:06:00.0", "0000:00:02.0", "e1000e", 0x1001, 2, 1);
	record.n_devices = 1;
}

/* Both ports of a network card: one model, one serial number. */
static void moved_as_the_second_port(void)
{
	recorded[0].identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.1";
	recorded[0].at.devfn = 1;
	strcpy(recorded[0].address, AUDIO);
	add_card("0000:06:00.0", "0000:00:02.0", "e1000e", 0x1001, 2, 1);
	add_card("0000:06:00.1", "0000:00:02.0", "e1000e", 0x1001, 3, 1);
	record.n_devices = 1;
}

/* The other port alone is left where it was, with the same serial number. */
static void second_port_gone(void)
{
	recorded[0].identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.1";
	recorded[0].at.devfn = 1;
	strcpy(recorded[0].address, AUDIO);
	add_card(CARD, "0000:00:01.0", "e1000e", 0x1001, 2, 1);
	record.n_devices = 1;
}

/* Of the VFs that share a serial number, one with a smaller number is there. */
static void other_vf_there(void)
{
	add_bridge("0000:00:03.0", 10);
	add_card("0000:03:00.0", "0000:00:03.0", "igb", 0x1009, 5, 0);
	add_card(CARD, "0000:00:01.0", "igbvf", 0x1001, 2, 1);
	tree_link_vf(tree, "0000:03:00.0", CARD, 0);
	recorded[0].identity = (char *)"8086:1001:0000:0000:00@pci0000:00/03.0/00.0/vf3";
	recorded[0].at = (struct pcipt_address){ 0, 1, 0x18 };
	strcpy(recorded[0].address, "0000:01:03.0");
	record.n_devices = 1;
}

static void moved_though_a_twin_is_in_its_place(void)
{
	moved_by_serial();
	add_card(CARD, "0000:00:01.0", "e1000e", 0x1001, 3, 2);
}

static void absent(void)
{
	add_card(AUDIO, "0000:00:01.0", "vfio-pci", 0x1002, 2, 0);
}

static void pf_lost(void)
{
	absent();
	recorded[0].identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.0/vf0";
}

static void pf_unbound(void)
{
	add_bridge("0000:00:03.0", 10);
	add_card("0000:03:00.0", "0000:00:03.0", NULL, 0x1009, 5, 0);
	as_claimed();
	tree_link_vf(tree, "0000:03:00.0", CARD, 0);
	recorded[0].identity = (char *)"8086:1001:0000:0000:00@pci0000:00/03.0/00.0/vf0";
}

static void unproven(void)
{
	add_card("0000:06:00.0", "0000:00:02.0", "e1000e", 0x1001, 2, 0);
	record.n_devices = 1;
}

static void replaced_by_another_model(void)
{
	add_card(CARD, "0000:00:01.0", "vfio-pci", 0x1077, 2, 0);
	record.n_devices = 1;
}

static void replaced_by_a_twin(void)
{
	add_card(CARD, "0000:00:01.0", "e1000e", 0x1001, 2, 2);
	record.n_devices = 1;
}

static void ambiguous(void)
{
	add_card("0000:06:00.0", "0000:00:02.0", "e1000e", 0x1001, 2, 1);
	add_card("0000:06:01.0", "0000:00:02.0", "e1000e", 0x1001, 3, 1);
	record.n_devices = 1;
}

static void unreadable_ids(void)
{
	add_pair("vfio-pci", "vfio-pci", 1);
	tree_set(tree, CARD, "modalias", NULL);
	tree_set(tree, CARD, "vendor", "what");
}

static void no_identity_recorded(void)
{
	add_pair("vfio-pci", "vfio-pci", 1);
	recorded[0].identity = NULL;
}

static void new_boot(void)
{
	add_pair("e1000e", "igb", 1);
	record.other_boot = true;
}

static const struct {
	const char *name;
	void (*make)(void);
	enum pcipt_situation situation;
	int driver_state;
	size_t device;
} scenes[] = {
#define SCENE(make, situation, ...) { #make, make, PCIPT_SITUATION_##situation, __VA_ARGS__ }
	SCENE(as_claimed, HELD, PCIPT_MODULE_READY, 0),
	SCENE(as_claimed_whatever_the_serial, HELD, PCIPT_MODULE_READY, 0),
	SCENE(a_twin_was_bound_at_boot, REPLACED, PCIPT_MODULE_READY, 0),
	SCENE(pinned_as_claimed, HELD, PCIPT_MODULE_ABSENT, 0),
	SCENE(grown, GROWN, PCIPT_MODULE_READY, 0),
	SCENE(all_free, FREE, PCIPT_MODULE_READY, 0),
	SCENE(all_free, FREE, -EIO, 0),
	SCENE(all_driverless, FREE, PCIPT_MODULE_LOADABLE, 0),
	SCENE(half_bound, HALF, PCIPT_MODULE_READY, 1),
	SCENE(driver_gone, DRIVER_GONE, PCIPT_MODULE_ABSENT, 0),
	SCENE(half_bound_driver_gone, DRIVER_GONE, PCIPT_MODULE_ABSENT, 1),
	SCENE(taken, TAKEN, PCIPT_MODULE_READY, 1),
	SCENE(pin_lost, TAKEN, PCIPT_MODULE_READY, 1),
	SCENE(moved_by_bus_number, MOVED, PCIPT_MODULE_READY, 0),
	SCENE(moved_by_serial, MOVED, PCIPT_MODULE_READY, 0),
	SCENE(moved_though_a_twin_is_in_its_place, MOVED, PCIPT_MODULE_READY, 0),
	SCENE(moved_as_the_second_port, MOVED, PCIPT_MODULE_READY, 0),
	SCENE(second_port_gone, ABSENT, PCIPT_MODULE_READY, 0),
	SCENE(other_vf_there, PF_LOST, PCIPT_MODULE_READY, 0),
	SCENE(absent, ABSENT, PCIPT_MODULE_READY, 0),
	SCENE(pf_lost, PF_LOST, PCIPT_MODULE_READY, 0),
	SCENE(pf_unbound, PF_LOST, PCIPT_MODULE_READY, 0),
	SCENE(unproven, UNPROVEN, PCIPT_MODULE_READY, 0),
	SCENE(replaced_by_another_model, REPLACED, PCIPT_MODULE_READY, 0),
	SCENE(replaced_by_a_twin, REPLACED, PCIPT_MODULE_READY, 0),
	SCENE(ambiguous, AMBIGUOUS, PCIPT_MODULE_READY, 0),
	SCENE(unreadable_ids, UNREADABLE, PCIPT_MODULE_READY, 0),
	SCENE(no_identity_recorded, UNREADABLE, PCIPT_MODULE_READY, 0),
	SCENE(new_boot, NEW_BOOT, PCIPT_MODULE_READY, 0),
#undef SCENE
};

START_TEST(each_scene)
{
	struct pcipt_observation observation;
	struct pcipt_error *error = NULL;
	struct pcipt_snapshot *snap;
	char *text;

	scenes[_i].make();
	snap = test_snapshot(tree_root(tree));
	assert_ok(pcipt_observe(&record, snap, scenes[_i].driver_state, &observation, &error),
		  error);
	ck_assert_msg(observation.situation == scenes[_i].situation, "%s: it is %s",
		      scenes[_i].name, pcipt_situation_row(observation.situation)->name);
	ck_assert_uint_eq(observation.device, scenes[_i].device);
	text = pcipt_observation_text(&record, &observation);
	ck_assert(observation.situation == PCIPT_SITUATION_NEW_BOOT ||
		  strncmp(text, "0000:01:0", 9) == 0);
	free(text);
	if (observation.situation == PCIPT_SITUATION_MOVED)
		ck_assert_str_ne(pcipt_device_get_address(observation.at), CARD);
	pcipt_observation_clear(&observation);
	pcipt_snapshot_unref(snap);
}
END_TEST

/* A whole snapshot knows drivers from their lists; a scoped one must read the link. */
START_TEST(unreadable_driver)
{
	const char *addresses[] = { CARD };
	struct pcipt_observation observation;
	struct pcipt_context *ctx = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_snapshot *snap = NULL;

	as_claimed();
	tree_set_fifo(tree, CARD, "driver");
	assert_ok(pcipt_context_new(&ctx, &error), error);
	assert_ok(pcipt_context_set_root(ctx, tree_root(tree), &error), error);
	assert_ok(pcipt_snapshot_new_scoped(ctx, addresses, 1, &snap, &error), error);
	assert_ok(pcipt_observe(&record, snap, PCIPT_MODULE_READY, &observation, &error), error);
	ck_assert_int_eq(observation.situation, PCIPT_SITUATION_UNREADABLE);
	pcipt_observation_clear(&observation);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
}
END_TEST

START_TEST(every_situation_has_a_scene)
{
	bool seen[PCIPT_N_SITUATIONS] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++)
		seen[scenes[i].situation] = true;
	for (size_t i = 0; i < PCIPT_N_SITUATIONS; i++)
		ck_assert_msg(seen[i], "%s has no scene here", pcipt_situation_row(i)->name);
}
END_TEST

/* ---- the table ---- */

static bool is_wanted(int state)
{
	return state == PCIPT_CLAIM_PENDING || state == PCIPT_CLAIM_BOUND ||
	       state == PCIPT_CLAIM_WAITING;
}

/* What must hold of every cell, whatever it says. */
static const char *wrong_with(int state, enum pcipt_situation s, struct pcipt_reconcile_cell cell)
{
	bool binds = cell.action == PCIPT_RECONCILE_BIND || cell.action == PCIPT_RECONCILE_FOLLOW;
	bool ends = cell.action == PCIPT_RECONCILE_END || cell.action == PCIPT_RECONCILE_GIVE_BACK;
	bool waits = cell.next == PCIPT_CLAIM_WAITING || cell.next == PCIPT_CLAIM_STUCK;

	if (cell.action == PCIPT_RECONCILE_NONE)
		return "it is empty";
	if (binds && !is_wanted(state))
		return "it binds what is on the way out";
	if (binds && s != PCIPT_SITUATION_FREE && s != PCIPT_SITUATION_HALF &&
	    s != PCIPT_SITUATION_MOVED)
		return "it binds what isn't proven to be the claim's";
	if (ends && is_wanted(state))
		return "it ends what is wanted";
	if (ends && cell.next != PCIPT_CLAIM_RELEASING)
		return "it ends, and names another state";
	if (waits != (cell.action == PCIPT_RECONCILE_WAIT))
		return "waiting and its action don't agree";
	if (cell.next == PCIPT_CLAIM_STUCK && is_wanted(state))
		return "what is wanted gets stuck";
	if (binds && cell.next != PCIPT_CLAIM_BOUND)
		return "it binds, and isn't bound then";
	if (cell.next == PCIPT_CLAIM_BOUND && !binds && s != PCIPT_SITUATION_HELD &&
	    !(state == PCIPT_CLAIM_BOUND && cell.action == PCIPT_RECONCILE_KEEP))
		return "it is bound without having been";
	return NULL;
}

START_TEST(the_table)
{
	for (int state = 0; state <= PCIPT_CLAIM_STUCK; state++)
		for (size_t s = 0; s < PCIPT_N_SITUATIONS; s++) {
			struct pcipt_reconcile_cell cell = pcipt_reconcile_cell(state, s, true);
			const char *wrong = wrong_with(state, s, cell);

			ck_assert_msg(!wrong, "%s, %s: %s", pcipt_claim_state_name(state),
				      pcipt_situation_row(s)->name, wrong);
		}
}
END_TEST

START_TEST(not_persistent_ends_with_its_boot)
{
	for (int state = 0; state <= PCIPT_CLAIM_STUCK; state++)
		ck_assert_int_eq(
			pcipt_reconcile_cell(state, PCIPT_SITUATION_NEW_BOOT, false).action,
			PCIPT_RECONCILE_END);
	ck_assert_int_eq(pcipt_reconcile_cell(99, PCIPT_SITUATION_FREE, true).action,
			 PCIPT_RECONCILE_KEEP);
}
END_TEST

Suite *suite_compare(void)
{
	Suite *suite = suite_create("compare");
	TCase *tc = tcase_create("scenes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, each_scene, 0, ARRAY_SIZE(scenes));
	tcase_add_test(tc, unreadable_driver);
	tcase_add_test(tc, every_situation_has_a_scene);
	suite_add_tcase(suite, tc);
	tc = tcase_create("table");
	tcase_add_test(tc, the_table);
	tcase_add_test(tc, not_persistent_ends_with_its_boot);
	suite_add_tcase(suite, tc);
	return suite;
}
