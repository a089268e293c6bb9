/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See topology.h. */
#include "topology.h"

static bool is_vfio(const char *name)
{
	return strstr(name, "vfio-pci") != NULL || strstr(name, "vfio_pci") != NULL;
}

static const struct pcipt_driver *driver_entry(struct world *world, const char *name)
{
	size_t i = 0;

	if (!name)
		return NULL;
	for (; world->drivers[i].name; i++)
		if (strcmp(world->drivers[i].name, name) == 0)
			return &world->drivers[i];
	ck_assert_uint_lt(i + 1, TOPOLOGY_MAX);
	world->drivers[i] = (struct pcipt_driver){ name, is_vfio(name) };
	return &world->drivers[i];
}

static struct pcipt_group *group_entry(struct world *world, int number)
{
	size_t n = world->snap.n_groups;

	for (size_t i = 0; i < n; i++)
		if (world->groups[i].number == number)
			return &world->groups[i];
	world->groups[n] = (struct pcipt_group){ .snap = &world->snap, .number = number,
						 .type_read = true, .regions_read = true };
	world->snap.n_groups++;
	return &world->groups[n];
}

static void join(struct world *world, struct pcipt_device *device, int number)
{
	struct pcipt_group *group = group_entry(world, number);

	device->group = group;
	if (group->last)
		group->last->next_in_group = device;
	else
		group->first = device;
	group->last = device;
	group->n_devices++;
}

unsigned int topology_key(const struct topology_device *d)
{
	return (unsigned int)d->bus << 8 | (unsigned int)d->slot << 3 | d->function;
}

static bool is_bridge(const struct topology_device *d)
{
	return d->class_id >> 8 == 0x0604;
}

/* The bridge that bus 2 stands behind, or NULL. */
static const struct topology_device *lower_bridge(const struct topology *topology)
{
	for (size_t i = 0; i < topology->n; i++)
		if (topology->devices[i].bus == 1 && is_bridge(&topology->devices[i]))
			return &topology->devices[i];
	return NULL;
}

bool topology_is_reset_with(const struct topology *topology, size_t i, size_t k)
{
	uint8_t bus = topology->devices[i].bus, other = topology->devices[k].bus;

	return i != k && bus > 0 &&
	       (other == bus || (bus == 1 && other == 2 && lower_bridge(topology)));
}

static void put_path(struct world *world, size_t place, const struct topology *topology,
		     const struct topology_device *d)
{
	const struct topology_device *bridge = d->bus == 2 ? lower_bridge(topology) : NULL;
	char *path = world->more[place].path;
	size_t size = sizeof(world->more[place].path);

	if (d->bus == 0)
		snprintf(path, size, "pci0000:00/%s", world->devices[place].address);
	else if (bridge)
		snprintf(path, size, "pci0000:00/0000:00:1f.1/0000:01:%02x.%u/%s", bridge->slot,
			 bridge->function, world->devices[place].address);
	else
		snprintf(path, size, "pci0000:00/0000:00:1f.%u/%s", d->bus,
			 world->devices[place].address);
	world->facts[place].path = path;
}

static void put_reset(struct world *world, size_t place, const struct topology_device *d)
{
	struct pcipt_reset_methods *reset = &world->more[place].reset;

	world->more[place].name = d->reset ? d->reset : "flr";
	reset->text = world->more[place].name;
	reset->names = &world->more[place].name;
	reset->n = 1;
	world->facts[place].reset = *reset->text ? reset : NULL;
}

/* When all are there. */
static void put_consumers(struct world *world, const struct topology *topology)
{
	for (size_t i = 0; i < topology->n; i++)
		for (size_t k = 0; k < topology->n; k++)
			if (topology->devices[i].consumer ==
			    topology_key(&topology->devices[k]) + 1) {
				size_t place = world->place[i];

				world->more[place].consumer = &world->devices[world->place[k]];
				world->facts[place].consumers = &world->more[place].consumer;
				world->facts[place].n_consumers = 1;
			}
}

static void put(struct world *world, size_t place, const struct topology_device *from)
{
	struct pcipt_device *device = &world->devices[place];
	struct pcipt_facts *facts = &world->facts[place];

	facts->details = &world->more[place].details;
	facts->revision = 0;
	facts->numa_node = -1;
	facts->boot_vga = -1;
	device->snap = &world->snap;
	device->at = (struct pcipt_address){ 0, from->bus,
					     (uint8_t)(from->slot << 3 | from->function) };
	pcipt_address_print(device->at, device->address);
	device->class_id = (int32_t)from->class_id;
	device->driver = driver_entry(world, from->driver);
	device->facts = facts;
	atomic_init(&device->loaded, ~0u);
	if (from->group >= 0)
		join(world, device, from->group);
}

