/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closure's properties, on thousands of random machines. A machine that breaks
 * one is made smaller, device by device, and then shown. PCIPT_TEST_SEED gives
 * other machines.
 */
#include "safety/closure.h"
#include "safety/set.h"
#include "topology.h"

#define N_MACHINES 4000

/* A question: a machine, who is asked for, and for which driver. */
struct question {
	struct topology topology;
	bool asked[TOPOLOGY_MAX];
	const char *driver;
};

/* What a property looks at: the question's world and the closure's answer. */
struct answer {
	const struct question *question;
	struct world *world;
	struct pcipt_member *members;
	size_t n;
};

/* A property gives NULL, or what is wrong: a new string. */
typedef char *(*property_fn)(const struct answer *answer, struct test_random *random);

static size_t collect(const struct question *q, struct world *world,
		      struct pcipt_device *devices[TOPOLOGY_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < q->topology.n; i++)
		if (q->asked[i])
			devices[n++] = world_device(world, i);
	return n;
}

static struct pcipt_member *compute(struct pcipt_device *const *devices, size_t n,
				    const char *driver, size_t *n_members)
{
	struct pcipt_member *members = NULL;

	ck_assert(pcipt_closure_compute(devices, n, driver, &members, n_members));
	return members;
}

static const struct pcipt_member *find(const struct pcipt_member *members, size_t n,
				       const struct pcipt_device *device)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].device == device)
			return &members[i];
	return NULL;
}

static bool is_asked(const struct answer *a, const struct pcipt_device *device)
{
	for (size_t i = 0; i < a->question->topology.n; i++)
		if (a->question->asked[i] && world_device(a->world, i) == device)
			return true;
	return false;
}

static bool is_passthrough(const struct pcipt_device *d)
{
	return d->driver && (d->driver->vfio || strcmp(d->driver->name, "pci-stub") == 0);
}

/* ---- the properties ---- */

/* Each device asked for is in it, and with a device its whole group. */
static char *closed(const struct answer *a, struct test_random *random)
{
	(void)random;
	for (size_t i = 0; i < a->question->topology.n; i++) {
		struct pcipt_device *d = world_device(a->world, i);

		if (a->question->asked[i] && !find(a->members, a->n, d))
			return test_format("%s was asked for and isn't there", d->address);
	}
	for (size_t i = 0; i < a->n; i++) {
		struct pcipt_group *group = a->members[i].device->group;

		for (struct pcipt_device *d = group ? group->first : NULL; d; d = d->next_in_group)
			if (!find(a->members, a->n, d))
				return test_format("%s shares a group with %s and isn't there",
						   d->address, a->members[i].device->address);
	}
	return NULL;
}

/* Nobody is there who wasn't asked for and shares no group with one who was. */
static char *minimal(const struct answer *a, struct test_random *random)
{
	(void)random;
	for (size_t i = 0; i < a->n; i++) {
		struct pcipt_device *d = a->members[i].device;
		bool justified = is_asked(a, d);

		for (size_t k = 0; k < a->n && d->group; k++)
			justified |= a->members[k].device->group == d->group &&
				     is_asked(a, a->members[k].device);
		if (!justified)
			return test_format("%s has no reason to be there", d->address);
	}
	return NULL;
}

static char *ordered(const struct answer *a, struct test_random *random)
{
	(void)random;
	for (size_t i = 1; i < a->n; i++)
		if (pcipt_address_key(a->members[i - 1].device->at) >=
		    pcipt_address_key(a->members[i].device->at))
			return test_format("%s is out of order", a->members[i].device->address);
	return NULL;
}

static bool shares_moving_slot(const struct answer *a, const struct pcipt_device *device)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct pcipt_device *d = a->members[i].device;

		if (d != device && a->members[i].action == PCIPT_ACTION_BIND &&
		    pcipt_address_key(d->at) >> 3 == pcipt_address_key(device->at) >> 3)
			return true;
	}
	return false;
}

/* The rules as a table, written a second time. */
static int expected_action(const struct answer *a, const struct pcipt_device *d)
{
	if (pcipt_device_is_bridge(d))
		return PCIPT_ACTION_KEEP;
	if (d->driver && strcmp(d->driver->name, a->question->driver) == 0)
		return PCIPT_ACTION_KEEP;
	if (is_asked(a, d))
		return PCIPT_ACTION_BIND;
	if (is_passthrough(d))
		return PCIPT_ACTION_KEEP;
	if (d->driver || shares_moving_slot(a, d))
		return PCIPT_ACTION_BIND;
	return PCIPT_ACTION_PIN;
}

