/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and snapshots as JSON: exactly the keys of the contract, and what stands in them. */
#include "unit.h"

#include <json-c/json.h>

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

static const char *const device_keys[] = {
	"address",	"vendor_id",	"device_id",	 "subsystem_vendor_id",
	"subsystem_device_id", "class_id", "revision",	 "vendor_name",
	"device_name",	"class_name",	"driver",	 "driver_override",
	"iommu_group",	"numa_node",	"parent",	 "physfn",
	"virtfns",	"boot_vga",	"reset_methods", "serial",
	"slot",		"identity",	"vfio_device",	 "claim",
};

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(o, key, &value), "no key %s", key);
	return value;
}

static void assert_device_keys(struct json_object *o)
{
	size_t n = sizeof(device_keys) / sizeof(*device_keys);

	for (size_t i = 0; i < n; i++)
		member(o, device_keys[i]);
	ck_assert_int_eq(json_object_object_length(o), (int)n);
}

static void assert_json(struct json_object *o, const char *key, const char *expected)
{
	struct json_object *value = member(o, key);

	ck_assert_msg(strcmp(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE),
			     expected) == 0,
		      "%s is %s, not %s", key, json_object_to_json_string(value), expected);
}

START_TEST(json_of_a_snapshot)
{
	struct json_object *o, *devices, *gpu;
	char *text;

	tree_add_gpu_pair(tree);
	tree_add_sriov(tree);
	tree_set(tree, "0000:01:00.1", "boot_vga", NULL);
	look();
	text = test_snapshot_json(snap);
	o = json_tokener_parse(text);
	ck_assert_ptr_nonnull(o);
	assert_json(o, "schema", "\"libpcipt/1\"");
	assert_json(o, "error", "null");
	assert_json(o, "problems", "[]");
	devices = member(o, "devices");
	ck_assert_uint_eq(json_object_array_length(devices), pcipt_snapshot_device_count(snap));
	for (size_t i = 0; i < json_object_array_length(devices); i++)
		assert_device_keys(json_object_array_get_idx(devices, i));
	gpu = json_object_array_get_idx(devices, 2);
	assert_json(gpu, "address", "\"0000:01:00.0\"");
	json_object_put(o);
	pcipt_free(text);
}
END_TEST

static struct json_object *json_of(const char *address)
{
	char *text = test_device_json(at(address));
	struct json_object *o = json_tokener_parse(text);

	ck_assert_ptr_nonnull(o);
	pcipt_free(text);
	assert_device_keys(o);
	return o;
}

START_TEST(json_of_a_device)
{
	struct json_object *gpu, *bridge;

	tree_add_gpu_pair(tree);
	look();
	gpu = json_of("01:00.0");
	assert_json(gpu, "vendor_id", "\"0x10de\"");
	assert_json(gpu, "class_id", "\"0x030000\"");
	assert_json(gpu, "revision", "\"0xa1\"");
	assert_json(gpu, "driver", "\"nouveau\"");
	assert_json(gpu, "driver_override", "null");
	assert_json(gpu, "iommu_group", "2");
	assert_json(gpu, "numa_node", "0");
	assert_json(gpu, "parent", "\"0000:00:01.0\"");
	assert_json(gpu, "physfn", "null");
	assert_json(gpu, "virtfns", "[]");
	assert_json(gpu, "boot_vga", "false");
	assert_json(gpu, "reset_methods", "[\"flr\",\"bus\"]");
	assert_json(gpu, "slot", "\"pci0000:00/01.0/00.0\"");
	assert_json(gpu, "serial", "null");
	assert_json(gpu, "vfio_device", "null");
	assert_json(gpu, "claim", "null");
	json_object_put(gpu);
	/* What isn't known is null, never a made-up zero. */
	bridge = json_of("00:01.0");
	assert_json(bridge, "numa_node", "null");
	assert_json(bridge, "boot_vga", "null");
	assert_json(bridge, "parent", "null");
	json_object_put(bridge);
}
END_TEST

START_TEST(json_of_functions)
{
	struct json_object *pf, *vf;

	tree_add_sriov(tree);
	look();
	pf = json_of("02:00.0");
	assert_json(pf, "virtfns", "[\"0000:02:10.0\",\"0000:02:10.2\",\"0000:02:10.4\"]");
	vf = json_of("02:10.4");
	assert_json(vf, "physfn", "\"0000:02:00.0\"");
	assert_json(vf, "virtfns", "[]");
	json_object_put(pf);
	json_object_put(vf);
}
END_TEST

Suite *suite_describe(void)
{
	Suite *suite = suite_create("describe");
	TCase *tc = tcase_create("json");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, json_of_a_snapshot);
	tcase_add_test(tc, json_of_a_device);
	tcase_add_test(tc, json_of_functions);
	suite_add_tcase(suite, tc);
	return suite;
}
