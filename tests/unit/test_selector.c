/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selectors: how a person names devices, what is refused, and what is found. */
#include "unit.h"

#include "inventory/selector.h"
#include "tree.h"

static struct tree *tree;
static struct pcipt_snapshot *snap;

static void setup(void)
{
	char *root = test_path("machine");

	tree = tree_new(root);
	tree_add_gpu_pair(tree);
	tree_add_sriov(tree);
	snap = test_snapshot(root);
	free(root);
}

static void teardown(void)
{
	pcipt_snapshot_unref(snap);
	tree_free(tree);
}

/* ---- parsing ---- */

static const struct {
	const char *text;
	enum pcipt_selector_kind kind;
} accepted[] = {
	{ "0000:01:00.0", PCIPT_SELECT_ADDRESS },
	{ "01:00.0", PCIPT_SELECT_ADDRESS },
	{ "10001:e1:00.0", PCIPT_SELECT_ADDRESS },
	{ "10de:2484", PCIPT_SELECT_IDS },
	{ "10DE:ABCD", PCIPT_SELECT_IDS },
	{ "0000:0000", PCIPT_SELECT_IDS },
	{ "class=03", PCIPT_SELECT_CLASS },
	{ "class=0300", PCIPT_SELECT_CLASS },
	{ "class=030000", PCIPT_SELECT_CLASS },
	{ "class=0x0300", PCIPT_SELECT_CLASS },
	{ "class=0X030000", PCIPT_SELECT_CLASS },
	{ "group=0", PCIPT_SELECT_GROUP },
	{ "group=2147483647", PCIPT_SELECT_GROUP },
	{ "slot=pci0000:00/01.0/00.0", PCIPT_SELECT_SLOT },
	{ "slot==", PCIPT_SELECT_SLOT },
	{ "identity=10de:2484:1458:404c:a1@pci0000:00/01.0/00.0", PCIPT_SELECT_IDENTITY },
	{ "serial=00-11-22-33-44-55-66-77", PCIPT_SELECT_SERIAL },
};

START_TEST(accepts)
{
	struct pcipt_selector selector;
	struct pcipt_text_fault fault = { SIZE_MAX, NULL };

	ck_assert_msg(pcipt_selector_scan(accepted[_i].text, &selector, &fault), "%s at %zu",
		      accepted[_i].text, fault.at);
	ck_assert_int_eq(selector.kind, accepted[_i].kind);
	ck_assert(pcipt_selector_scan(accepted[_i].text, &selector, NULL));
}
END_TEST

static const struct {
	const char *text;
	size_t at;
} refused[] = {
	{ "", 0 },
	{ "=", 0 },
	{ "=x", 0 },
	{ "colour=red", 0 },
	{ "Class=03", 0 },
	{ " class=03", 0 },
	{ "classes=03", 0 },
	{ "clas=03", 0 },
	{ "class=", 6 },
	{ "class=0x", 8 },
	{ "class=3", 7 },
	{ "class=030", 9 },
	{ "class=0300000", 12 },
	{ "class=0g", 7 },
	{ "class=03 ", 8 },
	{ "group=", 6 },
	{ "group=-1", 6 },
	{ "group=+1", 6 },
	{ "group= 1", 6 },
	{ "group=1x", 7 },
	{ "group=0x1", 7 },
	{ "slot=", 5 },
	{ "identity=", 9 },
	{ "serial=", 7 },
	{ "10de:248", 8 },
	{ "10de", 4 },
	{ "hello", 0 },
};

START_TEST(refuses)
{
	struct pcipt_error *error = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_selector selector;
	struct pcipt_text_fault fault = { SIZE_MAX, NULL };

	ck_assert_msg(!pcipt_selector_scan(refused[_i].text, &selector, &fault), "\"%s\" is taken",
		      refused[_i].text);
	ck_assert_msg(fault.at == refused[_i].at, "\"%s\": fault at %zu, not %zu", refused[_i].text,
		      fault.at, refused[_i].at);
	ck_assert_ptr_nonnull(fault.expected);
	ck_assert_int_eq(pcipt_snapshot_find(snap, refused[_i].text, &device, &error),
			 PCIPT_E_SYNTAX);
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	ck_assert_ptr_null(device);
	assert_fails(PCIPT_E_SYNTAX, error);
}
END_TEST

/* Numbers that overflow are refused, and never wrap around to another group. */
START_TEST(large_groups)
{
	static const char *const texts[] = { "group=2147483648", "group=4294967296",
					     "group=4294967298", "group=99999999999999999999" };
	struct pcipt_selector selector;

	for (size_t i = 0; i < 4; i++)
		ck_assert_msg(!pcipt_selector_scan(texts[i], &selector, NULL), "%s", texts[i]);
}
END_TEST

