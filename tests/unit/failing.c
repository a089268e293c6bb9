/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See failing.h. */
#include "failing.h"

#include <errno.h>

static const struct pcipt_kernel_ops *real_ops;
static size_t count, number;

static bool fails(void)
{
	return ++count == number;
}

static ssize_t odd_read(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
			size_t size)
{
	return fails() ? -EIO : real_ops->read(k, at, path, buf, size);
}

static ssize_t odd_read_bytes(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			      void *buf, size_t size)
{
	return fails() ? -EIO : real_ops->read_bytes(k, at, path, buf, size);
}

static ssize_t odd_read_link(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			     char *buf, size_t size)
{
	return fails() ? -EIO : real_ops->read_link(k, at, path, buf, size);
}

static int odd_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
		    pcipt_list_fn fn, void *data)
{
	return fails() ? -EIO : real_ops->list(k, at, path, fn, data);
}

static int odd_list_folders(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			    pcipt_list_fn fn, void *data)
{
	return fails() ? -EIO : real_ops->list_folders(k, at, path, fn, data);
}

static int odd_exists(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	return fails() ? -EIO : real_ops->exists(k, at, path);
}

void failing_wrap(const struct pcipt_kernel_ops *real, struct pcipt_kernel_ops *ops)
{
	*ops = *real;
	real_ops = real;
	ops->read = odd_read;
	ops->read_bytes = odd_read_bytes;
	ops->read_link = odd_read_link;
	ops->list = odd_list;
	ops->list_folders = odd_list_folders;
	ops->exists = odd_exists;
	ops->read_files = NULL;
}

void failing_begin(size_t which)
{
	count = 0;
	number = which;
}

size_t failing_count(void)
{
	return count;
}
