/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VPD from bytes built by hand: PCI Local Bus Specification 3.0, appendix I. */
#include <check.h>

#include "inventory/vpd.h"

Suite *vpd_suite(void);

static uint8_t bytes[4096];
static size_t length;
static struct pcipt_vpd v;

static void append(const void *data, size_t n)
{
	ck_assert_uint_le(length + n, sizeof(bytes));
	memcpy(bytes + length, data, n);
	length += n;
}

#define APPEND(...)                                                                               \
	append((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define TEXT(s) append(s, sizeof(s) - 1)

static void keyword(const char *name, const void *data, size_t n)
{
	append(name, 2);
	APPEND((uint8_t)n);
	append(data, n);
}
#define KEYWORD(name, s) keyword(name, s, sizeof(s) - 1)

/* From memory of that very size, so that a sanitizer sees the first byte too much. */
static void parse(size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, n);
	memset(&v, 0xa5, sizeof(v));
	pcipt_vpd_parse(copy, n, &v);
	free(copy);
}

/* Where VPD-R's length stands; what follows it is counted by end_read_only(). */
static size_t read_only_at;

static void begin_read_only(void)
{
	APPEND(0x90);
	read_only_at = length;
	APPEND(0, 0);
}

/* RV with `reserved` bytes behind its checksum, which makes the sum from 0 on come to 0. */
static void end_read_only(uint8_t reserved)
{
	uint8_t sum = 0;
	size_t at;

	TEXT("RV");
	APPEND((uint8_t)(1 + reserved));
	at = length;
	for (int i = 0; i <= reserved; i++)
		APPEND(0);
	bytes[read_only_at] = (uint8_t)(length - read_only_at - 2);
	bytes[read_only_at + 1] = (uint8_t)((length - read_only_at - 2) >> 8);
	for (size_t i = 0; i < at; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[at] = (uint8_t)-sum;
}

/* A network card's. */
static void build(void)
{
	length = 0;
	APPEND(0x82, 0x10, 0x00); /* identifier, 16 bytes */
	TEXT("ConnectX-9 card ");
	begin_read_only();
	KEYWORD("PN", "MCX900-ABC  ");
	KEYWORD("EC", "A7");
	KEYWORD("SN", "MT2025X00017\0\0\0\0");
	KEYWORD("MN", "15b3");
	KEYWORD("V0", "PCIe Gen5 x16");
	KEYWORD("VA", "first");
	KEYWORD("CP", "\x01\x10\x00\x00");
	end_read_only(3);
	APPEND(0x91, 0x07, 0x00); /* VPD-W */
	KEYWORD("V1", "rw?!");
	APPEND(0x78);
}

START_TEST(card)
{
	build();
	APPEND(0x82, 0x01, 0x00, 'x', 0xff); /* behind the end tag */
	parse(length);
	ck_assert(!v.damaged);
	ck_assert_int_eq(v.checksum, 1);
	ck_assert_str_eq(v.identifier, "ConnectX-9 card");
	ck_assert_str_eq(v.part_number, "MCX900-ABC");
	ck_assert_str_eq(v.engineering_level, "A7");
	ck_assert_str_eq(v.serial, "MT2025X00017");
	ck_assert_str_eq(v.manufacturer, "15b3");
	/* Those that may be written to are somebody's notes, not the maker's. */
	ck_assert_uint_eq(v.n_vendor, 2);
	ck_assert_str_eq(v.vendor[0].keyword, "V0");
	ck_assert_str_eq(v.vendor[0].text, "PCIe Gen5 x16");
	ck_assert_str_eq(v.vendor[1].keyword, "VA");
	ck_assert_str_eq(v.vendor[1].text, "first");
}
END_TEST

START_TEST(wrong_checksum)
{
	size_t rv;

	build();
	for (rv = 0; memcmp(bytes + rv, "RV", 2) != 0; rv++)
		;
	/* In each byte of the identifier, and in the sum itself. */
	for (size_t at = 3; at <= rv + 3; at += at == 18 ? rv - 15 : 1) {
		bytes[at] ^= 0x10;
		parse(length);
		ck_assert_int_eq(v.checksum, 0);
		ck_assert(v.damaged);
		ck_assert_str_eq(v.serial, "MT2025X00017");
		bytes[at] ^= 0x10;
	}
	/* Behind the sum all may be. */
	bytes[rv + 4] ^= 0x10;
	parse(length);
	ck_assert_int_eq(v.checksum, 1);
}
END_TEST

START_TEST(no_checksum)
{
	length = 0;
	APPEND(0x90, 0x0a, 0x00);
	KEYWORD("SN", "0042");
	APPEND('R', 'V', 0, 0x78); /* without the byte that matters */
	parse(length);
	ck_assert(v.checksum == -1 && v.damaged);
	ck_assert_str_eq(v.serial, "0042");
}
END_TEST

/* Two bytes of Latin-1, an escape, a NUL in the midst, good UTF-8. */
START_TEST(harmless)
{
	length = 0;
	begin_read_only();
	KEYWORD("PN", "\xe4\xf6");
	KEYWORD("SN", "\x1b[31mred\x1b[0m\r\n\t");
	KEYWORD("EC", "a\0b\0\xff\xff");
	KEYWORD("MN", "caf\xc3\xa9");
	KEYWORD("V9", "\xff\xff\xff\xff");
	KEYWORD("VZ", "\0 \0 ");
	KEYWORD("Vz", "no such keyword");
	KEYWORD("V\0", "nor that");
	end_read_only(0);
	APPEND(0x78);
	parse(length);
	ck_assert(!v.damaged);
	ck_assert_str_eq(v.identifier, "");
	ck_assert_str_eq(v.part_number, "??");
	ck_assert_str_eq(v.serial, "?[31mred?[0m");
	ck_assert_str_eq(v.engineering_level, "a?b");
	ck_assert_str_eq(v.manufacturer, "caf\xc3\xa9");
	ck_assert_uint_eq(v.n_vendor, 0);
}
END_TEST

START_TEST(first_with_a_text)
{
	length = 0;
	begin_read_only();
	KEYWORD("SN", "    ");
	KEYWORD("SN", "second");
	KEYWORD("SN", "third");
	KEYWORD("V5", "five");
	KEYWORD("V5", "again");
	end_read_only(0);
	APPEND(0x78);
	parse(length);
	ck_assert_str_eq(v.serial, "second");
	ck_assert_uint_eq(v.n_vendor, 1);
	ck_assert_str_eq(v.vendor[0].text, "five");
}
END_TEST

START_TEST(as_much_as_can_be)
{
	static const char names[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char text[256], name[3] = "Vx";

	memset(text, 'x', sizeof(text));
	length = 0;
	APPEND(0x82, 0x2c, 0x01); /* 300 bytes */
	append(text, 250);
	TEXT("          ");
	append(text, 40);
	begin_read_only();
	for (size_t i = 0; i < sizeof(names) - 1; i++) {
		name[1] = names[i];
		keyword(name, text, i == 0 ? 255 : 4);
	}
	end_read_only(0);
	APPEND(0x78);
	parse(length);
	ck_assert(!v.damaged);
	ck_assert_uint_eq(v.n_vendor, PCIPT_VPD_VENDOR_MAX);
	ck_assert_uint_eq(strlen(v.vendor[0].text), 255);
	ck_assert_str_eq(v.vendor[35].keyword, "VZ");
	/* Cut, and no blank left at its end. */
	ck_assert_uint_eq(strlen(v.identifier), 250);
	memset(bytes + 3, 'y', 300);
	parse(length);
	ck_assert_uint_eq(strlen(v.identifier), 255);
	bytes[1] = 0; /* 256 */
	parse(3 + 256);
	ck_assert_uint_eq(strlen(v.identifier), 255);
}
END_TEST

static void assert_nothing(void)
{
	ck_assert_str_eq(v.identifier, "");
	ck_assert_str_eq(v.part_number, "");
	ck_assert_str_eq(v.serial, "");
	ck_assert_str_eq(v.engineering_level, "");
	ck_assert_str_eq(v.manufacturer, "");
	ck_assert_uint_eq(v.n_vendor, 0);
	ck_assert_int_eq(v.checksum, -1);
}

START_TEST(nothing)
{
	parse(0);
	ck_assert(!v.damaged);
	assert_nothing();
	pcipt_vpd_parse(NULL, 0, &v);
	assert_nothing();
	/* Never written: all ones, or all zeros. */
	memset(bytes, _i ? 0xff : 0x00, 128);
	parse(128);
	ck_assert(v.damaged);
	assert_nothing();
}
END_TEST

/* Fill instead of the end tag. */
START_TEST(no_end_tag)
{
	build();
	length--;
	if (_i > 0)
		APPEND((uint8_t)(_i == 1 ? 0xff : 0x00), (uint8_t)(_i == 1 ? 0xff : 0x00));
	parse(length);
	ck_assert(v.damaged);
	ck_assert_int_eq(v.checksum, 1);
	ck_assert_str_eq(v.serial, "MT2025X00017");
}
END_TEST

/* An item that nobody knows is passed over by its length. */
START_TEST(unknown_items)
{
	length = 0;
	APPEND(0x0b, 1, 2, 3);		/* small, 3 bytes */
	APPEND(0x85, 0x02, 0x00, 9, 9); /* large, 2 bytes */
	begin_read_only();
	KEYWORD("SN", "0042");
	end_read_only(0);
	APPEND(0x79, 0x00); /* an end tag with its own checksum, as in plug and play */
	parse(length);
	ck_assert(!v.damaged);
	ck_assert_str_eq(v.serial, "0042");
}
END_TEST

/* No value is given in part. */
START_TEST(overlong)
{
	length = 0;
	APPEND(0x82, 0xff, 0x00); /* an identifier of 255 bytes, of which 5 are there */
	TEXT("Short");
	parse(length);
	ck_assert(v.damaged);
	assert_nothing();
	length = 0;
	APPEND(0x90, 0xff, 0xff);
	KEYWORD("PN", "whole");
	TEXT("SN");
	APPEND(6);
	TEXT("part");
	parse(length);
	ck_assert(v.damaged);
	ck_assert_str_eq(v.part_number, "whole");
	ck_assert_str_eq(v.serial, "");
	/* A keyword that is longer than its item, behind a checksum that is right. */
	length = 0;
	begin_read_only();
	end_read_only(0);
	bytes[1] += 7;
	bytes[length - 1] -= 7;
	APPEND('S', 'N', 5, '0', '0', '4', '2', 0x78);
	parse(length);
	ck_assert(v.checksum == 1 && v.damaged);
	ck_assert_str_eq(v.serial, "");
}
END_TEST

START_TEST(every_length)
{
	struct pcipt_vpd whole;
	size_t all;

	build();
	all = length;
	parse(all);
	whole = v;
	for (size_t n = 0; n < all; n++) {
		parse(n);
		ck_assert_int_eq(v.damaged, n > 0);
		ck_assert(v.checksum == -1 || v.checksum == 1);
		ck_assert(!*v.identifier || strcmp(v.identifier, whole.identifier) == 0);
		ck_assert(!*v.serial || strcmp(v.serial, whole.serial) == 0);
		ck_assert(!*v.part_number || strcmp(v.part_number, whole.part_number) == 0);
		for (size_t i = 0; i < v.n_vendor; i++)
			ck_assert_str_eq(v.vendor[i].text, whole.vendor[i].text);
	}
}
END_TEST

static uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

static void assert_harmless(const char *text)
{
	size_t n = strnlen(text, PCIPT_VPD_TEXT_SIZE);

	ck_assert_uint_lt(n, PCIPT_VPD_TEXT_SIZE);
	for (size_t i = 0; i < n; i++)
		ck_assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
	ck_assert(n == 0 || text[n - 1] != ' ');
}

START_TEST(mutations)
{
	uint64_t state = 20250101 + (uint64_t)_i;

	for (int round = 0; round < 2000; round++) {
		build();
		for (uint32_t n = next_random(&state, 8); n > 0; n--)
			bytes[next_random(&state, (uint32_t)length)] =
				(uint8_t)next_random(&state, 256);
		parse(next_random(&state, (uint32_t)length + 1));
		assert_harmless(v.identifier);
		assert_harmless(v.part_number);
		assert_harmless(v.serial);
		assert_harmless(v.engineering_level);
		assert_harmless(v.manufacturer);
		ck_assert_uint_le(v.n_vendor, PCIPT_VPD_VENDOR_MAX);
		for (size_t i = 0; i < v.n_vendor; i++) {
			ck_assert_uint_eq(strlen(v.vendor[i].keyword), 2);
			ck_assert_uint_gt(strlen(v.vendor[i].text), 0);
			assert_harmless(v.vendor[i].text);
		}
	}
}
END_TEST

Suite *vpd_suite(void)
{
	Suite *suite = suite_create("vpd");
	TCase *tc = tcase_create("vpd");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, card);
	tcase_add_test(tc, wrong_checksum);
	tcase_add_test(tc, no_checksum);
	tcase_add_test(tc, harmless);
	tcase_add_test(tc, first_with_a_text);
	tcase_add_test(tc, as_much_as_can_be);
	tcase_add_loop_test(tc, nothing, 0, 2);
	tcase_add_loop_test(tc, no_end_tag, 0, 3);
	tcase_add_test(tc, unknown_items);
	tcase_add_test(tc, overlong);
	tcase_add_test(tc, every_length);
	tcase_add_loop_test(tc, mutations, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
