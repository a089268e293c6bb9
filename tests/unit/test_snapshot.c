/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of machines as they are meant to be. */
#include "unit.h"

#include <pthread.h>

#include "tree.h"

static struct tree *tree;
static struct pcipt_snapshot *snap;

static void setup(void)
{
	char *root = test_path("machine");

	tree = tree_new(root);
	free(root);
}

static void teardown(void)
{
	snap = pcipt_snapshot_unref(snap);
	tree_free(tree);
}

static void look(void)
{
	snap = test_snapshot(tree_root(tree));
}

static struct pcipt_device *at(const char *address)
{
	struct pcipt_error *error = NULL;
	struct pcipt_device *device = NULL;

	assert_ok(pcipt_snapshot_find(snap, address, &device, &error), error);
	return device;
}

static void assert_no_problems(void)
{
	const struct pcipt_error *first = pcipt_snapshot_problem_at(snap, 0);

	ck_assert_msg(first == NULL, "%s", pcipt_error_get_message(first));
	ck_assert_uint_eq(pcipt_snapshot_problem_count(snap), 0);
}

START_TEST(gpu_pair)
{
	struct pcipt_device *gpu, *audio;

	tree_add_gpu_pair(tree);
	look();
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 3);
	gpu = pcipt_snapshot_device_at(snap, 1);
	audio = pcipt_snapshot_device_at(snap, 2);
	ck_assert_ptr_null(pcipt_snapshot_device_at(snap, 3));
	ck_assert_ptr_eq(pcipt_device_get_snapshot(gpu), snap);
	ck_assert_str_eq(pcipt_device_get_address(gpu), "0000:01:00.0");
	ck_assert_str_eq(pcipt_device_get_address(audio), "0000:01:00.1");
	ck_assert_int_eq(pcipt_device_get_vendor_id(gpu), 0x10de);
	ck_assert_int_eq(pcipt_device_get_device_id(gpu), 0x2484);
	ck_assert_int_eq(pcipt_device_get_subsystem_vendor_id(gpu), 0x1458);
	ck_assert_int_eq(pcipt_device_get_subsystem_device_id(gpu), 0x404c);
	ck_assert_int_eq(pcipt_device_get_class_id(gpu), 0x030000);
	ck_assert_int_eq(pcipt_device_get_class_id(audio), 0x040300);
	ck_assert_int_eq(pcipt_device_get_revision(gpu), 0xa1);
	ck_assert_str_eq(pcipt_device_get_driver(gpu), "nouveau");
	ck_assert_str_eq(pcipt_device_get_driver(audio), "snd_hda_intel");
	ck_assert(!pcipt_device_has_vfio_driver(gpu) && !pcipt_device_is_bridge(gpu));
	ck_assert_ptr_null(pcipt_device_get_driver_override(gpu));
	ck_assert_int_eq(pcipt_device_get_numa_node(gpu), 0);
	ck_assert_int_eq(pcipt_device_get_boot_vga(gpu), 0);
	ck_assert_int_eq(pcipt_device_get_boot_vga(audio), -1);
	ck_assert_str_eq(pcipt_device_get_power_control(gpu), "auto");
	ck_assert_ptr_null(pcipt_device_get_vfio_device(gpu));
	ck_assert_uint_eq(pcipt_device_reset_method_count(gpu), 2);
	ck_assert_str_eq(pcipt_device_reset_method_at(gpu, 0), "flr");
	ck_assert_str_eq(pcipt_device_reset_method_at(gpu, 1), "bus");
	ck_assert_ptr_null(pcipt_device_reset_method_at(gpu, 2));
	ck_assert_str_eq(pcipt_device_get_slot(gpu), "pci0000:00/01.0/00.0");
	ck_assert_str_eq(pcipt_device_get_identity(gpu),
			 "10de:2484:1458:404c:a1@pci0000:00/01.0/00.0");
	ck_assert_str_eq(pcipt_device_get_identity(audio),
			 "10de:228b:1458:404c:a1@pci0000:00/01.0/00.1");
	assert_no_problems();
}
END_TEST