static char *as_the_rules_say(const struct answer *a, struct test_random *random)
{
	(void)random;
	for (size_t i = 0; i < a->n; i++) {
		const struct pcipt_member *m = &a->members[i];
		int role = is_asked(a, m->device)	      ? PCIPT_ROLE_REQUESTED :
			   pcipt_device_is_bridge(m->device) ? PCIPT_ROLE_BRIDGE :
							       PCIPT_ROLE_GROUP_MEMBER;

		if (m->role != role)
			return test_format("%s is %s", m->device->address, pcipt_role_name(m->role));
		if (m->action != expected_action(a, m->device))
			return test_format("%s is to be %s", m->device->address,
					   pcipt_action_name(m->action));
	}
	return NULL;
}

/* Members and actions of two answers; roles tell who asked, and may differ. */
static char *compare(const struct pcipt_member *x, size_t n_x, const struct pcipt_member *y,
		     size_t n_y, bool roles)
{
	for (size_t i = 0; i < n_x && i < n_y; i++)
		if (x[i].device != y[i].device || x[i].action != y[i].action ||
		    (roles && x[i].role != y[i].role))
			return test_format("%s (%s) against %s (%s)", x[i].device->address,
					   pcipt_action_name(x[i].action), y[i].device->address,
					   pcipt_action_name(y[i].action));
	return n_x == n_y ? NULL : test_format("%zu members against %zu", n_x, n_y);
}

/* Shuffled, and some named twice. */
static char *independent_of_order(const struct answer *a, struct test_random *random)
{
	struct pcipt_device *devices[TOPOLOGY_MAX * 2];
	size_t n = collect(a->question, a->world, devices), n_other;
	struct pcipt_member *other;
	char *wrong;

	for (size_t i = 0, once = n; i < once; i++)
		if (test_random_once_in(random, 3))
			devices[n++] = devices[i];
	for (size_t i = n; i > 1; i--) {
		size_t k = test_random_below(random, (uint32_t)i);
		struct pcipt_device *swapped = devices[i - 1];

		devices[i - 1] = devices[k];
		devices[k] = swapped;
	}
	other = compute(devices, n, a->question->driver, &n_other);
	wrong = compare(a->members, a->n, other, n_other, true);
	free(other);
	return wrong;
}

/*
 * Asking for all that is bound gives the same set again: so the answer to a refusal
 * is never another refusal.
 */
static char *idempotent(const struct answer *a, struct test_random *random)
{
	struct pcipt_device *devices[TOPOLOGY_MAX];
	struct pcipt_member *other;
	size_t n = 0, n_other;
	char *wrong;

	(void)random;
	for (size_t i = 0; i < a->n; i++)
		if (a->members[i].action == PCIPT_ACTION_BIND ||
		    a->members[i].role == PCIPT_ROLE_REQUESTED)
			devices[n++] = a->members[i].device;
	other = compute(devices, n, a->question->driver, &n_other);
	wrong = compare(a->members, a->n, other, n_other, false);
	for (size_t i = 0; i < n_other && !wrong; i++)
		if (other[i].action == PCIPT_ACTION_BIND && other[i].role != PCIPT_ROLE_REQUESTED)
			wrong = test_format("%s wasn't named the first time",
					    other[i].device->address);
	free(other);
	return wrong;
}

/* One more asked for: nobody leaves, and who moved still moves. */
static char *monotone(const struct answer *a, struct test_random *random)
{
	struct pcipt_device *devices[TOPOLOGY_MAX + 1];
	size_t n = collect(a->question, a->world, devices), n_other;
	struct pcipt_member *other;
	char *wrong = NULL;

	devices[n++] = world_device(a->world,
				    test_random_below(random, (uint32_t)a->question->topology.n));
	other = compute(devices, n, a->question->driver, &n_other);
	for (size_t i = 0; i < a->n && !wrong; i++) {
		const struct pcipt_member *m = find(other, n_other, a->members[i].device);

		if (!m)
			wrong = test_format("%s left when %s came", a->members[i].device->address,
					    devices[n - 1]->address);
		else if (a->members[i].action == PCIPT_ACTION_BIND &&
			 m->action != PCIPT_ACTION_BIND)
			wrong = test_format("%s stays since %s came", m->device->address,
					    devices[n - 1]->address);
	}
	free(other);
	return wrong;
}