START_TEST(random_strings)
{
	static const char *const words[] = { "class=", "group=", "slot=", "identity=", "serial=",
					     "0000:",  "01",	 ":",	  ".",	       "0",
					     "0x",     "10de",	 "=",	  " ",	       "\377",
					     "9999999999" };
	struct test_random random = test_random_new(3);

	for (int i = 0; i < 50000; i++) {
		struct pcipt_text_fault fault = { SIZE_MAX, NULL };
		struct pcipt_selector selector;
		char *text = strdup("");

		for (uint32_t n = test_random_below(&random, 6); n > 0; n--) {
			char *more = test_format(
				"%s%s", text,
				words[test_random_below(&random, sizeof(words) / sizeof(*words))]);

			free(text);
			text = more;
		}
		if (!pcipt_selector_scan(text, &selector, &fault))
			ck_assert_msg(fault.at <= strlen(text) && fault.expected, "%s", text);
		free(text);
	}
}
END_TEST

/* ---- finding ---- */

static const struct {
	const char *text, *found; /* addresses with a blank between, NULL for none */
} matches[] = {
	{ "0000:01:00.0", "0000:01:00.0" },
	{ "1:0.1", "0000:01:00.1" },
	{ "01:00.2", NULL },
	{ "0001:01:00.0", NULL },
	{ "10de:2484", "0000:01:00.0" },
	{ "10DE:228B", "0000:01:00.1" },
	{ "8086:10ca", "0000:02:10.0 0000:02:10.2 0000:02:10.4" },
	{ "10de:ffff", NULL },
	{ "class=03", "0000:01:00.0" },
	{ "class=0403", "0000:01:00.1" },
	{ "class=040300", "0000:01:00.1" },
	{ "class=040301", NULL },
	{ "class=06", "0000:00:01.0 0000:00:02.0" },
	{ "class=0x0604", "0000:00:01.0 0000:00:02.0" },
	{ "class=00", NULL },
	{ "group=2", "0000:01:00.0 0000:01:00.1" },
	{ "group=23", "0000:02:10.4" },
	{ "group=4711", NULL },
	{ "slot=pci0000:00/01.0/00.1", "0000:01:00.1" },
	{ "slot=pci0000:00/01.0", "0000:00:01.0" },
	{ "slot=pci0000:00", NULL },
	{ "identity=10de:2484:1458:404c:a1@pci0000:00/01.0/00.0", "0000:01:00.0" },
	{ "identity=10de:2484:1458:404c:a2@pci0000:00/01.0/00.0", NULL },
};

static char *find_all(const char *text)
{
	struct pcipt_device **devices = NULL;
	struct pcipt_error *error = NULL;
	char *found = NULL;
	size_t n = 0;

	if (pcipt_snapshot_find_all(snap, text, &devices, &n, &error) < 0) {
		assert_fails(PCIPT_E_NO_DEVICE, error);
		ck_assert_ptr_null(devices);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		char *more = test_format("%s%s%s", found ? found : "", found ? " " : "",
					 pcipt_device_get_address(devices[i]));

		free(found);
		found = more;
	}
	pcipt_free(devices);
	return found;
}

START_TEST(finds_all)
{
	char *found = find_all(matches[_i].text);

	ck_assert_pstr_eq(found, matches[_i].found);
	free(found);
}
END_TEST

START_TEST(finds_one)
{
	bool one = matches[_i].found && !strchr(matches[_i].found, ' ');
	struct pcipt_device *device = NULL;
	struct pcipt_error *error = NULL;
	int r = pcipt_snapshot_find(snap, matches[_i].text, &device, &error);

	if (one) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(pcipt_device_get_address(device), matches[_i].found);
		return;
	}
	ck_assert_int_eq(r, matches[_i].found ? PCIPT_E_AMBIGUOUS : PCIPT_E_NO_DEVICE);
	ck_assert_ptr_null(device);
	/* The candidates are named. */
	if (matches[_i].found)
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "0000:0"));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	pcipt_error_unref(error);
}
END_TEST

START_TEST(names_many_candidates)
{
	struct pcipt_device *device = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_snapshot *many;

	for (int i = 0; i < 20; i++) {
		char *address = test_format("0000:40:%02x.0", i);

		tree_add(tree, &(struct tree_device){ .address = address, .class_id = 0x0b4000 });
		free(address);
	}
	many = test_snapshot(tree_root(tree));
	ck_assert_int_eq(pcipt_snapshot_find(many, "class=0b40", &device, &error),
			 PCIPT_E_AMBIGUOUS);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "20 devices"));
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "0000:40:00.0, 0000:40:01.0"));
	pcipt_error_unref(error);
	pcipt_snapshot_unref(many);
}
END_TEST

Suite *suite_selector(void)
{
	Suite *suite = suite_create("selector");
	TCase *tc = tcase_create("find");

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof(*(table)))
	/* Nobody changes the snapshot: one for all of them. */
	tcase_add_unchecked_fixture(tc, setup, teardown);
	LOOP(accepts, accepted);
	LOOP(refuses, refused);
	tcase_add_test(tc, large_groups);
	tcase_add_test(tc, random_strings);
	LOOP(finds_all, matches);
	LOOP(finds_one, matches);
	tcase_add_test(tc, names_many_candidates);
	suite_add_tcase(suite, tc);
	return suite;
}
