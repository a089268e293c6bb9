/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block collector: what the host uses the disks behind the devices for. Where there
 * are none it has listed the names of the block devices, and read nothing else.
 */
#include "usage/block.h"

void pcipt_collect_block(struct pcipt_inquiry *inquiry)
{
	struct block_map map = { .inquiry = inquiry, .kernel = inquiry->kernel };

	pcipt_block_map_fill(&map);
	if (map.n_nodes > 0 || pcipt_block_remote_has_shares(&map)) {
		pcipt_block_mounts_fill(&map);
		pcipt_block_targets_fill(&map);
		pcipt_block_boot_fill(&map);
		pcipt_block_look(&map);
		pcipt_block_boot_explain(&map);
	}
	pcipt_block_tell(&map);
	inquiry->uses->no_memory |= map.no_memory;
	pcipt_block_map_clear(&map);
}