/* Nothing is changed by looking. */
static char *pure(const struct answer *a, struct test_random *random)
{
	struct world *again = malloc(sizeof(*again));
	char *wrong = NULL;

	(void)random;
	world_build(again, &a->question->topology);
	for (size_t i = 0; i < a->question->topology.n && !wrong; i++) {
		const struct pcipt_device *x = &a->world->devices[i], *y = &again->devices[i];

		if (strcmp(x->address, y->address) != 0 || x->class_id != y->class_id ||
		    !pcipt_streq(pcipt_device_get_driver(x), pcipt_device_get_driver(y)))
			wrong = test_format("%s was changed", y->address);
	}
	world_clear(again);
	free(again);
	return wrong;
}

/*
 * After the set has moved, each endpoint of its groups is on a driver that leaves the
 * group alone, or on none: what is left in the way was told as a finding.
 */
static char *makes_groups_viable(const struct answer *a, struct test_random *random)
{
	(void)random;
	for (size_t i = 0; i < a->n; i++) {
		const struct pcipt_device *d = a->members[i].device;

		if (pcipt_device_is_bridge(d) || !d->group)
			continue;
		if (a->members[i].action == PCIPT_ACTION_KEEP && d->driver && !is_passthrough(d) &&
		    strcmp(d->driver->name, a->question->driver) != 0)
			return test_format("%s stays on %s", d->address, d->driver->name);
	}
	return NULL;
}

static const struct {
	const char *name;
	property_fn check;
} properties[] = {
	{ "closed", closed },
	{ "minimal", minimal },
	{ "ordered", ordered },
	{ "as the rules say", as_the_rules_say },
	{ "independent of order", independent_of_order },
	{ "idempotent", idempotent },
	{ "monotone", monotone },
	{ "pure", pure },
	{ "viable afterwards", makes_groups_viable },
};

/* ---- asking, and making small what fails ---- */

/* What is wrong with the answer to a question, or NULL. The random source is a copy. */
static char *ask(const struct question *q, property_fn check, struct test_random random)
{
	struct world *world = malloc(sizeof(*world));
	struct pcipt_device *devices[TOPOLOGY_MAX];
	struct answer a = { .question = q, .world = world };
	char *wrong;
	size_t n;

	world_build(world, &q->topology);
	n = collect(q, world, devices);
	a.members = compute(devices, n, q->driver, &a.n);
	wrong = check(&a, &random);
	free(a.members);
	world_clear(world);
	free(world);
	return wrong;
}

static struct question without(const struct question *q, size_t gone)
{
	struct question smaller = *q;

	smaller.topology.n = 0;
	for (size_t i = 0; i < q->topology.n; i++)
		if (i != gone) {
			smaller.topology.devices[smaller.topology.n] = q->topology.devices[i];
			smaller.asked[smaller.topology.n++] = q->asked[i];
		}
	return smaller;
}

/* Drops devices as long as the property still fails. */
static void shrink(struct question *q, property_fn check, struct test_random random)
{
	for (size_t i = 0; i < q->topology.n;) {
		struct question smaller = without(q, i);
		char *wrong = smaller.topology.n > 0 ? ask(&smaller, check, random) : NULL;

		if (wrong) {
			*q = smaller;
			i = 0;
		} else {
			i++;
		}
		free(wrong);
	}
}

static void random_question(struct question *q, struct test_random *random)
{
	static const char *const drivers[] = { "vfio-pci", "vfio-pci", "vfio-pci", "pci-stub",
					       "mlx5_vfio_pci", "uio_pci_generic" };

	memset(q, 0, sizeof(*q));
	topology_random(&q->topology, random);
	q->driver = drivers[test_random_below(random, 6)];
	for (size_t i = 0; i < q->topology.n; i++)
		q->asked[i] = test_random_once_in(random, 4);
	q->asked[test_random_below(random, (uint32_t)q->topology.n)] = true;
}

static char *print_asked(const struct question *q)
{
	char *text = test_format("%s for", q->driver);

	for (size_t i = 0; i < q->topology.n; i++)
		if (q->asked[i]) {
			char *more = test_format("%s %zu", text, i);

			free(text);
			text = more;
		}
	return text;
}

