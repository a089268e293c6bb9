/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: what is accepted, what is refused and at which character. */
#include "unit.h"

#include "inventory/address.h"

static const struct {
	const char *text, *canonical;
} accepted[] = {
	{ "0000:01:00.0", "0000:01:00.0" },
	{ "01:00.0", "0000:01:00.0" },
	{ "1:0.0", "0000:01:00.0" },
	{ "00:1f.7", "0000:00:1f.7" },
	{ "ff:1F.7", "0000:ff:1f.7" },
	{ "FFFF:FF:1F.7", "ffff:ff:1f.7" },
	{ "0:0:0.0", "0000:00:00.0" },
	{ "10001:e1:00.0", "10001:e1:00.0" },
	{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
	{ "00010000:e1:00.0", "10000:e1:00.0" },
};

START_TEST(accepts)
{
	struct pcipt_error *error = NULL;
	char text[PCIPT_ADDRESS_SIZE];
	struct pcipt_address at;

	assert_ok(pcipt_address_parse(accepted[_i].text, &at, &error), error);
	pcipt_address_print(at, text);
	ck_assert_str_eq(text, accepted[_i].canonical);
}
END_TEST

/* The character that an error points at, counted from 0. */
static const struct {
	const char *text;
	size_t at;
} refused[] = {
	{ "", 0 },
	{ " 01:00.0", 0 },
	{ "g1:00.0", 0 },
	{ ":01:00.0", 0 },
	{ "0x01:00.0", 1 },
	{ "01", 2 },
	{ "01.0", 2 },
	{ "01:", 3 },
	{ "01:.0", 3 },
	{ "01:00", 5 },
	{ "01:00:", 6 },
	{ "01:00.", 6 },
	{ "01:00. 0", 6 },
	{ "01:00.8", 6 },
	{ "01:00.f", 6 },
	{ "01:00.g", 6 },
	{ "01:00.-1", 6 },
	{ "01:00.00", 7 },
	{ "01:00.0 ", 7 },
	{ "01:00.0\n", 7 },
	{ "01:00.0.0", 7 },
	{ "01:20.0", 3 },
	{ "01:000.0", 3 },
	{ "100:00.0", 0 },
	{ "001:00.0", 0 },
	{ "0000:100:00.0", 5 },
	{ "0000:01:20.0", 8 },
	{ "0000:01:00:00.0", 10 },
	{ "0000:01:00", 10 },
	{ "0000:01", 7 },
	{ "123456789:01:00.0", 8 },
	{ "000000000:01:00.0", 8 },
	{ "0000-01-00.0", 4 },
	{ "0000:01:00,0", 10 },
	{ "0000::01:00.0", 5 },
	{ "\303\251:00.0", 0 },
	{ "01:00.\303\251", 6 },
};

START_TEST(refuses)
{
	struct pcipt_address at = { 4711, 47, 11 };
	struct pcipt_text_fault fault = { SIZE_MAX, NULL };
	struct pcipt_error *error = NULL;
	char *where = test_format("character %zu should be", refused[_i].at + 1);

	ck_assert(!pcipt_address_scan(refused[_i].text, &at, &fault));
	ck_assert_msg(fault.at == refused[_i].at, "\"%s\": fault at %zu, not %zu", refused[_i].text,
		      fault.at, refused[_i].at);
	ck_assert_ptr_nonnull(fault.expected);
	/* Outputs stay as they were on failure. */
	ck_assert(at.domain == 4711 && at.bus == 47 && at.devfn == 11);
	ck_assert(!pcipt_address_scan(refused[_i].text, &at, NULL));
	ck_assert_int_eq(pcipt_address_parse(refused[_i].text, &at, &error), PCIPT_E_SYNTAX);
	ck_assert_msg(strstr(pcipt_error_get_message(error), where) != NULL, "%s",
		      pcipt_error_get_message(error));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	pcipt_error_unref(error);
	free(where);
}
END_TEST

START_TEST(points_at_the_first_fault)
{
	struct pcipt_text_fault fault;
	struct pcipt_address at;

	/* Bus and device are both wrong: whoever mends the first is told of the second. */
	ck_assert(!pcipt_address_scan("100:20.0", &at, &fault));
	ck_assert_uint_eq(fault.at, 0);
	ck_assert(!pcipt_address_scan("00:20.9", &at, &fault));
	ck_assert_uint_eq(fault.at, 3);
}
END_TEST

START_TEST(round_trip)
{
	struct test_random random = test_random_new(1);

	for (int i = 0; i < 20000; i++) {
		struct pcipt_address at = { .bus = (uint8_t)test_random_next(&random),
					    .devfn = (uint8_t)test_random_next(&random) },
				     back;
		char text[PCIPT_ADDRESS_SIZE];

		at.domain = (uint32_t)test_random_next(&random) >> test_random_below(&random, 32);
		pcipt_address_print(at, text);
		ck_assert_msg(pcipt_address_scan(text, &back, NULL), "%s", text);
		ck_assert_uint_eq(pcipt_address_key(at), pcipt_address_key(back));
	}
}
END_TEST

START_TEST(keys_order_as_numbers_do)
{
	static const char *const ascending[] = { "0000:00:00.0", "0000:00:00.7", "0000:00:01.0",
						 "0000:00:1f.7", "0000:01:00.0", "0000:ff:1f.7",
						 "0001:00:00.0", "ffff:00:00.0", "10000:00:00.0",
						 "10001:e1:00.0" };
	uint64_t last = 0;

	for (size_t i = 0; i < sizeof(ascending) / sizeof(*ascending); i++) {
		struct pcipt_address at;

		ck_assert(pcipt_address_scan(ascending[i], &at, NULL));
		ck_assert(i == 0 || pcipt_address_key(at) > last);
		last = pcipt_address_key(at);
	}
}
END_TEST

/* Strings out of the characters that matter, so that many are nearly right. */
START_TEST(random_strings)
{
	static const char letters[] = "0000001189afAFg:::...  -x\t\n\033\377";
	struct test_random random = test_random_new(2);

	for (int i = 0; i < 200000; i++) {
		/* On the heap, so that reading past the end is seen by valgrind and others. */
		size_t n = test_random_below(&random, 20);
		char *text = malloc(n + 1);
		struct pcipt_text_fault fault = { SIZE_MAX, NULL };
		struct pcipt_address at;

		for (size_t k = 0; k < n; k++)
			text[k] = letters[test_random_below(&random, sizeof(letters) - 1)];
		text[n] = '\0';
		if (pcipt_address_scan(text, &at, &fault)) {
			ck_assert_msg(strspn(text, "0123456789abcdefABCDEF:.") == n, "%s", text);
			ck_assert(pcipt_address_function(at) < 8 && pcipt_address_device(at) < 32);
		} else {
			ck_assert_msg(fault.at <= n && fault.expected, "seed %llu, case %d: \"%s\"",
				      (unsigned long long)test_seed(), i, text);
		}
		free(text);
	}
}
END_TEST

Suite *suite_address(void)
{
	Suite *suite = suite_create("address");
	TCase *tc = tcase_create("parse");

	tcase_add_loop_test(tc, accepts, 0, sizeof(accepted) / sizeof(*accepted));
	tcase_add_loop_test(tc, refuses, 0, sizeof(refused) / sizeof(*refused));
	tcase_add_test(tc, points_at_the_first_fault);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, keys_order_as_numbers_do);
	tcase_add_test(tc, random_strings);
	suite_add_tcase(suite, tc);
	return suite;
}
