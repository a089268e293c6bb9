/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors: the table of codes against the public header, and the objects. */
#include "unit.h"

#include <json-c/json.h>
#include <limits.h>

#include "base/error.h"

static const struct {
	int code, exit_status;
	const char *name;
} table[] = {
#define ERRC(code, exit_status, retryable, text) { code, exit_status, #code },
#include "base/error-codes.def"
#undef ERRC
};

#define N_CODES (sizeof(table) / sizeof(*table))

START_TEST(every_code_is_whole)
{
	ck_assert_uint_eq(pcipt_errc_count(), N_CODES);
	for (size_t i = 0; i < N_CODES; i++) {
		/* Nothing between is left out, so that numbers can be listed. */
		ck_assert_int_eq(table[i].code, -(int)i);
		ck_assert_str_eq(pcipt_errc_name(table[i].code), table[i].name);
		ck_assert_int_eq(strncmp(table[i].name, i ? "PCIPT_E_" : "PCIPT_OK", 8), 0);
		ck_assert_uint_gt(strlen(pcipt_errc_text(table[i].code)), 3);
		ck_assert_int_eq(pcipt_errc_exit_status(table[i].code), table[i].exit_status);
		ck_assert_int_ge(table[i].exit_status, i ? 1 : 0);
		ck_assert_int_le(table[i].exit_status, 9);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(table[i].name, table[k].name);
	}
}
END_TEST

START_TEST(unknown_codes)
{
	static const int codes[] = { 1, -(int)N_CODES, -4711, INT_MIN, INT_MAX };

	for (size_t i = 0; i < 5; i++) {
		ck_assert_str_eq(pcipt_errc_name(codes[i]), "PCIPT_E_UNKNOWN");
		ck_assert_ptr_nonnull(pcipt_errc_text(codes[i]));
		ck_assert_int_eq(pcipt_errc_exit_status(codes[i]), 1);
	}
}
END_TEST

/* The value that a name has in the header's text; INT_MAX where it isn't there. */
static int in_header(const char *header, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = header; (p = strstr(p, name)); p += n)
		if (p[-1] == '\t' && p[n] == ' ' && p[n + 1] == '=')
			return atoi(p + n + 2);
	return INT_MAX;
}

/* The public header's enumeration and the library's table say the same, both ways. */
START_TEST(header_and_table)
{
	char *path = test_source("include/libpcipt/error.h"), *header = test_read(path, NULL), *p;
	char *begin = strstr(header, "enum pcipt_errc {"), *end = strstr(begin, "};");
	size_t n = 0;

	*end = '\0';
	for (size_t i = 0; i < N_CODES; i++)
		ck_assert_msg(in_header(begin, table[i].name) == table[i].code,
			      "%s is %d in the header", table[i].name,
			      in_header(begin, table[i].name));
	for (p = begin; (p = strstr(p, "\tPCIPT_")); p++)
		n++;
	ck_assert_uint_eq(n, N_CODES);
	free(header);
	free(path);
}
END_TEST

static const struct pcipt_error_facts facts = {
	.step = "bind",
	.address = "0000:01:00.0",
	.path = "/sys/bus/pci/drivers/vfio-pci/bind",
	.errnum = EBUSY,
	.remedy = "Close it",
};

START_TEST(facts_and_getters)
{
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(pcipt_fail(&error, PCIPT_E_BIND, &facts, "%s: %d", "no", 5), PCIPT_E_BIND);
	ck_assert_int_eq(pcipt_error_get_code(error), PCIPT_E_BIND);
	ck_assert_str_eq(pcipt_error_get_name(error), "PCIPT_E_BIND");
	ck_assert_str_eq(pcipt_error_get_message(error), "no: 5");
	ck_assert_str_eq(pcipt_error_get_step(error), facts.step);
	ck_assert_str_eq(pcipt_error_get_address(error), facts.address);
	ck_assert_str_eq(pcipt_error_get_path(error), facts.path);
	ck_assert_int_eq(pcipt_error_get_errno(error), EBUSY);
	ck_assert_str_eq(pcipt_error_get_remedy(error), facts.remedy);
	ck_assert(!pcipt_error_is_retryable(error));
	ck_assert_ptr_eq(pcipt_error_ref(error), error);
	errno = 4711;
	ck_assert_ptr_null(pcipt_error_unref(error));
	ck_assert_ptr_null(pcipt_error_unref(error));
	ck_assert_int_eq(errno, 4711);
}
END_TEST

