/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every measured program prints: the time of the work itself, without the
 * start of the process, its memory, and how many of each fact it found, so that
 * the driver can see that all of them did the same work.
 */
#ifndef PCIPT_BENCH_FIGURES_H
#define PCIPT_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

/* How many devices have it. Facts that a mode does not read stay 0. */
struct found {
	size_t devices;
	size_t ids;	/* vendor, device, subsystem, class */
	size_t drivers;
	size_t groups;
	size_t revisions;
	size_t nodes;	/* NUMA nodes, -1 included: it was read */
	size_t resets;
	size_t displays;
	size_t vfs;
};

/* Around the work, once each. What is measured must still be held at the end. */
void figures_begin(void);
void figures_end(void);
void figures_print(const struct found *found);

/* Ends the program. */
void figures_fail(const char *what) __attribute__((noreturn));

#endif
