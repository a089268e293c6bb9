/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees that no kernel makes, and some that one does: vanished devices, attributes
 * full of anything, links that loop or lead out. Each is a problem of one device;
 * the others are read as ever.
 */
#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inventory/inventory.h"
#include "tree.h"

#define ODD "0000:00:05.0"
#define GOOD "0000:00:06.0"

static char *folder; /* holds the tree, and what links may lead to */
static struct tree *tree;
static struct pcipt_snapshot *snap;

/* One device that a test makes odd, and one that must always come through. */
static void setup(void)
{
	char *root;

	folder = test_path("hostile");
	root = test_format("%s/root", folder);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	tree = tree_new(root);
	free(root);
	tree_add(tree, &(struct tree_device){ .address = ODD,
					      .vendor = 0x8086,
					      .device = 0x1533,
					      .class_id = 0x030000,
					      .revision = 3,
					      .driver = "igb",
					      .group = 5,
					      .boot_vga = "1",
					      .reset_method = "flr" });
	tree_add(tree, &(struct tree_device){ .address = GOOD,
					      .vendor = 0x8086,
					      .device = 0x1533,
					      .class_id = 0x020000,
					      .revision = 3,
					      .driver = "igb",
					      .group = 6 });
}

static void teardown(void)
{
	snap = pcipt_snapshot_unref(snap);
	tree_free(tree);
	free(folder);
}

static struct pcipt_device *find(const char *text)
{
	struct pcipt_address at;

	ck_assert(pcipt_address_scan(text, &at, NULL));
	return pcipt_snapshot_at(snap, at);
}

/* Takes the snapshot, reads all of it, and holds the good device to what it is. */
static void look(void)
{
	struct pcipt_device *good;

	snap = test_snapshot(tree_root(tree));
	pcipt_free(test_snapshot_json(snap));
	good = find(GOOD);
	ck_assert_ptr_nonnull(good);
	ck_assert_pstr_eq(pcipt_device_get_identity(good), "8086:1533:0000:0000:03@pci0000:00/06.0");
	ck_assert_pstr_eq(pcipt_device_get_driver(good), "igb");
	ck_assert_int_eq(pcipt_group_get_number(pcipt_device_get_group(good)), 6);
}

/* The problem about an attribute of the odd device; NULL where there is none. */
static const struct pcipt_error *problem_of(const char *attribute)
{
	char *path = test_format("/sys/bus/pci/devices/%s/%s", ODD, attribute);
	const struct pcipt_error *found = NULL;

	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++) {
		const struct pcipt_error *problem = pcipt_snapshot_problem_at(snap, i);

		ck_assert_ptr_nonnull(pcipt_error_get_message(problem));
		if (strcmp(pcipt_error_get_path(problem), path) == 0)
			found = problem;
	}
	free(path);
	return found;
}

static void assert_problem(const char *attribute, int code)
{
	const struct pcipt_error *problem = problem_of(attribute);

	ck_assert_msg(problem != NULL, "no problem is told of %s", attribute);
	ck_assert_str_eq(pcipt_error_get_name(problem), pcipt_errc_name(code));
	ck_assert_pstr_eq(pcipt_error_get_address(problem), ODD);
}

/* ---- ids ---- */

START_TEST(without_modalias)
{
	tree_set(tree, ODD, "modalias", NULL);
	look();
	ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), 0x8086);
	ck_assert_int_eq(pcipt_device_get_device_id(find(ODD)), 0x1533);
	ck_assert_int_eq(pcipt_device_get_subsystem_vendor_id(find(ODD)), 0);
	ck_assert_int_eq(pcipt_device_get_class_id(find(ODD)), 0x030000);
	ck_assert_pstr_eq(pcipt_device_get_identity(find(ODD)),
			  "8086:1533:0000:0000:03@pci0000:00/05.0");
}
END_TEST

