/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a device can be reset between its users. Pure: the facts were read before. */
#ifndef PCIPT_SAFETY_RESET_H
#define PCIPT_SAFETY_RESET_H

#include "inventory/inventory.h"

/* What must be loaded for this, of the device and of all that share its bus. */
#define PCIPT_RESET_FACTS (PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_PATH)

enum pcipt_reset {
	PCIPT_RESET_OWN,  /* alone: by a function-level reset or the like */
	PCIPT_RESET_BUS,  /* with all that is on its bus and below */
	PCIPT_RESET_NONE, /* not at all */
};

int pcipt_reset_kind(struct pcipt_device *device);

#endif
