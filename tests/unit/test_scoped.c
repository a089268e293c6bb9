/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scoped snapshots: whatever is asked of some devices, the answer is that of a whole
 * snapshot. On random machines, for sets and for every fact that a set rests on.
 */
#include "fake-kernel/sim.h"
#include "safety/closure.h"
#include "topology.h"
#include "tree.h"

#define N_MACHINES 150

static const char *address_of(struct world *world, size_t i)
{
	return world_device(world, i)->address;
}

/* All of a bus stand below the first bridge of the bus before it, where that has one. */
static const char *bridge_above(const struct topology *topology, struct world *world, size_t i)
{
	for (size_t k = 0; k < topology->n; k++)
		if (topology->devices[k].bus + 1 == topology->devices[i].bus &&
		    topology->devices[k].class_id >> 8 == 0x0604)
			return address_of(world, k);
	return NULL;
}

/* The topology as a simulated machine; some devices become others' virtual functions. */
static struct sim *build(const struct topology *topology, struct world *world,
			 struct test_random *random)
{
	struct sim *sim = sim_new();
	const char *last = NULL;

	for (size_t i = 0; i < topology->n; i++) {
		const char *driver = topology->devices[i].driver;
		bool known = driver == NULL;

		for (size_t k = 0; k < i; k++)
			known |= pcipt_streq(topology->devices[k].driver, driver);
		if (!known)
			sim_driver(sim, driver, SIM_MATCH_IDS, true);
	}
	/* Bridges come before what is below them. */
	for (size_t n = 0, bus = 0; n < topology->n; bus++)
		for (size_t i = 0; i < topology->n; i++) {
			const struct topology_device *d = &topology->devices[i];
			bool vf = last && test_random_once_in(random, 6);

			if (d->bus != bus)
				continue;
			n++;
			sim_add(sim, &(struct sim_device_facts){
					     .address = address_of(world, i),
					     .parent = bridge_above(topology, world, i),
					     .vendor = 0x8086,
					     .device = (uint16_t)i,
					     .class_id = d->class_id,
					     .group = d->group + 1,
					     .driver = d->driver,
					     .physfn = vf ? last : NULL });
			last = address_of(world, i);
		}
	return sim;
}

static struct pcipt_device *same_device(struct pcipt_snapshot *there, struct pcipt_device *device)
{
	return device ? pcipt_snapshot_at(there, device->at) : NULL;
}

static void assert_same_facts(struct pcipt_device *whole, struct pcipt_device *scoped)
{
	ck_assert_ptr_nonnull(scoped);
	ck_assert_int_eq(pcipt_device_get_device_id(whole), pcipt_device_get_device_id(scoped));
	ck_assert_int_eq(pcipt_device_get_class_id(whole), pcipt_device_get_class_id(scoped));
	ck_assert_pstr_eq(pcipt_device_get_driver(whole), pcipt_device_get_driver(scoped));
	ck_assert_pstr_eq(pcipt_device_get_identity(whole), pcipt_device_get_identity(scoped));
	ck_assert_int_eq(pcipt_group_get_number(pcipt_device_get_group(whole)),
			 pcipt_group_get_number(pcipt_device_get_group(scoped)));
	ck_assert_int_eq(pcipt_group_viability(pcipt_device_get_group(whole)),
			 pcipt_group_viability(pcipt_device_get_group(scoped)));
	ck_assert_pstr_eq(pcipt_device_get_address(pcipt_device_get_parent(whole)),
			  pcipt_device_get_address(pcipt_device_get_parent(scoped)));
	ck_assert_pstr_eq(pcipt_device_get_address(pcipt_device_get_physfn(whole)),
			  pcipt_device_get_address(pcipt_device_get_physfn(scoped)));
	ck_assert_uint_eq(pcipt_device_virtfn_count(whole), pcipt_device_virtfn_count(scoped));
}

/* Members, roles and actions of the same question to both. */
static void assert_same_set(struct pcipt_snapshot *whole, struct pcipt_snapshot *scoped,
			    struct pcipt_device **asked, size_t n, bool companions)
{
	struct pcipt_device *there[TOPOLOGY_MAX];
	struct pcipt_member *a = NULL, *b = NULL;
	size_t n_a, n_b;

	for (size_t i = 0; i < n; i++) {
		there[i] = same_device(scoped, asked[i]);
		ck_assert_msg(there[i] != NULL, "%s was asked for and isn't there",
			      asked[i]->address);
	}
	ck_assert(pcipt_closure_compute(asked, n, "vfio-pci", companions, &a, &n_a));
	ck_assert(pcipt_closure_compute(there, n, "vfio-pci", companions, &b, &n_b));
	ck_assert_uint_eq(n_a, n_b);
	for (size_t i = 0; i < n_a; i++) {
		ck_assert_str_eq(a[i].device->address, b[i].device->address);
		ck_assert_int_eq(a[i].role, b[i].role);
		ck_assert_int_eq(a[i].action, b[i].action);
		assert_same_facts(a[i].device, b[i].device);
	}
	ck_assert_ptr_eq(whole, a[0].device->snap);
	free(a);
	free(b);
}

static void compare(struct pcipt_context *ctx, const struct topology *topology,
		    struct world *world, struct test_random *random)
{
	struct pcipt_snapshot *whole = NULL, *scoped = NULL;
	struct pcipt_device *asked[TOPOLOGY_MAX];
	const char *addresses[TOPOLOGY_MAX];
	struct pcipt_error *error = NULL;
	size_t n = 0;

