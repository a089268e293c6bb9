/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hangs below a USB controller, as /sys has it, and whether that is in use. */
#include "failing.h"
#include "tree.h"
#include "unit.h"
#include "usage/usb.h"

#define CONTROLLER "0000:02:00.0"
/* Of a keyboard, a mouse, a headset's buttons, and a keyboard on a machine of 32 bits. */
#define KEYS "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"
#define BUTTONS "1f0000 0 0 0 0"
#define VOLUME "1000000000 0 18000000000000 e000000000000"
#define KEYS_32 "10000 7 ff9f207a c14057ff febeffdf ffefffff ffffffff fffffffe"

static struct tree *tree;
static struct pcipt_uses uses;

static void begin(void)
{
	char *path = test_path("usb");

	tree = tree_new(path);
	tree_add(tree, &(struct tree_device){ .address = CONTROLLER,
					      .vendor = 0x8086,
					      .device = 0xa12f,
					      .class_id = 0x0c0330,
					      .driver = "xhci_hcd",
					      .group = 3 });
	free(path);
}

static void end(void)
{
	pcipt_uses_clear(&uses);
	tree_free(tree);
}

/* A folder below the controller, of a subsystem. */
static void add(const char *path, const char *subsystem)
{
	char *whole = tree_device_path(tree, CONTROLLER, path);
	char *link = test_format("%s/subsystem", path), *target = test_format("/%s", subsystem);

	tree_folder(tree, whole + strlen(tree_root(tree)) + 1);
	tree_set_link(tree, CONTROLLER, link, target);
	free(whole);
	free(link);
	free(target);
}

static void set(const char *folder, const char *name, const char *text)
{
	char *path = test_format("%s/%s", folder, name);

	tree_set(tree, CONTROLLER, path, text);
	free(path);
}

static void add_input(const char *interface, const char *input, const char *keys)
{
	char *path = test_format("%s/0003:0627:0001.0001/input/%s", interface, input);
	char *capabilities = test_format("%s/capabilities", path), *whole;

	add(path, "class/input");
	whole = tree_device_path(tree, CONTROLLER, capabilities);
	tree_folder(tree, whole + strlen(tree_root(tree)) + 1);
	if (keys)
		set(path, "capabilities/key", keys);
	set(path, "name", "A Thing\033[2J");
	free(path);
	free(capabilities);
	free(whole);
}

static const struct pcipt_kernel_ops *real_ops;
static bool odd;   /* reads may fail, see failing.h */
static bool stuck; /* somebody holds the USB device's lock */

/* Its name may only be asked for where nobody has to wait. */
static ssize_t read_unguarded(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			      char *buf, size_t size)
{
	ck_assert_str_ne(pcipt_base_name(path), "product");
	return real_ops->read(k, at, path, buf, size);
}

static int read_guarded(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_read *reads,
			size_t n, unsigned int ms)
{
	if (!stuck)
		return real_ops->read_guarded(k, at, reads, n, ms);
	for (size_t i = 0; i < n; i++)
		reads[i].result = -EBUSY;
	return 0;
}

static void collect(void)
{
	struct pcipt_snapshot *snap = test_snapshot(tree_root(tree));
	struct pcipt_kernel_ops ops = *snap->kernel->ops;
	struct pcipt_device *asked = NULL;
	struct pcipt_inquiry inquiry = { snap, snap->kernel, &asked, 1, &uses, 0 };

	pcipt_uses_clear(&uses);
	ck_assert_int_eq(pcipt_snapshot_find(snap, CONTROLLER, &asked, NULL), 0);
	real_ops = snap->kernel->ops;
	if (odd)
		failing_wrap(real_ops, &ops);
	else
		ops.read = read_unguarded;
	ops.read_guarded = read_guarded;
	snap->kernel->ops = &ops;
	pcipt_collect_usb(&inquiry);
	snap->kernel->ops = real_ops;
	pcipt_snapshot_unref(snap);
	ck_assert(!uses.no_memory);
}

/* The root hub, a hub behind it, and on its second port a device with one interface. */
static void add_device(const char *driver)
{
	char *target = test_format("/bus/usb/drivers/%s", driver);

	add("usb1", "bus/usb");
	add("usb1/1-0:1.0", "bus/usb");
	add("usb1/1-1", "bus/usb");
	add("usb1/1-1/1-1:1.0", "bus/usb");
	tree_set_link(tree, CONTROLLER, "usb1/1-1/1-1:1.0/driver", "/bus/usb/drivers/hub");
	add("usb1/1-1/1-1.2", "bus/usb");
	set("usb1/1-1/1-1.2", "product", "Power \xff Supply");
	add("usb1/1-1/1-1.2/1-1.2:1.0", "bus/usb");
	tree_set_link(tree, CONTROLLER, "usb1/1-1/1-1.2/1-1.2:1.0/driver", target);
	free(target);
}

#define INTERFACE "usb1/1-1/1-1.2/1-1.2:1.0"

#define UHID "sys/devices/virtual/misc/uhid"

static void add_wireless(const char *hid, const char *keys)
{
	char *path = test_format(UHID "/%s/input/input9/capabilities/key", hid);
	char *name = test_format(UHID "/%s/input/input9/name", hid);

	tree_file(tree, path, keys);
	tree_file(tree, name, "BT Keyboard");
	free(path);
	free(name);
}

