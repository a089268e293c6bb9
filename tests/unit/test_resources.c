/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The `resource` attribute: lines as Linux prints them, and lines as nobody should. */
#include <check.h>
#include <stdio.h>

#include "inventory/resources.h"

Suite *resources_suite(void);

static struct pcipt_resources r;

/* From memory of that very size, without a NUL behind. */
static void parse_bytes(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, n);
	memset(&r, 0xa5, sizeof(r));
	pcipt_resources_parse(copy, n, &r);
	free(copy);
}

static void parse(const char *text)
{
	parse_bytes(text, strlen(text));
}

#define NONE "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

/* A display adapter: 32-bit memory, two 64-bit ones, ports, a ROM. */
static const char adapter[] =
	"0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
	"0x0000004000000000 0x00000041ffffffff 0x000000000014220c\n" NONE
	"0x00000000f0000000 0x00000000f1ffffff 0x000000000014220c\n" NONE
	"0x000000000000e000 0x000000000000e07f 0x0000000000040101\n"
	"0x00000000f7000000 0x00000000f707ffff 0x0000000000046200\n" NONE NONE NONE NONE NONE NONE;

START_TEST(display_adapter)
{
	parse(adapter);
	ck_assert(!r.damaged);
	ck_assert_int_eq(r.bars[0].present, 1);
	ck_assert(!r.bars[0].io && !r.bars[0].is_64bit && !r.bars[0].prefetchable);
	ck_assert(r.bars[0].assigned && !r.bars[0].shadow);
	ck_assert(r.bars[0].start == 0xf6000000 && r.bars[0].size == 16 << 20);
	ck_assert(r.bars[1].is_64bit && r.bars[1].prefetchable);
	ck_assert(r.bars[1].start == 0x4000000000 && r.bars[1].size == 8ULL << 30);
	ck_assert_int_eq(r.bars[2].present, 0);
	ck_assert(r.bars[3].size == 32 << 20);
	ck_assert_int_eq(r.bars[4].present, 0);
	ck_assert(r.bars[5].io && !r.bars[5].is_64bit && !r.bars[5].prefetchable);
	ck_assert(r.bars[5].start == 0xe000 && r.bars[5].size == 128);
	ck_assert_int_eq(r.rom.present, 1);
	ck_assert(!r.rom.io && !r.rom.is_64bit && r.rom.prefetchable && !r.rom.shadow);
	ck_assert(r.rom.size == 512 << 10);
}
END_TEST

static void assert_absent(const struct pcipt_resource *resource, int present)
{
	const struct pcipt_resource none = { .present = (int8_t)present };

	ck_assert_int_eq(resource->present, present);
	ck_assert(resource->start == none.start && resource->size == none.size);
	ck_assert(!resource->io && !resource->is_64bit && !resource->prefetchable);
	ck_assert(!resource->assigned && !resource->shadow);
}

START_TEST(nothing)
{
	if (_i == 0)
		pcipt_resources_parse(NULL, 0, &r);
	else
		parse("");
	ck_assert(!r.damaged);
	for (size_t i = 0; i < PCIPT_N_BARS; i++)
		assert_absent(&r.bars[i], -1);
	assert_absent(&r.rom, -1);
}
END_TEST

/* What the text doesn't get to is unknown; the last line needs no newline. */
START_TEST(fewer_lines)
{
	parse(NONE "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200");
	ck_assert(!r.damaged);
	assert_absent(&r.bars[0], 0);
	ck_assert_int_eq(r.bars[1].present, 1);
	assert_absent(&r.bars[2], -1);
	assert_absent(&r.rom, -1);
}
END_TEST

START_TEST(flags)
{
	/* IORESOURCE_UNSET: a size, but no place yet. */
	parse("0x0000000000000000 0x0000000000ffffff 0x0000000020040200\n");
	ck_assert_int_eq(r.bars[0].present, 1);
	ck_assert(!r.bars[0].assigned && r.bars[0].size == 16 << 20);
	/* The kernel gave it up: flags are cleared, the numbers stay. */
	parse("0x00000000f6000000 0x00000000f6ffffff 0x0000000000000000\n");
	ck_assert(!r.damaged);
	assert_absent(&r.bars[0], 0);
	/* A boot display's ROM, copied by the firmware. */
	parse(NONE NONE NONE NONE NONE NONE
	      "0x00000000000c0000 0x00000000000dffff 0x0000000000000212\n");
	ck_assert_int_eq(r.rom.present, 1);
	ck_assert(r.rom.shadow && r.rom.start == 0xc0000 && r.rom.size == 128 << 10);
	/* The same bit of a BAR means something else. */
	parse("0x00000000000c0000 0x00000000000dffff 0x0000000000000212\n");
	ck_assert(!r.bars[0].shadow);
}
END_TEST

