/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parsed selector. Its text is borrowed from what was parsed. */
#ifndef PCIPT_INVENTORY_SELECTOR_H
#define PCIPT_INVENTORY_SELECTOR_H

#include "inventory/address.h"

struct pcipt_device;

enum pcipt_selector_kind {
	PCIPT_SELECT_ADDRESS,
	PCIPT_SELECT_IDS,
	PCIPT_SELECT_CLASS,
	PCIPT_SELECT_GROUP,
	PCIPT_SELECT_SLOT,
	PCIPT_SELECT_IDENTITY,
	PCIPT_SELECT_SERIAL,
};

struct pcipt_selector {
	enum pcipt_selector_kind kind;
	struct pcipt_address address;
	int32_t vendor, device;
	uint32_t class_id;
	unsigned int class_shift;
	int group;
	const char *text;
};

/* False fills the fault (may be NULL). */
bool pcipt_selector_scan(const char *text, struct pcipt_selector *selector,
			 struct pcipt_text_fault *fault);
bool pcipt_selector_matches(const struct pcipt_selector *selector, struct pcipt_device *device);

#endif
