/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A claim's record as text and back. What a record says is written to the kernel, so
 * everything in it is held to its form: what isn't right is refused as a whole.
 */
#include "unit.h"

#include <libpcipt/claim.h>

#include "usage/record.h"

static struct pcipt_record_device devices[] = {
	{ .at = { 0, 1, 0 },
	  .address = "0000:01:00.0",
	  .identity = (char *)"10de:2484:1458:404c:a1@pci0000:00/01.0/00.0",
	  .role = PCIPT_ROLE_REQUESTED,
	  .action = PCIPT_ACTION_BIND,
	  .before = { (char *)"nouveau", NULL, (char *)"auto" } },
	{ .at = { 0x10001, 0xe1, 1 },
	  .address = "10001:e1:00.1",
	  .role = PCIPT_ROLE_GROUP_MEMBER,
	  .action = PCIPT_ACTION_PIN,
	  .before = { NULL, (char *)"an odd override, with /slashes/ and \"quotes\"", NULL } },
};

static struct pcipt_record_allowed allowed[] = {
	{ (char *)"held-open", (char *)"0000:02:00.0" },
	{ (char *)"unsafe-interrupts", NULL },
};

static const struct pcipt_record whole = {
	.name = (char *)"gaming-vm",
	.id = (char *)"00000000-0000-4000-8000-000000000001",
	.owner = (char *)"the one in the attic",
	.driver = (char *)"vfio-pci",
	.since = (char *)"2025-01-01T00:00:00Z",
	.boot_id = (char *)"11111111-2222-3333-4444-555555555555",
	.state = PCIPT_CLAIM_BOUND,
	.devices = devices,
	.n_devices = 2,
	.allowed = allowed,
	.n_allowed = 2,
};

static void assert_same_device(const struct pcipt_record_device *a,
			       const struct pcipt_record_device *b)
{
	ck_assert_uint_eq(pcipt_address_key(a->at), pcipt_address_key(b->at));
	ck_assert_str_eq(a->address, b->address);
	ck_assert_pstr_eq(a->identity, b->identity);
	ck_assert_int_eq(a->role, b->role);
	ck_assert_int_eq(a->action, b->action);
	ck_assert_pstr_eq(a->before.driver, b->before.driver);
	ck_assert_pstr_eq(a->before.override, b->before.override);
	ck_assert_pstr_eq(a->before.power_control, b->before.power_control);
}

static void assert_same(const struct pcipt_record *a, const struct pcipt_record *b)
{
	ck_assert_pstr_eq(a->name, b->name);
	ck_assert_pstr_eq(a->id, b->id);
	ck_assert_pstr_eq(a->owner, b->owner);
	ck_assert_pstr_eq(a->driver, b->driver);
	ck_assert_pstr_eq(a->since, b->since);
	ck_assert_pstr_eq(a->boot_id, b->boot_id);
	ck_assert_int_eq(a->state, b->state);
	ck_assert_uint_eq(a->n_devices, b->n_devices);
	ck_assert_uint_eq(a->n_allowed, b->n_allowed);
	for (size_t i = 0; i < a->n_allowed; i++) {
		ck_assert_str_eq(a->allowed[i].code, b->allowed[i].code);
		ck_assert_pstr_eq(a->allowed[i].address, b->allowed[i].address);
	}
	for (size_t i = 0; i < a->n_devices; i++)
		assert_same_device(&a->devices[i], &b->devices[i]);
}

START_TEST(round_trip)
{
	struct pcipt_record back;
	struct pcipt_error *error = NULL;
	char *text = pcipt_record_print(&whole), *again;

	assert_ok(pcipt_record_parse(text, strlen(text), &back, &error), error);
	assert_same(&whole, &back);
	again = pcipt_record_print(&back);
	ck_assert_str_eq(text, again);
	pcipt_record_clear(&back);
	free(text);
	free(again);
}
END_TEST