/* The adapter, and what comes by it: as the kernel's own HID has it below the adapter. */
START_TEST(bluetooth_of_the_kernel)
{
	add_device("btusb");
	add(INTERFACE "/bluetooth/hci0", "class/bluetooth");
	add(INTERFACE "/bluetooth/hci0/hci0:256", "class/bluetooth");
	collect();
	ck_assert_uint_eq(uses.n, 0);
	add_input(INTERFACE "/bluetooth/hci0/hci0:256", "input7", KEYS);
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_USB);
	ck_assert_ptr_nonnull(strstr(uses.items[0].what, "a keyboard (1-1.2, A Thing"));
}
END_TEST

/* What bluetoothd drives stands elsewhere. */
START_TEST(bluetooth_of_a_program)
{
	add_wireless("0005:046D:B342.0001", KEYS);
	add_device("btusb");
	collect(); /* no adapter is below this one */
	ck_assert_uint_eq(uses.n, 0);
	add(INTERFACE "/bluetooth/hci0", "class/bluetooth");
	add(INTERFACE "/bluetooth/hci0/hci0:256", "class/bluetooth");
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_USB);
	ck_assert_str_eq(uses.items[0].what, "a Bluetooth keyboard (1-1.2, BT Keyboard)");
	ck_assert_str_eq(uses.items[0].evidence,
			 "the keyboard BT Keyboard types on this host's console (input9) over Bluetooth, "
			 "for which the adapter hci0 at the USB port 1-1.2 may be needed");
	/* A mouse is none, nor is what a program makes without Bluetooth. */
	add_wireless("0005:046D:B342.0001", BUTTONS);
	add_wireless("0003:046D:B342.0002", KEYS);
	collect();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(nothing_below)
{
	collect();
	ck_assert_uint_eq(uses.n, 0);
	add("usb1", "bus/usb");
	add("usb1/1-0:1.0", "bus/usb");
	collect();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(driven_by_the_kernel)
{
	add_device("uvcvideo");
	add_input(INTERFACE, "input7", BUTTONS);
	add_input(INTERFACE, "input8", VOLUME);
	collect();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(keyboard)
{
	add_device("usbhid");
	add_input(INTERFACE, "input7", KEYS);
	add(INTERFACE "/0003:0627:0001.0001/input/input7/event3", "class/input");
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_USB);
	ck_assert_str_eq(uses.items[0].what, "a keyboard (1-1.2, A Thing?[2J)");
	set(INTERFACE "/0003:0627:0001.0001/input/input7", "capabilities/key", BUTTONS);
	collect();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(several)
{
	add_device("usbfs");
	for (int i = 0; i < 6; i++) {
		char *name = test_format("input%d", i);

		add_input(INTERFACE, name, KEYS);
		free(name);
	}
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_ptr_nonnull(strstr(uses.items[0].what, "and 6 more"));
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "; and 4 more"));
}
END_TEST

START_TEST(driven_by_a_program)
{
	add_device("usbfs");
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_str_eq(uses.items[0].what,
			 "a device that a program drives (1-1.2, Power ? Supply)");
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "1-1.2:1.0"));
	stuck = true;
	collect();
	stuck = false;
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_str_eq(uses.items[0].what,
			 "a device that a program drives (1-1.2, without a name)");
}
END_TEST

/* An input device that is gone again is no use; one that can't be read is told. */
START_TEST(unreadable)
{
	add_device("usbhid");
	add_input(INTERFACE, "input7", NULL);
	collect();
	ck_assert_uint_eq(uses.n, 0);
	tree_set_link(tree, CONTROLLER,
		      INTERFACE "/0003:0627:0001.0001/input/input7/capabilities/key", "key");
	collect();
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN_HARMLESS);
}
END_TEST

/* Whichever read fails: it is in use, or that isn't known. */
START_TEST(any_read_may_fail)
{
	size_t total;

	add_device(_i == 0 ? "usbhid" : "usbfs");
	if (_i == 0)
		add_input(INTERFACE, "input7", KEYS);
	odd = true;
	failing_begin(0);
	collect();
	total = failing_count();
	ck_assert_uint_gt(total, 10);
	for (size_t i = 0; i <= total; i++) {
		failing_begin(i);
		collect();
		ck_assert_msg(uses.n > 0, "the read %zu of %zu failed, and it is idle", i, total);
	}
	odd = false;
}
END_TEST

START_TEST(what_a_keyboard_is)
{
	ck_assert(pcipt_usb_is_keyboard(KEYS));
	ck_assert(pcipt_usb_is_keyboard(KEYS_32));
	ck_assert(pcipt_usb_is_keyboard("fffffffe"));
	ck_assert(!pcipt_usb_is_keyboard(BUTTONS));
	ck_assert(!pcipt_usb_is_keyboard(VOLUME));
	ck_assert(!pcipt_usb_is_keyboard(""));
	ck_assert(!pcipt_usb_is_keyboard(" "));
	ck_assert(!pcipt_usb_is_keyboard("no number"));
	ck_assert(!pcipt_usb_is_keyboard("fffffffffffffffe 0"));
}
END_TEST

Suite *suite_usb(void)
{
	Suite *suite = suite_create("usb");
	TCase *tcase = tcase_create("usb");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, nothing_below);
	tcase_add_test(tcase, driven_by_the_kernel);
	tcase_add_test(tcase, keyboard);
	tcase_add_test(tcase, several);
	tcase_add_test(tcase, bluetooth_of_the_kernel);
	tcase_add_test(tcase, bluetooth_of_a_program);
	tcase_add_test(tcase, driven_by_a_program);
	tcase_add_test(tcase, unreadable);
	tcase_add_loop_test(tcase, any_read_may_fail, 0, 2);
	tcase_add_test(tcase, what_a_keyboard_is);
	suite_add_tcase(suite, tcase);
	return suite;
}
