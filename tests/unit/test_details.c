/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts that are read on demand, from trees that are right, wrong, hostile or not
 * readable: numbers, the configuration space, what hangs below a device; and a device
 * that goes away while it is read.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "machine.h"
#include "tree.h"

#define CARD "0000:00:05.0"
#define FOLDER "sys/devices/pci0000:00/" CARD

static struct tree *tree;
static struct pcipt_snapshot *snap;

static void setup(void)
{
	char *root = test_path("details");

	tree = tree_new(root);
	tree_add(tree, &(struct tree_device){ .address = CARD,
					      .vendor = 0x8086,
					      .device = 0x1533,
					      .class_id = 0x020000,
					      .group = 5 });
	free(root);
}

static void teardown(void)
{
	snap = pcipt_snapshot_unref(snap);
	tree_free(tree);
}

static struct pcipt_device *look(void)
{
	snap = pcipt_snapshot_unref(snap);
	snap = test_snapshot(tree_root(tree));
	return pcipt_snapshot_device_at(snap, 0);
}

/* The errno of the problem about an attribute of the card; -1 where there is none. */
static int problem_errno(const char *attribute)
{
	char *path = test_format("/sys/bus/pci/devices/" CARD "/%s", attribute);
	int found = -1;

	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++) {
		const struct pcipt_error *problem = pcipt_snapshot_problem_at(snap, i);

		if (pcipt_streq(pcipt_error_get_path(problem), path) &&
		    pcipt_streq(pcipt_error_get_address(problem), CARD))
			found = pcipt_error_get_errno(problem);
	}
	free(path);
	return found;
}

/* ---- numbers ---- */

static const struct {
	const char *text;
	uint32_t mts;
} speeds[] = {
	{ "2.5 GT/s PCIe", 2500 },	 { "16.0 GT/s PCIe", 16000 }, { "5 GT/s", 5000 },
	{ "Unknown", 0 },		 { "Unknown speed", 0 },      { "", 0 },
	{ "-8.0 GT/s PCIe", 0 },	 { "8.-5 GT/s", 0 },	      { "8.0", 0 },
	{ "99999999999.0 GT/s PCIe", 0 }, { "\377\033[2J GT/s", 0 },   { "x8.0 GT/s", 0 },
};

START_TEST(link_speed)
{
	tree_set(tree, CARD, "current_link_speed", speeds[_i].text);
	tree_set(tree, CARD, "max_link_speed", speeds[_i].text);
	ck_assert_uint_eq(pcipt_device_get_link_speed(look()), speeds[_i].mts);
	ck_assert_uint_eq(pcipt_device_get_max_link_speed(look()), speeds[_i].mts);
}
END_TEST

static const struct {
	const char *text;
	uint32_t lanes;
} widths[] = {
	{ "16", 16 }, { "0", 0 },	{ "255", 0 }, { "-1", 0 },
	{ "16x", 0 }, { "0x10", 0 },	{ "", 0 },    { "18446744073709551617", 0 },
	{ "1 6", 0 }, { "\377\033", 0 },
};

START_TEST(link_width)
{
	tree_set(tree, CARD, "current_link_width", widths[_i].text);
	tree_set(tree, CARD, "sriov_totalvfs", widths[_i].text);
	ck_assert_uint_eq(pcipt_device_get_link_width(look()), widths[_i].lanes);
	/* Here 255 is a number like others. */
	if (strcmp(widths[_i].text, "255") != 0)
		ck_assert_uint_eq(pcipt_device_get_sriov_total(look()), widths[_i].lanes);
}
END_TEST

/* Texts of the firmware's end on somebody's terminal. */
START_TEST(texts)
{
	static const char bytes[] = "a\033[2J\377b";
	struct pcipt_device *card;

	tree_set_raw(tree, CARD, "label", bytes, sizeof(bytes) - 1);
	tree_set_raw(tree, CARD, "power_state", bytes, sizeof(bytes) - 1);
	card = look();
	ck_assert_pstr_eq(pcipt_device_get_label(card), "a?[2J?b");
	ck_assert_pstr_eq(pcipt_device_get_power_state(card), "a?[2J?b");
}
END_TEST

/* ---- configuration space ---- */

