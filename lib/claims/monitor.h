/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the monitor share. */
#ifndef PCIPT_CLAIMS_MONITOR_H
#define PCIPT_CLAIMS_MONITOR_H

#include "claims/event.h"
#include "claims/health.h"
#include "kernel/watch.h"
#include "transaction/transaction.h"

/* A device as it was when it was last looked at. */
struct known_device {
	struct pcipt_address at;
	char *driver; /* NULL for none */
};

/* A claim as it was when it was last looked at. */
struct known_health {
	const char *reason; /* of its diagnosis; "as-claimed" for one that is new */
	/* Of each of its devices, in their order; NULL until they were first read. */
	struct pcipt_error_counts *counts;
};

struct pcipt_monitor {
	struct pcipt_refs refs;
	struct pcipt_context *ctx;
	struct pcipt_kernel *kernel;
	struct pcipt_watch *watch;
	struct known_device *devices; /* ordered by address */
	size_t n_devices;
	struct pcipt_records claims;
	struct known_health *health; /* of each claim */
	struct pcipt_event **queue;  /* from `first` on */
	size_t n_queue, first;
	/* A device that was looked at, whose claims weren't yet: what became of it is told first. */
	struct pcipt_address changed;
	bool is_changed;
	bool no_memory;
};

/* monitor.c: what can't be told for want of memory is noted, and fails the call. */
void pcipt_monitor_tell(struct pcipt_monitor *m, const struct pcipt_event_facts *facts);

/* monitor-devices.c: looks at one device, or at all, and tells what has changed. */
void pcipt_monitor_look_at_device(struct pcipt_monitor *m, struct pcipt_address at);
int pcipt_monitor_look_at_devices(struct pcipt_monitor *m, struct pcipt_error **error);
void pcipt_monitor_clear_devices(struct pcipt_monitor *m);

/* monitor-claims.c: the records; and the health of those that are new, of all, or of whom a device concerns. */
int pcipt_monitor_look_at_records(struct pcipt_monitor *m, struct pcipt_error **error);
int pcipt_monitor_look_at_claims(struct pcipt_monitor *m, struct pcipt_error **error);
int pcipt_monitor_look_at_claims_of(struct pcipt_monitor *m, struct pcipt_address at,
				    struct pcipt_error **error);
/* A device of which the kernel has said that it could not be recovered from an error. */
void pcipt_monitor_tell_failed(struct pcipt_monitor *m, struct pcipt_address at);
void pcipt_monitor_clear_claims(struct pcipt_monitor *m);

#endif
