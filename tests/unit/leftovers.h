/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A test ends what it starts, and where one fails before it could, the run does. */
#ifndef TESTS_UNIT_LEFTOVERS_H
#define TESTS_UNIT_LEFTOVERS_H

/* Before the first test: what outlives its parent becomes this process's child. */
void leftovers_adopt(void);
/* After the last: names and ends the processes that are left; how many these were. */
int leftovers_end(void);

#endif