START_TEST(without_facts)
{
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(pcipt_fail(&error, PCIPT_E_TIMEOUT, NULL, "late"), PCIPT_E_TIMEOUT);
	ck_assert_ptr_null(pcipt_error_get_step(error));
	ck_assert_ptr_null(pcipt_error_get_address(error));
	ck_assert_ptr_null(pcipt_error_get_path(error));
	ck_assert_ptr_null(pcipt_error_get_remedy(error));
	ck_assert_int_eq(pcipt_error_get_errno(error), 0);
	ck_assert(pcipt_error_is_retryable(error));
	pcipt_error_unref(error);
	/* Nobody listens: the code alone. */
	ck_assert_int_eq(pcipt_fail(NULL, PCIPT_E_IO, &facts, "unheard"), PCIPT_E_IO);
	ck_assert_int_eq(pcipt_fail_memory(NULL), PCIPT_E_NO_MEMORY);
	ck_assert_int_eq(pcipt_fail_argument(NULL, "f", "x"), PCIPT_E_INVALID);
}
END_TEST

START_TEST(texts_are_neutralised)
{
	struct pcipt_error *error = NULL;
	static const struct pcipt_error_facts odd = { .step = "s\n", .address = "a\033",
						      .path = "p\377", .remedy = "r\302\233" };

	pcipt_fail(&error, PCIPT_E_IO, &odd, "m\r%s", "\001");
	ck_assert_str_eq(pcipt_error_get_message(error), "m??");
	ck_assert_str_eq(pcipt_error_get_step(error), "s?");
	ck_assert_str_eq(pcipt_error_get_address(error), "a?");
	ck_assert_str_eq(pcipt_error_get_path(error), "p?");
	ck_assert_str_eq(pcipt_error_get_remedy(error), "r??");
	pcipt_error_unref(error);
}
END_TEST

START_TEST(causes)
{
	struct pcipt_error *error = NULL, *cause;

	pcipt_fail(&error, PCIPT_E_ROLLBACK_INCOMPLETE, NULL, "all");
	for (int i = 0; i < 20; i++) {
		cause = NULL;
		pcipt_fail(&cause, PCIPT_E_BIND, &facts, "device %d", i);
		pcipt_error_add_cause(error, cause);
	}
	pcipt_error_add_cause(error, NULL);
	ck_assert_uint_eq(pcipt_error_cause_count(error), 20);
	ck_assert_str_eq(pcipt_error_get_message(pcipt_error_cause_at(error, 19)), "device 19");
	ck_assert_ptr_null(pcipt_error_cause_at(error, 20));
	pcipt_error_unref(error);
	/* A cause of nothing is dropped. */
	cause = NULL;
	pcipt_fail(&cause, PCIPT_E_BIND, NULL, "lost");
	pcipt_error_add_cause(NULL, cause);
}
END_TEST

START_TEST(passing_on)
{
	struct pcipt_error *error = NULL, *to = NULL;

	pcipt_fail(&error, PCIPT_E_GONE, NULL, "gone");
	ck_assert_int_eq(pcipt_error_pass(&to, error), PCIPT_E_GONE);
	ck_assert_ptr_eq(to, error);
	ck_assert_int_eq(pcipt_error_pass(NULL, to), PCIPT_E_GONE);
	ck_assert_int_eq(pcipt_error_pass(NULL, NULL), 0);
}
END_TEST

/* The error for which there was no memory: one for all, that nobody can free or spoil. */
START_TEST(out_of_memory)
{
	struct pcipt_error *error = NULL, *again = NULL, *cause = NULL;
	char *json;

	ck_assert_int_eq(pcipt_fail_memory(&error), PCIPT_E_NO_MEMORY);
	ck_assert_int_eq(pcipt_error_get_code(error), PCIPT_E_NO_MEMORY);
	ck_assert_int_eq(pcipt_error_get_errno(error), ENOMEM);
	ck_assert(pcipt_error_is_retryable(error));
	ck_assert_ptr_nonnull(pcipt_error_get_message(error));
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_null(pcipt_error_unref(error));
	pcipt_fail(&cause, PCIPT_E_IO, NULL, "dropped");
	pcipt_error_add_cause(error, cause);
	ck_assert_uint_eq(pcipt_error_cause_count(error), 0);
	pcipt_fail_memory(&again);
	ck_assert_ptr_eq(again, error);
	ck_assert_ptr_eq(pcipt_error_ref(error), error);
	json = pcipt_error_to_json(error);
	ck_assert_ptr_nonnull(strstr(json, "PCIPT_E_NO_MEMORY"));
	pcipt_free(json);
}
END_TEST