START_TEST(bridges_and_parents)
{
	struct pcipt_device *bridge, *gpu;

	tree_add_gpu_pair(tree);
	look();
	bridge = at("00:01.0");
	gpu = at("01:00.0");
	ck_assert(pcipt_device_is_bridge(bridge));
	ck_assert_ptr_eq(pcipt_device_get_parent(gpu), bridge);
	ck_assert_ptr_null(pcipt_device_get_parent(bridge));
	ck_assert_str_eq(pcipt_device_get_driver(bridge), "pcieport");
	ck_assert_int_eq(pcipt_device_get_numa_node(bridge), -1);
	ck_assert_uint_eq(pcipt_device_reset_method_count(bridge), 0);
	assert_no_problems();
}
END_TEST

/* Bridges by class: PCI-to-PCI, the same with subtractive decoding, semi-transparent, CardBus. */
START_TEST(what_is_a_bridge)
{
	static const struct {
		uint32_t class_id;
		bool bridge;
	} table[] = { { 0x060400, true },  { 0x060401, true },	{ 0x060940, true },
		      { 0x060700, true },  { 0x060000, false }, { 0x060100, false },
		      { 0x068000, false }, { 0x030000, false }, { 0x000000, false } };

	tree_add(tree, &(struct tree_device){ .address = "0000:00:05.0",
					      .class_id = table[_i].class_id });
	look();
	ck_assert(pcipt_device_is_bridge(at("00:05.0")) == table[_i].bridge);
}
END_TEST

START_TEST(groups)
{
	struct pcipt_group *first, *second;

	tree_add_gpu_pair(tree);
	tree_add(tree, &(struct tree_device){ .address = "0000:00:02.0", .class_id = 0x020000 });
	tree_file(tree, "sys/kernel/iommu_groups/2/type", "identity");
	look();
	ck_assert_uint_eq(pcipt_snapshot_group_count(snap), 2);
	first = pcipt_snapshot_group_at(snap, 0);
	second = pcipt_snapshot_group_at(snap, 1);
	ck_assert_ptr_null(pcipt_snapshot_group_at(snap, 2));
	ck_assert_int_eq(pcipt_group_get_number(first), 1);
	ck_assert_int_eq(pcipt_group_get_number(second), 2);
	ck_assert_str_eq(pcipt_group_get_type(first), "DMA-FQ");
	ck_assert_str_eq(pcipt_group_get_type(second), "identity");
	ck_assert_uint_eq(pcipt_group_device_count(second), 2);
	ck_assert_ptr_eq(pcipt_group_device_at(second, 0), at("01:00.0"));
	ck_assert_ptr_eq(pcipt_group_device_at(second, 1), at("01:00.1"));
	ck_assert_ptr_null(pcipt_group_device_at(second, 2));
	ck_assert_ptr_eq(pcipt_device_get_group(at("01:00.1")), second);
	ck_assert_ptr_null(pcipt_device_get_group(at("00:02.0")));
	ck_assert_int_eq(pcipt_group_viability(first), PCIPT_VIABLE);
	ck_assert_int_eq(pcipt_group_viability(second), PCIPT_NOT_VIABLE);
	assert_no_problems();
}
END_TEST

static const struct {
	const char *driver;
	int viability;
	bool vfio;
} drivers[] = {
	{ NULL, PCIPT_VIABLE, false },
	{ "vfio-pci", PCIPT_VIABLE, true },
	{ "mlx5_vfio_pci", PCIPT_VIABLE, true },
	{ "nvgrace-gpu-vfio-pci", PCIPT_VIABLE, true },
	{ "pci-stub", PCIPT_VIABLE, false },
	{ "pcieport", PCIPT_VIABLE, false },
	{ "e1000e", PCIPT_NOT_VIABLE, false },
	{ "notvfio-pci", PCIPT_NOT_VIABLE, false },
	{ "vfio-pci-not", PCIPT_NOT_VIABLE, false },
	{ "vfio-platform", PCIPT_NOT_VIABLE, false },
};

