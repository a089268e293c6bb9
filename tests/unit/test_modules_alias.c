/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules by alias: the matcher against fnmatch(), and which names come out of a file. */
#include <check.h>
#include <fnmatch.h>
#include <stdio.h>

#include "inventory/modules-alias.h"

Suite *modules_alias_suite(void);

static struct pcipt_alias_matches m;

/* From memory of that very size, without a NUL behind. */
static void match_bytes(const char *text, size_t n, const char *modalias)
{
	char *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, n);
	memset(&m, 0xa5, sizeof(m));
	pcipt_modules_alias_match(copy, n, modalias, &m);
	free(copy);
}

static void match(const char *text, const char *modalias)
{
	match_bytes(text, strlen(text), modalias);
}

static bool glob(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);
	char *copy = malloc(n ? n : 1);
	bool r;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, pattern, n);
	r = pcipt_alias_glob(copy, n, text);
	free(copy);
	return r;
}

static const struct {
	const char *pattern, *text;
	bool matches;
} globs[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "a", "", false },
	{ "*", "", true },
	{ "**", "", true },
	{ "*", "anything", true },
	{ "?", "", false },
	{ "?", "a", true },
	{ "??", "a", false },
	{ "abc", "abc", true },
	{ "abc", "abcd", false },
	{ "abcd", "abc", false },
	{ "ABC", "abc", false },
	{ "a*c", "abbbc", true },
	{ "a*c", "abbbd", false },
	{ "a*b*c", "a-b-b-c-c", true },
	{ "*aab", "aaaaaab", true },
	{ "*aab*", "aaaaaa", false },
	{ "v0000*d*sv*", "v00008086d00001234sv00000001", true },
	{ "[abc]", "b", true },
	{ "[abc]", "d", false },
	{ "[0-9A-F]x", "Ex", true },
	{ "[0-9A-F]x", "Gx", false },
	{ "[a-]", "-", true },
	{ "[-a]", "-", true },
	{ "[9-0]", "5", false },
	{ "*[12]", "x1x2", true },
	{ "*[12]", "x1x3", false },
	{ "[*?]", "*", true },
	{ "[*?]", "x", false },
	{ "\\*", "*", false },
	{ "]", "]", true },
	/* None of these has a meaning, so nothing matches. */
	{ "[", "[", false },
	{ "[abc", "a", false },
	{ "[]", "]", false },
	{ "[]a]", "]", false },
	{ "[!a]", "b", false },
	{ "[^a]", "b", false },
	{ "*[", "x", false },
};

START_TEST(glob_table)
{
	ck_assert_msg(glob(globs[_i].pattern, globs[_i].text) == globs[_i].matches,
		      "\"%s\" and \"%s\"", globs[_i].pattern, globs[_i].text);
}
END_TEST

static uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

/* Few letters, so that it matches often; no set that fnmatch() reads otherwise. */
START_TEST(glob_as_fnmatch)
{
	static const char *const pieces[] = { "a",    "b",     "c",    "?",  "*",
					      "[ab]", "[a-c]", "[bc]", "[c]" };
	uint64_t state = 20250101 + (uint64_t)_i;
	unsigned int matched = 0;

	for (int round = 0; round < 20000; round++) {
		char pattern[64] = "", text[16] = "";

		for (uint32_t n = next_random(&state, 8); n > 0; n--)
			strcat(pattern, pieces[next_random(&state, ARRAY_SIZE(pieces))]);
		for (uint32_t n = next_random(&state, 10); n > 0; n--)
			strcat(text, pieces[next_random(&state, 3)]);
		matched += glob(pattern, text);
		ck_assert_msg(glob(pattern, text) == (fnmatch(pattern, text, 0) == 0),
			      "\"%s\" and \"%s\"", pattern, text);
	}
	ck_assert_uint_gt(matched, 1000);
}
END_TEST

/* A matcher that tries every way would not end before the timeout. */
START_TEST(no_blow_up)
{
	size_t size = 1 << 18;
	char *text = malloc(size), alias[PCIPT_MODALIAS_MAX + 1];

	ck_assert_ptr_nonnull(text);
	memset(alias, 'a', sizeof(alias));
	memcpy(alias, "pci:", 4);
	alias[PCIPT_MODALIAS_MAX] = '\0';
	for (size_t i = 0; i < size; i++)
		text[i] = _i == 0 ? "*a"[i % 2] : _i == 1 ? '*' : "*[a-z]"[i % 6];
	memcpy(text, "alias pci:", 10);
	memcpy(text + size - 4, "b m\n", 4);
	match_bytes(text, size, alias);
	ck_assert_uint_eq(m.n_modules, 0);
	free(text);
}
END_TEST

#define NIC "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
#define MLX "pci:v000015B3d0000101Esv000015B3sd00000001bc02sc00i00"

