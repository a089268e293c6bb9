/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens devices through VFIO and keeps them open, as a virtual machine does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "run.h"

#define MAX_HELD 8

static struct held {
	char address[32];
	int container, group, device;
} held[MAX_HELD];

/* The steps that a program takes; what was opened is kept in *h, for close_all(). */
static int open_all(struct held *h, int number, const char *address)
{
	char node[64];

	snprintf(node, sizeof(node), "/dev/vfio/%d", number);
	h->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	h->group = open(node, O_RDWR | O_CLOEXEC);
	if (h->container < 0 || h->group < 0 ||
	    ioctl(h->group, VFIO_GROUP_SET_CONTAINER, &h->container) < 0 ||
	    ioctl(h->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) < 0)
		return -errno;
	h->device = ioctl(h->group, VFIO_GROUP_GET_DEVICE_FD, address);
	return h->device < 0 ? -errno : 0;
}

static void close_all(struct held *h)
{
	int fds[] = { h->device, h->group, h->container };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	h->address[0] = '\0';
}

int hold_device(struct run *run, const char *address)
{
	struct held *h = held;
	int r;

	if (run->sim)
		return sim_open_device(run->sim, address);
	while (h->address[0])
		if (++h == held + MAX_HELD)
			return -EMFILE;
	*h = (struct held){ .container = -1, .group = -1, .device = -1 };
	snprintf(h->address, sizeof(h->address), "%s", address);
	r = open_all(h, group_of(run, address), address);
	if (r < 0)
		close_all(h);
	return r;
}

void drop_device(struct run *run, const char *address)
{
	if (run->sim) {
		sim_close_device(run->sim, address);
		return;
	}
	for (size_t i = 0; i < MAX_HELD; i++)
		if (strcmp(held[i].address, address) == 0)
			close_all(&held[i]);
}
