/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration space: each fact out of the bytes that hold it, and what can't be known. */
#include "config-space-samples.h"

Suite *config_space_suite(void);

START_TEST(endpoint_header_and_pm)
{
	build_endpoint();
	parse(4096);
	ck_assert(!c.damaged && !c.truncated && !c.gone);
	ck_assert_int_eq(c.header_type, 0);
	ck_assert_int_eq(c.multifunction, 1);
	ck_assert_int_eq(c.pm.present, 1);
	ck_assert_uint_eq(c.pm.state, 3);
	ck_assert(c.pm.d1 && !c.pm.d2 && c.pm.no_soft_reset);
	ck_assert_uint_eq(c.pm.pme_support, 0x19);
	ck_assert(c.pm.pme_enabled && c.pm.pme_status);
	ck_assert_int_eq(c.ssvid.present, 0);
}
END_TEST

START_TEST(endpoint_interrupts)
{
	build_endpoint();
	parse(4096);
	ck_assert_int_eq(c.msi.present, 1);
	ck_assert(c.msi.enabled && c.msi.is_64bit && c.msi.maskable);
	ck_assert_uint_eq(c.msi.vectors_capable, 32);
	ck_assert_uint_eq(c.msi.vectors_enabled, 4);
	ck_assert_int_eq(c.msix.present, 1);
	ck_assert(c.msix.enabled && c.msix.masked);
	ck_assert_uint_eq(c.msix.table_size, 2048);
}
END_TEST

START_TEST(endpoint_express)
{
	build_endpoint();
	parse(4096);
	ck_assert_int_eq(c.vpd, 1);
	ck_assert_int_eq(c.af.present, 1);
	ck_assert(c.af.flr && c.af.transactions_pending);
	ck_assert_int_eq(c.express.present, 1);
	ck_assert_uint_eq(c.express.version, 2);
	ck_assert_uint_eq(c.express.type, PCI_EXP_TYPE_ENDPOINT);
	ck_assert(c.express.flr);
	ck_assert_int_eq(c.express.slot, 0);
	ck_assert_int_eq(c.express.link.present, 1);
	ck_assert_uint_eq(c.express.link.max_speed, 160);
	ck_assert_uint_eq(c.express.link.max_width, 16);
	ck_assert_uint_eq(c.express.link.speed, 25);
	ck_assert_uint_eq(c.express.link.width, 8);
}
END_TEST

START_TEST(endpoint_extended)
{
	build_endpoint();
	parse(4096);
	ck_assert_int_eq(c.aer.present, 1);
	ck_assert_uint_eq(c.aer.uncorrectable, PCI_ERR_UNC_UNSUP);
	ck_assert_uint_eq(c.aer.correctable, PCI_ERR_COR_ADV_NFAT);
	ck_assert_uint_eq(c.aer.first_error, 20);
	ck_assert_int_eq(c.dsn.present, 1);
	ck_assert(c.dsn.value == 0x89abcdef01234567 && !c.dsn.blank);
	ck_assert_str_eq(c.dsn.text, "89-ab-cd-ef-01-23-45-67");
	ck_assert_int_eq(c.ari, 1);
	ck_assert_int_eq(c.ats, 1);
	ck_assert_int_eq(c.pasid, 1);
	ck_assert_int_eq(c.sriov.present, 1);
	ck_assert(c.sriov.enabled);
	ck_assert_uint_eq(c.sriov.initial, 16);
	ck_assert_uint_eq(c.sriov.total, 32);
	ck_assert_uint_eq(c.sriov.num, 8);
	ck_assert_uint_eq(c.sriov.offset, 128);
	ck_assert_uint_eq(c.sriov.stride, 2);
	ck_assert_uint_eq(c.sriov.vf_device, 0x10ca);
}
END_TEST

