/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a display shows the text console, and what the host as a whole says. */
#include "topology.h"
#include "tree.h"
#include "usage/evidence.h"

#define GPU "0000:01:00.0"
#define OTHER "0000:02:00.0"

static struct tree *tree;
static struct pcipt_snapshot *snap;
static struct pcipt_uses uses;

static void begin(void)
{
	char *root = test_path("display");

	test_remove(root);
	tree = tree_new(root);
	tree_add_gpu_pair(tree);
	tree_add(tree, &(struct tree_device){ .address = OTHER, .class_id = 0x030000,
					      .driver = "nouveau", .group = 5 });
	free(root);
}

static void end(void)
{
	pcipt_uses_clear(&uses);
	snap = pcipt_snapshot_unref(snap);
	test_remove(tree_root(tree));
	tree_free(tree);
}

static void add_console(const char *bound)
{
	tree_file(tree, "sys/class/vtconsole/vtcon0/name", "(S) dummy device");
	tree_file(tree, "sys/class/vtconsole/vtcon0/bind", "0");
	tree_file(tree, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device");
	tree_file(tree, "sys/class/vtconsole/vtcon1/bind", bound);
}

static void add_frame_buffer(const char *name, const char *path)
{
	char *link = test_format("sys/class/graphics/%s", name);
	char *target = test_format("../../devices/%s/graphics/%s", path, name);

	tree_link(tree, link, target);
	free(link);
	free(target);
}

/* How many uses there are of a device asked about. */
static size_t look_at(const char *address)
{
	struct pcipt_device *device = NULL;
	struct pcipt_error *error = NULL;

	pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	assert_ok(pcipt_snapshot_find(snap, address, &device, &error), error);
	pcipt_uses_clear(&uses);
	pcipt_collect_displays(&(struct pcipt_inquiry){ snap, snap->kernel, &device, 1, &uses, 0 });
	return uses.n;
}

START_TEST(no_console)
{
	ck_assert_uint_eq(look_at(GPU), 0);
	add_console("1");
	ck_assert_uint_eq(look_at(GPU), 0); /* no frame buffer */
}
END_TEST

START_TEST(console_on_one_of_two)
{
	add_console("1");
	add_frame_buffer("fb1", "pci0000:02/0000:02:00.0");
	add_frame_buffer("fb0", "pci0000:00/0000:00:01.0/0000:01:00.0");
	tree_folder(tree, "sys/class/graphics/fbcon");
	ck_assert_uint_eq(look_at(GPU), 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_CONSOLE);
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "fb0"));
	ck_assert_ptr_nonnull(strstr(uses.items[0].remedy, "vtcon1/bind"));
	ck_assert_uint_eq(look_at(OTHER), 0);
	ck_assert_uint_eq(look_at("0000:01:00.1"), 0);
	add_console("0");
	ck_assert_uint_eq(look_at(GPU), 0);
}
END_TEST

/* The device above is a bridge with the display's address in its path only. */
START_TEST(firmware_display_below_the_device)
{
	add_console("1");
	add_frame_buffer("fb0", "pci0000:00/0000:00:01.0/0000:01:00.0/simple-framebuffer.0");
	ck_assert_uint_eq(look_at(GPU), 1);
}
END_TEST

START_TEST(firmware_display_by_its_memory)
{
	static const char iomem[] = "00000000-00000fff : Reserved\n"
				    "00000000-00000000 : PCI Bus 0000:00\n"
				    "  00000000-00000000 : PCI Bus 0000:02\n"
				    "    00000000-00000000 : 0000:02:00.0\n"
				    "  00000000-00000000 : PCI Bus 0000:01\n"
				    "    00000000-00000000 : 0000:01:00.0\n"
				    "      00000000-00000000 : %s\n"
				    "    00000000-00000000 : 0000:01:00.1\n";
	char *with = test_format(iomem, "BOOTFB"), *without = test_format(iomem, "nouveau");

	add_console("1");
	add_frame_buffer("fb0", "platform/efi-framebuffer.0");
	ck_assert_uint_eq(look_at(GPU), 0); /* no iomem */
	tree_file(tree, "proc/iomem", with);
	ck_assert_uint_eq(look_at(GPU), 1);
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "BOOTFB"));
	ck_assert_uint_eq(look_at(OTHER), 0);
	tree_file(tree, "proc/iomem", without);
	ck_assert_uint_eq(look_at(GPU), 0);
	free(with);
	free(without);
}
END_TEST

