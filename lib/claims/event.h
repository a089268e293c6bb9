/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An event from the inside. */
#ifndef PCIPT_CLAIMS_EVENT_H
#define PCIPT_CLAIMS_EVENT_H

#include <libpcipt/monitor.h>

#include "base/util.h"

struct pcipt_event {
	struct pcipt_refs refs;
	int type;
	char *address, *claim, *before, *after, *reason, *message;
};

/* What an event says; texts are copied, NULL for those that it doesn't have. */
struct pcipt_event_facts {
	int type;
	const char *address, *claim, *before, *after, *reason, *message;
};

/* NULL without memory. */
struct pcipt_event *pcipt_event_new(const struct pcipt_event_facts *facts);

#endif
