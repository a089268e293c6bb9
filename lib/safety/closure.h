/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closure: which devices belong to a set, in which role, and what becomes of
 * each. Pure: facts in, members out, no I/O. It is closed, minimal, independent
 * of the order asked, idempotent, monotone and total; tests/unit holds it to that.
 */
#ifndef PCIPT_SAFETY_CLOSURE_H
#define PCIPT_SAFETY_CLOSURE_H

#include <libpcipt/set.h>

#include "inventory/inventory.h"

struct pcipt_member {
	struct pcipt_device *device;
	int role;   /* enum pcipt_role */
	int action; /* enum pcipt_action */
};

/*
 * `companions`: with what is reset together with the devices, and what belongs to them.
 * Members in the order of their addresses, in a new array. The devices must all
 * be of one snapshot. Only memory can fail: false then.
 */
bool pcipt_closure_compute(struct pcipt_device *const *requested, size_t n, const char *driver,
			   bool companions, struct pcipt_member **members, size_t *n_members);

#endif
