/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Others who are configured to take a device: driverctl's files, libvirt's machines. */
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"
#include "unit.h"
#include "usage/evidence.h"

#define GPU "0000:01:00.0"
#define AUDIO "0000:01:00.1"

static struct tree *tree;
static struct pcipt_snapshot *snap;
static struct pcipt_uses uses;

static void begin(void)
{
	char *root = test_path("foreign");

	test_remove(root);
	tree = tree_new(root);
	tree_add_gpu_pair(tree);
	free(root);
}

static void end(void)
{
	pcipt_uses_clear(&uses);
	snap = pcipt_snapshot_unref(snap);
	test_remove(tree_root(tree));
	tree_free(tree);
}

static size_t look(void)
{
	struct pcipt_device *devices[2];
	struct pcipt_error *error = NULL;

	pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	assert_ok(pcipt_snapshot_find(snap, GPU, &devices[0], &error), error);
	assert_ok(pcipt_snapshot_find(snap, AUDIO, &devices[1], &error), error);
	pcipt_uses_clear(&uses);
	pcipt_collect_foreign(&(struct pcipt_inquiry){ snap, snap->kernel, devices, 2, &uses, 0 });
	ck_assert(!uses.no_memory);
	return uses.n;
}

static size_t look_at_machine(const char *xml)
{
	tree_file(tree, "etc/libvirt/qemu/win10.xml", xml);
	return look();
}

START_TEST(nobody)
{
	ck_assert_uint_eq(look(), 0);
	tree_file(tree, "etc/driverctl.d/pci-0000:09:00.0", "vfio-pci");
	tree_file(tree, "etc/driverctl.d/usb-0000:01:00.0", "vfio-pci");
	tree_folder(tree, "etc/libvirt/qemu/networks");
	ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(driverctl)
{
	tree_file(tree, "etc/driverctl.d/pci-0000:01:00.1", "vfio-pci\033[2J");
	ck_assert_uint_eq(look(), 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_FOREIGN);
	ck_assert_str_eq(uses.items[0].device->address, AUDIO);
	ck_assert_ptr_nonnull(strstr(uses.items[0].what, "driverctl (for vfio-pci?"));
	ck_assert_ptr_nonnull(strstr(uses.items[0].remedy, "unset-override " AUDIO));
	/* An empty file names nobody. */
	tree_file(tree, "etc/driverctl.d/pci-0000:01:00.1", "");
	ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(libvirt)
{
	ck_assert_uint_eq(look_at_machine(
		"<domain type='kvm'>\n <name>win10</name>\n <devices>\n"
		"  <hostdev mode='subsystem' type='pci' managed='yes'>\n   <driver name='vfio'/>\n"
		"   <source>\n    <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n"
		"   </source>\n"
		"   <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x1'/>\n"
		"  </hostdev>\n </devices>\n</domain>"), 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_FOREIGN);
	ck_assert_str_eq(uses.items[0].device->address, GPU);
	ck_assert_str_eq(uses.items[0].what, "libvirt's machine win10");
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "/etc/libvirt/qemu/win10.xml"));
}
END_TEST

/* A machine that runs, an interface, a disk; attributes in any order, quoted either way. */
START_TEST(other_forms)
{
	tree_file(tree, "run/libvirt/qemu/win10.xml",
		  "<domstatus><domain><interface type=\"hostdev\"><source><address function=\"1\" "
		  "slot=\"0x0\" type=\"pci\" bus=\"1\"/></source></interface></domain></domstatus>");
	ck_assert_uint_eq(look(), 1);
	ck_assert_str_eq(uses.items[0].device->address, AUDIO);
}
END_TEST

START_TEST(no_host_devices)
{
	static const char *const texts[] = {
		"",
		"<",
		"<source",
		"<source>",
		"<source><address",
		"<source><address bus='0x01' slot='0x00' function='0x0'",
		"<source><address bus='0x01' slot='0x00'/></source>",
		"<source><address bus='0x01' slot='0x20' function='0'/></source>",
		"<source><address bus='0x101' slot='0x00' function='0'/></source>",
		"<source><address bus='0x01x' slot='0x00' function='0'/></source>",
		"<source><address domain='99999999999999999999' bus='0x02' slot='0' function='0'/></source>",
		"<source><address xbus='0x01' slot='0x00' function='0'/></source>",
		"<source><addresses bus='0x01' slot='0x00' function='0'/></source>",
		"<source file='/x'/><address bus='0x01' slot='0x00' function='0'/>",
		"<source></source><address bus='0x01' slot='0x00' function='0'/>",
		"<!-- <source><address bus='0x01' slot='0x00' function='0'/></source> -->",
		"<!-- <source><address bus='0x01' slot='0x00' function='0'/></source>",
		"<source><address domain='1' bus='0x01' slot='0x00' function='0'/></source>",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(look_at_machine(texts[i]) == 0, "%s", texts[i]);
	/* The name of the file isn't a machine's. */
	tree_file(tree, "etc/libvirt/qemu/win10.xml", "");
	tree_file(tree, "etc/libvirt/qemu/backup",
		  "<source><address bus='0x01' slot='0x00' function='0'/></source>");
	ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(unreadable)
{
	tree_file(tree, "etc/libvirt/qemu/win10.xml/x", "a folder in the place of a file");
	ck_assert_uint_eq(look(), 2);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN_HARMLESS);
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "/etc/libvirt/qemu/win10.xml"));
}
END_TEST

Suite *suite_foreign(void)
{
	Suite *suite = suite_create("foreign");
	TCase *tc = tcase_create("configuration");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, nobody);
	tcase_add_test(tc, driverctl);
	tcase_add_test(tc, libvirt);
	tcase_add_test(tc, other_forms);
	tcase_add_test(tc, no_host_devices);
	tcase_add_test(tc, unreadable);
	suite_add_tcase(suite, tc);
	return suite;
}
