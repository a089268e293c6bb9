/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking for a device that may be one that a claim has lost sight of. */
#include "unit.h"

#include "tree.h"
#include "usage/evidence.h"

#define NEW "0000:02:00.0"
#define TWIN "0000:03:00.0"

static struct tree *tree;
static struct pcipt_record all_records[2];
static struct pcipt_record_device recorded, others;
static struct pcipt_records records;
static struct pcipt_snapshot *snap;
static struct pcipt_strays strays;

static void add(const char *address, uint16_t device, uint8_t serial)
{
	static const char *const parents[] = { "0000:00:01.0", "0000:00:02.0", "0000:00:03.0" };

	tree_add(tree, &(struct tree_device){ .address = address,
					      .parent = parents[address[6] - '1'],
					      .vendor = 0x8086,
					      .device = device,
					      .class_id = 0x020000,
					      .driver = "e1000e",
					      .group = address[6] });
	if (serial)
		tree_set_serial(tree, address, serial);
}

/* The claim's card was in the first of three slots, which is empty. */
static void setup(void)
{
	char *root = test_path("machine");

	tree = tree_new(root);
	free(root);
	for (int i = 1; i <= 3; i++) {
		char *address = test_format("0000:00:0%d.0", i);

		tree_add(tree, &(struct tree_device){ .address = address,
						      .class_id = 0x060400,
						      .driver = "pcieport" });
		free(address);
	}
	recorded = (struct pcipt_record_device){
		.at = { 0, 1, 0 },
		.address = "0000:01:00.0",
		.identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.0",
		.serial = (char *)"00-00-00-00-00-00-00-01",
	};
	all_records[0] = (struct pcipt_record){ .name = (char *)"vm", .devices = &recorded, .n_devices = 1 };
	records = (struct pcipt_records){ .items = all_records, .n = 1 };
	add(NEW, 0x1001, 1);
}

static void teardown(void)
{
	pcipt_strays_clear(&strays);
	pcipt_snapshot_unref(snap);
	snap = NULL;
	tree_free(tree);
}

/* Asks for the device in the second slot, knowing just it or all the machine. */
static const struct pcipt_stray *look(bool scoped)
{
	static const char *const addresses[] = { NEW };
	struct pcipt_context *ctx = test_context(tree_root(tree));
	struct pcipt_error *error = NULL;
	struct pcipt_device *device;

	pcipt_strays_clear(&strays);
	pcipt_snapshot_unref(snap);
	assert_ok(scoped ? pcipt_snapshot_new_scoped(ctx, addresses, 1, &snap, &error) :
			   pcipt_snapshot_new(ctx, &snap, &error),
		  error);
	pcipt_context_unref(ctx);
	assert_ok(pcipt_snapshot_find(snap, NEW, &device, &error), error);
	ck_assert(pcipt_strays_find(&records, &device, 1, &strays));
	ck_assert_uint_le(strays.n, 1);
	return strays.n ? strays.items : NULL;
}

START_TEST(it_was_moved)
{
	const struct pcipt_stray *stray = look(_i);

	ck_assert_ptr_nonnull(stray);
	ck_assert(stray->is_it && !stray->may_be_it && stray->record == all_records);
	ck_assert_msg(strstr(stray->facts, "00-00-00-00-00-00-00-01") != NULL, "%s", stray->facts);
	ck_assert_str_eq(pcipt_device_get_address(stray->device), NEW);
}
END_TEST

START_TEST(it_or_its_twin)
{
	const struct pcipt_stray *stray;

	add(TWIN, 0x1001, 1);
	stray = look(_i);
	ck_assert_ptr_nonnull(stray);
	ck_assert(stray->may_be_it && !stray->is_it);
	ck_assert_msg(strstr(stray->facts, "2 devices") != NULL, "%s", stray->facts);
}
END_TEST

/* Another claim has that one in its place: it is neither looked for nor a candidate. */
static void claim_elsewhere(const char *identity, int bus)
{
	others = recorded;
	others.at.bus = (uint8_t)bus;
	others.identity = (char *)identity;
	all_records[1] = (struct pcipt_record){ .name = (char *)"other",
						.devices = &others,
						.n_devices = 1 };
	records.n = 2;
}

START_TEST(its_twin_is_another_claims)
{
	add(TWIN, 0x1001, 1);
	claim_elsewhere("8086:1001:0000:0000:00@pci0000:00/03.0/00.0", 3);
	ck_assert(look(_i) && look(_i)->is_it);
	/* And asked for itself, also after a reboot that has numbered buses anew. */
	claim_elsewhere("8086:1001:0000:0000:00@pci0000:00/02.0/00.0", 2);
	ck_assert_ptr_null(look(_i));
	others.at.bus = 9;
	all_records[1].other_boot = all_records[1].persistent = true;
	ck_assert_ptr_null(look(_i));
}
END_TEST

/* Somebody put another of the model into the slot that it left. */
START_TEST(a_twin_in_its_place)
{
	add("0000:01:00.0", 0x1001, 2);
	ck_assert(look(_i) && look(_i)->is_it);
	/* Which of them it is can't be told where that one's number can't be read. */
	tree_set(tree, "0000:01:00.0", "config", NULL);
	ck_assert(look(_i) && look(_i)->may_be_it);
}
END_TEST

static void a_vf(void)
{
	recorded.identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.0/vf10";
}

static void in_its_place(void)
{
	add("0000:01:00.0", 0x1001, 1);
}

static void other_serial(void)
{
	tree_set_serial(tree, NEW, 2);
}

static void other_model(void)
{
	recorded.identity = (char *)"8086:1002:0000:0000:00@pci0000:00/01.0/00.0";
}

static void no_serial_recorded(void)
{
	recorded.serial = NULL;
}

static void other_port(void)
{
	recorded.identity = (char *)"8086:1001:0000:0000:00@pci0000:00/01.0/00.1";
}

/* What isn't persistent ended with its boot. */
static void ended(void)
{
	all_records[0].other_boot = true;
}

static void (*const not_it[])(void) = { in_its_place,	    other_serial, other_model,
					no_serial_recorded, other_port,	  ended,
					a_vf };

START_TEST(it_is_another)
{
	not_it[_i]();
	ck_assert_ptr_null(look(false));
	ck_assert_ptr_null(look(true));
}
END_TEST

/* Buses were numbered anew: it is where it was, at another address. */
START_TEST(in_its_slot)
{
	recorded.identity = (char *)"8086:1001:0000:0000:00@pci0000:00/02.0/00.0";
	ck_assert(look(_i) && look(_i)->is_it);
	recorded.serial = NULL;
	ck_assert(look(_i) && look(_i)->is_it);
}
END_TEST

Suite *suite_strays(void)
{
	Suite *suite = suite_create("strays");
	TCase *tc = tcase_create("strays");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, it_was_moved, 0, 2);
	tcase_add_loop_test(tc, it_or_its_twin, 0, 2);
	tcase_add_loop_test(tc, its_twin_is_another_claims, 0, 2);
	tcase_add_loop_test(tc, a_twin_in_its_place, 0, 2);
	tcase_add_loop_test(tc, it_is_another, 0, ARRAY_SIZE(not_it));
	tcase_add_loop_test(tc, in_its_slot, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