START_TEST(unreadable)
{
	tree_file(tree, "sys/class/vtconsole", "not a folder");
	ck_assert_uint_eq(look_at(GPU), 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
}
END_TEST

/* ---- the host ---- */

static struct pcipt_host_facts host_facts(void)
{
	struct pcipt_host_facts host = { 0 };

	pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	pcipt_host_facts_read(snap->kernel, &host);
	return host;
}

START_TEST(interrupts)
{
	ck_assert_int_eq(host_facts().interrupts, PCIPT_INTERRUPTS_UNKNOWN);
	tree_file(tree, "sys/kernel/irq/0/chip_name", "GICv3");
	tree_file(tree, "sys/kernel/irq/7/chip_name", "ITS-PCI-MSI");
	ck_assert_int_eq(host_facts().interrupts, PCIPT_INTERRUPTS_UNKNOWN);
	tree_file(tree, "sys/kernel/irq/9/chip_name", "IO-APIC");
	ck_assert_int_eq(host_facts().interrupts, PCIPT_INTERRUPTS_UNSAFE);
	tree_file(tree, "sys/kernel/irq/9/chip_name", "IR-IO-APIC");
	ck_assert_int_eq(host_facts().interrupts, PCIPT_INTERRUPTS_REMAPPED);
}
END_TEST

START_TEST(parameters)
{
	ck_assert(!host_facts().noiommu_mode && !host_facts().denylist_off);
	tree_file(tree, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y");
	tree_file(tree, "sys/module/vfio_pci/parameters/disable_denylist", "N");
	ck_assert(host_facts().noiommu_mode && !host_facts().denylist_off);
	tree_file(tree, "sys/module/vfio_pci/parameters/disable_denylist", "Y");
	ck_assert(host_facts().denylist_off);
}
END_TEST

/* ---- the kernel's own uses ---- */

static size_t ask_kernel(const char *address)
{
	struct pcipt_device *device = NULL;
	struct pcipt_error *error = NULL;

	pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	assert_ok(pcipt_snapshot_find(snap, address, &device, &error), error);
	pcipt_uses_clear(&uses);
	pcipt_collect_kernel(&(struct pcipt_inquiry){ snap, snap->kernel, &device, 1, &uses, 0 });
	return uses.n;
}

START_TEST(a_serial_console)
{
	static const struct {
		const char *active;
		bool own;
	} table[] = { { "tty0 ttyS4", true }, { "ttyS4", true },  { "ttyS4 tty0", true },
		      { "tty0", false },      { "ttyS41", false }, { "ttyS", false },
		      { "", false },	      { NULL, false } };

	tree_set_link(tree, GPU, "tty/ttyS4/subsystem", "../../../../../class/tty");
	if (table[_i].active)
		tree_file(tree, "sys/class/tty/console/active", table[_i].active);
	ck_assert_uint_eq(ask_kernel(GPU), table[_i].own);
	if (table[_i].own) {
		ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_HELD);
		ck_assert_str_eq(uses.items[0].what, "the kernel (console ttyS4)");
	}
}
END_TEST

START_TEST(dma_channels)
{
	for (int i = 0; i < 3; i++) {
		char *name = test_format("dma/dma0chan%d/subsystem", i);

		tree_set_link(tree, GPU, name, "../../../../../class/dma");
		free(name);
	}
	tree_set(tree, GPU, "dma/dma0chan0/in_use", "0");
	ck_assert_uint_eq(ask_kernel(GPU), 0);
	tree_set(tree, GPU, "dma/dma0chan1/in_use", "2");
	tree_set(tree, GPU, "dma/dma0chan2/in_use", "1");
	ck_assert_uint_eq(ask_kernel(GPU), 1);
	ck_assert_str_eq(uses.items[0].what, "the kernel (DMA channel dma0chan1)");
}
END_TEST

Suite *suite_display(void)
{
	Suite *suite = suite_create("display");
	TCase *tc = tcase_create("console");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, no_console);
	tcase_add_loop_test(tc, a_serial_console, 0, 8);
	tcase_add_test(tc, dma_channels);
	tcase_add_test(tc, console_on_one_of_two);
	tcase_add_test(tc, firmware_display_below_the_device);
	tcase_add_test(tc, firmware_display_by_its_memory);
	tcase_add_test(tc, unreadable);
	tcase_add_test(tc, interrupts);
	tcase_add_test(tc, parameters);
	suite_add_tcase(suite, tc);
	return suite;
}