START_TEST(random_machines)
{
	struct test_random random = test_random_new(100);

	for (int i = 0; i < N_MACHINES; i++) {
		struct question q;
		char *wrong;

		random_question(&q, &random);
		wrong = ask(&q, properties[_i].check, random);
		if (wrong) {
			free(wrong);
			shrink(&q, properties[_i].check, random);
			wrong = ask(&q, properties[_i].check, random);
			ck_abort_msg("not %s (PCIPT_TEST_SEED=%llu, machine %d): %s; asked %s; %s",
				     properties[_i].name, (unsigned long long)test_seed(), i,
				     wrong ? wrong : "?", print_asked(&q),
				     topology_print(&q.topology));
		}
	}
}
END_TEST

/* ---- the same at the level of the set: what a refusal tells to ask for is accepted ---- */

static bool is_incomplete(struct world *world, struct pcipt_member *members, size_t n,
			  const char *driver)
{
	struct pcipt_set set = { .snap = &world->snap, .driver = (char *)driver,
				 .members = members, .n_members = n };
	struct pcipt_evidence evidence = { .driver_state = PCIPT_MODULE_READY };
	bool found = false;

	pcipt_judge(&set, &evidence);
	for (size_t i = 0; i < set.findings.n; i++)
		found |= strcmp(set.findings.items[i].row->code, "set-incomplete") == 0;
	pcipt_findings_clear(&set.findings);
	return found;
}

START_TEST(the_named_set_is_accepted)
{
	struct test_random random = test_random_new(101);
	struct world *world = malloc(sizeof(*world));

	for (int i = 0; i < N_MACHINES; i++) {
		struct pcipt_device *devices[TOPOLOGY_MAX];
		struct pcipt_member *members, *again;
		size_t n, n_members, n_again;
		struct question q;

		random_question(&q, &random);
		world_build(world, &q.topology);
		n = collect(&q, world, devices);
		members = compute(devices, n, q.driver, &n_members);
		for (size_t k = 0; k < n_members; k++)
			if (members[k].action == PCIPT_ACTION_BIND &&
			    members[k].role != PCIPT_ROLE_REQUESTED)
				devices[n++] = members[k].device;
		again = compute(devices, n, q.driver, &n_again);
		ck_assert_msg(!is_incomplete(world, again, n_again, q.driver),
			      "PCIPT_TEST_SEED=%llu, machine %d: %s",
			      (unsigned long long)test_seed(), i, topology_print(&q.topology));
		free(members);
		free(again);
		world_clear(world);
	}
	free(world);
}
END_TEST

START_TEST(nobody_asked)
{
	struct pcipt_device *none[1] = { NULL };
	size_t n = 4711;
	struct pcipt_member *members = compute(none, 0, "vfio-pci", &n);

	ck_assert_uint_eq(n, 0);
	free(members);
}
END_TEST

/* The example behind "idempotent": a function without a driver beside one that must move. */
START_TEST(slots_of_devices_that_must_move)
{
	const struct question q = {
		.topology = { .n = 4,
			      .devices = { { 1, 0, 0, 1, 0x020000, "e1000e" },
					   { 1, 1, 0, 1, 0x020000, "e1000e" },
					   { 1, 1, 1, 1, 0x020000, NULL },
					   { 1, 2, 0, 1, 0x020000, NULL } } },
		.asked = { true },
		.driver = "vfio-pci",
	};
	static const int actions[] = { PCIPT_ACTION_BIND, PCIPT_ACTION_BIND, PCIPT_ACTION_BIND,
				       PCIPT_ACTION_PIN };
	struct world *world = malloc(sizeof(*world));
	struct pcipt_device *devices[TOPOLOGY_MAX];
	struct pcipt_member *members;
	size_t n;

	world_build(world, &q.topology);
	members = compute(devices, collect(&q, world, devices), q.driver, &n);
	ck_assert_uint_eq(n, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(pcipt_action_name(members[i].action),
				 pcipt_action_name(actions[i]));
	free(members);
	world_clear(world);
	free(world);
}
END_TEST

Suite *suite_closure(void)
{
	Suite *suite = suite_create("closure");
	TCase *tc = tcase_create("properties");

	tcase_add_loop_test(tc, random_machines, 0, sizeof(properties) / sizeof(*properties));
	tcase_add_test(tc, the_named_set_is_accepted);
	tcase_add_test(tc, nobody_asked);
	tcase_add_test(tc, slots_of_devices_that_must_move);
	suite_add_tcase(suite, tc);
	return suite;
}