/* As long as anything may cut it: no fact is made up of what isn't there. */
START_TEST(config_cut_short)
{
	static const size_t sizes[] = { 0, 1, 52, 63, 64, 65, 100, 255, 256, 4095, 4096, 100000 };
	char *bytes = calloc(1, 100000);

	bytes[0x06] = 0x10; /* there is a list of capabilities */
	bytes[0x34] = 0x40; /* it begins here */
	bytes[0x40] = 0x11; /* MSI-X, with the next one behind the end of short files */
	bytes[0x41] = (char)0xfc;
	bytes[0x42] = 7;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct pcipt_device *card;

		tree_set_raw(tree, CARD, "config", bytes, sizes[i]);
		card = look();
		ck_assert_int_eq(pcipt_device_get_msix_vectors(card), sizes[i] < 68 ? -1 : 8);
		/* The next one is no capability, and the list ends there: two bytes. */
		ck_assert_int_eq(pcipt_device_get_msi_vectors(card), sizes[i] < 254 ? -1 : 0);
		ck_assert_ptr_null(pcipt_device_get_serial(card));
	}
	free(bytes);
}
END_TEST

START_TEST(no_config)
{
	struct pcipt_device *card = look();
	char *path;

	tree_set(tree, CARD, "config", NULL);
	ck_assert_int_eq(pcipt_device_get_msix_vectors(card), -1);
	ck_assert_int_eq(problem_errno("config"), ENOENT);
	path = tree_device_path(tree, CARD, "config");
	ck_assert_int_eq(mkdir(path, 0755), 0);
	free(path);
	card = look();
	ck_assert_int_eq(pcipt_device_get_msix_vectors(card), -1);
	ck_assert_int_gt(problem_errno("config"), 0);
}
END_TEST

/* ---- children ---- */

static void add_child(const char *path, const char *subsystem)
{
	char *folder = test_format(FOLDER "/%s", path);
	char *link = test_format("%s/subsystem", folder);
	char *target = test_format("../../../../class/%s", subsystem);

	tree_folder(tree, folder);
	tree_link(tree, link, target);
	free(target);
	free(link);
	free(folder);
}

/* "net eth0, nvme nvme0" */
static char *children_of(struct pcipt_device *device)
{
	char *text = test_format("%s", "");

	for (size_t i = 0; i < pcipt_device_child_count(device); i++) {
		char *more = test_format("%s%s%s %s", text, i ? ", " : "",
					 pcipt_device_child_subsystem(device, i),
					 pcipt_device_child_name(device, i));

		free(text);
		text = more;
	}
	return text;
}

static void assert_children(const char *expected)
{
	char *found = children_of(look());

	ck_assert_str_eq(found, expected);
	free(found);
}

START_TEST(children)
{
	add_child("net/eth0", "net");
	add_child("nvme/nvme0", "nvme");
	add_child("nvme/nvme0/nvme0n1", "block");
	/* Others' and the device's own: */
	add_child("0000:01:00.0", "pci");
	add_child("power", "net");
	add_child("vfio-dev/vfio0", "vfio-dev");
	tree_folder(tree, "sys/devices/virtual/iommu/dmar0/devices");
	tree_link(tree, "sys/devices/virtual/iommu/dmar0/subsystem", "../../../../class/iommu");
	tree_link(tree, FOLDER "/iommu", "../../virtual/iommu/dmar0");
	assert_children("block nvme0n1, net eth0, nvme nvme0");
}
END_TEST

/* AMD's IOMMU is a function itself, and what is a link elsewhere is a folder there. */
START_TEST(child_of_an_iommu)
{
	add_child("iommu/ivhd0", "iommu");
	assert_children("iommu ivhd0");
}
END_TEST

START_TEST(odd_children)
{
	char *link = test_format(FOLDER "/leads-out");

	tree_folder(tree, FOLDER "/loop");
	tree_link(tree, FOLDER "/loop/subsystem", "subsystem");
	tree_link(tree, FOLDER "/loop/again", "../loop");
	tree_folder(tree, FOLDER "/nothing");
	tree_link(tree, FOLDER "/nothing/subsystem", "/");
	tree_link(tree, link, "/");
	add_child("e\033[2J\377vil", "net");
	add_child("dots", "..");
	free(link);
	snap = test_snapshot(tree_root(tree));
	for (size_t i = 0; i < pcipt_device_child_count(pcipt_snapshot_device_at(snap, 0)); i++) {
		const char *name = pcipt_device_child_name(pcipt_snapshot_device_at(snap, 0), i);

		ck_assert_str_ne(name, "leads-out");
		ck_assert_str_ne(name, "again");
		ck_assert_ptr_null(strchr(name, '\033'));
		ck_assert_ptr_null(strchr(name, '\377'));
	}
	pcipt_free(test_device_json(pcipt_snapshot_device_at(snap, 0)));
}
END_TEST

/* A tree that is made to be endless costs neither all time nor all memory. */
START_TEST(too_many_children)
{
	char *path = test_format("%s", "d");

	for (int i = 0; i < 60; i++) {
		char *deeper = test_format("%s/d", path);

		add_child(path, "net");
		free(path);
		path = deeper;
	}
	free(path);
	ck_assert_uint_le(pcipt_device_child_count(look()), 24);
	for (int i = 0; i < 16500; i++) {
		path = test_format("eth%d", i);
		add_child(path, "net");
		free(path);
	}
	ck_assert_uint_eq(pcipt_device_child_count(look()), 16384);
}
END_TEST