START_TEST(without_any_id)
{
	static const char *const names[] = { "modalias", "vendor", "device", "subsystem_vendor",
					     "subsystem_device", "class" };

	for (size_t i = 0; i < 6; i++)
		tree_set(tree, ODD, names[i], NULL);
	look();
	ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_device_id(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_subsystem_vendor_id(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_subsystem_device_id(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_class_id(find(ODD)), -1);
	ck_assert(!pcipt_device_is_bridge(find(ODD)));
	ck_assert_ptr_null(pcipt_device_get_identity(find(ODD)));
	ck_assert_pstr_eq(pcipt_device_get_slot(find(ODD)), "pci0000:00/05.0");
	assert_problem("vendor", PCIPT_E_IO);
	assert_problem("class", PCIPT_E_IO);
}
END_TEST

/* Each is no alias, so the single attributes answer. */
static const char *const bad_aliases[] = {
	"",
	"pci:",
	"usb:v00008086d00001533sv00000000sd00000000bc03sc00i00",
	"pci:v00008086d00001533sv00000000sd00000000bc03sc00",
	"pci:v00008086d00001533sv00000000sd00000000bc03sc00i0",
	"pci:v00008086d00001533sv00000000sd00000000bc03sc00i00x",
	"pci:v00018086d00001533sv00000000sd00000000bc03sc00i00",
	"pci:v00008086d00011533sv00000000sd00000000bc03sc00i00",
	"pci:v-0008086d00001533sv00000000sd00000000bc03sc00i00",
	"pci:v00008086d00001533sv00000000sd00000000bc-1sc00i00",
	"pci:v00008086d00001533sv00000000sd00000000bc 3sc00i00",
	"pci:v0x008086d00001533sv00000000sd00000000bc03sc00i00",
	"pci:v86d33sv0sd0bc3sc0i0",
	"pci:v00008086d00001533sv00000000sd00000000bc03sc00i00\npci:",
};

START_TEST(bad_alias)
{
	tree_set(tree, ODD, "modalias", bad_aliases[_i]);
	tree_set(tree, ODD, "device", "0x4711");
	look();
	ck_assert_msg(pcipt_device_get_device_id(find(ODD)) == 0x4711, "\"%s\" was taken",
		      bad_aliases[_i]);
	ck_assert_int_eq(pcipt_device_get_class_id(find(ODD)), 0x030000);
	assert_problem("modalias", PCIPT_E_DAMAGED);
}
END_TEST

static const char *const bad_ids[] = {
	"",	   "0x",     "8086",  "0x-1",	  "-0x1",     "0x10000", "0x8086 ",
	" 0x8086", "0x80g6", "hello", "0x8086\n", "0x0x8086", "0xffffffffffffffffff",
};

START_TEST(bad_id)
{
	tree_set(tree, ODD, "modalias", NULL);
	tree_set(tree, ODD, "vendor", bad_ids[_i]);
	look();
	/* A second newline is one more than the kernel writes, and harmless. */
	if (strcmp(bad_ids[_i], "0x8086\n") == 0) {
		ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), 0x8086);
		return;
	}
	ck_assert_msg(pcipt_device_get_vendor_id(find(ODD)) == -1, "\"%s\" was taken", bad_ids[_i]);
	ck_assert_ptr_null(pcipt_device_get_identity(find(ODD)));
	assert_problem("vendor", PCIPT_E_DAMAGED);
}
END_TEST

START_TEST(id_without_newline)
{
	tree_set(tree, ODD, "modalias", NULL);
	tree_set_raw(tree, ODD, "vendor", "0x10de", 6);
	look();
	ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), 0x10de);
}
END_TEST

/* ---- numbers and texts ---- */

static const struct {
	const char *name, *text;
	long value;
	bool problem;
} numbers[] = {
	{ "numa_node", "-1", -1, false },
	{ "numa_node", "3", 3, false },
	{ "numa_node", "", -1, false },
	{ "numa_node", "-2", -1, true },
	{ "numa_node", "65536", -1, true },
	{ "numa_node", "99999999999999999999", -1, true },
	{ "numa_node", "1 2", -1, true },
	{ "numa_node", "one", -1, true },
	{ "numa_node", "0\n1", -1, true },
	{ "revision", "0xff", 0xff, false },
	{ "revision", "0x100", -1, true },
	{ "revision", "-1", -1, true },
	{ "revision", "0xzz", -1, true },
	{ "boot_vga", "1", 1, false },
	{ "boot_vga", "0", 0, false },
	{ "boot_vga", "2", -1, true },
	{ "boot_vga", "yes", -1, true },
};

static long number(struct pcipt_device *device, const char *name)
{
	return strcmp(name, "numa_node") == 0 ? pcipt_device_get_numa_node(device) :
	       strcmp(name, "revision") == 0  ? pcipt_device_get_revision(device) :
						pcipt_device_get_boot_vga(device);
}

