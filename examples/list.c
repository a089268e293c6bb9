/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists the machine's PCI devices: address, ids, driver, IOMMU group.
 *
 *     list [ROOT]
 */
#include <stdio.h>
#include <libpcipt/libpcipt.h>

static void print(struct pcipt_device *device)
{
	int vendor = pcipt_device_get_vendor_id(device), id = pcipt_device_get_device_id(device);
	const struct pcipt_group *group = pcipt_device_get_group(device);
	const char *driver = pcipt_device_get_driver(device);

	printf("%s ", pcipt_device_get_address(device));
	if (vendor >= 0 && id >= 0)
		printf("%04x:%04x", (unsigned int)vendor, (unsigned int)id);
	else
		printf("-");
	printf(" %s ", driver ? driver : "-");
	if (group)
		printf("%d\n", pcipt_group_get_number(group));
	else
		printf("-\n");
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	int failed = 0;

	if (pcipt_context_new(&ctx, &error) ||
	    (argc > 1 && pcipt_context_set_root(ctx, argv[1], &error)) ||
	    pcipt_snapshot_new(ctx, &snap, &error)) {
		fprintf(stderr, "%s\n", pcipt_error_get_message(error));
		failed = 1;
	}
	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++)
		print(pcipt_snapshot_device_at(snap, i));
	/* Also fine for what was never made. */
	pcipt_error_unref(error);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return failed;
}