/* ---- rights ---- */

/* What an ordinary user isn't given: told with its errno, and the rest is there. */
static int look_without_rights(void)
{
	struct pcipt_device *card;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 99;
	card = look();
	if (pcipt_device_get_vendor_id(card) != 0x8086 || !pcipt_device_get_identity(card))
		return 1;
	if (pcipt_device_get_numa_node(card) != -1 || problem_errno("numa_node") != EACCES)
		return 2;
	if (pcipt_device_get_driver_override(card) || problem_errno("driver_override") != EACCES)
		return 3;
	if (pcipt_device_get_msix_vectors(card) != -1 || problem_errno("config") != EACCES)
		return 4;
	if (pcipt_device_child_count(card) != 1)
		return 5;
	return 0;
}

START_TEST(no_permission)
{
	static const char *const names[] = { "numa_node", "driver_override", "config", "secret" };
	int status = 0;
	pid_t pid;

	tree_set(tree, CARD, "config", "");
	add_child("secret/eth1", "net");
	add_child("eth0", "net");
	for (size_t i = 0; i < 4; i++) {
		char *path = tree_device_path(tree, CARD, names[i]);

		ck_assert_int_eq(chmod(path, 0), 0);
		free(path);
	}
	pid = fork();
	if (pid == 0)
		_exit(look_without_rights());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ended with %d",
		      WEXITSTATUS(status));
}
END_TEST

/* ---- going away ---- */

struct removal {
	unsigned int when;
	bool done;
};

static void remove_audio(struct sim *sim, void *data, unsigned int number)
{
	struct removal *removal = data;

	if (number != removal->when)
		return;
	removal->done = true;
	sim_remove(sim, AUDIO);
}

static void assert_still_there(struct pcipt_snapshot *seen, const char *address,
			       const char *driver, unsigned int when)
{
	struct pcipt_device *device = NULL;

	ck_assert_msg(pcipt_snapshot_find(seen, address, &device, NULL) == 0,
		      "operation %u: %s is lost", when, address);
	ck_assert_pstr_eq(pcipt_device_get_driver(device), driver);
	ck_assert_ptr_nonnull(pcipt_device_get_identity(device));
}

/* At whatever moment a device goes, the others are told whole and nothing is made up of it. */
START_TEST(vanishes_at_each_operation)
{
	static const char *const gpu[] = { GPU };
	struct removal removal = { 0, true };

	while (removal.done) {
		struct sim *sim = machine_new();
		struct pcipt_context *ctx = sim_context(sim);
		struct pcipt_snapshot *seen = NULL;
		struct pcipt_device *audio = NULL;
		struct pcipt_error *error = NULL;

		removal = (struct removal){ removal.when + 1, false };
		sim_hook(sim, ~0u, remove_audio, &removal);
		assert_ok(_i == 0 ? pcipt_snapshot_new(ctx, &seen, &error) :
				    pcipt_snapshot_new_scoped(ctx, gpu, 1, &seen, &error),
			  error);
		pcipt_free(test_snapshot_json(seen));
		assert_still_there(seen, GPU, "nouveau", removal.when);
		if (_i == 0)
			assert_still_there(seen, NIC, "e1000e", removal.when);
		if (pcipt_snapshot_find(seen, AUDIO, &audio, NULL) == 0 &&
		    pcipt_device_get_vendor_id(audio) != 0x10de)
			ck_assert_msg(pcipt_device_get_vendor_id(audio) == -1 &&
					      pcipt_snapshot_problem_count(seen) > 0,
				      "operation %u: something else is there", removal.when);
		pcipt_snapshot_unref(seen);
		pcipt_context_unref(ctx);
		sim_free(sim);
	}
	ck_assert_uint_gt(removal.when, 20);
}
END_TEST

Suite *suite_details(void)
{
	Suite *suite = suite_create("details");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, link_speed, 0, sizeof(speeds) / sizeof(*speeds));
	tcase_add_loop_test(tc, link_width, 0, sizeof(widths) / sizeof(*widths));
	tcase_add_test(tc, texts);
	tcase_add_test(tc, config_cut_short);
	tcase_add_test(tc, no_config);
	tcase_add_test(tc, children);
	tcase_add_test(tc, child_of_an_iommu);
	tcase_add_test(tc, odd_children);
	tcase_add_test(tc, too_many_children);
	tcase_add_test(tc, no_permission);
	tcase_add_loop_test(tc, vanishes_at_each_operation, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
