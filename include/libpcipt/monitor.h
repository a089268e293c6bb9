/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor: what changes on this machine, as events behind one descriptor. It only
 * looks; a program that wants claims followed up calls pcipt_reconcile() when an event
 * says that there is something to do.
 */
#ifndef LIBPCIPT_MONITOR_H
#define LIBPCIPT_MONITOR_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

struct pcipt_monitor;
struct pcipt_event;

/** enum pcipt_event_type - what happened. Pass over one that you don't know. Since 0.1. */
enum pcipt_event_type {
	/** A device came: its address, and its driver after. */
	PCIPT_EVENT_DEVICE_ADDED = 0,
	/** A device went: its address, and its driver before. */
	PCIPT_EVENT_DEVICE_REMOVED = 1,
	/** A device has another driver: before and after. */
	PCIPT_EVENT_DEVICE_CHANGED = 2,
	/** A claim began, ended, or is in another state: before and after. */
	PCIPT_EVENT_CLAIM_CHANGED = 3,
	/**
	 * A bound claim isn't as it should be, or is again (reason "as-claimed"): its name,
	 * the device, the reason's code (doc/catalogue.md) and a sentence; before and after are
	 * such codes. With the reasons "aer-fatal" and "aer-nonfatal", which are told each time
	 * that a device's counter of errors has grown, they are the counter's numbers; with
	 * "recovery-failed", which the kernel says of a device, there are none.
	 */
	PCIPT_EVENT_HEALTH = 4
};

/** "device-added", "device-removed", "device-changed", "claim-changed", "health". Since 0.1. */
PCIPT_API const char *pcipt_event_type_name(int type);

/**
 * pcipt_monitor_new - watch devices and claims from now on
 *
 * What happens after this call returns is told; nothing is told of what was there
 * before. In a tree that isn't a real sysfs only claims are watched. Uses no CPU while
 * nothing happens. Belongs to one thread at a time.
 *
 * Errors: INVALID, NO_MEMORY, IO, and those of pcipt_snapshot_new(). Since 0.1.
 */
PCIPT_API int pcipt_monitor_new(struct pcipt_context *ctx, struct pcipt_monitor **monitor,
				struct pcipt_error **error);
PCIPT_API struct pcipt_monitor *pcipt_monitor_ref(struct pcipt_monitor *monitor);
PCIPT_API struct pcipt_monitor *pcipt_monitor_unref(struct pcipt_monitor *monitor);
/** A descriptor to poll for reading; it stays the monitor's. Since 0.1. */
PCIPT_API int pcipt_monitor_fd(const struct pcipt_monitor *monitor);
/**
 * pcipt_monitor_next - the next event, without waiting
 *
 * @event: receives it, the caller's; NULL when there is none now. Call until then
 * before polling again: one readiness can bring several events.
 *
 * Several changes of one device that lie close together may be told as one, with what
 * was before the first and after the last. When the kernel's messages come faster than
 * they are taken and some are lost, everything is looked at again, and the
 * differences are told: no change that lasts goes unnoticed.
 *
 * Errors: INVALID, NO_MEMORY, IO; the monitor can be asked again. Since 0.1.
 */
PCIPT_API int pcipt_monitor_next(struct pcipt_monitor *monitor, struct pcipt_event **event,
				 struct pcipt_error **error);

/**
 * pcipt_monitor_look - look at everything now; what has changed is told by pcipt_monitor_next()
 *
 * Not needed for what the kernel speaks of: devices that come, go, or change their driver,
 * and errors of PCI Express that weren't corrected, whose recovery it announces. Some ailments
 * come without a word: a device that can't be woken, a node that somebody removed. Who wants
 * to hear of those calls this now and then, once a minute for example. It costs a snapshot;
 * between two calls nothing is done.
 *
 * Errors: INVALID, NO_MEMORY, and those of pcipt_snapshot_new(). Since 0.1.
 */
PCIPT_API int pcipt_monitor_look(struct pcipt_monitor *monitor, struct pcipt_error **error);

PCIPT_API struct pcipt_event *pcipt_event_ref(struct pcipt_event *event);
PCIPT_API struct pcipt_event *pcipt_event_unref(struct pcipt_event *event);
/** An enum pcipt_event_type. */
PCIPT_API int pcipt_event_get_type(const struct pcipt_event *event);
/** The device's address, or NULL. */
PCIPT_API const char *pcipt_event_get_address(const struct pcipt_event *event);
/** The claim's name, or NULL. */
PCIPT_API const char *pcipt_event_get_claim(const struct pcipt_event *event);
/**
 * A device's driver, a claim's state or health, by its name, or a count; NULL for none or where
 * it wasn't there.
 */
PCIPT_API const char *pcipt_event_get_before(const struct pcipt_event *event);
PCIPT_API const char *pcipt_event_get_after(const struct pcipt_event *event);
/** Of a claim or its health: why, as a code and as a sentence; or NULL. */
PCIPT_API const char *pcipt_event_get_reason(const struct pcipt_event *event);
PCIPT_API const char *pcipt_event_get_message(const struct pcipt_event *event);
/**
 * The event as a JSON object: `event`, `address`, `claim`, `before`, `after`, `reason`,
 * `message`. A new string, freed with pcipt_free(). Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_event_to_json(const struct pcipt_event *event, char **json,
				  struct pcipt_error **error);

PCIPT_END_DECLS

#endif