/* Every state, role and action, and every fact that may be absent. */
START_TEST(round_trip_of_little)
{
	for (int state = 0; state <= PCIPT_CLAIM_RELEASING; state++)
		for (int role = 0; role <= PCIPT_ROLE_EXEMPT; role++)
			for (int action = 0; action <= PCIPT_ACTION_KEEP; action++) {
				struct pcipt_record_device device = { .address = "0000:00:00.0",
								      .role = role,
								      .action = action };
				struct pcipt_record little = { .name = (char *)"x",
							       .driver = (char *)"y",
							       .state = state,
							       .devices = &device,
							       .n_devices = 1 },
						    back;
				struct pcipt_error *error = NULL;
				char *text = pcipt_record_print(&little);

				assert_ok(pcipt_record_parse(text, strlen(text), &back, &error),
					  error);
				assert_same(&little, &back);
				pcipt_record_clear(&back);
				free(text);
			}
}
END_TEST

static bool is_empty(const struct pcipt_record *record)
{
	static const struct pcipt_record empty;

	return memcmp(record, &empty, sizeof(empty)) == 0;
}

/* Parses a text that must be refused; nothing of it may stay. */
static void assert_damaged(const char *text, size_t n, const char *what)
{
	struct pcipt_error *error = NULL;
	struct pcipt_record record;
	/* Exactly as long as it is, so that reading past the end is seen. */
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	ck_assert_msg(pcipt_record_parse(copy, n, &record, &error) == PCIPT_E_DAMAGED,
		      "%s is taken", what);
	ck_assert_msg(is_empty(&record), "%s leaves something", what);
	assert_fails(PCIPT_E_DAMAGED, error);
	free(copy);
}

START_TEST(truncated)
{
	char *text = pcipt_record_print(&whole);

	for (size_t n = 0; n < strlen(text); n++)
		assert_damaged(text, n, "a torn record");
	free(text);
}
END_TEST

/* A flipped bit may make another record, but never one that breaks the reader's rules. */
START_TEST(flipped_bits)
{
	char *text = pcipt_record_print(&whole);
	size_t length = strlen(text);

	for (size_t i = 0; i < length * 8; i++) {
		struct pcipt_record record;
		char *copy = malloc(length);

		memcpy(copy, text, length);
		copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
		if (pcipt_record_parse(copy, length, &record, NULL) == 0) {
			ck_assert(pcipt_record_name_is_valid(record.name));
			ck_assert_uint_eq(record.n_devices, 2);
			ck_assert_ptr_nonnull(record.driver);
			ck_assert_ptr_null(strchr(record.driver, '/'));
		} else {
			ck_assert(is_empty(&record));
		}
		pcipt_record_clear(&record);
		free(copy);
	}
	free(text);
}
END_TEST

/* One place of a good record, replaced. */
static char *with(const char *place, const char *by)
{
	char *text = pcipt_record_print(&whole), *at = strstr(text, place), *changed;

	ck_assert_msg(at != NULL, "%s isn't in the record", place);
	*at = '\0';
	changed = test_format("%s%s%s", text, by, at + strlen(place));
	free(text);
	return changed;
}