START_TEST(drivers_and_viability)
{
	tree_add(tree, &(struct tree_device){ .address = "0000:00:05.0",
					      .class_id = 0x020000,
					      .driver = drivers[_i].driver,
					      .group = 7 });
	look();
	ck_assert_pstr_eq(pcipt_device_get_driver(at("00:05.0")), drivers[_i].driver);
	ck_assert(pcipt_device_has_vfio_driver(at("00:05.0")) == drivers[_i].vfio);
	ck_assert_int_eq(pcipt_group_viability(pcipt_snapshot_group_at(snap, 0)),
			 drivers[_i].viability);
}
END_TEST

/* Behind a volume management device: a domain of five digits, a root bus inside a device. */
START_TEST(vmd_domain)
{
	struct pcipt_device *disk;

	tree_add(tree, &(struct tree_device){ .address = "0000:00:0e.0",
					      .class_id = 0x010400,
					      .driver = "vmd" });
	tree_add(tree, &(struct tree_device){ .address = "10000:e0:06.0",
					      .below = "pci0000:00/0000:00:0e.0/pci10000:e0",
					      .class_id = 0x060400,
					      .driver = "pcieport" });
	tree_add(tree, &(struct tree_device){ .address = "10000:e1:00.0",
					      .parent = "10000:e0:06.0",
					      .vendor = 0x144d,
					      .device = 0xa80a,
					      .class_id = 0x010802,
					      .driver = "nvme" });
	look();
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 3);
	disk = at("10000:e1:00.0");
	ck_assert_ptr_eq(pcipt_snapshot_device_at(snap, 2), disk);
	ck_assert_str_eq(pcipt_device_get_driver(disk), "nvme");
	ck_assert_ptr_eq(pcipt_device_get_parent(disk), at("10000:e0:06.0"));
	ck_assert_ptr_null(pcipt_device_get_parent(at("10000:e0:06.0")));
	ck_assert_str_eq(pcipt_device_get_slot(disk), "pci0000:00/0e.0/pci10000:e0/06.0/00.0");
	assert_no_problems();
}
END_TEST

START_TEST(sriov)
{
	struct pcipt_device *pf, *vf;

	tree_add_sriov(tree);
	look();
	pf = at("02:00.0");
	vf = at("02:10.2");
	ck_assert_uint_eq(pcipt_device_virtfn_count(pf), 3);
	ck_assert_ptr_eq(pcipt_device_virtfn_at(pf, 0), at("02:10.0"));
	ck_assert_ptr_eq(pcipt_device_virtfn_at(pf, 1), vf);
	ck_assert_ptr_null(pcipt_device_virtfn_at(pf, 3));
	ck_assert_ptr_eq(pcipt_device_get_physfn(vf), pf);
	ck_assert_ptr_null(pcipt_device_get_physfn(pf));
	ck_assert_uint_eq(pcipt_device_virtfn_count(vf), 0);
	assert_no_problems();
}
END_TEST

START_TEST(no_iommu)
{
	tree_add(tree, &(struct tree_device){ .address = "0000:00:02.0", .class_id = 0x020000 });
	look();
	ck_assert_uint_eq(pcipt_snapshot_group_count(snap), 0);
	ck_assert_ptr_null(pcipt_device_get_group(at("00:02.0")));
	assert_no_problems();
}
END_TEST

START_TEST(no_devices)
{
	look();
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 0);
	ck_assert_ptr_null(pcipt_snapshot_device_at(snap, 0));
	ck_assert_uint_eq(pcipt_snapshot_group_count(snap), 0);
	assert_no_problems();
}
END_TEST

