/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration space that is damaged, cut short, or noise: never a crash, never a made-up fact. */
#include "config-space-samples.h"

Suite *config_space_faults_suite(void);

START_TEST(gone)
{
	memset(space, 0xff, sizeof(space));
	parse(_i == 0 ? 64 : 4096);
	ck_assert(c.gone && !c.damaged && !c.truncated);
	ck_assert_int_eq(c.header_type, -1);
	ck_assert_int_eq(c.multifunction, -1);
	assert_list(-1);
	assert_extended(-1);
}
END_TEST

/* It went away while it was being read. */
START_TEST(gone_in_the_midst)
{
	build_endpoint();
	memset(space + 0x58, 0xff, sizeof(space) - 0x58);
	parse(4096);
	ck_assert(!c.gone && c.damaged);
	ck_assert_int_eq(c.pm.present, 1);
	ck_assert_int_eq(c.msi.present, 1);
	ck_assert_int_eq(c.msix.present, -1);
	ck_assert_int_eq(c.express.link.present, -1);
	assert_extended(-1);
}
END_TEST

/* What each does to the endpoint's list, behind power management. */
static const struct {
	uint16_t at;
	uint8_t value;
	bool damaged;
} list_faults[] = {
	{ 0x41, 0x40, true },  /* to itself */
	{ 0x49, 0x40, true },  /* back to the first */
	{ 0x49, 0x4b, true },  /* to itself, were it not for reserved bits */
	{ 0x49, 0x3c, true },  /* into the header */
	{ 0x49, 0x04, true },
	{ 0x58, 0xff, true },  /* an id of ones */
	{ 0x49, 0xf0, false }, /* to an empty place: id 0, and the end */
};

START_TEST(broken_list)
{
	build_endpoint();
	space[list_faults[_i].at] = list_faults[_i].value;
	parse(4096);
	ck_assert_int_eq(c.damaged, list_faults[_i].damaged);
	ck_assert(!c.truncated);
	ck_assert_int_eq(c.pm.present, 1);
	ck_assert_int_eq(c.msix.present, list_faults[_i].damaged ? -1 : 0);
	ck_assert_int_eq(c.express.present, list_faults[_i].damaged ? -1 : 0);
	ck_assert_int_eq(c.express.slot, c.express.present);
	/* The other list doesn't hang on it. */
	ck_assert_int_eq(c.rebar.present, 1);
}
END_TEST

START_TEST(reserved_pointer_bits)
{
	build_endpoint();
	space[0x34] |= 3;
	space[0x41] |= 2;
	space[0x79] |= 1;
	space[0x102] |= 0x30;
	parse(4096);
	ck_assert(!c.damaged);
	ck_assert_int_eq(c.express.present, 1);
	ck_assert_int_eq(c.rebar.present, 1);
}
END_TEST

START_TEST(capability_over_the_edge)
{
	PUT(0x34, 0xfc);
	PUT(0xfc, 0x01, 0x00, 0x03, 0x00); /* power management has 8 bytes */
	parse(256);
	ck_assert(c.damaged && !c.truncated);
	ck_assert_int_eq(c.pm.present, -1);
	ck_assert_int_eq(c.msi.present, 0);
	/* Express: its head fits, its link doesn't. */
	PUT(0x34, 0xf0);
	PUT(0xf0, 0x10, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x10);
	parse(256);
	ck_assert(c.damaged);
	ck_assert_int_eq(c.express.present, 1);
	ck_assert(c.express.flr);
	ck_assert_int_eq(c.express.link.present, -1);
	/* The last place, for what needs no more. */
	PUT(0x34, 0xfc);
	PUT(0xfc, 0x05, 0x00, 0x01, 0x00);
	parse(256);
	ck_assert(!c.damaged);
	ck_assert_int_eq(c.msi.present, 1);
}
END_TEST

START_TEST(first_of_a_kind)
{
	build_endpoint();
	PUT(0x79, 0xa0);
	PUT(0xa0, 0x05, 0x00, 0x00, 0x00);
	parse(4096);
	ck_assert(!c.damaged);
	ck_assert_uint_eq(c.msi.vectors_capable, 32);
}
END_TEST

/* What each does to the endpoint's extended list, behind AER. */
static const struct {
	uint16_t at;
	uint8_t bytes[4];
} extended_faults[] = {
	{ 0x100, { 0x01, 0x00, 0x02, 0x10 } }, /* to itself */
	{ 0x148, { 0x03, 0x00, 0x01, 0x10 } }, /* back to the first */
	{ 0x148, { 0x03, 0x00, 0x01, 0x04 } }, /* into the first 256 bytes */
	{ 0x160, { 0xff, 0xff, 0xff, 0xff } }, /* ones */
};

