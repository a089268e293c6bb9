/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device would be on that somebody else has bound for passthrough: nobody wrote down
 * what it was, so it is inferred from its ids, its override, and what is loaded.
 */
#ifndef PCIPT_USAGE_ORIGIN_H
#define PCIPT_USAGE_ORIGIN_H

#include "inventory/inventory.h"

struct pcipt_origin {
	char *driver;	/* NULL when it can't be told */
	char *override; /* what of its override is no part of the passthrough, or NULL */
	char *how;	/* one clause: how it is known, or why it isn't */
};

/* False without memory. */
bool pcipt_origin_find(struct pcipt_device *device, struct pcipt_origin *origin);
void pcipt_origin_clear(struct pcipt_origin *origin);

#endif