START_TEST(driver_overrides)
{
	tree_add_gpu_pair(tree);
	tree_set(tree, "0000:01:00.0", "driver_override", "vfio-pci");
	look();
	ck_assert_pstr_eq(pcipt_device_get_driver_override(at("01:00.0")), "vfio-pci");
	ck_assert_ptr_null(pcipt_device_get_driver_override(at("01:00.1")));
	/* Read once; a snapshot doesn't change. */
	tree_set(tree, "0000:01:00.0", "driver_override", "other");
	ck_assert_pstr_eq(pcipt_device_get_driver_override(at("01:00.0")), "vfio-pci");
	assert_no_problems();
}
END_TEST

/* Where a program opens a bound device: its own node if there is one, else its group's. */
START_TEST(vfio_nodes)
{
	tree_add_gpu_pair(tree);
	tree_add(tree, &(struct tree_device){ .address = "0000:00:05.0",
					      .driver = "vfio-pci",
					      .group = 5 });
	tree_add(tree, &(struct tree_device){ .address = "0000:00:06.0",
					      .driver = "vfio-pci",
					      .group = 6 });
	tree_add(tree, &(struct tree_device){ .address = "0000:00:07.0", .driver = "vfio-pci" });
	tree_folder(tree, "sys/class/vfio/5");
	tree_folder(tree, "sys/class/vfio/6");
	tree_folder(tree, "sys/class/vfio/2");
	/* Without cdev support the folder is there, its `dev` isn't. */
	tree_set(tree, "0000:00:05.0", "vfio-dev/vfio0/uevent", "");
	tree_set(tree, "0000:00:06.0", "vfio-dev/vfio11/dev", "509:0");
	look();
	ck_assert_pstr_eq(pcipt_device_get_vfio_device(at("00:05.0")), "/dev/vfio/5");
	ck_assert_pstr_eq(pcipt_device_get_vfio_device(at("00:06.0")), "/dev/vfio/devices/vfio11");
	ck_assert_ptr_null(pcipt_device_get_vfio_device(at("00:07.0")));
	ck_assert_ptr_null(pcipt_device_get_vfio_device(at("01:00.0")));
}
END_TEST

/* Recorded trees may hold folders where the kernel has links. */
START_TEST(folders_instead_of_links)
{
	tree_file(tree, "sys/bus/pci/devices/0000:03:00.0/modalias",
		  "pci:v00008086d00001533sv00000000sd00000000bc02sc00i00");
	tree_file(tree, "sys/bus/pci/devices/0000:03:00.0/revision", "0x03");
	tree_link(tree, "sys/bus/pci/devices/0000:03:00.0/driver", "../../drivers/igb");
	look();
	ck_assert_int_eq(pcipt_device_get_device_id(at("03:00.0")), 0x1533);
	ck_assert_pstr_eq(pcipt_device_get_driver(at("03:00.0")), "igb");
	ck_assert_ptr_null(pcipt_device_get_parent(at("03:00.0")));
	ck_assert_pstr_eq(pcipt_device_get_slot(at("03:00.0")), "pci0000:03/00.0");
	assert_no_problems();
}
END_TEST

/* ---- lifetime, arguments, threads ---- */

START_TEST(outlives_its_context)
{
	struct pcipt_context *ctx = test_context(tree_root(tree));
	struct pcipt_error *error = NULL;

	tree_add_gpu_pair(tree);
	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	pcipt_context_unref(ctx);
	ck_assert_ptr_eq(pcipt_snapshot_ref(snap), snap);
	ck_assert_ptr_null(pcipt_snapshot_unref(snap));
	ck_assert_str_eq(pcipt_device_get_power_control(at("01:00.0")), "auto");
}
END_TEST

