/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel of whose reads one fails: whichever it is, nothing may look safe for it. */
#ifndef TESTS_UNIT_FAILING_H
#define TESTS_UNIT_FAILING_H

#include "kernel/kernel.h"

/* Fills `ops` with those of `real`, but for reads that count and may fail. */
void failing_wrap(const struct pcipt_kernel_ops *real, struct pcipt_kernel_ops *ops);
/* Counts from anew; the read of that number fails, 0 for none. */
void failing_begin(size_t number);
/* How many reads there were. */
size_t failing_count(void);

#endif