/* In the shape that depmod writes. */
static const char file[] =
	"# Aliases extracted from modules themselves.\n"
	"alias fs-ext4 ext4\n"
	"alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
	"alias pci:v00008086d000010D4sv*sd*bc*sc*i* wrong_device\n"
	"alias pci:v*d*sv*sd*bc02sc00i* any_nic\n"
	"alias usb:v8086p10D3d*dc*dsc*dp*ic*isc*ip*in* wrong_bus\n"
	"alias pci:v00008086d*sv*sd*bc02sc*i* e1000e\n"
	"alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
	"alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
	"alias vfio_pci:v000015B3d*sv*sd*bc*sc*i* broader\n"
	"alias pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_core\n"
	"alias xpci:v*d*sv*sd*bc*sc*i* wrong_prefix\n"
	"options e1000e IntMode=1\n";

START_TEST(names_in_file_order)
{
	match(file, NIC);
	ck_assert(!m.damaged && !m.more);
	ck_assert_uint_eq(m.n_modules, 2);
	ck_assert_str_eq(m.modules[0], "e1000e");
	ck_assert_str_eq(m.modules[1], "any_nic");
	ck_assert_str_eq(m.vfio, "vfio_pci");
	ck_assert_uint_eq(m.vfio_wildcards, 7);
}
END_TEST

START_TEST(variant_driver)
{
	match(file, MLX);
	ck_assert_uint_eq(m.n_modules, 2);
	ck_assert_str_eq(m.modules[0], "any_nic");
	ck_assert_str_eq(m.modules[1], "mlx5_core");
	ck_assert_str_eq(m.vfio, "mlx5_vfio_pci");
	ck_assert_uint_eq(m.vfio_wildcards, 5);
}
END_TEST

START_TEST(first_of_equal_variants)
{
	match("alias vfio_pci:v000015B3d*sv*sd*bc*sc*i* one\n"
	      "alias vfio_pci:v*d0000101Esv*sd*bc*sc*i* two\n",
	      MLX);
	ck_assert_str_eq(m.vfio, "one");
	ck_assert_uint_eq(m.vfio_wildcards, 6);
	ck_assert_uint_eq(m.n_modules, 0);
	/* Each '?' and each set counts like a '*'; what is in a set does not. */
	match("alias vfio_pci:v0000????d*sv* four\n"
	      "alias vfio_pci:v0000[0-9?*]5B3d*sv* three\n",
	      MLX);
	ck_assert_str_eq(m.vfio, "three");
	ck_assert_uint_eq(m.vfio_wildcards, 3);
}
END_TEST

/* Nothing to go by: no file, no device of this bus. */
START_TEST(nothing)
{
	static const char *const others[] = { NULL, "", "pci", "usb:v8086", "vfio_pci:v", " " NIC };
	char alias[PCIPT_MODALIAS_MAX + 2];

	pcipt_modules_alias_match(NULL, 0, NIC, &m);
	ck_assert(m.n_modules == 0 && !m.vfio[0] && !m.damaged && !m.more);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		match("alias pci:* all\nalias vfio_pci:* vfio_pci\n", others[i]);
		ck_assert(m.n_modules == 0 && !m.vfio[0] && !m.damaged);
	}
	memset(alias, 'a', sizeof(alias));
	memcpy(alias, "pci:", 4);
	alias[sizeof(alias) - 1] = '\0';
	match("alias pci:* all\n", alias);
	ck_assert_uint_eq(m.n_modules, 0);
	alias[sizeof(alias) - 2] = '\0';
	match("alias pci:* all\n", alias);
	ck_assert_uint_eq(m.n_modules, 1);
}
END_TEST

static const struct {
	const char *line;
	bool matches, damaged;
} lines[] = {
	{ "alias pci:* good", true, false }, /* no newline at the end */
	{ "  alias\tpci:*   good  \n", true, false },
	{ "alias pci:* vfio-pci.x+y\n", true, false },
	{ "#alias pci:* good\n", false, false },
	{ "aliases pci:* good\n", false, false },
	{ "alia", false, false },
	{ "alias\n", false, false },
	{ "alias pci: good\n", false, false },
	{ "alias PCI:* good\n", false, false },
	{ "alias pci:*\n", false, true },
	{ "alias pci:* two words\n", false, true },
	{ "alias pci:* ../../etc/passwd\n", false, true },
	{ "alias pci:* .hidden\n", false, true },
	{ "alias pci:* -rf\n", false, true },
	{ "alias pci:* a;b\n", false, true },
	{ "alias pci:* caf\xc3\xa9\n", false, true },
	{ "alias pci:* crlf\r\n", false, true },
	{ "alias pci:usb* a;b\n", false, false }, /* no match: nobody looks */
};

