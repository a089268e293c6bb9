/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes of our own that the kernel may keep for ever, made out of the program
 * that linked us without its noticing.
 *
 * They are made by clone() without an exit signal: the program sees no SIGCHLD, and
 * no wait of its own finds them. What runs in one between clone() and _exit() is safe
 * in a copy of a program with many threads, of which only the caller's goes on: system
 * calls on memory that was ready before, no allocation, no lock, no handler (signals
 * are blocked), no library that could hold a lock of a thread that isn't there.
 */
#ifndef PCIPT_KERNEL_PROCESS_H
#define PCIPT_KERNEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Copies this process: 0 in the copy, with all signals blocked, else its pid or -errno.
 * Where `pidfd` isn't NULL, it is a descriptor that can be polled for the copy's end.
 */
pid_t pcipt_process_copy(int *pidfd);

/*
 * In the copy: lets go of all that is the program's and could outlive it in here. Closes
 * all descriptors but those of `keep` (ascending; -1 is none), leaves the session and the
 * folder, unmaps every shared mapping but the one that begins at `shared`: a mapping of a
 * device (vfio's have to be shared) would hold that device as long as we are stuck. False
 * when something stays; the copy must then end, since it would be worse than no answer.
 */
bool pcipt_process_isolate(const int *keep, size_t n, const void *shared);

#endif
