/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapshot base|facts|json [THREADS], snapshot find ADDRESS: what this library takes for
 *   base   a snapshot: ids, class, driver and IOMMU group of every device
 *   facts  that, and revision, NUMA node, reset methods, boot VGA and PF of each
 *   json   that, and all the rest that `pcipt list --json` prints
 *   find   one device, in a snapshot of it and what belongs to it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpcipt/libpcipt.h>

#include "figures.h"

static struct pcipt_error *error;

static int check(int r)
{
	if (r < 0) {
		fprintf(stderr, "snapshot: %s\n", pcipt_error_get_message(error));
		_Exit(1);
	}
	return r;
}

/* What a snapshot has from the start. */
static void count_base(struct pcipt_snapshot *snap, struct found *found)
{
	found->devices = pcipt_snapshot_device_count(snap);
	for (size_t i = 0; i < found->devices; i++) {
		struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);

		found->ids += pcipt_device_get_vendor_id(device) >= 0 &&
			      pcipt_device_get_class_id(device) >= 0;
		found->drivers += pcipt_device_get_driver(device) != NULL;
		found->groups += pcipt_device_get_group(device) != NULL;
	}
}

static void read_facts(struct pcipt_snapshot *snap, struct found *found)
{
	size_t n = pcipt_snapshot_device_count(snap);

	for (size_t i = 0; i < n; i++) {
		struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);

		found->revisions += pcipt_device_get_revision(device) >= 0;
		found->nodes += pcipt_device_get_numa_node(device) >= -1;
		found->resets += pcipt_device_reset_method_count(device) > 0;
		found->displays += pcipt_device_get_boot_vga(device) >= 0;
		found->vfs += pcipt_device_get_physfn(device) != NULL;
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct found found = { 0 };
	bool find = strcmp(mode, "find") == 0;
	char *json = NULL;

	if (strcmp(mode, "base") != 0 && strcmp(mode, "facts") != 0 && strcmp(mode, "json") != 0 &&
	    (!find || argc != 3)) {
		fprintf(stderr, "usage: snapshot base|facts|json [THREADS] | find ADDRESS\n");
		return 2;
	}
	figures_begin();
	check(pcipt_context_new(&ctx, &error));
	if (argc > 2 && !find)
		pcipt_context_set_threads(ctx, (unsigned int)atoi(argv[2]));
	if (find) {
		check(pcipt_snapshot_new_scoped(ctx, (const char *const *)&argv[2], 1, &snap,
						&error));
		check(pcipt_snapshot_find(snap, argv[2], &device, &error));
	} else {
		check(pcipt_snapshot_new(ctx, &snap, &error));
	}
	if (strcmp(mode, "facts") == 0)
		read_facts(snap, &found);
	else if (strcmp(mode, "json") == 0)
		check(pcipt_snapshot_to_json(snap, 0, &json, &error));
	figures_end();
	count_base(snap, &found);
	figures_print(&found);
	if (pcipt_snapshot_problem_count(snap) > 0)
		fprintf(stderr, "snapshot: %zu problems, the first: %s\n",
			pcipt_snapshot_problem_count(snap),
			pcipt_error_get_message(pcipt_snapshot_problem_at(snap, 0)));
	pcipt_free(json);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return 0;
}
