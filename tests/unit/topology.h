/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots that are built in memory: no tree, no kernel. Every fact counts as read,
 * so that nothing is asked for. For the pure layers' tests.
 */
#ifndef TESTS_UNIT_TOPOLOGY_H
#define TESTS_UNIT_TOPOLOGY_H

#include "inventory/inventory.h"
#include "unit.h"

#define TOPOLOGY_MAX 24

/* One device, as few words as the rules need. */
struct topology_device {
	uint8_t bus, slot, function;
	int group; /* -1 for none */
	uint32_t class_id;
	const char *driver; /* NULL for none */
	const char *reset;  /* one method, "" for none; NULL for one of its own, "flr" */
	unsigned int consumer; /* who depends on it: topology_key() and 1 more, 0 for none */
};

struct topology {
	struct topology_device devices[TOPOLOGY_MAX];
	size_t n;
};

/* A snapshot and what it is made of. */
struct world {
	struct pcipt_snapshot snap;
	struct pcipt_device devices[TOPOLOGY_MAX];
	struct pcipt_facts facts[TOPOLOGY_MAX];
	struct pcipt_group groups[TOPOLOGY_MAX];
	struct pcipt_driver drivers[TOPOLOGY_MAX];
	struct {
		struct pcipt_reset_methods reset;
		const char *name;
		struct pcipt_device *consumer;
		struct pcipt_details details;
		char path[96];
	} more[TOPOLOGY_MAX];
	/* Where each device of the topology is now: snapshots are ordered by address. */
	size_t place[TOPOLOGY_MAX];
};

/*
 * Bus 0 is a root bus, bus 1 stands behind a bridge that isn't among the devices, and bus
 * 2 behind the first bridge on bus 1, or behind another one where there is none.
 */
unsigned int topology_key(const struct topology_device *device);
/* Whether a reset of the i-th device's bus would hit the k-th. */
bool topology_is_reset_with(const struct topology *topology, size_t i, size_t k);

/* Pointers lead into the world itself: it must not be copied. */
void world_build(struct world *world, const struct topology *topology);
/* The i-th device of the topology. */
struct pcipt_device *world_device(struct world *world, size_t i);
struct pcipt_facts *world_facts(struct world *world, size_t i);
void world_set_driver(struct world *world, size_t i, const char *driver);
void world_clear(struct world *world);

/* The topology as text, a line a device; for the message of a failed test. */
char *topology_print(const struct topology *topology);
/* A random one: slots with several functions, groups across slots, anything odd. */
void topology_random(struct topology *topology, struct test_random *random);

#endif
