/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base: texts that are made harmless, memory, JSON helpers, options, the context. */
#include "unit.h"

#include <limits.h>

#include "base/context.h"
#include "base/json.h"
#include "base/options.h"
#include "inventory/arena.h"

/* ---- text ---- */

static const struct {
	const char *given, *harmless;
} texts[] = {
	{ "", "" },
	{ "plain text, ~!@#$%^&*()", "plain text, ~!@#$%^&*()" },
	{ "\033[31mred\033[0m", "?[31mred?[0m" },
	{ "a\nb\rc\td", "a?b?c?d" },
	{ "\001\037 \177", "?? ?" },
	{ "\302\200 \302\233 \302\237", "?? ?? ??" }, /* C1 controls */
	{ "\302\240\303\251\337\277", "\302\240\303\251\337\277" },
	{ "\340\240\200 \342\202\254 \357\277\275", "\340\240\200 \342\202\254 \357\277\275" },
	{ "\360\220\200\200 \364\217\277\277", "\360\220\200\200 \364\217\277\277" },
	{ "\200", "?" },		  /* a continuation without a beginning */
	{ "\303", "?" },		  /* a beginning without its continuation */
	{ "\303(", "?(" },
	{ "\342\202", "??" },
	{ "\342\202x", "??x" },
	{ "\360\220\200", "???" },
	{ "\300\257", "??" },		  /* "/" in two bytes */
	{ "\301\277", "??" },
	{ "\340\200\257", "???" },	  /* "/" in three */
	{ "\360\200\200\257", "????" },	  /* and in four */
	{ "\355\240\200", "???" },	  /* a surrogate */
	{ "\355\237\277", "\355\237\277" },
	{ "\364\220\200\200", "????" },	  /* past the last character */
	{ "\365\200\200\200", "????" },
	{ "\376\377", "??" },
	{ "ok\377ok\303\251", "ok?ok\303\251" },
};

START_TEST(neutralise)
{
	/* On the heap and as long as the text, so that an overrun is seen. */
	char *text = strdup(texts[_i].given);

	pcipt_text_neutralise(text);
	ck_assert_str_eq(text, texts[_i].harmless);
	/* What is harmless stays. */
	pcipt_text_neutralise(text);
	ck_assert_str_eq(text, texts[_i].harmless);
	free(text);
}
END_TEST