START_TEST(null_arguments)
{
	struct pcipt_error *error = NULL;
	struct pcipt_device **found = NULL;
	struct pcipt_device *device = NULL;
	size_t n = 0;

	look();
	ck_assert_int_eq(pcipt_snapshot_new(NULL, &snap, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_snapshot_find(snap, NULL, &device, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_snapshot_find(snap, "01:00.0", NULL, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_snapshot_find_all(NULL, "01:00.0", &found, &n, &error),
			 PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_uint_eq(pcipt_snapshot_device_count(NULL), 0);
	ck_assert_ptr_null(pcipt_snapshot_device_at(NULL, 0));
	ck_assert_uint_eq(pcipt_snapshot_group_count(NULL), 0);
	ck_assert_ptr_null(pcipt_snapshot_group_at(NULL, 0));
	ck_assert_uint_eq(pcipt_snapshot_problem_count(NULL), 0);
	ck_assert_ptr_null(pcipt_snapshot_problem_at(NULL, 0));
	ck_assert_ptr_null(pcipt_snapshot_ref(NULL));
	ck_assert_ptr_null(pcipt_snapshot_unref(NULL));
}
END_TEST

START_TEST(null_device_and_group)
{
	ck_assert_ptr_null(pcipt_device_get_snapshot(NULL));
	ck_assert_ptr_null(pcipt_device_get_address(NULL));
	ck_assert_int_eq(pcipt_device_get_vendor_id(NULL), -1);
	ck_assert_int_eq(pcipt_device_get_device_id(NULL), -1);
	ck_assert_int_eq(pcipt_device_get_subsystem_vendor_id(NULL), -1);
	ck_assert_int_eq(pcipt_device_get_subsystem_device_id(NULL), -1);
	ck_assert_int_eq(pcipt_device_get_class_id(NULL), -1);
	ck_assert_int_eq(pcipt_device_get_revision(NULL), -1);
	ck_assert(!pcipt_device_is_bridge(NULL) && !pcipt_device_has_vfio_driver(NULL));
	ck_assert_ptr_null(pcipt_device_get_driver(NULL));
	ck_assert_ptr_null(pcipt_device_get_driver_override(NULL));
	ck_assert_ptr_null(pcipt_device_get_group(NULL));
	ck_assert_int_eq(pcipt_device_get_numa_node(NULL), -1);
	ck_assert_ptr_null(pcipt_device_get_parent(NULL));
	ck_assert_ptr_null(pcipt_device_get_physfn(NULL));
	ck_assert_uint_eq(pcipt_device_virtfn_count(NULL), 0);
	ck_assert_ptr_null(pcipt_device_virtfn_at(NULL, 0));
	ck_assert_int_eq(pcipt_device_get_boot_vga(NULL), -1);
	ck_assert_uint_eq(pcipt_device_reset_method_count(NULL), 0);
	ck_assert_ptr_null(pcipt_device_reset_method_at(NULL, 0));
	ck_assert_ptr_null(pcipt_device_get_power_control(NULL));
	ck_assert_ptr_null(pcipt_device_get_slot(NULL));
	ck_assert_ptr_null(pcipt_device_get_identity(NULL));
	ck_assert_ptr_null(pcipt_device_get_vendor_name(NULL));
	ck_assert_ptr_null(pcipt_device_get_device_name(NULL));
	ck_assert_ptr_null(pcipt_device_get_class_name(NULL));
	ck_assert_ptr_null(pcipt_device_get_vfio_device(NULL));
	ck_assert_int_eq(pcipt_group_get_number(NULL), -1);
	ck_assert_ptr_null(pcipt_group_get_type(NULL));
	ck_assert_uint_eq(pcipt_group_device_count(NULL), 0);
	ck_assert_ptr_null(pcipt_group_device_at(NULL, 0));
	ck_assert_int_eq(pcipt_group_viability(NULL), PCIPT_VIABILITY_UNKNOWN);
}
END_TEST

/* Every getter of one device, as one line of text. */
static char *describe(struct pcipt_device *d)
{
	const struct pcipt_device *parent = pcipt_device_get_parent(d);
	const struct pcipt_device *pf = pcipt_device_get_physfn(d);
	struct pcipt_group *group = pcipt_device_get_group(d);
	const struct pcipt_device *vf = pcipt_device_virtfn_at(d, 1);

#define TEXT(x) ((x) ? (x) : "-")
	return test_format(
		"%s %d %d %d %d %d %d %s %s %d %s %d %s %s %zu %s %d %zu %s %s %s %s %s %s %s",
		pcipt_device_get_address(d), pcipt_device_get_vendor_id(d),
		pcipt_device_get_device_id(d), pcipt_device_get_class_id(d),
		pcipt_device_get_revision(d), pcipt_device_get_subsystem_vendor_id(d),
		pcipt_device_get_subsystem_device_id(d), TEXT(pcipt_device_get_driver(d)),
		TEXT(pcipt_device_get_driver_override(d)), pcipt_group_get_number(group),
		TEXT(pcipt_group_get_type(group)), pcipt_device_get_numa_node(d),
		TEXT(pcipt_device_get_address(parent)), TEXT(pcipt_device_get_address(pf)),
		pcipt_device_virtfn_count(d), TEXT(pcipt_device_get_address(vf)),
		pcipt_device_get_boot_vga(d), pcipt_device_reset_method_count(d),
		TEXT(pcipt_device_reset_method_at(d, 0)), TEXT(pcipt_device_get_power_control(d)),
		TEXT(pcipt_device_get_slot(d)), TEXT(pcipt_device_get_identity(d)),
		TEXT(pcipt_device_get_vendor_name(d)), TEXT(pcipt_device_get_class_name(d)),
		TEXT(pcipt_device_get_vfio_device(d)));
#undef TEXT
}

#define N_THREADS 8
#define N_DEVICES 32

struct reader {
	size_t first;
	char *seen[N_DEVICES];
};

/* Each thread begins with another device, so that they meet at different facts. */
static void *read_all(void *data)
{
	struct reader *reader = data;
	size_t n = pcipt_snapshot_device_count(snap);

	for (size_t i = 0; i < n; i++) {
		size_t k = (reader->first + i) % n;

		reader->seen[k] = describe(pcipt_snapshot_device_at(snap, k));
	}
	return NULL;
}

START_TEST(shared_by_threads)
{
	struct reader readers[N_THREADS] = { 0 };
	pthread_t threads[N_THREADS];

	tree_add_gpu_pair(tree);
	for (int i = 0; i < N_DEVICES - 3; i++) {
		char *address = test_format("0000:02:%02x.0", i);

		tree_add(tree, &(struct tree_device){ .address = address,
						      .class_id = 0x020000,
						      .driver = i % 2 ? "igb" : "vfio-pci",
						      .group = 10 + i });
		/* A problem for each, so that the list of them grows under the readers. */
		tree_set(tree, address, "numa_node", "many");
		free(address);
	}
	look();
	for (size_t i = 0; i < N_THREADS; i++) {
		readers[i].first = i * N_DEVICES / N_THREADS;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		for (size_t k = 0; k < N_DEVICES; k++) {
			ck_assert_str_eq(readers[i].seen[k], readers[0].seen[k]);
			if (i > 0)
				free(readers[i].seen[k]);
		}
	for (size_t k = 0; k < N_DEVICES; k++)
		free(readers[0].seen[k]);
	ck_assert_uint_eq(pcipt_snapshot_problem_count(snap), N_DEVICES - 3);
}
END_TEST

Suite *suite_snapshot(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gpu_pair);
	tcase_add_test(tc, bridges_and_parents);
	tcase_add_loop_test(tc, what_is_a_bridge, 0, 9);
	tcase_add_test(tc, groups);
	tcase_add_loop_test(tc, drivers_and_viability, 0, sizeof(drivers) / sizeof(*drivers));
	tcase_add_test(tc, vmd_domain);
	tcase_add_test(tc, sriov);
	tcase_add_test(tc, no_iommu);
	tcase_add_test(tc, no_devices);
	tcase_add_test(tc, driver_overrides);
	tcase_add_test(tc, vfio_nodes);
	tcase_add_test(tc, folders_instead_of_links);
	tcase_add_test(tc, outlives_its_context);
	tcase_add_test(tc, null_arguments);
	tcase_add_test(tc, null_device_and_group);
	tcase_add_test(tc, shared_by_threads);
	suite_add_tcase(suite, tc);
	return suite;
}
