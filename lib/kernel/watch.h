/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching: what the kernel says of devices, and changes in folders, behind one
 * descriptor. Two makers, as of the seam itself.
 */
#ifndef PCIPT_KERNEL_WATCH_H
#define PCIPT_KERNEL_WATCH_H

#include "kernel/kernel.h"

enum pcipt_watched {
	PCIPT_WATCHED_NOTHING,
	PCIPT_WATCHED_DEVICE, /* something became of a PCI device: its name */
	PCIPT_WATCHED_FILES,  /* something changed in the folders */
	PCIPT_WATCHED_LOST,   /* events were lost: anything may have changed */
};

struct pcipt_watch_event {
	enum pcipt_watched what;
	char name[64];
	bool failed; /* it had an error, and could not be recovered from that */
};

struct pcipt_watch {
	const struct pcipt_watch_ops {
		/* Readable when next() has something to say. */
		int (*fd)(struct pcipt_watch *watch);
		/* Never waits: 0, NOTHING included, or -errno. */
		int (*next)(struct pcipt_watch *watch, struct pcipt_watch_event *event);
		void (*destroy)(struct pcipt_watch *watch);
	} *ops;
};

/*
 * One message of the kernel, "ACTION@DEVPATH" and then "KEY=VALUE", each ended by a NUL
 * (Documentation/core-api/kobject.rst): whether it is about a PCI device, whose name
 * then stands in the event. Pure.
 */
bool pcipt_uevent_parse(const char *message, size_t length, struct pcipt_watch_event *event);

#endif
