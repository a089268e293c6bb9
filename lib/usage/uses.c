/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of uses. */
#include "usage/uses.h"

void pcipt_uses_add(struct pcipt_uses *uses, struct pcipt_device *device, enum pcipt_use_kind kind,
		    char *what, char *evidence, char *remedy)
{
	if (!what || !evidence || !pcipt_grow(&uses->items, uses->n)) {
		free(what);
		free(evidence);
		free(remedy);
		uses->no_memory = true;
		return;
	}
	uses->items[uses->n++] = (struct pcipt_use){ device, kind, what, evidence, remedy };
}

void pcipt_uses_clear(struct pcipt_uses *uses)
{
	for (size_t i = 0; i < uses->n; i++) {
		free(uses->items[i].what);
		free(uses->items[i].evidence);
		free(uses->items[i].remedy);
	}
	free(uses->items);
	memset(uses, 0, sizeof(*uses));
}
