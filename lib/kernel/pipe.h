/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a copy of this process (process.h) tells what it found out. */
#ifndef PCIPT_KERNEL_PIPE_H
#define PCIPT_KERNEL_PIPE_H

#include <stddef.h>
#include <sys/types.h>

/* In the copy: writes all, or ends it where nobody reads any more. */
void pcipt_pipe_send(int fd, const void *data, size_t n);
/* Reads exactly n bytes in at most ms: 1, 0 at the end of the pipe, -EBUSY, or -errno. */
int pcipt_pipe_receive(int fd, void *data, size_t n, unsigned int ms);

/* How long a copy may take that isn't stuck: the machine doesn't get to it. */
#define PCIPT_PATIENCE_MS 5000

/*
 * Waits for the next word of a copy. When the time is up its state decides: 1, -EBUSY for
 * one that is stuck, -ETIMEDOUT for one that only never gets its turn, or -errno.
 */
int pcipt_pipe_await(int fd, pid_t pid, unsigned int ms);

#endif