START_TEST(endpoint_acs_and_rebar)
{
	const struct pcipt_acs *a = &c.acs.capable, *b = &c.acs.enabled;

	build_endpoint();
	parse(4096);
	ck_assert_int_eq(c.acs.present, 1);
	ck_assert(a->source_validation && !a->translation_blocking && a->request_redirect);
	ck_assert(!a->completion_redirect && a->upstream_forwarding && !a->egress_control);
	ck_assert(a->direct_translated);
	ck_assert(b->source_validation && !b->translation_blocking && b->request_redirect);
	ck_assert(!b->completion_redirect && b->upstream_forwarding && !b->egress_control);
	ck_assert(!b->direct_translated);
	ck_assert_int_eq(c.rebar.present, 1);
	ck_assert_uint_eq(c.rebar.n, 2);
	ck_assert_uint_eq(c.rebar.bars[0].bar, 1);
	ck_assert_uint_eq(c.rebar.bars[0].size, 8);
	ck_assert(c.rebar.bars[0].sizes == 0xff00);
	ck_assert_uint_eq(c.rebar.bars[1].bar, 3);
	ck_assert_uint_eq(c.rebar.bars[1].size, 43);
	ck_assert(c.rebar.bars[1].sizes == (1 | 1ULL << 27 | 1ULL << 28 | 1ULL << 43));
}
END_TEST

START_TEST(each_acs_bit_has_its_name)
{
	bool named[7];

	build_endpoint();
	space[0x164] = (uint8_t)(1 << _i);
	space[0x166] = (uint8_t)~(1 << _i);
	parse(4096);
	memcpy(named, &c.acs.capable, sizeof(named));
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(named[i], i == _i);
	memcpy(named, &c.acs.enabled, sizeof(named));
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(named[i], i != _i);
}
END_TEST

START_TEST(port)
{
	build_port();
	space[0x5e] = 0xf8;
	parse(256);
	ck_assert(!c.damaged && !c.truncated);
	ck_assert_int_eq(c.header_type, 1);
	ck_assert_int_eq(c.multifunction, 0);
	ck_assert_int_eq(c.ssvid.present, 1);
	ck_assert_uint_eq(c.ssvid.vendor, 0x1028);
	ck_assert_uint_eq(c.ssvid.device, 0x8475);
	ck_assert_int_eq(c.express.slot, 1);
	ck_assert_uint_eq(c.express.slot_number, 0x1fff);
	ck_assert_uint_eq(c.express.link.max_speed, 80);
	ck_assert_uint_eq(c.express.link.width, 1);
}
END_TEST

/* Only these have slot registers, whatever their slot bit says (7.5.3). */
START_TEST(slot_by_type)
{
	build_port();
	space[0x4a] = (uint8_t)(_i << 4 | 2);
	parse(4096);
	ck_assert_uint_eq(c.express.type, (unsigned int)_i);
	ck_assert_int_eq(c.express.slot, _i == 4 || _i == 6 || _i == 8);
	ck_assert_uint_eq(c.express.slot_number, _i == 4 || _i == 6 || _i == 8 ? 0x1fff : 0);
	ck_assert_int_eq(c.express.link.present, _i != 9 && _i != 10);
}
END_TEST

START_TEST(link_speeds)
{
	static const uint16_t speeds[16] = { 0, 25, 50, 80, 160, 320, 640 };

	build_port();
	space[0x54] = (uint8_t)(0xf0 | _i);
	space[0x55] = 0x03;
	space[0x5a] = (uint8_t)(0x10 | (15 - _i));
	parse(256);
	ck_assert_uint_eq(c.express.link.max_speed, speeds[_i]);
	ck_assert_uint_eq(c.express.link.speed, speeds[15 - _i]);
	ck_assert_uint_eq(c.express.link.max_width, 63);
}
END_TEST

START_TEST(msi_vectors)
{
	static const uint8_t vectors[8] = { 1, 2, 4, 8, 16, 32, 0, 0 };

	PUT(0x40, 0x05, 0x00, (uint8_t)(_i << 1 | (7 - _i) << 4), 0x00);
	parse(256);
	ck_assert(!c.msi.enabled && !c.msi.is_64bit);
	ck_assert_uint_eq(c.msi.vectors_capable, vectors[_i]);
	ck_assert_uint_eq(c.msi.vectors_enabled, vectors[7 - _i]);
	ck_assert_int_eq(c.damaged, vectors[_i] == 0 || vectors[7 - _i] == 0);
}
END_TEST

