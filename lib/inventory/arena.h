/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that lives as long as its snapshot: blocks that only grow, freed at
 * once. Ten thousand devices would otherwise be fifty thousand small pieces.
 */
#ifndef PCIPT_INVENTORY_ARENA_H
#define PCIPT_INVENTORY_ARENA_H

#include "base/util.h"

struct pcipt_arena {
	struct arena_block *block;
	size_t used, size;
};

/* Zeroed and aligned for anything; NULL without memory. */
void *pcipt_arena_alloc(struct pcipt_arena *arena, size_t n);
/* A copy of n bytes of text, with a NUL; NULL without memory. */
char *pcipt_arena_copy(struct pcipt_arena *arena, const char *text, size_t n);
void pcipt_arena_free(struct pcipt_arena *arena);

#endif