START_TEST(broken_extended)
{
	build_endpoint();
	memcpy(space + extended_faults[_i].at, extended_faults[_i].bytes, 4);
	parse(4096);
	ck_assert(c.damaged && !c.truncated);
	ck_assert_int_eq(c.aer.present, 1);
	ck_assert_int_eq(c.acs.present, -1);
	ck_assert_int_eq(c.rebar.present, -1);
	ck_assert_int_eq(c.express.present, 1);
}
END_TEST

START_TEST(extended_over_the_edge)
{
	build_endpoint();
	PUT(0x100, 0x01, 0x00, 0xc2, 0xff); /* AER, next 0xffc */
	PUT(0xffc, 0x03, 0x00, 0x01, 0x00); /* a serial number has 12 bytes */
	parse(4096);
	ck_assert(c.damaged && !c.truncated);
	ck_assert_int_eq(c.dsn.present, -1);
	ck_assert_str_eq(c.dsn.text, "");
	ck_assert_int_eq(c.acs.present, 0);
}
END_TEST

START_TEST(longer_than_can_be)
{
	uint8_t *more = calloc(1, 8192);

	ck_assert_ptr_nonnull(more);
	build_endpoint();
	memcpy(more, space, sizeof(space));
	memset(more + 4096, 0xff, 4096);
	pcipt_config_space_parse(more, 8192, &c);
	free(more);
	ck_assert(!c.damaged);
	ck_assert_int_eq(c.rebar.present, 1);
}
END_TEST

START_TEST(blank_serial)
{
	build_endpoint();
	memset(space + 0x14c, _i ? 0xff : 0x00, 8);
	parse(4096);
	ck_assert_int_eq(c.dsn.present, 1);
	ck_assert(c.dsn.blank);
	ck_assert_str_eq(c.dsn.text, _i ? "ff-ff-ff-ff-ff-ff-ff-ff" : "00-00-00-00-00-00-00-00");
}
END_TEST

START_TEST(rebar_faults)
{
	build_endpoint();
	space[0x248] = 0x01; /* no entry at all */
	parse(4096);
	ck_assert(c.damaged);
	ck_assert_int_eq(c.rebar.present, -1);
	space[0x248] = 0xe1; /* seven */
	parse(4096);
	ck_assert(c.damaged);
	ck_assert_int_eq(c.rebar.present, -1);
	space[0x248] = 0x46; /* BAR 6 */
	parse(4096);
	ck_assert(c.damaged);
	ck_assert_int_eq(c.rebar.present, 1);
	ck_assert_uint_eq(c.rebar.n, 1);
	ck_assert_uint_eq(c.rebar.bars[0].bar, 3);
	space[0x248] = 0x41;
	space[0x249] = 44; /* 2^44 MiB */
	parse(4096);
	ck_assert(c.damaged);
	ck_assert_uint_eq(c.rebar.n, 1);
	space[0x248] = 0xc1; /* six, beyond what was read */
	parse(0x26c);
	ck_assert(c.truncated);
	ck_assert_int_eq(c.rebar.present, -1);
	ck_assert_uint_eq(c.rebar.n, 0);
}
END_TEST

