/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering: one call to each collector. */
#include "usage/evidence.h"

#include "usage/block.h"
#include "usage/holders.h"
#include "usage/net.h"
#include "usage/usb.h"

/* Each looks at one kind of thing, and adds to the uses what it finds. */
static void (*const collectors[])(struct pcipt_inquiry *inquiry) = {
	pcipt_collect_net, /* before the disks, some of which come over a network */
	pcipt_collect_block,
	pcipt_collect_usb,
	pcipt_collect_displays,
	pcipt_collect_kernel,
	pcipt_collect_foreign,
	pcipt_collect_holders,
};

void pcipt_uses_gather(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
		       double deadline, struct pcipt_uses *uses)
{
	struct pcipt_inquiry inquiry = {
		.snap = snap,
		.kernel = snap->kernel,
		.devices = devices,
		.n = n,
		.uses = uses,
		.deadline = deadline,
	};

	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(collectors); i++)
		collectors[i](&inquiry);
}

void pcipt_evidence_gather(struct pcipt_snapshot *snap, const char *driver,
			   struct pcipt_device *const *devices, size_t n, size_t n_members,
			   uint32_t timeout_ms, struct pcipt_evidence *evidence)
{
	memset(evidence, 0, sizeof(*evidence));
	pcipt_records_read(snap->ctx, &evidence->records, &evidence->no_records);
	evidence->uses.no_memory =
		!pcipt_strays_find(&evidence->records, devices, n_members, &evidence->strays);
	evidence->driver_state = snap->kernel->ops->module_state(snap->kernel, driver);
	pcipt_host_facts_read(snap->kernel, &evidence->host);
	pcipt_uses_gather(snap, devices, n, snap->kernel->ops->now(snap->kernel) + timeout_ms,
			  &evidence->uses);
}

void pcipt_evidence_clear(struct pcipt_evidence *evidence)
{
	pcipt_strays_clear(&evidence->strays);
	pcipt_records_clear(&evidence->records);
	pcipt_error_unref(evidence->no_records);
	evidence->no_records = NULL;
	pcipt_uses_clear(&evidence->uses);
}