void world_build(struct world *world, const struct topology *topology)
{
	memset(world, 0, sizeof(*world));
	pcipt_refs_init(&world->snap.refs);
	pthread_mutex_init(&world->snap.lock, NULL);
	world->snap.devices = world->devices;
	world->snap.n_devices = topology->n;
	world->snap.groups = world->groups;
	for (size_t i = 0; i < topology->n; i++)
		for (size_t k = 0; k < topology->n; k++)
			world->place[i] += topology_key(&topology->devices[k]) <
					   topology_key(&topology->devices[i]);
	/* In the order of addresses, as members of groups are. */
	for (size_t place = 0; place < topology->n; place++)
		for (size_t i = 0; i < topology->n; i++)
			if (world->place[i] == place) {
				put(world, place, &topology->devices[i]);
				put_path(world, place, topology, &topology->devices[i]);
				put_reset(world, place, &topology->devices[i]);
			}
	put_consumers(world, topology);
}

struct pcipt_device *world_device(struct world *world, size_t i)
{
	return &world->devices[world->place[i]];
}

struct pcipt_facts *world_facts(struct world *world, size_t i)
{
	return &world->facts[world->place[i]];
}

void world_set_driver(struct world *world, size_t i, const char *driver)
{
	world_device(world, i)->driver = driver_entry(world, driver);
}

void world_clear(struct world *world)
{
	pcipt_arena_free(&world->snap.arena);
	pthread_mutex_destroy(&world->snap.lock);
}

char *topology_print(const struct topology *topology)
{
	char *text = test_format("%zu devices", topology->n);

	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_device *d = &topology->devices[i];
		char *more = test_format("%s\n  %zu: %02x:%02x.%u class %06x group %d driver %s reset %s "
					 "consumer %x",
					 text, i, d->bus, d->slot, d->function, d->class_id,
					 d->group, d->driver ? d->driver : "none",
					 d->reset ? d->reset : "flr", d->consumer);

		free(text);
		text = more;
	}
	return text;
}

static bool is_there(const struct topology *topology, unsigned int key)
{
	for (size_t i = 0; i < topology->n; i++)
		if (topology_key(&topology->devices[i]) == key)
			return true;
	return false;
}

/* Weights are in the repetitions: driverless and native are the usual, the rest is rare. */
static const char *random_driver(struct test_random *random)
{
	static const char *const names[] = { NULL,	 NULL,	     NULL,	  "e1000e", "nvme",
					     "nouveau",	 "vfio-pci", "vfio-pci",  "pci-stub",
					     "pcieport", "mlx5_vfio_pci", "not-vfio",
					     "uio_pci_generic" };

	return names[test_random_below(random, sizeof(names) / sizeof(*names))];
}

static uint32_t random_class(struct test_random *random)
{
	static const uint32_t classes[] = { 0x020000, 0x030000, 0x040300, 0x010802, 0x060400,
					    0x060000, 0x0c0500, 0x020000, 0xffffff,
					    0x030000, 0x0c0330, 0x0c8000 };

	return classes[test_random_below(random, sizeof(classes) / sizeof(*classes))];
}

void topology_random(struct topology *topology, struct test_random *random)
{
	size_t wanted = 1 + test_random_below(random, TOPOLOGY_MAX);
	int n_groups = 1 + (int)test_random_below(random, 6);

	static const char *const resets[] = { NULL, NULL, "", "bus", "pm" };

	topology->n = 0;
	for (size_t tries = 0; topology->n < wanted && tries < 100; tries++) {
		struct topology_device d = {
			.bus = (uint8_t)test_random_below(random, 3),
			.slot = (uint8_t)test_random_below(random, 5),
			.function = (uint8_t)test_random_below(random, 4),
			.class_id = random_class(random),
			.driver = random_driver(random),
			.reset = resets[test_random_below(random, 5)],
		};

		/* As a rule one group for a slot, now and then any; and some in none. */
		d.group = test_random_once_in(random, 4) ?
				  (int)test_random_below(random, (uint32_t)n_groups) :
				  d.slot % n_groups;
		if (test_random_once_in(random, 12))
			d.group = -1;
		if (topology->n > 0 && test_random_once_in(random, 12))
			d.consumer = 1 + topology_key(&topology->devices[test_random_below(
						 random, (uint32_t)topology->n)]);
		if (!is_there(topology, topology_key(&d)))
			topology->devices[topology->n++] = d;
	}
}
