/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * To be preloaded: a recorded machine passes for a real one, so that calls which change
 * something get further than to say that they can't: what they write lands in plain files,
 * no driver lets a device go, and they give up. That is enough to see what a binding does while
 * one of them is under way.
 */
#define _GNU_SOURCE
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int fstatfs(int fd, struct statfs *about)
{
	int r = (int)syscall(SYS_fstatfs, fd, about);

	if (r == 0)
		about->f_type = SYSFS_MAGIC;
	return r;
}