START_TEST(line_table)
{
	match(lines[_i].line, NIC);
	ck_assert_uint_eq(m.n_modules, lines[_i].matches);
	ck_assert_int_eq(m.damaged, lines[_i].damaged);
}
END_TEST

START_TEST(long_names)
{
	char text[128];

	snprintf(text, sizeof(text), "alias pci:* %0*d\n", PCIPT_MODULE_NAME_SIZE - 1, 7);
	match(text, NIC);
	ck_assert_uint_eq(m.n_modules, 1);
	ck_assert_uint_eq(strlen(m.modules[0]), PCIPT_MODULE_NAME_SIZE - 1);
	snprintf(text, sizeof(text), "alias vfio_pci:* %0*d\n", PCIPT_MODULE_NAME_SIZE, 7);
	match(text, NIC);
	ck_assert(m.damaged && !m.vfio[0]);
}
END_TEST

START_TEST(more_than_fit)
{
	char text[2048] = "";

	for (int i = 0; i < 17; i++)
		snprintf(text + strlen(text), 64, "alias pci:* m%d\nalias pci:v* m%d\n", i, i);
	match(text, NIC);
	ck_assert_uint_eq(m.n_modules, PCIPT_ALIAS_MODULES_MAX);
	ck_assert(m.more && !m.damaged);
	ck_assert_str_eq(m.modules[15], "m15");
}
END_TEST

/* What was thrown away could not match: the same answer from what is left. */
static void same_when_kept(const char *text, size_t length, const char *modalias)
{
	struct pcipt_alias_matches whole = m;
	char *copy = malloc(length ? length : 1);
	size_t kept;

	memcpy(copy, text, length);
	kept = pcipt_modules_alias_keep_pci(copy, length);
	ck_assert_uint_le(kept, length);
	match_bytes(copy, kept, modalias);
	ck_assert_mem_eq(&m, &whole, sizeof(m));
	free(copy);
}

START_TEST(keeps_what_can_match)
{
	char text[] = "# pci:v\nalias usb:v* u\nalias pci:* a\naliases pci:* b\n"
		      " alias\tvfio_pci:* c\nalias pcie:* d\nalias pci:* e";
	size_t n = pcipt_modules_alias_keep_pci(text, strlen(text));

	text[n] = '\0';
	ck_assert_str_eq(text, "alias pci:* a\n alias\tvfio_pci:* c\nalias pci:* e\n");
	ck_assert_uint_eq(pcipt_modules_alias_keep_pci(NULL, 0), 0);
}
END_TEST

START_TEST(mutations)
{
	static const char likely[] = "*?[]-!^ \n\t0123ABCDvsdbci:";
	uint64_t state = 20250101 + (uint64_t)_i;
	char text[sizeof(file)];
	size_t length;

	for (int round = 0; round < 3000; round++) {
		memcpy(text, file, sizeof(text));
		for (uint32_t n = next_random(&state, 12); n > 0; n--) {
			char c = (char)next_random(&state, 256);

			if (next_random(&state, 4))
				c = likely[next_random(&state, sizeof(likely))];
			text[next_random(&state, sizeof(text) - 1)] = c;
		}
		length = next_random(&state, sizeof(text));
		match_bytes(text, length, round % 2 ? NIC : MLX);
		same_when_kept(text, length, round % 2 ? NIC : MLX);
		ck_assert_uint_le(m.n_modules, PCIPT_ALIAS_MODULES_MAX);
		for (size_t i = 0; i < m.n_modules; i++) {
			ck_assert_uint_gt(strlen(m.modules[i]), 0);
			ck_assert_ptr_null(strpbrk(m.modules[i], "/ \t\n*?["));
			for (size_t j = 0; j < i; j++)
				ck_assert_str_ne(m.modules[i], m.modules[j]);
		}
		ck_assert_uint_lt(strnlen(m.vfio, sizeof(m.vfio)), sizeof(m.vfio));
	}
}
END_TEST

Suite *modules_alias_suite(void)
{
	Suite *suite = suite_create("modules-alias");
	TCase *tc = tcase_create("modules-alias");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, glob_table, 0, ARRAY_SIZE(globs));
	tcase_add_loop_test(tc, glob_as_fnmatch, 0, 2);
	tcase_add_loop_test(tc, no_blow_up, 0, 3);
	tcase_add_test(tc, names_in_file_order);
	tcase_add_test(tc, variant_driver);
	tcase_add_test(tc, first_of_equal_variants);
	tcase_add_test(tc, nothing);
	tcase_add_loop_test(tc, line_table, 0, ARRAY_SIZE(lines));
	tcase_add_test(tc, long_names);
	tcase_add_test(tc, more_than_fit);
	tcase_add_test(tc, keeps_what_can_match);
	tcase_add_loop_test(tc, mutations, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
