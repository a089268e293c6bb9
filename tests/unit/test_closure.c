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
	bool companions;
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
				    const struct question *q, size_t *n_members)
{
	struct pcipt_member *members = NULL;

	ck_assert(pcipt_closure_compute(devices, n, q->driver, q->companions,
					&members, n_members));
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

/* ---- the rules, written a second time: over the topology, without the library ---- */

struct reference {
	bool member[TOPOLOGY_MAX], wanted[TOPOLOGY_MAX], coupled[TOPOLOGY_MAX];
	int action[TOPOLOGY_MAX];
};

static bool ref_bridge(const struct topology_device *d)
{
	return d->class_id >> 8 == 0x0604;
}

static bool ref_vfio(const struct topology_device *d)
{
	return d->driver && (strcmp(d->driver, "vfio-pci") == 0 || strcmp(d->driver, "mlx5_vfio_pci") == 0);
}

static bool ref_slot(const struct topology_device *a, const struct topology_device *b)
{
	return topology_key(a) >> 3 == topology_key(b) >> 3;
}

/* What becomes of the i-th, when those that are bound by now stay bound. */
static int ref_action(const struct question *q, const struct reference *r, size_t i)
{
	const struct topology_device *d = &q->topology.devices[i];
	bool free = !d->driver || strcmp(d->driver, "pci-stub") == 0;

	if (ref_bridge(d) || (d->driver && strcmp(d->driver, q->driver) == 0))
		return PCIPT_ACTION_KEEP;
	if (q->asked[i] || (r->wanted[i] && !ref_vfio(d)) || (!free && !ref_vfio(d)))
		return PCIPT_ACTION_BIND;
	if (d->driver)
		return PCIPT_ACTION_KEEP;
	for (size_t k = 0; k < q->topology.n; k++)
		if (r->member[k] && r->action[k] == PCIPT_ACTION_BIND &&
		    ref_slot(d, &q->topology.devices[k]))
			return PCIPT_ACTION_BIND;
	return PCIPT_ACTION_PIN;
}

/* Why k comes with i: 0 for not at all, 1 into the set, 2 as a companion, 3 as reset-coupled. */
static int ref_pulls(const struct question *q, const struct reference *r, size_t i, size_t k)
{
	const struct topology_device *d = &q->topology.devices[i], *o = &q->topology.devices[k];
	bool goes = !ref_bridge(d) && (r->wanted[i] || r->action[i] == PCIPT_ACTION_BIND);
	bool own = !d->reset || strcmp(d->reset, "pm") == 0;

	if (q->companions && goes && !ref_bridge(o) && i != k) {
		if (!own && topology_is_reset_with(&q->topology, i, k))
			return 3;
		if (d->class_id >> 16 == 3 && ref_slot(d, o) &&
		    (o->class_id >> 8 == 0x0403 || o->class_id >> 8 == 0x0c03 ||
		     o->class_id >> 8 == 0x0c80))
			return 2;
	}
	if (q->companions && goes && !ref_bridge(o) && d->consumer == topology_key(o) + 1)
		return 2;
	return d->group >= 0 && d->group == o->group ? 1 : 0;
}

static void refer(const struct question *q, struct reference *r)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < q->topology.n; i++)
		r->member[i] = r->wanted[i] = q->asked[i];
	/* More often than there is anything to add. */
	for (size_t round = 0; round < 4 * TOPOLOGY_MAX; round++) {
		for (size_t i = 0; i < q->topology.n; i++)
			r->action[i] = r->member[i] ? ref_action(q, r, i) : -1;
		for (size_t i = 0; i < q->topology.n; i++)
			for (size_t k = 0; r->member[i] && k < q->topology.n; k++) {
				int why = ref_pulls(q, r, i, k);

				r->member[k] |= why > 0;
				r->wanted[k] |= why > 1;
				r->coupled[k] |= why == 3;
				if (r->member[k])
					r->action[k] = ref_action(q, r, k);
			}
	}
}

static int ref_role(const struct question *q, const struct reference *r, size_t i)
{
	const struct topology_device *d = &q->topology.devices[i];
	bool in_group = false, free = !d->driver || strcmp(d->driver, "pci-stub") == 0 || ref_vfio(d);

	for (size_t k = 0; k < q->topology.n; k++)
		in_group |= q->asked[k] && d->group >= 0 && q->topology.devices[k].group == d->group;
	if (q->asked[i])
		return PCIPT_ROLE_REQUESTED;
	if (ref_bridge(d))
		return PCIPT_ROLE_BRIDGE;
	if (!r->wanted[i] || (in_group && !free))
		return PCIPT_ROLE_GROUP_MEMBER;
	return r->coupled[i] ? PCIPT_ROLE_RESET_COUPLED : PCIPT_ROLE_COMPANION;
}

/* Who is there, in which role, and what becomes of each: no more and no less than the rules say. */
static char *as_the_rules_say(const struct answer *a, struct test_random *random)
{
	const struct question *q = a->question;
	struct reference r;

	(void)random;
	refer(q, &r);
	for (size_t i = 0; i < q->topology.n; i++) {
		struct pcipt_device *d = world_device(a->world, i);
		const struct pcipt_member *m = find(a->members, a->n, d);

		if (!m != !r.member[i])
			return test_format("%s %s", d->address, m ? "has no reason to be there" :
								    "isn't there");
		if (m && m->role != ref_role(q, &r, i))
			return test_format("%s is %s", d->address, pcipt_role_name(m->role));
		if (m && m->action != r.action[i])
			return test_format("%s is to be %s", d->address,
					   pcipt_action_name(m->action));
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
	other = compute(devices, n, a->question, &n_other);
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
	other = compute(devices, n, a->question, &n_other);
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
	other = compute(devices, n, a->question, &n_other);
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
	{ "ordered", ordered },
	{ "minimal and as the rules say", as_the_rules_say },
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
	a.members = compute(devices, n, q, &a.n);
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
	q->companions = test_random_once_in(random, 2);
	for (size_t i = 0; i < q->topology.n; i++)
		q->asked[i] = test_random_once_in(random, 4);
	q->asked[test_random_below(random, (uint32_t)q->topology.n)] = true;
}

static char *print_asked(const struct question *q)
{
	char *text = test_format("%s%s for", q->driver, q->companions ? " with companions" : "");

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
			  const struct question *q)
{
	struct pcipt_set set = { .snap = &world->snap, .driver = (char *)q->driver,
				 .with_companions = q->companions, .members = members, .n_members = n };
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
		members = compute(devices, n, &q, &n_members);
		for (size_t k = 0; k < n_members; k++)
			if (members[k].action == PCIPT_ACTION_BIND &&
			    members[k].role != PCIPT_ROLE_REQUESTED)
				devices[n++] = members[k].device;
		again = compute(devices, n, &q, &n_again);
		ck_assert_msg(!is_incomplete(world, again, n_again, &q),
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
	const struct question q = { .driver = "vfio-pci", .companions = _i };
	struct pcipt_member *members = compute(none, 0, &q, &n);

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
	members = compute(devices, collect(&q, world, devices), &q, &n);
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
	tcase_add_loop_test(tc, nobody_asked, 0, 2);
	tcase_add_test(tc, slots_of_devices_that_must_move);
	suite_add_tcase(suite, tc);
	return suite;
}
