/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which nodes nobody can have open, by what holds their modules: in doubt a node stays, and
 * the processes are looked at.
 */
#include <unistd.h>

#include "tree.h"
#include "unit.h"
#include "usage/nodes.h"

#define GPU "0000:01:00.0"
#define SOUND "0000:01:00.1"
#define DISK "0000:02:00.0"

static struct tree *tree;
static struct pcipt_snapshot *snap;
static struct pcipt_nodes nodes;

static void add_device(const char *address, const char *driver)
{
	char *path = test_format("sys/bus/pci/drivers/%s/module", driver);
	char *module = test_format("../../../../module/%s_mod", driver);

	tree_add(tree, &(struct tree_device){ .address = address, .driver = driver, .group = 1 });
	tree_link(tree, path, module);
	free(path);
	free(module);
}

static void add_node(const char *address, const char *path, const char *class, const char *numbers)
{
	char *link = test_format("sys/class/%s/%s", class, strrchr(path, '/') + 1);
	char *class_path = test_format("/sys/class/%s", class), *name;
	char *target = test_format("/sys/bus/pci/devices/%s/%s", address, path);

	name = test_format("sys/bus/pci/devices/%s/%s/dev", address, path);
	tree_file(tree, name, numbers);
	free(name);
	name = test_format("sys/bus/pci/devices/%s/%s/subsystem", address, path);
	tree_link(tree, name, class_path);
	tree_link(tree, link, target);
	free(name), free(link), free(target), free(class_path);
}

static void take_away(const char *path)
{
	char *whole = tree_path(tree, path);

	ck_assert_int_eq(unlink(whole), 0);
	free(whole);
}

static void put_module(const char *name, const char *refcnt, const char *taint, const char *holder)
{
	char *path = test_format("sys/module/%s/refcnt", name);

	tree_file(tree, path, refcnt);
	free(path);
	path = test_format("sys/module/%s/taint", name);
	tree_file(tree, path, taint);
	free(path);
	path = test_format("sys/module/%s/holders%s%s", name, holder ? "/" : "", holder ? holder : "");
	tree_folder(tree, path);
	free(path);
}

static void begin(void)
{
	char *root = test_path("pins");

	tree = tree_new(root);
	free(root);
	add_device(GPU, "bochs-drm");
	add_device(SOUND, "snd_hda_intel");
	add_device(DISK, "nvme");
	add_node(GPU, "drm/card0", "drm", "226:0");
	add_node(SOUND, "sound/card0/controlC0", "sound", "116:2");
	add_node(SOUND, "sound/card0/pcmC0D0p", "sound", "116:3");
	add_node(DISK, "nvme/nvme0", "nvme", "240:0");
	add_node(DISK, "nvme/nvme0/nvme0n1", "block", "259:0");
	put_module("bochs-drm_mod", "0", "", NULL);
	put_module("snd_hda_intel_mod", "0", "", NULL);
	put_module("nvme_core", "1", "", "nvme");
}

static void end(void)
{
	pcipt_nodes_clear(&nodes);
	snap = pcipt_snapshot_unref(snap);
	tree_free(tree);
}

/* How many of a device's nodes somebody may have open. */
static size_t left_of(const char *address)
{
	struct pcipt_error *error = NULL;
	struct pcipt_device *device;

	pcipt_nodes_clear(&nodes);
	pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	assert_ok(pcipt_snapshot_find(snap, address, &device, &error), error);
	pcipt_nodes_add(&nodes, device, 1000);
	pcipt_nodes_drop_unopened(&nodes, snap->kernel);
	return nodes.n;
}

START_TEST(unheld)
{
	ck_assert_uint_eq(left_of(GPU), 0);
	ck_assert_uint_eq(left_of(SOUND), 0);
	ck_assert_uint_eq(left_of(DISK), 0);
}
END_TEST