static const struct {
	const char *place, *by;
} damages[] = {
	/* what it is */
	{ "libpcipt-claim/1", "libpcipt-claim/2" },
	{ "libpcipt-claim/1", "" },
	{ "\"schema\"", "\"scheme\"" },
	{ "\"libpcipt-claim/1\"", "1" },
	/* its name */
	{ "\"gaming-vm\"", "null" },
	{ "\"gaming-vm\"", "\"\"" },
	{ "\"gaming-vm\"", "\"..\"" },
	{ "\"gaming-vm\"", "\"../../etc/x\"" },
	{ "\"gaming-vm\"", "\"a\\u0000b\"" },
	{ "\"gaming-vm\"", "5" },
	{ "\"gaming-vm\"", "[]" },
	{ "gaming-vm", "0000:01:00.0" },
	/* its state */
	{ "\"bound\"", "\"bond\"" },
	{ "\"bound\"", "1" },
	{ "\"bound\"", "null" },
	{ "\"bound\"", "\"unknown\"" },
	/* its driver */
	{ "\"vfio-pci\"", "null" },
	{ "\"vfio-pci\"", "\"\"" },
	{ "\"vfio-pci\"", "\"../x\"" },
	{ "\"vfio-pci\"", "\"a/b\"" },
	{ "\"vfio-pci\"", "\"..\"" },
	{ "\"vfio-pci\"", "\".\"" },
	{ "\"vfio-pci\"", "\"a\\nb\"" },
	{ "\"vfio-pci\"", "\"a\\u0000b\"" },
	{ "\"vfio-pci\"", "7" },
	/* what a device was */
	{ "\"nouveau\"", "\"../../../../etc\"" },
	{ "\"nouveau\"", "\"..\"" },
	{ "\"nouveau\"", "\"\"" },
	{ "\"nouveau\"", "\"a\\u0000b\"" },
	{ "\"nouveau\"", "\"\\u001b[2J\"" },
	{ "\"nouveau\"", "5" },
	{ "\"nouveau\"", "true" },
	{ "\"nouveau\"", "[ \"nouveau\" ]" },
	{ "an odd override", "an odd\\noverride" },
	{ "an odd override", "an odd\\u0000override" },
	{ "\"auto\"", "\"off\"" },
	{ "\"auto\"", "\"\"" },
	{ "\"auto\"", "\"auto\\n\"" },
	{ "\"auto\"", "1" },
	{ "\"10de:2484", "\"\\u00001" },
	{ "\"10de:2484:1458:404c:a1@pci0000:00/01.0/00.0\"", "5" },
	/* which device */
	{ "\"0000:01:00.0\"", "null" },
	{ "\"0000:01:00.0\"", "\"\"" },
	{ "\"0000:01:00.0\"", "\"0000:01:00.8\"" },
	{ "\"0000:01:00.0\"", "\"../0000:01:00.0\"" },
	{ "\"0000:01:00.0\"", "\"0000:01:00.0 \"" },
	{ "\"0000:01:00.0\"", "1" },
	{ "\"requested\"", "\"desired\"" },
	{ "\"requested\"", "null" },
	{ "\"requested\"", "\"unknown\"" },
	{ "\"action\": \"bind\"", "\"action\": \"eject\"" },
	{ "\"action\": \"bind\"", "\"reaction\": \"bind\"" },
	{ "10001:e1:00.1", "0000:01:00.0" }, /* one device twice */
	/* other texts that people read */
	{ "\"the one in the attic\"", "4711" },
	{ "\"2025-01-01T00:00:00Z\"", "{}" },
	{ "2025-01-01", "2025\\n01-01" },
	{ "\"11111111-2222-3333-4444-555555555555\"", "false" },
	/* what was allowed */
	{ "\"held-open\"", "null" },
	{ "\"held-open\"", "\"Held Open\"" },
	{ "\"held-open\"", "\"\"" },
	{ "\"unsafe-interrupts\"", "5" },
	{ "\"0000:02:00.0\"", "\"here\"" },
	{ "\"0000:02:00.0\"", "2" },
	{ "\"allowed\": [", "\"allowed\": 5, \"more\": [" },
	/* around it */
	{ "\"devices\"", "\"vices\"" },
};

START_TEST(damaged)
{
	char *text = with(damages[_i].place, damages[_i].by);
	char *what = test_format("%s for %s", damages[_i].by, damages[_i].place);

	assert_damaged(text, strlen(text), what);
	free(text);
	free(what);
}
END_TEST

static const char *const no_records[] = {
	"", "null", "5", "\"text\"", "[]", "{}", "[{}]",
	"{\"schema\":\"libpcipt-claim/1\"}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\"}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\","
	"\"devices\":[]}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\","
	"\"devices\":{}}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\","
	"\"devices\":[5]}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\","
	"\"devices\":[null]}",
	"{\"schema\":\"libpcipt-claim/1\",\"name\":\"x\",\"state\":\"bound\",\"driver\":\"y\","
	"\"devices\":[{}]}",
};

START_TEST(no_record)
{
	assert_damaged(no_records[_i], strlen(no_records[_i]), no_records[_i]);
}
END_TEST

START_TEST(more_than_a_record)
{
	char *text = pcipt_record_print(&whole), *more = test_format("%s {}", text);

	assert_damaged(more, strlen(more), "a record and something behind it");
	/* A NUL hides nothing behind it. */
	more[strlen(text)] = '\0';
	assert_damaged(more, strlen(text) + 3, "a record, a NUL, and something behind it");
	free(text);
	free(more);
}
END_TEST

/* Deep and huge ones cost neither the stack nor much time. */
START_TEST(deep)
{
	size_t n = 100000;
	char *text = malloc(n * 2);

	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_damaged(text, n * 2, "a deep record");
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * 2, "{\"", 2);
	assert_damaged(text, n * 2, "a deep record of objects");
	free(text);
}
END_TEST

