/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines of one to six devices, for the tests that leave no operation out. */
#ifndef TESTS_UNIT_EXHAUSTIVE_H
#define TESTS_UNIT_EXHAUSTIVE_H

#include "machine.h"

#define N_MAX 6

/* A machine with what it was, and what came of the last call. */
struct run {
	unsigned int n;
	struct sim *sim;
	struct pcipt_context *ctx;
	char *before;
	int code;
	size_t operations; /* of that call */
};

/* How many machines were tried; a test sets it to 0 and prints it. */
extern unsigned int exhaustive_points;
void exhaustive_print(const char *what, int n);
/* PCIPT_TEST_EVERY=1: nothing is left out. */
bool exhaustive_every(void);

struct run exhaustive_begin(unsigned int n);
void exhaustive_end(struct run *run);
void exhaustive_bind(struct run *run);
void exhaustive_release(struct run *run);
/* Another process comes; the one before had everything from its m-th operation on fail. */
int exhaustive_recover(struct run *run, unsigned int m);

bool exhaustive_is_before(const struct run *run);
/* Every function on vfio-pci, by its own override; the sibling pinned. */
bool exhaustive_is_after(const struct run *run);
bool exhaustive_says(const struct run *run, const char *address, const char *what);
/* Before without a record, or after with one; nothing is locked. */
void exhaustive_assert_whole(struct run *run, const char *when);

/* test_killed.c: its part of the suite. */
void exhaustive_add_kills(Suite *suite);

#endif