static void assert_tri_states(const struct pcipt_config_space *s)
{
	const int8_t states[] = {
		s->multifunction,    s->vpd,	      s->pm.present,	   s->msi.present,
		s->msix.present,     s->express.present, s->express.slot,
		s->express.link.present, s->af.present,	 s->ssvid.present, s->ari,
		s->ats,		     s->pasid,	      s->dsn.present,	   s->acs.present,
		s->sriov.present,    s->rebar.present, s->aer.present,
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		ck_assert(states[i] >= -1 && states[i] <= 1);
	ck_assert(s->header_type >= -1 && s->header_type <= 2);
	ck_assert_uint_le(s->rebar.n, PCIPT_REBAR_MAX);
	ck_assert(s->rebar.present == 1 || s->rebar.n == 0);
	ck_assert_uint_eq(strlen(s->dsn.text), s->dsn.present == 1 ? 23 : 0);
	ck_assert(s->express.slot == 1 || s->express.slot_number == 0);
	ck_assert(s->express.link.present == 1 || s->express.link.max_width == 0);
}

/* A fact from fewer bytes is unknown, or what it is from all. */
#define ASSERT_SAME_OR_UNKNOWN(member)                                                            \
	ck_assert(part.member.present < 0 ||                                                      \
		  memcmp(&part.member, &whole.member, sizeof(part.member)) == 0)

static void assert_part_of(const struct pcipt_config_space whole)
{
	const struct pcipt_config_space part = c;

	ck_assert(part.header_type < 0 || part.header_type == whole.header_type);
	ck_assert(part.vpd < 0 || part.vpd == whole.vpd);
	ASSERT_SAME_OR_UNKNOWN(pm);
	ASSERT_SAME_OR_UNKNOWN(msi);
	ASSERT_SAME_OR_UNKNOWN(msix);
	ASSERT_SAME_OR_UNKNOWN(af);
	ASSERT_SAME_OR_UNKNOWN(ssvid);
	ASSERT_SAME_OR_UNKNOWN(express.link);
	ck_assert(part.express.slot < 0 || part.express.slot == whole.express.slot);
	ck_assert(part.ari < 0 || part.ari == whole.ari);
	ck_assert(part.ats < 0 || part.ats == whole.ats);
	ck_assert(part.pasid < 0 || part.pasid == whole.pasid);
	ASSERT_SAME_OR_UNKNOWN(dsn);
	ASSERT_SAME_OR_UNKNOWN(acs);
	ASSERT_SAME_OR_UNKNOWN(sriov);
	ASSERT_SAME_OR_UNKNOWN(rebar);
	ASSERT_SAME_OR_UNKNOWN(aer);
}

START_TEST(every_length)
{
	struct pcipt_config_space whole;

	if (_i == 0)
		build_endpoint();
	else
		build_port();
	parse(4096);
	whole = c;
	for (size_t length = 0; length < 4096; length++) {
		/* 256 means that there is no more: other answers are right then. */
		if (length == 256)
			continue;
		parse(length);
		ck_assert(!c.damaged);
		assert_tri_states(&c);
		assert_part_of(whole);
	}
}
END_TEST

static uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

/* Bytes change where they matter: in headers and pointers as often as anywhere. */
START_TEST(mutations)
{
	static const uint16_t lengths[] = { 0, 1, 63, 64, 65, 128, 255, 256, 257, 512, 4095, 4096 };
	static const uint16_t hot[] = { 0x06, 0x0e, 0x34, 0x40, 0x41, 0x48, 0x49, 0x58, 0x59,
					0x78, 0x79, 0x7a, 0x100, 0x102, 0x103, 0x148, 0x14a,
					0x14b, 0x240, 0x242, 0x243, 0x248 };
	uint64_t state = 20250101 + (uint64_t)_i;

	for (int round = 0; round < 2000; round++) {
		setup();
		if (round % 2)
			build_endpoint();
		else
			build_port();
		for (uint32_t n = next_random(&state, 12); n > 0; n--) {
			size_t at = next_random(&state, 0x280);

			if (next_random(&state, 2))
				at = hot[next_random(&state, ARRAY_SIZE(hot))];
			space[at] = (uint8_t)next_random(&state, 256);
		}
		parse(lengths[next_random(&state, ARRAY_SIZE(lengths))]);
		assert_tri_states(&c);
	}
}
END_TEST

/* Nothing but noise, with a list that begins somewhere in it. */
START_TEST(noise)
{
	uint64_t state = 4711 + (uint64_t)_i;

	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(space); i++)
			space[i] = (uint8_t)next_random(&state, 256);
		space[0x06] |= 0x10;
		space[0x0e] &= 0x81;
		parse(round % 3 ? 4096 : 256);
		assert_tri_states(&c);
	}
}
END_TEST

Suite *config_space_faults_suite(void)
{
	Suite *suite = suite_create("config-space-faults");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, gone, 0, 2);
	tcase_add_test(tc, gone_in_the_midst);
	tcase_add_loop_test(tc, broken_list, 0, ARRAY_SIZE(list_faults));
	tcase_add_test(tc, reserved_pointer_bits);
	tcase_add_test(tc, capability_over_the_edge);
	tcase_add_test(tc, first_of_a_kind);
	tcase_add_loop_test(tc, broken_extended, 0, ARRAY_SIZE(extended_faults));
	tcase_add_test(tc, extended_over_the_edge);
	tcase_add_test(tc, longer_than_can_be);
	tcase_add_loop_test(tc, blank_serial, 0, 2);
	tcase_add_test(tc, rebar_faults);
	tcase_add_loop_test(tc, every_length, 0, 2);
	tcase_add_loop_test(tc, mutations, 0, 4);
	tcase_add_loop_test(tc, noise, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