START_TEST(held)
{
	put_module("bochs-drm_mod", "1", "", NULL);
	ck_assert_uint_eq(left_of(GPU), 1);
	ck_assert_str_eq(nodes.owners[0].path, "/dev/dri/card0");
	put_module("nvme_core", "2", "", NULL);
	ck_assert_uint_eq(left_of(DISK), 2);
	put_module("snd_hda_intel_mod", "3", "", NULL);
	ck_assert_uint_eq(left_of(SOUND), 2);
}
END_TEST

/* What a module says that isn't clear, or whose word isn't good enough. */
START_TEST(in_doubt)
{
	static const char *const counts[] = { "-1", "", "0x0", "many", "99999999999999999999" };
	static const char *const taints[] = { "O", "POE" };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		put_module("bochs-drm_mod", counts[i], "", NULL);
		ck_assert_uint_eq(left_of(GPU), 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(taints); i++) {
		put_module("bochs-drm_mod", "0", taints[i], NULL);
		ck_assert_uint_eq(left_of(GPU), 1);
	}
	/* More that need it than hold it: they came or went meanwhile. */
	put_module("bochs-drm_mod", "0", "", "other");
	ck_assert_uint_eq(left_of(GPU), 1);
}
END_TEST

/* Built in: there is no count, and what is held can't be told. */
START_TEST(no_module)
{
	add_node(SOUND, "sound/card0/comprC0D0", "sound", "116:9");
	ck_assert_uint_eq(left_of(SOUND), 1);
	ck_assert_str_eq(nodes.owners[0].path, "/dev/snd/comprC0D0");
	take_away("sys/module/snd_hda_intel_mod/refcnt");
	ck_assert_uint_eq(left_of(SOUND), 3);
	take_away("sys/bus/pci/drivers/bochs-drm/module");
	ck_assert_uint_eq(left_of(GPU), 1);
}
END_TEST

/* A class device of another one below: its driver's module is a third one. */
START_TEST(another_drivers)
{
	add_node(GPU, "virtio0/drm/card1", "drm", "226:1");
	add_node(SOUND, "platform/sound/card1/controlC1", "sound", "116:8");
	ck_assert_uint_eq(left_of(GPU), 1);
	ck_assert_str_eq(nodes.owners[0].path, "/dev/dri/card1");
	ck_assert_uint_eq(left_of(SOUND), 1);
	ck_assert_str_eq(nodes.owners[0].path, "/dev/snd/controlC1");
}
END_TEST

START_TEST(kinds_that_say_nothing)
{
	add_node(GPU, "ptp/ptp0", "ptp", "247:0");
	add_node(GPU, "i2c-1/i2c-dev/i2c-1", "i2c-dev", "89:1");
	put_module("ptp", "0", "", NULL);
	ck_assert_uint_eq(left_of(GPU), 2);
}
END_TEST

/* saa7134_alsa puts its card right below saa7134's device, and is what its users hold. */
START_TEST(a_card_of_another_module)
{
	add_node(GPU, "sound/card1/controlC1", "sound", "116:9");
	put_module("bochs-drm_mod", "1", "", "saa7134_alsa");
	put_module("saa7134_alsa", "1", "", NULL);
	ck_assert_uint_ge(left_of(GPU), 1);
}
END_TEST

/* virtio-gpu's display is the PCI device's child, and virtio-pci isn't its driver. */
START_TEST(a_display_on_another_bus)
{
	add_device("0000:05:00.0", "virtio-pci");
	add_node("0000:05:00.0", "drm/card2", "drm", "226:2");
	put_module("virtio-pci_mod", "0", "", NULL);
	put_module("virtio_gpu", "1", "", NULL);
	ck_assert_uint_eq(left_of("0000:05:00.0"), 1);
}
END_TEST

Suite *suite_pins(void)
{
	Suite *suite = suite_create("pins");
	TCase *tc = tcase_create("pins");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, unheld);
	tcase_add_test(tc, held);
	tcase_add_test(tc, in_doubt);
	tcase_add_test(tc, no_module);
	tcase_add_test(tc, another_drivers);
	tcase_add_test(tc, kinds_that_say_nothing);
	tcase_add_test(tc, a_card_of_another_module);
	tcase_add_test(tc, a_display_on_another_bus);
	suite_add_tcase(suite, tc);
	return suite;
}