START_TEST(null_error)
{
	char *json = pcipt_error_to_json(NULL);

	ck_assert_str_eq(json, "null");
	pcipt_free(json);
	ck_assert_int_eq(pcipt_error_get_code(NULL), 0);
	ck_assert_str_eq(pcipt_error_get_name(NULL), "PCIPT_OK");
	ck_assert_ptr_null(pcipt_error_get_message(NULL));
	ck_assert_ptr_null(pcipt_error_get_step(NULL));
	ck_assert_ptr_null(pcipt_error_get_address(NULL));
	ck_assert_ptr_null(pcipt_error_get_path(NULL));
	ck_assert_ptr_null(pcipt_error_get_remedy(NULL));
	ck_assert_int_eq(pcipt_error_get_errno(NULL), 0);
	ck_assert(!pcipt_error_is_retryable(NULL));
	ck_assert_uint_eq(pcipt_error_cause_count(NULL), 0);
	ck_assert_ptr_null(pcipt_error_cause_at(NULL, 0));
	ck_assert_ptr_null(pcipt_error_ref(NULL));
	ck_assert_ptr_null(pcipt_error_unref(NULL));
	pcipt_free(NULL);
}
END_TEST

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(o, key, &value), "no key %s", key);
	return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE);
}

START_TEST(json)
{
	static const char *const keys[] = { "code", "number", "message",   "step",   "address",
					    "path", "errno",  "retryable", "remedy", "causes" };
	struct pcipt_error *error = NULL, *cause = NULL;
	struct json_object *o, *inner;
	char *text;

	pcipt_fail(&error, PCIPT_E_BIND, &facts, "no \"way\"");
	pcipt_fail(&cause, PCIPT_E_IO, NULL, "because");
	pcipt_error_add_cause(error, cause);
	text = pcipt_error_to_json(error);
	o = json_tokener_parse(text);
	for (size_t i = 0; i < 10; i++)
		text_of(o, keys[i]);
	ck_assert_int_eq(json_object_object_length(o), 10);
	ck_assert_str_eq(text_of(o, "code"), "\"PCIPT_E_BIND\"");
	ck_assert_str_eq(text_of(o, "number"), "-17");
	ck_assert_str_eq(text_of(o, "message"), "\"no \\\"way\\\"\"");
	ck_assert_str_eq(text_of(o, "errno"), "\"EBUSY\"");
	ck_assert_str_eq(text_of(o, "retryable"), "false");
	inner = json_object_array_get_idx(json_object_object_get(o, "causes"), 0);
	ck_assert_str_eq(text_of(inner, "message"), "\"because\"");
	ck_assert_str_eq(text_of(inner, "errno"), "null");
	ck_assert_str_eq(text_of(inner, "step"), "null");
	ck_assert_str_eq(text_of(inner, "causes"), "[]");
	json_object_put(o);
	pcipt_free(text);
	pcipt_error_unref(error);
}
END_TEST

START_TEST(names_of_errnos)
{
	ck_assert_ptr_null(pcipt_errno_name(0));
	ck_assert_str_eq(pcipt_errno_name(EBUSY), "EBUSY");
	ck_assert_str_eq(pcipt_errno_name(EROFS), "EROFS");
	ck_assert_ptr_nonnull(pcipt_errno_name(4711));
	ck_assert_ptr_nonnull(pcipt_errno_text(0));
	ck_assert_ptr_nonnull(pcipt_errno_text(4711));
	ck_assert_ptr_nonnull(pcipt_errno_text(-1));
}
END_TEST

Suite *suite_error(void)
{
	Suite *suite = suite_create("error");
	TCase *tc = tcase_create("error");

	tcase_add_test(tc, every_code_is_whole);
	tcase_add_test(tc, unknown_codes);
	tcase_add_test(tc, header_and_table);
	tcase_add_test(tc, facts_and_getters);
	tcase_add_test(tc, without_facts);
	tcase_add_test(tc, texts_are_neutralised);
	tcase_add_test(tc, causes);
	tcase_add_test(tc, passing_on);
	tcase_add_test(tc, out_of_memory);
	tcase_add_test(tc, null_error);
	tcase_add_test(tc, json);
	tcase_add_test(tc, names_of_errnos);
	suite_add_tcase(suite, tc);
	return suite;
}
