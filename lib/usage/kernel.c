/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel itself uses a device for, which no descriptor of any process tells: its
 * console on a serial card, channels of a DMA engine that something was given.
 */
#include <stdio.h>

#include "usage/evidence.h"

struct look {
	struct pcipt_inquiry *inquiry;
	struct pcipt_device *device;
	char consoles[256]; /* "tty0 ttyS4", read when first asked for */
	bool read, told;
};

/* /sys/class/tty/console/active: those that the kernel writes to (sysfs-tty). */
static bool is_console(struct look *look, const char *name)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	size_t n = strlen(name);

	if (!look->read && k->ops->read(k, PCIPT_AT_SYS, "class/tty/console/active",
					look->consoles, sizeof(look->consoles)) < 0)
		*look->consoles = '\0';
	look->read = true;
	for (const char *p = look->consoles; *p; p += strspn(p, " ")) {
		size_t length = strcspn(p, " ");

		if (length == n && strncmp(p, name, n) == 0)
			return true;
		p += length;
	}
	return false;
}

/* How many use a channel (sysfs-class-dmaengine); most are nobody's. */
static bool is_channel_in_use(struct look *look, const struct pcipt_child *child)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX], text[16];

	return (size_t)snprintf(path, sizeof(path), "%s/in_use", child->path) < sizeof(path) &&
	       k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) > 0 &&
	       strcmp(text, "0") != 0;
}

static void tell(struct look *look, const char *what, const char *name, const char *remedy)
{
	/* Once is enough: such an engine has dozens of channels. */
	if (!look->told)
		pcipt_uses_add(look->inquiry->uses, look->device, PCIPT_USE_HELD,
			       pcipt_format("the kernel (%s %s)", what, name),
			       pcipt_format("the kernel itself uses the %s %s below the device", what,
					    name),
			       strdup(remedy));
	look->told = true;
}

void pcipt_collect_kernel(struct pcipt_inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->n; i++) {
		struct look look = { .inquiry = inquiry, .device = inquiry->devices[i] };
		const struct pcipt_details *details =
			pcipt_device_details(look.device, PCIPT_FACTS_CHILDREN);

		for (size_t k = 0; details && k < details->n_children; k++) {
			const struct pcipt_child *child = &details->children[k];

			if (strcmp(child->subsystem, "tty") == 0 && is_console(&look, child->name))
				tell(&look, "console", child->name,
				     "Boot with another console= on the kernel's command line, then "
				     "try again");
			else if (strcmp(child->subsystem, "dma") == 0 &&
				 is_channel_in_use(&look, child))
				tell(&look, "DMA channel", child->name,
				     "End what uses it (see in_use below /sys/class/dma), then try "
				     "again");
		}
	}
}
