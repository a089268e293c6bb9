/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering: one call to each collector. */
#include "usage/evidence.h"

void pcipt_evidence_gather(struct pcipt_snapshot *snap, const char *driver,
			   struct pcipt_evidence *evidence)
{
	memset(evidence, 0, sizeof(*evidence));
	pcipt_records_read(snap->ctx, &evidence->records, &evidence->no_records);
	evidence->driver_state = snap->kernel->ops->module_state(snap->kernel, driver);
}

void pcipt_evidence_clear(struct pcipt_evidence *evidence)
{
	pcipt_records_clear(&evidence->records);
	pcipt_error_unref(evidence->no_records);
	evidence->no_records = NULL;
}