START_TEST(odd_number)
{
	tree_set(tree, ODD, numbers[_i].name, numbers[_i].text);
	look();
	ck_assert_int_eq(number(find(ODD), numbers[_i].name), numbers[_i].value);
	if (numbers[_i].problem)
		assert_problem(numbers[_i].name, PCIPT_E_DAMAGED);
	else
		ck_assert_ptr_null(problem_of(numbers[_i].name));
}
END_TEST

/* Longer than any attribute can be; the reader must neither overrun nor hang. */
START_TEST(very_long)
{
	static const char *const names[] = { "modalias", "vendor", "class", "revision", "numa_node",
					     "boot_vga", "reset_method", "power/control",
					     "driver_override" };
	size_t n = 1 << 20;
	char *text = malloc(n);

	memset(text, 'a', n);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		tree_set_raw(tree, ODD, names[i], text, n);
	free(text);
	look();
	ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_revision(find(ODD)), -1);
	assert_problem("modalias", PCIPT_E_DAMAGED);
	assert_problem("revision", PCIPT_E_DAMAGED);
}
END_TEST

static bool is_clean(const char *text)
{
	for (const char *p = text; p && *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

/* Bytes that a terminal would obey, and bytes that no JSON may hold. */
START_TEST(binary)
{
	static const char *const names[] = { "reset_method", "power/control", "driver_override" };
	static const char bytes[] = "a\033[2Jb\302\233c\377d\xc0\xaf\x80\001e";

	for (size_t i = 0; i < 3; i++)
		tree_set_raw(tree, ODD, names[i], bytes, sizeof(bytes) - 1);
	look();
	ck_assert_uint_eq(pcipt_device_reset_method_count(find(ODD)), 1);
	ck_assert(is_clean(pcipt_device_reset_method_at(find(ODD), 0)));
	ck_assert(is_clean(pcipt_device_get_power_control(find(ODD))));
	ck_assert(is_clean(pcipt_device_get_driver_override(find(ODD))));
}
END_TEST

START_TEST(reset_methods_with_odd_blanks)
{
	tree_set(tree, ODD, "reset_method", "  flr   bus ");
	look();
	ck_assert_uint_eq(pcipt_device_reset_method_count(find(ODD)), 2);
	ck_assert_str_eq(pcipt_device_reset_method_at(find(ODD), 1), "bus");
}
END_TEST

START_TEST(override_of_nothing)
{
	tree_set_raw(tree, ODD, "driver_override", "", 0);
	look();
	ck_assert_ptr_null(pcipt_device_get_driver_override(find(ODD)));
	ck_assert_ptr_null(problem_of("driver_override"));
}
END_TEST

/* A folder, a fifo or a link where an attribute should be. */
START_TEST(attribute_of_another_kind)
{
	static const char *const names[] = { "numa_node", "driver_override", "reset_method" };
	char *path;

	for (size_t i = 0; i < 3; i++) {
		tree_set(tree, ODD, names[i], NULL);
		path = tree_device_path(tree, ODD, names[i]);
		ck_assert_int_eq(mkdir(path, 0755), 0);
		free(path);
	}
	tree_set_fifo(tree, ODD, "revision");
	tree_set_fifo(tree, ODD, "boot_vga");
	tree_set_fifo(tree, GOOD, "driver_override");
	tree_set_link(tree, ODD, "power/control", "control");
	look();
	ck_assert_int_eq(pcipt_device_get_numa_node(find(ODD)), -1);
	ck_assert_int_eq(pcipt_device_get_revision(find(ODD)), -1);
	ck_assert_ptr_null(pcipt_device_get_driver_override(find(ODD)));
	ck_assert_ptr_null(pcipt_device_get_power_control(find(ODD)));
	assert_problem("numa_node", PCIPT_E_IO);
	assert_problem("driver_override", PCIPT_E_IO);
	assert_problem("power/control", PCIPT_E_IO);
}
END_TEST

/* ---- links ---- */

START_TEST(odd_drivers)
{
	static const char *const targets[] = { "driver", "../driver-loop", "", "nowhere" };
	char *path = tree_path(tree, "sys/bus/pci/drivers/igb/" ODD);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
	if (*targets[_i])
		tree_set_link(tree, ODD, "driver", targets[_i]);
	else
		tree_set(tree, ODD, "driver", NULL);
	look();
	ck_assert_pstr_eq(pcipt_device_get_driver(find(ODD)),
			  _i == 0 ? "driver" : _i == 1 ? "driver-loop" : _i == 2 ? NULL : "nowhere");
}
END_TEST

START_TEST(driver_name_that_a_terminal_obeys)
{
	char *json, *bound = tree_path(tree, "sys/bus/pci/drivers/igb/" ODD);

	tree_set(tree, ODD, "driver", NULL);
	tree_folder(tree, "sys/bus/pci/drivers/e\033[2J\377vil");
	tree_link(tree, "sys/bus/pci/drivers/e\033[2J\377vil/" ODD,
		  "../../../../devices/pci0000:00/" ODD);
	ck_assert_int_eq(unlink(bound), 0);
	free(bound);
	look();
	ck_assert_ptr_nonnull(pcipt_device_get_driver(find(ODD)));
	ck_assert_msg(is_clean(pcipt_device_get_driver(find(ODD))), "the driver's name goes through");
	json = test_snapshot_json(snap);
	ck_assert_ptr_null(strchr(json, '\377'));
	pcipt_free(json);
}
END_TEST

static const struct {
	const char *target;
	int number;
} group_links[] = {
	{ "../../../kernel/iommu_groups/17", 17 },
	{ "17", 17 },
	{ "../../../kernel/iommu_groups/0", 0 },
	{ "../../../kernel/iommu_groups/-1", -1 },
	{ "../../../kernel/iommu_groups/1x", -1 },
	{ "../../../kernel/iommu_groups/ 1", -1 },
	{ "../../../kernel/iommu_groups/+1", -1 },
	{ "../../../kernel/iommu_groups/2147483648", -1 },
	{ "../../../kernel/iommu_groups/99999999999999999999", -1 },
	{ "../../../kernel/iommu_groups/", -1 },
	{ "iommu_group", -1 },
};

START_TEST(odd_group)
{
	tree_set_link(tree, ODD, "iommu_group", group_links[_i].target);
	look();
	ck_assert_int_eq(pcipt_group_get_number(pcipt_device_get_group(find(ODD))),
			 group_links[_i].number);
	if (group_links[_i].number < 0)
		assert_problem("iommu_group", PCIPT_E_DAMAGED);
}
END_TEST

/* What stands outside of the root belongs to another machine. */
START_TEST(device_that_leads_out)
{
	char *outside = test_format("%s/outside", folder);
	char *path = test_format("%s/vendor", outside);

	ck_assert_int_eq(mkdir(outside, 0755), 0);
	test_write(path, "0x6666\n", 7);
	free(path);
	path = test_format("%s/driver_override", outside);
	test_write(path, "outside\n", 8);
	free(path);
	path = test_format("%s/driver", outside);
	ck_assert_int_eq(symlink("/drivers/outside", path), 0);
	free(path);
	path = test_format("%s/iommu_group", outside);
	ck_assert_int_eq(symlink("/groups/66", path), 0);
	free(path);
	if (_i == 0) {
		tree_link(tree, "sys/bus/pci/devices/0000:00:07.0", outside);
	} else if (_i == 1) {
		tree_link(tree, "sys/bus/pci/devices/0000:00:07.0", "../../../devices/out");
		tree_link(tree, "sys/devices/out", outside);
	} else {
		tree_link(tree, "sys/bus/pci/devices/0000:00:07.0",
			  "../../../devices/pci0000:07/0000:00:07.0");
		path = test_format("%s/0000:00:07.0", folder);
		ck_assert_int_eq(rename(outside, path), 0);
		free(path);
		tree_link(tree, "sys/devices/pci0000:07", folder);
	}
	look();
	free(outside);
	if (!find("0000:00:07.0"))
		return;
	ck_assert_int_eq(pcipt_device_get_vendor_id(find("0000:00:07.0")), -1);
	ck_assert_ptr_null(pcipt_device_get_driver(find("0000:00:07.0")));
	ck_assert_ptr_null(pcipt_device_get_group(find("0000:00:07.0")));
	ck_assert_ptr_null(pcipt_device_get_driver_override(find("0000:00:07.0")));
}
END_TEST

/* Attributes that are links are not the kernel's; those that lead out are not followed. */
START_TEST(attribute_that_leads_out)
{
	char *secret = test_format("%s/secret", folder);

	test_write(secret, "7\n", 2);
	tree_set_link(tree, ODD, "numa_node", secret);
	tree_set_link(tree, ODD, "driver_override", secret);
	tree_set_link(tree, ODD, "power/control", "../../../../../../secret");
	look();
	free(secret);
	ck_assert_int_eq(pcipt_device_get_numa_node(find(ODD)), -1);
	ck_assert_ptr_null(pcipt_device_get_driver_override(find(ODD)));
	ck_assert_ptr_null(pcipt_device_get_power_control(find(ODD)));
}
END_TEST

/* A path is a device's own: its last name is its address, and no name in it is empty or a dot. */
static const char *const odd_paths[] = {
	"../../../devices/pci0000:00/0000:00:07.0/",
	"../../../devices/pci0000:00//0000:00:07.0",
	"../../../devices/pci0000:00/./0000:00:07.0",
	"../../../devices/pci0000:00/" GOOD,
	"../../../devices/../devices/pci0000:00/0000:00:07.0",
	"../../../devices/",
	"../../../devices",
	"0000:00:07.0",
};

START_TEST(odd_path)
{
	struct pcipt_device *device;

	tree_add(tree, &(struct tree_device){ .address = "0000:00:07.0", .driver = "igb" });
	tree_link(tree, "sys/bus/pci/devices/0000:00:07.0", odd_paths[_i]);
	look();
	device = find("0000:00:07.0");
	ck_assert_ptr_ne(pcipt_device_get_parent(device), device);
	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++)
		if (pcipt_streq(pcipt_error_get_address(pcipt_snapshot_problem_at(snap, i)),
				"0000:00:07.0"))
			return;
	ck_abort_msg("no problem is told of the path %s", odd_paths[_i]);
}
END_TEST

START_TEST(names_that_are_no_addresses)
{
	static const char *const names[] = { "00:07.0",	    "0000:00:07.0 ",  "0000:00:1F.0",
					     "000:00:07.0", "00000:00:07.0", "hello",
					     "0000:00:20.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = test_format("sys/bus/pci/devices/%s", names[i]);

		tree_link(tree, path, "../../../devices/pci0000:00/" GOOD);
		free(path);
	}
	look();
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 2);
	ck_assert_uint_eq(pcipt_snapshot_problem_count(snap), sizeof(names) / sizeof(*names));
}
END_TEST

