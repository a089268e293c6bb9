/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The board: memory that the caller shares with its helper. The caller writes jobs on
 * it and rings, lanes of the helper do them and write what came of it. Both may be gone
 * at any instant, and what the other one has then is whole.
 */
#ifndef PCIPT_KERNEL_BOARD_H
#define PCIPT_KERNEL_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/real.h"

#define BOARD_BATCHES 256

enum slot_kind {
	SLOT_WRITE,
	SLOT_READ,
	SLOT_INSERT, /* the module file at the path, the value its options */
	SLOT_RUN,    /* the value, a line for the shell: "install" in modprobe.d */
};

struct slot {
	atomic_uint begun, done;
	int32_t result;
	uint32_t kind, lane, batch;
	/* Offsets of texts on the board; `note` is what the lock file says of the job. */
	uint32_t path, value, value_length, buf, size, note;
	int64_t begin_ns, end_ns;
};

struct board {
	atomic_uint bell;     /* a futex: rung for every change */
	atomic_uint n_slots;  /* those below are whole */
	atomic_uint stop;     /* slots below are not begun any more */
	atomic_uint quit;     /* the caller has no more jobs, or is gone */
	atomic_uint walking;  /* a lock for the one call that isn't raw */
	atomic_int failed;    /* why the helper could not begin */
	atomic_uint left[BOARD_BATCHES]; /* jobs of each batch that are not through */
	size_t size, used;
	uint32_t max_slots;
	/* What the helper works with, set before it is made. */
	int root;	      /* the folder that paths begin at */
	bool confined;	      /* which isn't "/": nothing may lead out of it */
	int through;	      /* an eventfd: "look at the board" */
	int end;	      /* a pipe: at its end, "go home" */
	int caller;	      /* a pidfd */
	uint32_t n_lanes;
	const int *locks;     /* a lock's descriptor for each lane, or -1 */
	struct slot slots[];
};

static inline const char *board_text(const struct board *board, uint32_t offset)
{
	return (const char *)board + offset;
}

/* helper.c: all that the helper does; returns in the caller alone. */
void pcipt_helper_main(struct board *board, const int *keep, size_t n_keep)
	__attribute__((noreturn));

#endif
