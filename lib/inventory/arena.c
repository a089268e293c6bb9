/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See arena.h. */
#include "inventory/arena.h"

#include <stdalign.h>

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) char data[];
};

#define ARENA_BLOCK_SIZE 32768

static void *take(struct pcipt_arena *arena, size_t n, size_t align)
{
	size_t at = (arena->used + align - 1) & ~(align - 1);
	struct arena_block *block;
	size_t size;

	if (!arena->block || at + n > arena->size) {
		size = n > ARENA_BLOCK_SIZE ? n : ARENA_BLOCK_SIZE;
		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
		block->next = arena->block;
		arena->block = block;
		arena->size = size;
		at = 0;
	}
	arena->used = at + n;
	return arena->block->data + at;
}

void *pcipt_arena_alloc(struct pcipt_arena *arena, size_t n)
{
	void *p = take(arena, n, alignof(max_align_t));

	return p ? memset(p, 0, n) : NULL;
}

char *pcipt_arena_copy(struct pcipt_arena *arena, const char *text, size_t n)
{
	char *copy = take(arena, n + 1, 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

void pcipt_arena_free(struct pcipt_arena *arena)
{
	while (arena->block) {
		struct arena_block *next = arena->block->next;

		free(arena->block);
		arena->block = next;
	}
}