/* The link is there when the folder is listed, the device is not when it is read. */
START_TEST(vanished)
{
	char *path = tree_device_path(tree, ODD, NULL);

	test_remove(path);
	free(path);
	look();
	/* Whether it is left out or stands there without facts, nothing is made up. */
	if (!find(ODD))
		return;
	ck_assert_int_eq(pcipt_device_get_vendor_id(find(ODD)), -1);
	ck_assert_ptr_null(pcipt_device_get_identity(find(ODD)));
}
END_TEST

START_TEST(odd_functions)
{
	struct pcipt_device *device;

	tree_set_link(tree, ODD, "physfn", "../" ODD);
	tree_set_link(tree, ODD, "virtfn0", "../" ODD);
	tree_set_link(tree, ODD, "virtfn1", "../0000:77:00.0");
	tree_set_link(tree, GOOD, "physfn", "physfn");
	look();
	device = find(ODD);
	for (size_t i = 0; i < pcipt_device_virtfn_count(device); i++)
		ck_assert_ptr_nonnull(pcipt_device_virtfn_at(device, i));
	ck_assert_ptr_null(pcipt_device_get_physfn(find(GOOD)));
}
END_TEST

/* ---- rights ---- */

/* In a process that is an ordinary user, whoever started the tests. */
static int look_as_nobody(const char *root)
{
	struct pcipt_error *error = NULL;
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *seen = NULL;
	int r;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 99;
	if (pcipt_context_new(&ctx, NULL) < 0 || pcipt_context_set_root(ctx, root, NULL) < 0)
		return 98;
	r = pcipt_snapshot_new(ctx, &seen, &error);
	if (r == 0) {
		/* What could be listed is there; what couldn't be read is told. */
		struct pcipt_device *device = pcipt_snapshot_device_at(seen, 0);

		if (pcipt_device_get_vendor_id(device) != -1 ||
		    pcipt_device_get_driver_override(device) ||
		    pcipt_snapshot_problem_count(seen) == 0)
			r = 97;
	}
	pcipt_snapshot_unref(seen);
	pcipt_error_unref(error);
	pcipt_context_unref(ctx);
	return r < 0 ? -r : r;
}