START_TEST(nothing_to_read)
{
	size_t length = _i == 0 ? 0 : 63;

	build_endpoint();
	parse(length);
	ck_assert(c.truncated && !c.damaged && !c.gone);
	ck_assert_int_eq(c.header_type, -1);
	ck_assert_int_eq(c.multifunction, -1);
	assert_list(-1);
	assert_extended(-1);
	if (length == 0)
		pcipt_config_space_parse(NULL, 0, &c);
	ck_assert_int_eq(c.header_type, -1);
}
END_TEST

START_TEST(header_only)
{
	build_endpoint();
	parse(64);
	ck_assert(c.truncated && !c.damaged);
	ck_assert_int_eq(c.header_type, 0);
	assert_list(-1);
	assert_extended(-1);
	/* Without a list nothing is in it, however little was read. */
	space[0x06] = 0;
	parse(64);
	ck_assert(!c.truncated);
	assert_list(0);
	assert_extended(-1);
}
END_TEST

START_TEST(extended_of_256_bytes)
{
	/* Conventional: there is nothing behind. */
	PUT(0x40, 0x01, 0x00, 0x03, 0x00);
	parse(256);
	ck_assert_int_eq(c.express.present, 0);
	assert_extended(0);
	/* A device of PCI-X or Express may have it where the host can't reach. */
	PUT(0x40, 0x07, 0x00, 0x00, 0x00);
	parse(256);
	assert_extended(-1);
	PUT(0x40, 0x10, 0x00, 0x02, 0x00);
	parse(256);
	assert_extended(-1);
	/* One byte more or less and it isn't the whole file. */
	PUT(0x40, 0x01, 0x00, 0x03, 0x00);
	parse(255);
	assert_extended(-1);
	parse(257);
	ck_assert(c.truncated);
	assert_extended(-1);
}
END_TEST

START_TEST(no_extended_capabilities)
{
	build_endpoint();
	memset(space + 0x100, 0, sizeof(space) - 0x100);
	parse(4096);
	ck_assert(!c.damaged && !c.truncated);
	assert_extended(0);
}
END_TEST

/* 9.3.4.1: vendor and device id of a VF read as ones. */
START_TEST(virtual_function)
{
	build_endpoint();
	PUT(0x00, 0xff, 0xff, 0xff, 0xff);
	parse(4096);
	ck_assert(!c.gone);
	ck_assert_int_eq(c.express.present, 1);
}
END_TEST

START_TEST(header_types)
{
	build_endpoint();
	space[0x0e] = (uint8_t)_i;
	space[0x14] = 0x48;
	parse(4096);
	ck_assert_int_eq(c.multifunction, 0);
	ck_assert_int_eq(c.header_type, _i <= 2 ? _i : -1);
	ck_assert_int_eq(c.damaged, _i > 2);
	/* A CardBus bridge has its pointer at 0x14. */
	ck_assert_int_eq(c.pm.present, _i < 2 ? 1 : _i == 2 ? 0 : -1);
	ck_assert_int_eq(c.msi.present, _i <= 2 ? 1 : -1);
	ck_assert_int_eq(c.dsn.present, _i <= 2 ? 1 : -1);
}
END_TEST

Suite *config_space_suite(void)
{
	Suite *suite = suite_create("config-space");
	TCase *tc = tcase_create("facts");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, endpoint_header_and_pm);
	tcase_add_test(tc, endpoint_interrupts);
	tcase_add_test(tc, endpoint_express);
	tcase_add_test(tc, endpoint_extended);
	tcase_add_test(tc, endpoint_acs_and_rebar);
	tcase_add_loop_test(tc, each_acs_bit_has_its_name, 0, 7);
	tcase_add_test(tc, port);
	tcase_add_loop_test(tc, slot_by_type, 0, 16);
	tcase_add_loop_test(tc, link_speeds, 0, 16);
	tcase_add_loop_test(tc, msi_vectors, 0, 8);
	tcase_add_loop_test(tc, nothing_to_read, 0, 2);
	tcase_add_test(tc, header_only);
	tcase_add_test(tc, extended_of_256_bytes);
	tcase_add_test(tc, no_extended_capabilities);
	tcase_add_test(tc, virtual_function);
	tcase_add_loop_test(tc, header_types, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
