/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See storage.h. */
#include "storage.h"

#include <stdarg.h>

#include "usage/tcp.h"

struct storage storage;

static void add(const char *address, const char *driver, uint32_t class_id)
{
	tree_add(storage.tree, &(struct tree_device){ .address = address,
						       .class_id = class_id,
						       .driver = driver,
						       .group = 1 });
}

void storage_begin(void)
{
	char *root = test_path("storage");

	memset(&storage, 0, sizeof(storage));
	storage.tree = tree_new(root);
	free(root);
	add(ONE, "nvme", 0x010802);
	add(TWO, "nvme", 0x010802);
	add(USB, "xhci_hcd", 0x0c0330);
	tree_folder(storage.tree, "sys/class/block");
	storage_process(1, 1, "");
}

void storage_end(void)
{
	pcipt_uses_clear(&storage.uses);
	pcipt_snapshot_unref(storage.snap);
	tree_free(storage.tree);
}

void storage_attribute(const char *name, const char *attribute, const char *text)
{
	char *path = test_format("sys/class/block/%s/%s", name, attribute);

	tree_file(storage.tree, path, text);
	free(path);
}

void storage_disk(const char *path, const char *number)
{
	const char *name = strrchr(path, '/') + 1;
	char *folder = test_format("sys/devices/%s/holders", path);
	char *link = test_format("sys/class/block/%s", name);
	char *target = test_format("../../devices/%s", path);

	char *subsystem = test_format("sys/devices/%s/subsystem", path);

	tree_folder(storage.tree, folder);
	tree_link(storage.tree, link, target);
	tree_link(storage.tree, subsystem, "/sys/class/block");
	free(subsystem);
	if (number)
		storage_attribute(name, "dev", number);
	free(folder);
	free(link);
	free(target);
}

void storage_two_disks(void)
{
	storage_disk("pci0000:03/" ONE "/nvme/nvme0/nvme0n1", "259:0");
	storage_disk("pci0000:03/" ONE "/nvme/nvme0/nvme0n1/nvme0n1p1", "259:1");
	storage_disk("pci0000:03/" ONE "/nvme/nvme0/nvme0n1/nvme0n1p2", "259:2");
	storage_disk("pci0000:04/" TWO "/nvme/nvme1/nvme1n1", "260:0");
}

void storage_on_top(const char *name, const char *number, ...)
{
	char *path = test_format("virtual/block/%s", name);
	const char *below;
	va_list ap;

	storage_disk(path, number);
	free(path);
	va_start(ap, number);
	while ((below = va_arg(ap, const char *))) {
		char *link = test_format("sys/class/block/%s/holders/%s", below, name);

		tree_link(storage.tree, link, "../nowhere");
		free(link);
	}
	va_end(ap);
}

void storage_dm(const char *name, const char *dm_name, const char *uuid)
{
	storage_attribute(name, "dm/name", dm_name);
	storage_attribute(name, "dm/uuid", uuid);
}

void storage_process(int pid, unsigned int space, const char *mountinfo)
{
	char *path = test_format("proc/%d/ns/mnt", pid), *text = test_format("mnt:[%u]", space);
	char *whole;

	tree_link(storage.tree, path, text);
	free(path);
	free(text);
	path = test_format("proc/%d/mountinfo", pid);
	whole = tree_path(storage.tree, path);
	test_write(whole, mountinfo, strlen(mountinfo));
	free(whole);
	free(path);
}

void storage_ask(const char *address, ...)
{
	struct pcipt_device *devices[4];
	struct pcipt_inquiry inquiry = { .devices = devices, .uses = &storage.uses };
	struct pcipt_error *error = NULL;
	va_list ap;

	pcipt_uses_clear(&storage.uses);
	pcipt_snapshot_unref(storage.snap);
	storage.snap = test_snapshot(tree_root(storage.tree));
	inquiry.snap = storage.snap;
	inquiry.kernel = storage.snap->kernel;
	if (storage.own_ops)
		inquiry.kernel->ops = &storage.ops;
	else
		storage.ops = storage.real_ops = *inquiry.kernel->ops;
	if (storage.patience_ms)
		inquiry.deadline = inquiry.kernel->ops->now(inquiry.kernel) + storage.patience_ms;
	va_start(ap, address);
	for (; address; address = va_arg(ap, const char *))
		assert_ok(pcipt_snapshot_find(storage.snap, address, &devices[inquiry.n++], &error),
			  error);
	va_end(ap);
	if (storage.way) {
		struct pcipt_way way = { .device = devices[inquiry.n - 1], .length = 96 + 24, .link = "eth0" };

		ck_assert(pcipt_tcp_scan_address(storage.way, &way.address));
		ck_assert(pcipt_grow(&storage.uses.ways.items, storage.uses.ways.n));
		storage.uses.ways.items[storage.uses.ways.n++] = way;
	}
	pcipt_collect_block(&inquiry);
	ck_assert(!storage.uses.no_memory);
}

const struct pcipt_use *storage_use(enum pcipt_use_kind kind, const char *address)
{
	for (size_t i = 0; i < storage.uses.n; i++) {
		const struct pcipt_use *use = &storage.uses.items[i];

		if (use->kind == kind && (!address || strcmp(use->device->address, address) == 0))
			return use;
	}
	return NULL;
}

size_t storage_count(enum pcipt_use_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < storage.uses.n; i++)
		n += storage.uses.items[i].kind == kind;
	return n;
}