static int as_nobody(void)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(look_as_nobody(tree_root(tree)));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "it ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

START_TEST(unreadable_device)
{
	char *path = tree_device_path(tree, ODD, NULL);

	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(as_nobody(), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	free(path);
}
END_TEST

START_TEST(unreadable_folders)
{
	static const struct {
		const char *path;
		int code;
	} table[] = { { "sys/bus/pci/devices", PCIPT_E_IO },
		      { "sys", PCIPT_E_BAD_ROOT },
		      { "", PCIPT_E_BAD_ROOT } };
	char *path = tree_path(tree, table[_i].path);

	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(as_nobody(), -table[_i].code);
	ck_assert_int_eq(chmod(path, 0755), 0);
	free(path);
}
END_TEST

/* ---- roots ---- */

static void assert_no_snapshot(const char *root, int code, int errnum)
{
	struct pcipt_context *ctx = test_context(root);
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(pcipt_snapshot_new(ctx, &snap, &error), code);
	ck_assert_int_eq(pcipt_error_get_code(error), code);
	ck_assert_int_eq(pcipt_error_get_errno(error), errnum);
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	ck_assert_ptr_nonnull(pcipt_error_get_path(error));
	ck_assert_ptr_null(snap);
	pcipt_error_unref(error);
	/* Nobody listens: the code alone. */
	ck_assert_int_eq(pcipt_snapshot_new(ctx, &snap, NULL), code);
	pcipt_context_unref(ctx);
}

START_TEST(roots)
{
	char *missing = test_path("missing"), *file = test_path("file"), *empty = test_path("empty");
	char *bare = test_format("%s/sys/bus", empty), *loop = test_path("loop");

	test_write(file, "", 0);
	ck_assert_int_eq(mkdir(empty, 0755), 0);
	ck_assert_int_eq(symlink(loop, loop), 0);
	assert_no_snapshot(missing, PCIPT_E_BAD_ROOT, ENOENT);
	assert_no_snapshot(file, PCIPT_E_BAD_ROOT, ENOTDIR);
	assert_no_snapshot(loop, PCIPT_E_BAD_ROOT, ELOOP);
	assert_no_snapshot(empty, PCIPT_E_NO_PCI, ENOENT);
	*strrchr(bare, '/') = '\0';
	ck_assert_int_eq(mkdir(bare, 0755), 0);
	assert_no_snapshot(empty, PCIPT_E_NO_PCI, ENOENT);
	bare[strlen(bare)] = '/';
	test_write(bare, "", 0);
	assert_no_snapshot(empty, PCIPT_E_NO_PCI, ENOENT);
	free(missing);
	free(file);
	free(empty);
	free(bare);
	free(loop);
}
END_TEST

Suite *suite_hostile(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tc = tcase_create("tree");

	tcase_add_checked_fixture(tc, setup, teardown);
#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof(*(table)))
	tcase_add_test(tc, without_modalias);
	tcase_add_test(tc, without_any_id);
	LOOP(bad_alias, bad_aliases);
	LOOP(bad_id, bad_ids);
	tcase_add_test(tc, id_without_newline);
	LOOP(odd_number, numbers);
	tcase_add_test(tc, very_long);
	tcase_add_test(tc, binary);
	tcase_add_test(tc, reset_methods_with_odd_blanks);
	tcase_add_test(tc, override_of_nothing);
	tcase_add_test(tc, attribute_of_another_kind);
	tcase_add_loop_test(tc, odd_drivers, 0, 4);
	tcase_add_test(tc, driver_name_that_a_terminal_obeys);
	LOOP(odd_group, group_links);
	tcase_add_loop_test(tc, device_that_leads_out, 0, 3);
	tcase_add_test(tc, attribute_that_leads_out);
	LOOP(odd_path, odd_paths);
	tcase_add_test(tc, names_that_are_no_addresses);
	tcase_add_test(tc, vanished);
	tcase_add_test(tc, odd_functions);
	tcase_add_test(tc, unreadable_device);
	tcase_add_loop_test(tc, unreadable_folders, 0, 3);
	tcase_add_test(tc, roots);
	suite_add_tcase(suite, tc);
	return suite;
}
