/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel's class devices, and the processes that have something open. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

void sim_add_node(struct sim *sim, const char *address, const char *subsystem, const char *name,
		  const char *numbers)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device || sim->n_nodes == SIM_MAX_NODES)
		abort();
	sim->nodes[sim->n_nodes++] = (struct sim_node){ device, strdup(subsystem), strdup(name),
							strdup(numbers) };
}

void sim_hold(struct sim *sim, const struct sim_holder *holder)
{
	if (sim->n_holders == SIM_MAX_HOLDERS)
		abort();
	sim->holders[sim->n_holders++] = *holder;
}

void sim_end_holders(struct sim *sim)
{
	sim->n_holders = 0;
}

void sim_set_in_container(struct sim *sim, bool yes)
{
	sim->in_container = yes;
}

/* "sound/controlC0/dev", "vfio/2/dev" */
char *sim_class_attribute(const struct sim *sim, const char *path)
{
	int number, end = 0;

	if (sscanf(path, "vfio/%d/dev%n", &number, &end) == 1 && end > 0 && !path[end])
		return sim_group_has_node(sim, number) ?
			       pcipt_format("%d:%d", SIM_VFIO_MAJOR, number) :
			       NULL;
	for (size_t i = 0; i < sim->n_nodes; i++) {
		const struct sim_node *node = &sim->nodes[i];
		size_t n = strlen(node->subsystem);

		if (strncmp(path, node->subsystem, n) == 0 && path[n] == '/' &&
		    strncmp(path + n + 1, node->name, strlen(node->name)) == 0 &&
		    strcmp(path + n + 1 + strlen(node->name), "/dev") == 0)
			return strdup(node->numbers);
	}
	return NULL;
}

/* "4711/comm", "4711/cgroup", "4711/fdinfo/INDEX" */
char *sim_process_file(const struct sim *sim, const char *path)
{
	int pid, fd, end = 0;

	if (sscanf(path, "%d/%n", &pid, &end) != 1 || end == 0)
		return NULL;
	for (size_t i = 0; i < sim->n_holders; i++) {
		const struct sim_holder *holder = &sim->holders[i];
		const char *text = NULL;

		if (holder->pid != pid)
			continue;
		if (strcmp(path + end, "comm") == 0)
			text = holder->command;
		else if (strcmp(path + end, "cgroup") == 0)
			text = holder->cgroup;
		else if (sscanf(path + end, "fdinfo/%d", &fd) == 1 && (size_t)fd != i)
			continue;
		else if (strncmp(path + end, "fdinfo/", 7) == 0)
			text = holder->fdinfo;
		return text ? strdup(text) : NULL;
	}
	return NULL;
}

/* A class device is gone with the driver that made it. */
static bool is_there(const struct sim_node *node, const struct sim_device *device)
{
	return node->device == device && device->driver && !strstr(device->driver->name, "vfio");
}

char *sim_node_link(const struct sim *sim, const struct sim_device *device, const char *name)
{
	for (size_t i = 0; i < sim->n_nodes; i++) {
		const struct sim_node *node = &sim->nodes[i];
		size_t n = strlen(node->name);

		if (is_there(node, device) && strncmp(name, node->name, n) == 0 &&
		    strcmp(name + n, "/subsystem") == 0)
			return pcipt_format("../../../../class/%s", node->subsystem);
	}
	return NULL;
}

size_t sim_node_names(const struct sim *sim, const struct sim_device *device, char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < sim->n_nodes; i++)
		if (is_there(&sim->nodes[i], device))
			names[n++] = strdup(sim->nodes[i].name);
	return n;
}

static bool is_node(const struct pcipt_node *node, const struct sim_holder *holder)
{
	unsigned int major, minor;

	if (!holder->numbers)
		return node->anon != NULL;
	if (node->anon || node->block != holder->block ||
	    sscanf(holder->numbers, "%u:%u", &major, &minor) != 2)
		return false;
	return node->major == major && (node->any_minor || node->minor == minor);
}

/* A descriptor's number is the holder's index. */
int sim_find_holders(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n,
		     unsigned int ms, unsigned int all_ms, pcipt_holding_fn fn, void *data)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict = sim_next(sim, SIM_FIND_HOLDERS, "find-holders");
	int r = verdict.answer;

	double deadline = sim->now + all_ms;

	sim_note(sim, "find-holders", r);
	for (size_t i = 0; r == 0 && i < sim->n_holders; i++) {
		const struct sim_holder *holder = &sim->holders[i];
		struct pcipt_holding holding = { holder->pid,
						 holder->mapped ? PCIPT_HOLD_MAPPED :
								  PCIPT_HOLD_OPEN,
						 -1, holder->mapped ? -1 : (int)i, 0 };

		/* The real search knows one that is stuck when it has seen it there twice. */
		if (holder->errnum == EBUSY) {
			sim->now += 2.0 * ms;
			if (sim->now > deadline) {
				sim->now = deadline;
				return -ETIMEDOUT;
			}
		}
		if (holder->errnum) {
			holding.how = holder->mapped ? PCIPT_HOLD_UNKNOWN_MAPPINGS :
						       PCIPT_HOLD_UNKNOWN;
			holding.errnum = holder->errnum;
			r = fn(data, &holding);
			continue;
		}
		for (size_t k_node = 0; r == 0 && k_node < n; k_node++) {
			holding.node = (int)k_node;
			if (is_node(&nodes[k_node], holder))
				r = fn(data, &holding);
		}
	}
	return r;
}