START_TEST(extremes)
{
	parse("0x0000000000000000 0x0000000000000000 0x0000000000000200\n"
	      "0xffffffffffffffff 0xffffffffffffffff 0x0000000000000200\n"
	      "0x0000000000000000 0xfffffffffffffffe 0xffffffffdfffe2ff\n"
	      "0x1 0xFF 0x101\n"
	      "0x9A 0x9af 0x101\n"
	      "0x1 0xfffffffffffffffe 0x200\n"
	      "0x1 0x2 0x0");
	ck_assert(!r.damaged);
	ck_assert(r.bars[0].size == 1 && r.bars[1].size == 1);
	ck_assert(r.bars[2].size == UINT64_MAX && r.bars[2].is_64bit && r.bars[2].assigned);
	ck_assert(r.bars[3].io && r.bars[3].size == 255);
	ck_assert(r.bars[4].start == 0x9a && r.bars[4].size == 0x916);
	ck_assert(r.bars[5].size == UINT64_MAX - 1);
	assert_absent(&r.rom, 0);
}
END_TEST

/* Each stands in the second line; the lines around it stay what they are. */
static const char *const wrong[] = {
	"",
	" ",
	"0x",
	"garbage",
	"0x1 0x2",
	"0x1 0x2 0x",
	"0x1 0x2 0x200 ",
	"0x1 0x2 0x200 0x4",
	"0x1 0x2 0x200x",
	"1 2 200",
	"0X1 0x2 0x200",
	"-0x1 0x2 0x200",
	"0x1\t0x2\t0x200",
	"0x1 0x2 0x20g",
	"0x00000000000000001 0x2 0x200",
	"0x1 0x2 0x200\r",
	"0x2 0x1 0x200",		     /* ends before it begins */
	"0x0 0xffffffffffffffff 0x200",	     /* all there is, or none */
	"0x1 0x2 0x300",		     /* ports and memory at once */
	"0x1 0x2 0x1000",		     /* a bus */
	"0x1 0x2 0x400",		     /* an interrupt */
	"0x1 0x2 0x200 and a long tail of text that goes on for a while",
};

START_TEST(wrong_line)
{
	static const char good[] = "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n";
	char text[512];

	snprintf(text, sizeof(text), "%s%s\n%s" NONE NONE NONE "%s", good, wrong[_i], good, good);
	parse(text);
	ck_assert(r.damaged);
	ck_assert_int_eq(r.bars[0].present, 1);
	assert_absent(&r.bars[1], -1);
	ck_assert_int_eq(r.bars[2].present, 1);
	assert_absent(&r.bars[3], 0);
	ck_assert_int_eq(r.rom.present, 1);
}
END_TEST

START_TEST(nul_in_a_line)
{
	char text[sizeof(adapter)];

	memcpy(text, adapter, sizeof(text));
	text[20] = '\0';
	parse_bytes(text, sizeof(text) - 1);
	ck_assert(r.damaged);
	assert_absent(&r.bars[0], -1);
	ck_assert_int_eq(r.bars[1].present, 1);
}
END_TEST

/* Windows and the BARs of VFs come behind the ROM: whatever stands there. */
START_TEST(what_follows_the_rom)
{
	parse(NONE NONE NONE NONE NONE NONE NONE "garbage\nmore of it");
	ck_assert(!r.damaged);
	assert_absent(&r.rom, 0);
}
END_TEST

static void assert_shape(const struct pcipt_resource *resource)
{
	if (resource->present == 1) {
		ck_assert(resource->size > 0);
		ck_assert(resource->start + (resource->size - 1) >= resource->start);
		ck_assert(!resource->io || (!resource->is_64bit && !resource->prefetchable));
	} else {
		assert_absent(resource, resource->present);
		ck_assert(resource->present == 0 || resource->present == -1);
	}
}

static uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

START_TEST(mutations)
{
	static const char likely[] = "0123456789abcdefxX \n\n\t\r-+.";
	uint64_t state = 20250101 + (uint64_t)_i;
	char text[sizeof(adapter)];

	for (int round = 0; round < 5000; round++) {
		memcpy(text, adapter, sizeof(text));
		for (uint32_t n = next_random(&state, 8); n > 0; n--) {
			char c = (char)next_random(&state, 256);

			if (next_random(&state, 4))
				c = likely[next_random(&state, sizeof(likely))];
			text[next_random(&state, sizeof(text) - 1)] = c;
		}
		parse_bytes(text, next_random(&state, sizeof(text)));
		for (size_t i = 0; i < PCIPT_N_BARS; i++)
			assert_shape(&r.bars[i]);
		assert_shape(&r.rom);
	}
}
END_TEST

Suite *resources_suite(void)
{
	Suite *suite = suite_create("resources");
	TCase *tc = tcase_create("resources");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, display_adapter);
	tcase_add_loop_test(tc, nothing, 0, 2);
	tcase_add_test(tc, fewer_lines);
	tcase_add_test(tc, flags);
	tcase_add_test(tc, extremes);
	tcase_add_loop_test(tc, wrong_line, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tc, nul_in_a_line);
	tcase_add_test(tc, what_follows_the_rom);
	tcase_add_loop_test(tc, mutations, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