START_TEST(many_devices)
{
	struct pcipt_record record = whole, back;
	size_t n = 5000;
	char *text;

	record.devices = calloc(n, sizeof(*record.devices));
	record.n_devices = n;
	for (size_t i = 0; i < n; i++) {
		record.devices[i].at = (struct pcipt_address){ (uint32_t)i, 0, 0 };
		pcipt_address_print(record.devices[i].at, record.devices[i].address);
	}
	text = pcipt_record_print(&record);
	assert_damaged(text, strlen(text), "a record of 5000 devices");
	free(text);
	record.n_devices = 1000;
	text = pcipt_record_print(&record);
	ck_assert_int_eq(pcipt_record_parse(text, strlen(text), &back, NULL), 0);
	ck_assert_uint_eq(back.n_devices, 1000);
	pcipt_record_clear(&back);
	free(text);
	free(record.devices);
}
END_TEST

/* Keys that are not ours are left for those whose they are. */
START_TEST(keys_of_later_versions)
{
	char *text = with("\"schema\"", "\"new\": { \"deep\": [ 1 ] }, \"schema\"");
	struct pcipt_record record;

	ck_assert_int_eq(pcipt_record_parse(text, strlen(text), &record, NULL), 0);
	assert_same(&whole, &record);
	pcipt_record_clear(&record);
	free(text);
}
END_TEST

START_TEST(short_addresses_become_whole)
{
	char *text = with("\"0000:01:00.0\"", "\"1:0.0\"");
	struct pcipt_record record;

	ck_assert_int_eq(pcipt_record_parse(text, strlen(text), &record, NULL), 0);
	ck_assert_str_eq(record.devices[0].address, "0000:01:00.0");
	pcipt_record_clear(&record);
	free(text);
}
END_TEST

START_TEST(random_texts)
{
	static const char *const words[] = { "{",	 "}",	    "[",	"]",	 ",",
					     ":",	 "\"schema\"", "\"libpcipt-claim/1\"",
					     "\"name\"", "\"x\"",   "\"devices\"", "\"state\"",
					     "\"bound\"", "\"driver\"", "null", "5",	 "\\u0000",
					     "\377",	 " " };
	struct test_random random = test_random_new(20);

	for (int i = 0; i < 20000; i++) {
		char text[512] = "{";
		size_t n = test_random_below(&random, 20);
		struct pcipt_record record;

		for (size_t k = 0; k < n; k++)
			strcat(text, words[test_random_below(&random,
							     sizeof(words) / sizeof(*words))]);
		pcipt_record_parse(text, strlen(text), &record, NULL);
		pcipt_record_clear(&record);
	}
}
END_TEST

START_TEST(names)
{
	static const struct {
		const char *name;
		bool valid;
	} table[] = {
		{ "a", true },	  { "A-b_c.9", true }, { "0", true },	   { "_", true },
		{ "", false },	  { ".", false },      { "..", false },   { ".hidden", false },
		{ "-x", false },  { "a/b", false },    { "a b", false },  { "a:b", false },
		{ "a=b", false }, { "\303\251", false },
	};
	char longest[65];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		ck_assert_msg(pcipt_record_name_is_valid(table[i].name) == table[i].valid, "\"%s\"",
			      table[i].name);
	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	ck_assert(!pcipt_record_name_is_valid(longest));
	longest[63] = '\0';
	ck_assert(pcipt_record_name_is_valid(longest));
}
END_TEST

Suite *suite_record(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("text");

	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, round_trip_of_little);
	tcase_add_test(tc, truncated);
	tcase_add_test(tc, flipped_bits);
	tcase_add_loop_test(tc, damaged, 0, sizeof(damages) / sizeof(*damages));
	tcase_add_loop_test(tc, no_record, 0, sizeof(no_records) / sizeof(*no_records));
	tcase_add_test(tc, more_than_a_record);
	tcase_add_test(tc, deep);
	tcase_add_test(tc, many_devices);
	tcase_add_test(tc, keys_of_later_versions);
	tcase_add_test(tc, short_addresses_become_whole);
	tcase_add_test(tc, random_texts);
	tcase_add_test(tc, names);
	suite_add_tcase(suite, tc);
	return suite;
}