/* A checker written the other way round: it decodes, and looks at the character. */
static bool is_harmless(const unsigned char *s)
{
	while (*s) {
		unsigned int n = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
		uint32_t c = n == 0 ? *s : *s & (0x3f >> n);
		static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

		if (*s >= 0x80 && (*s < 0xc0 || *s > 0xf7))
			return false;
		for (unsigned int i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		s += n + 1;
	}
	return true;
}

START_TEST(neutralise_anything)
{
	static const unsigned char favourites[] = { 0x1b, 0x7f, 0x80, 0x9b, 0xa0, 0xbf, 0xc0, 0xc2,
						    0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 'a' };
	struct test_random random = test_random_new(10);

	for (int i = 0; i < 100000; i++) {
		size_t n = test_random_below(&random, 12);
		char *text = malloc(n + 1);

		for (size_t k = 0; k < n; k++) {
			uint32_t any = 1 + test_random_below(&random, 255);

			text[k] = (char)(test_random_once_in(&random, 2) ? favourites[any % 16] : any);
		}
		text[n] = '\0';
		pcipt_text_neutralise(text);
		/* Check writes each assertion down: only those that fail are made. */
		if (strlen(text) != n || !is_harmless((unsigned char *)text))
			ck_abort_msg("seed %llu, case %d", (unsigned long long)test_seed(), i);
		free(text);
	}
}
END_TEST

/* ---- memory ---- */

static bool holds_only(const unsigned char *bytes, size_t n, size_t value)
{
	while (n > 0 && *bytes == value) {
		bytes++;
		n--;
	}
	return n == 0;
}

START_TEST(arena_pieces)
{
	struct pcipt_arena arena = { 0 };
	struct test_random random = test_random_new(11);
	unsigned char *pieces[400];
	size_t sizes[400];

	for (size_t i = 0; i < 400; i++) {
		/* Also pieces larger than a block, and of nothing. */
		sizes[i] = test_random_below(&random, i % 50 == 0 ? 100000 : 300);
		pieces[i] = pcipt_arena_alloc(&arena, sizes[i]);
		ck_assert_ptr_nonnull(pieces[i]);
		ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		ck_assert(holds_only(pieces[i], sizes[i], 0));
		memset(pieces[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < 400; i++)
		ck_assert(holds_only(pieces[i], sizes[i], i & 0xff));
	pcipt_arena_free(&arena);
	pcipt_arena_free(&(struct pcipt_arena){ 0 });
}
END_TEST

START_TEST(arena_copies)
{
	struct pcipt_arena arena = { 0 };

	ck_assert_str_eq(pcipt_arena_copy(&arena, "hello", 5), "hello");
	ck_assert_str_eq(pcipt_arena_copy(&arena, "hello", 2), "he");
	ck_assert_str_eq(pcipt_arena_copy(&arena, "", 0), "");
	pcipt_arena_free(&arena);
}
END_TEST

START_TEST(growing)
{
	int *numbers = NULL;

	for (size_t n = 0; n < 1000; n++) {
		/* Asked twice for the same place, as callers do that fail in between. */
		ck_assert(pcipt_grow(&numbers, n));
		ck_assert(pcipt_grow(&numbers, n));
		numbers[n] = (int)n;
	}
	for (size_t n = 0; n < 1000; n++)
		ck_assert_int_eq(numbers[n], (int)n);
	free(numbers);
}
END_TEST

/* ---- JSON ---- */

START_TEST(json_writes)
{
	struct json_object *o = pcipt_json_object(), *array;
	char *text;

	pcipt_json_text(o, "text", "a/b");
	pcipt_json_text(o, "none", NULL);
	pcipt_json_number(o, "number", INT64_MIN);
	pcipt_json_real(o, "real", 1.0 / 3);
	pcipt_json_bool(o, "yes", true);
	pcipt_json_null(o, "null");
	pcipt_json_id(o, "id", 0x10de, 4);
	pcipt_json_id(o, "class", 0x300, 6);
	pcipt_json_id(o, "unknown", -1, 4);
	array = pcipt_json_array(o, "array");
	pcipt_json_append_text(array, "x");
	pcipt_json_append_text(array, NULL);
	text = pcipt_json_print(o);
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	ck_assert_str_eq(text, "{   \"text\": \"a/b\",   \"none\": null,   \"number\": "
			       "-9223372036854775808,   \"real\": 0.333,   \"yes\": true,   "
			       "\"null\": null,   \"id\": \"0x10de\",   \"class\": \"0x000300\",   "
			       "\"unknown\": null,   \"array\": [     \"x\",     null   ] }");
	free(text);
}
END_TEST

/* An object that could not be made: every writer takes it, and it shows at the end. */
START_TEST(json_without_memory)
{
	pcipt_json_text(NULL, "key", "value");
	pcipt_json_number(NULL, "key", 1);
	pcipt_json_real(NULL, "key", 1);
	pcipt_json_bool(NULL, "key", true);
	pcipt_json_null(NULL, "key");
	pcipt_json_id(NULL, "key", 1, 4);
	pcipt_json_add(NULL, "key", pcipt_json_object());
	ck_assert_ptr_null(pcipt_json_array(NULL, "key"));
	pcipt_json_append(NULL, pcipt_json_object());
	pcipt_json_append_text(NULL, "value");
	ck_assert_ptr_null(pcipt_json_print(NULL));
	pcipt_json_unref(NULL);
}
END_TEST

START_TEST(json_reads)
{
	static const char text[] = "{ \"text\": \"x\", \"nul\": \"a\\u0000b\", \"number\": 5, "
				   "\"null\": null, \"array\": [ {}, 1 ], \"object\": {} }";
	struct json_object *o = pcipt_json_parse(text, strlen(text)), *array;
	int64_t number = 0;

	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(pcipt_json_get_text(o, "text"), "x");
	ck_assert_ptr_null(pcipt_json_get_text(o, "nul"));
	ck_assert_ptr_null(pcipt_json_get_text(o, "number"));
	ck_assert_ptr_null(pcipt_json_get_text(o, "null"));
	ck_assert_ptr_null(pcipt_json_get_text(o, "absent"));
	ck_assert_ptr_null(pcipt_json_get_text(NULL, "text"));
	ck_assert(pcipt_json_is_null(o, "null") && pcipt_json_is_null(o, "absent"));
	ck_assert(!pcipt_json_is_null(o, "text") && !pcipt_json_is_null(o, "nul"));
	ck_assert(pcipt_json_get_number(o, "number", &number) && number == 5);
	ck_assert(!pcipt_json_get_number(o, "text", &number) && number == 5);
	array = pcipt_json_get_array(o, "array");
	ck_assert_uint_eq(pcipt_json_length(array), 2);
	ck_assert_ptr_nonnull(pcipt_json_at(array, 1));
	ck_assert_ptr_null(pcipt_json_at(array, 2));
	ck_assert_ptr_null(pcipt_json_at(NULL, 0));
	ck_assert_ptr_null(pcipt_json_get_array(o, "object"));
	ck_assert_uint_eq(pcipt_json_length(NULL), 0);
	/* What isn't an object has no members. */
	ck_assert_ptr_null(pcipt_json_get_text(array, "text"));
	pcipt_json_unref(o);
}
END_TEST

static const char *const bad_json[] = {
	"",	    " ",	"{",		"}",		"{\"a\":1,}", "{a:1}",    "{\"a\":}",	"[1,]",		"{} x",		"{}{}",	      "\"unended",
	"nul",	    "01",	"/* x */ {}",	"{\"a\":1e}", "\xff",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

START_TEST(json_refuses)
{
	struct json_object *o = pcipt_json_parse(bad_json[_i], strlen(bad_json[_i]));

	ck_assert_msg(o == NULL, "\"%s\" is taken", bad_json[_i]);
}
END_TEST

/* ---- options ---- */

static struct pcipt_options *new_options(void)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_options_new(&options, &error), error);
	return options;
}

START_TEST(option_driver)
{
	static const char *const good[] = { "vfio-pci", "mlx5_vfio_pci", "a", "8139too" };
	static const char *const bad[] = { "",	 "-x",	     "a b",	 "../x", "a/b", ".",
					   "..", "vfio pci", "x\n",	 "a.b",	 "\303\251",
					   "a1234567890123456789012345678901234567890123456789012345678"
					   "90123" };
	struct pcipt_options *options = new_options();
	struct pcipt_error *error = NULL;

	ck_assert_str_eq(pcipt_options_driver(options), "vfio-pci");
	ck_assert_str_eq(pcipt_options_driver(NULL), "vfio-pci");
	for (size_t i = 0; i < 4; i++) {
		assert_ok(pcipt_options_set_driver(options, good[i], &error), error);
		ck_assert_str_eq(pcipt_options_driver(options), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(pcipt_options_set_driver(options, bad[i], &error) == PCIPT_E_INVALID,
			      "\"%s\" is taken", bad[i]);
		assert_fails(PCIPT_E_INVALID, error);
		ck_assert_str_eq(pcipt_options_driver(options), "8139too");
	}
	ck_assert_int_eq(pcipt_options_set_driver(options, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_options_set_driver(NULL, "x", NULL), PCIPT_E_INVALID);
	pcipt_options_unref(options);
}
END_TEST

START_TEST(option_allow)
{
	static const char *const bad[] = { "no-such-code", "",		  "claimed", "no-iommu",
					   "set-incomplete", "not-bindable", "BOOT-VGA" };
	struct pcipt_options *options = new_options();
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_options_add_allow(options, "boot-vga", NULL, &error), error);
	assert_ok(pcipt_options_add_allow(options, "boot-vga", "1:0.0", &error), error);
	ck_assert_uint_eq(options->n_allow, 2);
	ck_assert_ptr_null(options->allow[0].address);
	ck_assert_str_eq(options->allow[1].address, "0000:01:00.0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(pcipt_options_add_allow(options, bad[i], NULL, &error) ==
				      PCIPT_E_INVALID,
			      "\"%s\" is allowed", bad[i]);
		ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
		assert_fails(PCIPT_E_INVALID, error);
	}
	ck_assert_int_eq(pcipt_options_add_allow(options, "boot-vga", "01:00", &error),
			 PCIPT_E_SYNTAX);
	assert_fails(PCIPT_E_SYNTAX, error);
	ck_assert_int_eq(pcipt_options_add_allow(options, NULL, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_options_add_allow(NULL, "boot-vga", NULL, NULL), PCIPT_E_INVALID);
	ck_assert_uint_eq(options->n_allow, 2);
	pcipt_options_unref(options);
}
END_TEST

START_TEST(option_owner)
{
	struct pcipt_options *options = new_options();
	struct pcipt_error *error = NULL;
	char text[257];

	memset(text, 'o', sizeof(text));
	text[256] = '\0';
	ck_assert_int_eq(pcipt_options_set_owner(options, text, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	text[255] = '\0';
	assert_ok(pcipt_options_set_owner(options, text, &error), error);
	assert_ok(pcipt_options_set_owner(options, "a\033b", &error), error);
	ck_assert_str_eq(options->owner, "a?b");
	assert_ok(pcipt_options_set_owner(options, NULL, &error), error);
	ck_assert_ptr_null(options->owner);
	ck_assert_int_eq(pcipt_options_set_owner(NULL, "x", NULL), PCIPT_E_INVALID);
	pcipt_options_unref(options);
}
END_TEST

START_TEST(option_name)
{
	static const char *const good[] = { "a", "vm-1", "A.b_C-9", "_x", "0", "pci-0000-01-00.0",
					    "a12345678901234567890123456789012345678901234567890123456"
					    "789012" };
	static const char *const bad[] = { "",	      ".",	 "..",	    ".x",   "-x",
					   "a b",     "a/b",	 "../x",    "a:b",  "01:00.0",
					   "10de:2484", "group=1", "\303\251", "a\n", "slot=x",
					   "a1234567890123456789012345678901234567890123456789012345678"
					   "90123" };
	struct pcipt_options *options = new_options();
	struct pcipt_error *error = NULL;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_ok(pcipt_options_set_name(options, good[i], &error), error);
		ck_assert_str_eq(options->name, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(pcipt_options_set_name(options, bad[i], &error) == PCIPT_E_NAME,
			      "\"%s\" is taken", bad[i]);
		ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
		assert_fails(PCIPT_E_NAME, error);
	}
	assert_ok(pcipt_options_set_name(options, NULL, &error), error);
	ck_assert_ptr_null(options->name);
	ck_assert_int_eq(pcipt_options_set_name(NULL, "x", NULL), PCIPT_E_INVALID);
	pcipt_options_unref(options);
}
END_TEST

START_TEST(option_lifetime)
{
	struct pcipt_options *options = new_options();

	ck_assert_int_eq(pcipt_options_new(NULL, NULL), PCIPT_E_INVALID);
	ck_assert_ptr_eq(pcipt_options_ref(options), options);
	errno = 4711;
	ck_assert_ptr_null(pcipt_options_unref(options));
	ck_assert_ptr_null(pcipt_options_unref(options));
	ck_assert_int_eq(errno, 4711);
	ck_assert_ptr_null(pcipt_options_ref(NULL));
	ck_assert_ptr_null(pcipt_options_unref(NULL));
	pcipt_options_set_with_set(NULL, true);
}
END_TEST

/* ---- the context ---- */

START_TEST(context_settings)
{
	struct pcipt_context *ctx = test_context("/some/root");
	struct pcipt_error *error = NULL;

	ck_assert_str_eq(pcipt_context_get_root(ctx), "/some/root");
	ck_assert_str_eq(pcipt_context_get_state_dir(ctx), "/some/root/var/lib/libpcipt");
	ck_assert_str_eq(pcipt_context_get_runtime_dir(ctx), "/some/root/run/libpcipt");
	assert_ok(pcipt_context_set_runtime_dir(ctx, "/elsewhere", &error), error);
	assert_ok(pcipt_context_set_root(ctx, "/", &error), error);
	/* What was given stays; what follows from the root follows. */
	ck_assert_str_eq(pcipt_context_get_runtime_dir(ctx), "/elsewhere");
	ck_assert_str_eq(pcipt_context_get_state_dir(ctx), "/var/lib/libpcipt");
	assert_ok(pcipt_context_set_state_dir(ctx, "/kept", &error), error);
	ck_assert_str_eq(pcipt_context_get_state_dir(ctx), "/kept");
	ck_assert_uint_eq(pcipt_context_get_timeout_ms(ctx), 60000);
	pcipt_context_set_timeout_ms(ctx, 5);
	ck_assert_uint_eq(pcipt_context_get_timeout_ms(ctx), 5);
	pcipt_context_set_timeout_ms(ctx, 0);
	ck_assert_uint_eq(pcipt_context_get_timeout_ms(ctx), 60000);
	ck_assert_int_eq(pcipt_context_set_root(ctx, "", &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_context_set_root(ctx, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_context_set_state_dir(ctx, "", NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_context_set_runtime_dir(NULL, "/x", NULL), PCIPT_E_INVALID);
	ck_assert_str_eq(pcipt_context_get_root(ctx), "/");
	pcipt_context_unref(ctx);
	ck_assert_ptr_null(pcipt_context_get_root(NULL));
	ck_assert_uint_eq(pcipt_context_get_timeout_ms(NULL), 0);
	ck_assert_int_eq(pcipt_context_new(NULL, NULL), PCIPT_E_INVALID);
}
END_TEST

/* Settings are for a context that nobody uses yet. */
START_TEST(context_in_use)
{
	char *root = test_path("root");
	struct pcipt_context *ctx = test_context("/");
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;

	pcipt_snapshot_unref(pcipt_snapshot_new(ctx, &snap, NULL) == 0 ? snap : NULL);
	ck_assert_int_eq(pcipt_context_set_root(ctx, root, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_str_eq(pcipt_context_get_root(ctx), "/");
	pcipt_context_unref(ctx);
	free(root);
}
END_TEST

static void keep_line(void *data, int level, const char *line)
{
	char **kept = data;

	free(*kept);
	*kept = test_format("%d %s", level, line);
}

START_TEST(context_log)
{
	struct pcipt_context *ctx = test_context("/");
	char *line = NULL;

	pcipt_log(ctx, PCIPT_LOG_ERROR, "nobody hears %s", "this");
	pcipt_context_set_log(ctx, keep_line, &line, PCIPT_LOG_WARNING);
	pcipt_log(ctx, PCIPT_LOG_INFO, "too quiet");
	ck_assert_ptr_null(line);
	pcipt_log(ctx, PCIPT_LOG_WARNING, "a %s\nb", "\033[2J");
	ck_assert_str_eq(line, "2 a ?[2J?b");
	pcipt_context_set_log(ctx, NULL, NULL, PCIPT_LOG_DEBUG);
	pcipt_log(ctx, PCIPT_LOG_ERROR, "gone");
	ck_assert_str_eq(line, "2 a ?[2J?b");
	pcipt_context_set_log(NULL, keep_line, &line, PCIPT_LOG_DEBUG);
	free(line);
	pcipt_context_unref(ctx);
}
END_TEST

/* Every value of an enumeration has a word; any other number has one too. */
START_TEST(words)
{
	static const struct {
		const char *(*name)(int);
		const char *first;
		int n;
	} table[] = {
		{ pcipt_role_name, "requested", PCIPT_ROLE_EXEMPT + 1 },
		{ pcipt_action_name, "bind", PCIPT_ACTION_KEEP + 1 },
		{ pcipt_severity_name, "hard", PCIPT_SEVERITY_WARNING + 1 },
		{ pcipt_op_name, "load", PCIPT_OP_POWER + 1 },
		{ pcipt_outcome_name, "done", PCIPT_OUTCOME_FAILED + 1 },
		{ pcipt_claim_state_name, "binding", PCIPT_CLAIM_RELEASING + 1 },
	};

	ck_assert_str_eq(table[_i].name(0), table[_i].first);
	for (int i = 0; i < table[_i].n; i++)
		ck_assert_str_ne(table[_i].name(i), "unknown");
	ck_assert_str_eq(table[_i].name(-1), "unknown");
	ck_assert_str_eq(table[_i].name(10000), "unknown");
	ck_assert_str_eq(table[_i].name(INT_MIN), "unknown");
	ck_assert_str_eq(table[_i].name(INT_MAX), "unknown");
}
END_TEST

Suite *suite_base(void)
{
	Suite *suite = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_loop_test(tc, neutralise, 0, sizeof(texts) / sizeof(*texts));
	tcase_add_test(tc, neutralise_anything);
	tcase_add_test(tc, arena_pieces);
	tcase_add_test(tc, arena_copies);
	tcase_add_test(tc, growing);
	tcase_add_test(tc, json_writes);
	tcase_add_test(tc, json_without_memory);
	tcase_add_test(tc, json_reads);
	tcase_add_loop_test(tc, json_refuses, 0, sizeof(bad_json) / sizeof(*bad_json));
	tcase_add_test(tc, option_driver);
	tcase_add_test(tc, option_allow);
	tcase_add_test(tc, option_owner);
	tcase_add_test(tc, option_name);
	tcase_add_test(tc, option_lifetime);
	tcase_add_test(tc, context_settings);
	tcase_add_test(tc, context_in_use);
	tcase_add_test(tc, context_log);
	tcase_add_loop_test(tc, words, 0, 6);
	suite_add_tcase(suite, tc);
	return suite;
}
