/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * facts ROOT ROUNDS: every fact of a listing, of every device, by getters, then as JSON. Prints
 * the least CPU time of a round in milliseconds: of making the snapshot and reading all, of
 * reading all once more, and of making the snapshot and its JSON form. facts.py and facts.go do
 * the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libpcipt/libpcipt.h>

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t length(const char *text)
{
	return text ? strlen(text) : 0;
}

static size_t length_of(const struct pcipt_device *device)
{
	return device ? length(pcipt_device_get_address(device)) : 0;
}

static size_t relations(struct pcipt_device *d)
{
	size_t sum = length_of(pcipt_device_get_parent(d)) + length_of(pcipt_device_get_physfn(d));

	for (size_t i = 0; i < pcipt_device_virtfn_count(d); i++)
		sum += length_of(pcipt_device_virtfn_at(d, i));
	for (size_t i = 0; i < pcipt_device_reset_method_count(d); i++)
		sum += length(pcipt_device_reset_method_at(d, i));
	return sum + (size_t)pcipt_group_get_number(pcipt_device_get_group(d));
}

static size_t read_all(struct pcipt_snapshot *snap)
{
	size_t sum = 0;

	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++) {
		struct pcipt_device *d = pcipt_snapshot_device_at(snap, i);

		sum += (size_t)(pcipt_device_get_vendor_id(d) + pcipt_device_get_device_id(d) +
				pcipt_device_get_subsystem_vendor_id(d) +
				pcipt_device_get_subsystem_device_id(d) +
				pcipt_device_get_class_id(d) + pcipt_device_get_revision(d) +
				pcipt_device_get_numa_node(d) + pcipt_device_get_boot_vga(d));
		sum += length_of(d) + length(pcipt_device_get_vendor_name(d)) +
		       length(pcipt_device_get_device_name(d)) +
		       length(pcipt_device_get_class_name(d)) + length(pcipt_device_get_driver(d)) +
		       length(pcipt_device_get_driver_override(d)) +
		       length(pcipt_device_get_slot(d)) + length(pcipt_device_get_identity(d)) +
		       length(pcipt_device_get_vfio_device(d)) + relations(d);
	}
	return sum;
}

static struct pcipt_snapshot *look(const char *root)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;

	if (pcipt_context_new(&ctx, NULL) || pcipt_context_set_root(ctx, root, NULL) ||
	    pcipt_snapshot_new(ctx, &snap, NULL))
		exit(1);
	pcipt_context_unref(ctx);
	return snap;
}

static void keep_least(double *least, double value)
{
	if (*least == 0 || value < *least)
		*least = value;
}

int main(int argc, char **argv)
{
	double facts = 0, again = 0, json = 0;
	char *text = NULL;

	if (argc < 3)
		return 2;
	for (int i = 0; i < atoi(argv[2]); i++) {
		double begin = cpu_ms(), middle;
		struct pcipt_snapshot *snap = look(argv[1]);
		volatile size_t sum = read_all(snap);

		keep_least(&facts, cpu_ms() - begin);
		middle = cpu_ms();
		sum += read_all(snap);
		keep_least(&again, cpu_ms() - middle);
		pcipt_snapshot_unref(snap);
		begin = cpu_ms();
		snap = look(argv[1]);
		if (pcipt_snapshot_to_json(snap, 0, &text, NULL))
			return 1;
		keep_least(&json, cpu_ms() - begin);
		pcipt_free(text);
		pcipt_snapshot_unref(snap);
	}
	printf("%.1f %.1f %.1f\n", facts, again, json);
	return 0;
}
