/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures through libblkid, the only file that knows it; opened when it is needed. */
#include "kernel/signature.h"

#include <blkid.h>
#include <errno.h>
#include <stdio.h>

#include "kernel/library.h"

/* libblkid, open: its calls, and what it looks at. */
struct prober {
	__typeof__(blkid_init_debug) *blkid_init_debug;
	__typeof__(blkid_new_probe) *blkid_new_probe;
	__typeof__(blkid_free_probe) *blkid_free_probe;
	__typeof__(blkid_probe_set_device) *blkid_probe_set_device;
	__typeof__(blkid_probe_set_sectorsize) *blkid_probe_set_sectorsize;
	__typeof__(blkid_probe_enable_superblocks) *blkid_probe_enable_superblocks;
	__typeof__(blkid_probe_set_superblocks_flags) *blkid_probe_set_superblocks_flags;
	__typeof__(blkid_probe_enable_partitions) *blkid_probe_enable_partitions;
	__typeof__(blkid_do_safeprobe) *blkid_do_safeprobe;
	__typeof__(blkid_probe_lookup_value) *blkid_probe_lookup_value;
	blkid_probe probe;
};

static void close_prober(struct prober *p)
{
	if (p->probe)
		p->blkid_free_probe(p->probe);
}

static bool open_library(struct prober *p)
{
	const struct pcipt_symbol symbols[] = {
		PCIPT_SYMBOL(p, blkid_init_debug),
		PCIPT_SYMBOL(p, blkid_new_probe),
		PCIPT_SYMBOL(p, blkid_free_probe),
		PCIPT_SYMBOL(p, blkid_probe_set_device),
		PCIPT_SYMBOL(p, blkid_probe_set_sectorsize),
		PCIPT_SYMBOL(p, blkid_probe_enable_superblocks),
		PCIPT_SYMBOL(p, blkid_probe_set_superblocks_flags),
		PCIPT_SYMBOL(p, blkid_probe_enable_partitions),
		PCIPT_SYMBOL(p, blkid_do_safeprobe),
		PCIPT_SYMBOL(p, blkid_probe_lookup_value),
	};

	return pcipt_library_open("libblkid.so.1", symbols, ARRAY_SIZE(symbols));
}

static bool set_up(struct prober *p, int fd, unsigned int sector_size)
{
	/* Not 0: then it would take its mask from the environment, and write to stderr. */
	p->blkid_init_debug(2);
	p->probe = p->blkid_new_probe();
	return p->probe && p->blkid_probe_set_device(p->probe, fd, 0, 0) == 0 &&
	       (sector_size == 0 || p->blkid_probe_set_sectorsize(p->probe, sector_size) == 0) &&
	       p->blkid_probe_enable_superblocks(p->probe, 1) == 0 &&
	       p->blkid_probe_set_superblocks_flags(p->probe,
						    BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
							    BLKID_SUBLKS_UUID) == 0 &&
	       p->blkid_probe_enable_partitions(p->probe, 1) == 0;
}

static void take(struct prober *p, const char *name, char *out, size_t size)
{
	const char *value = NULL;

	if (p->blkid_probe_lookup_value(p->probe, name, &value, NULL) == 0 && value)
		snprintf(out, size, "%s", value);
}

int pcipt_signature_find(int fd, unsigned int sector_size, struct pcipt_disk *disk)
{
	_cleanup_(close_prober) struct prober p = { 0 };
	int r;

	if (!open_library(&p))
		return -ELIBACC;
	if (!set_up(&p, fd, sector_size))
		return -ENOMEM;
	r = p.blkid_do_safeprobe(p.probe);
	/* -2: marks of several kinds, of which it names none. That is data too. */
	if (r == -2)
		snprintf(disk->type, sizeof(disk->type), "several kinds of data");
	if (r == 0) {
		take(&p, "TYPE", disk->type, sizeof(disk->type));
		take(&p, "LABEL", disk->label, sizeof(disk->label));
		take(&p, "UUID", disk->uuid, sizeof(disk->uuid));
		take(&p, "PTTYPE", disk->table, sizeof(disk->table));
	}
	return r == -1 ? -EIO : 0;
}