	assert_ok(pcipt_snapshot_new(ctx, &whole, &error), error);
	for (size_t i = 0; i < topology->n; i++)
		if (test_random_once_in(random, 4) || (n == 0 && i + 1 == topology->n)) {
			addresses[n] = address_of(world, i);
			asked[n++] = pcipt_snapshot_at(whole, world_device(world, i)->at);
		}
	assert_ok(pcipt_snapshot_new_scoped(ctx, addresses, n, &scoped, &error), error);
	assert_same_set(whole, scoped, asked, n, false);
	assert_same_set(whole, scoped, asked, n, true);
	pcipt_snapshot_unref(whole);
	pcipt_snapshot_unref(scoped);
}

START_TEST(as_a_whole_one)
{
	struct test_random random = test_random_new(200);
	struct world *world = malloc(sizeof(*world));

	for (int i = 0; i < N_MACHINES; i++) {
		struct topology topology;
		struct pcipt_context *ctx;
		struct sim *sim;

		topology_random(&topology, &random);
		world_build(world, &topology);
		sim = build(&topology, world, &random);
		ctx = sim_context(sim);
		compare(ctx, &topology, world, &random);
		pcipt_context_unref(ctx);
		sim_free(sim);
		world_clear(world);
	}
	free(world);
}
END_TEST

/* A card of two functions in one group, and nothing else. */
static struct sim *card(void)
{
	struct sim *sim = sim_new();

	sim_driver(sim, "nouveau", SIM_MATCH_IDS, true);
	sim_driver(sim, "snd_hda_intel", SIM_MATCH_IDS, true);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:00.0",
						 .driver = "nouveau",
						 .group = 2 });
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:02:00.0",
						 .driver = "snd_hda_intel",
						 .group = 2 });
	return sim;
}

/*
 * A group whose members can't be listed has members all the same: what is told of it
 * must never be less than there is.
 */
START_TEST(members_that_cannot_be_listed)
{
	static const int errnos[] = { EIO, EACCES, ENOENT };
	const char *address = "0000:01:00.0";
	struct sim *sim = card();
	struct pcipt_context *ctx = sim_context(sim);
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_LIST, "iommu_groups", 1, 0, errnos[_i], SIM_FAILS });
	if (pcipt_snapshot_new_scoped(ctx, &address, 1, &snap, &error) == 0)
		ck_assert_msg(pcipt_group_device_count(pcipt_snapshot_group_at(snap, 0)) == 2,
			      "a group of two is shown as a group of one");
	pcipt_error_unref(error);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	sim_free(sim);
}
END_TEST

/* Recorded trees may have the links of the devices only. */
START_TEST(tree_without_lists_of_groups)
{
	static const char *const addresses[] = { "0000:01:00.0" };
	char *root = test_path("machine"), *groups;
	struct tree *tree = tree_new(root);
	struct pcipt_context *ctx = test_context(root);
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;

	tree_add_gpu_pair(tree);
	tree_add(tree, &(struct tree_device){ .address = "0000:03:00.0", .group = 2 });
	groups = tree_path(tree, "sys/kernel");
	test_remove(groups);
	assert_ok(pcipt_snapshot_new_scoped(ctx, addresses, 1, &snap, &error), error);
	for (size_t i = 0; i < pcipt_snapshot_group_count(snap); i++)
		if (pcipt_group_get_number(pcipt_snapshot_group_at(snap, i)) == 2)
			ck_assert_uint_eq(
				pcipt_group_device_count(pcipt_snapshot_group_at(snap, i)), 3);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	tree_free(tree);
	free(groups);
	free(root);
}
END_TEST

START_TEST(arguments)
{
	static const char *const good[] = { "01:00.0", "0000:01:00.0" };
	static const char *const gone[] = { "0000:77:00.0" };
	static const char *const bad[] = { "0000:01:00.0", "hello" };
	static const char *const null[] = { NULL };
	struct sim *sim = card();
	struct pcipt_context *ctx = sim_context(sim);
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;

	/* Either form, and twice. */
	assert_ok(pcipt_snapshot_new_scoped(ctx, good, 2, &snap, &error), error);
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 2);
	snap = pcipt_snapshot_unref(snap);
	assert_ok(pcipt_snapshot_new_scoped(ctx, gone, 1, &snap, &error), error);
	ck_assert_uint_eq(pcipt_snapshot_device_count(snap), 0);
	snap = pcipt_snapshot_unref(snap);
	ck_assert_int_eq(pcipt_snapshot_new_scoped(ctx, bad, 2, &snap, &error), PCIPT_E_SYNTAX);
	assert_fails(PCIPT_E_SYNTAX, error);
	ck_assert_int_eq(pcipt_snapshot_new_scoped(NULL, good, 1, &snap, &error), PCIPT_E_INVALID);
	assert_fails(PCIPT_E_INVALID, error);
	ck_assert_int_eq(pcipt_snapshot_new_scoped(ctx, good, 1, NULL, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_snapshot_new_scoped(ctx, NULL, 1, &snap, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_snapshot_new_scoped(ctx, null, 1, &snap, NULL), PCIPT_E_INVALID);
	ck_assert_ptr_null(snap);
	pcipt_context_unref(ctx);
	sim_free(sim);
}
END_TEST

Suite *suite_scoped(void)
{
	Suite *suite = suite_create("scoped");
	TCase *tc = tcase_create("snapshot");

	tcase_add_test(tc, as_a_whole_one);
	tcase_add_loop_test(tc, members_that_cannot_be_listed, 0, 3);
	tcase_add_test(tc, tree_without_lists_of_groups);
	tcase_add_test(tc, arguments);
	suite_add_tcase(suite, tc);
	return suite;
}
