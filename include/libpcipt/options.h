/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options: what a caller wants beyond the plain call. One object serves every
 * call that takes options; each setter says who reads it, and the others leave it alone,
 * so the same object may go through a set, a bind and a release. NULL options mean the
 * defaults. An options object belongs to one thread at a time and may be used
 * for many calls; no call keeps it.
 *
 *                   set_new  plan_release  apply  bind  release  recover  reconcile
 * driver, with_set     x
 * with_companions      x
 * add_allow            x           x                       x
 * owner                x                            x      x
 * name, persistent                                  x
 * now                                                                           x
 * timeout_ms                                x       x      x        x           x
 * cancel_fd                                 x       x      x        x           x
 * progress                                  x       x      x        x           x
 *
 * pcipt_plan_bind() reads none today: what its set was made with holds. pcipt_claim_bind() and
 * pcipt_claim_release() read what pcipt_bind() and pcipt_release() read.
 */
#ifndef LIBPCIPT_OPTIONS_H
#define LIBPCIPT_OPTIONS_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/** New options, all defaults. Errors: INVALID, NO_MEMORY. Since 0.1. */
PCIPT_API int pcipt_options_new(struct pcipt_options **options, struct pcipt_error **error);
PCIPT_API struct pcipt_options *pcipt_options_ref(struct pcipt_options *options);
PCIPT_API struct pcipt_options *pcipt_options_unref(struct pcipt_options *options);

/**
 * The driver that shall take the devices; default "vfio-pci". Read by
 * pcipt_set_new(). Errors: INVALID (not a driver's name: 1 to 63 of
 * A-Z a-z 0-9 _ -), NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_options_set_driver(struct pcipt_options *options, const char *driver,
				       struct pcipt_error **error);
/**
 * Accept the whole set: what must move together with the devices asked for is
 * taken too, instead of being refused with `set-incomplete`. Read by
 * pcipt_set_new(). Default false. Since 0.1.
 */
PCIPT_API void pcipt_options_set_with_set(struct pcipt_options *options, bool yes);
/**
 * Take companions too: what is reset together with the devices, the audio, USB and UCSI
 * functions of a graphics card that are in groups of their own, and what depends on the
 * devices by a device link. Read by pcipt_set_new(). Default false. Since 0.1.
 */
PCIPT_API void pcipt_options_set_with_companions(struct pcipt_options *options, bool yes);
/**
 * Allow a finding by its code, on every device (address NULL) or on one. Hard
 * findings and `set-incomplete` stay. Read by pcipt_set_new(), pcipt_plan_release()
 * and pcipt_release(). Errors: INVALID (no such code, or one that can't be allowed),
 * SYNTAX (the address), NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_options_add_allow(struct pcipt_options *options, const char *code,
				      const char *address, struct pcipt_error **error);
/**
 * The claim's name, `[A-Za-z0-9._-]{1,63}`, not beginning with `.` or `-`, and never a
 * valid selector; NULL for
 * one made from the first requested device. Read by pcipt_bind(). Errors: NAME,
 * INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_options_set_name(struct pcipt_options *options, const char *name,
				     struct pcipt_error **error);
/**
 * The claim outlives the boot: its record lies in the state folder, and a reconcile at
 * boot binds its devices again. Read by pcipt_bind(). Default false. Since 0.1.
 */
PCIPT_API void pcipt_options_set_persistent(struct pcipt_options *options, bool yes);
/**
 * Try at once what waits for its next attempt, too. Read by pcipt_reconcile(). Default
 * false. Since 0.1.
 */
PCIPT_API void pcipt_options_set_now(struct pcipt_options *options, bool yes);
/**
 * Who wants the claim, free text of up to 255 bytes. Read by pcipt_bind(); by
 * pcipt_release(), which then ends that owner's claims only; and by pcipt_set_new(), for which a
 * claim that has all the devices already is then the caller's own only where it is that
 * owner's: give the same owner to the set and to the bind. NULL or "" for nobody: then
 * every claim counts as the caller's. Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_options_set_owner(struct pcipt_options *options, const char *owner,
				      struct pcipt_error **error);

/**
 * The deadline of a call that changes something, in milliseconds on the monotonic clock
 * from its begin to its return, waiting for locks and for modules included; 0 for the
 * context's. Undoing a bind gets as much again, and 2 s at least; a
 * write that had begun is waited for 2 s longer. Read by pcipt_apply(), pcipt_bind(),
 * pcipt_release(), pcipt_recover(), pcipt_reconcile(). Since 0.1.
 */
PCIPT_API void pcipt_options_set_timeout_ms(struct pcipt_options *options, uint32_t ms);
/**
 * A descriptor that cancels: once it is readable (an eventfd, a pipe), no further step is
 * begun, a bind is undone, and the call fails with CANCELLED. A release that is cancelled
 * leaves its claim as "releasing"; release again, or recover, to go on. Only polled, never
 * read or closed; -1 for none. Any thread may make it readable. Read by the same calls.
 * Since 0.1.
 */
PCIPT_API void pcipt_options_set_cancel_fd(struct pcipt_options *options, int fd);

/**
 * enum pcipt_progress - how far a step is. Take a value that you do not know for
 * PCIPT_PROGRESS_BEGUN. Since 0.1.
 */
enum pcipt_progress {
	PCIPT_PROGRESS_BEGUN = 0,
	PCIPT_PROGRESS_DONE = 1,
	PCIPT_PROGRESS_FAILED = 2
};

/** "begun", "done", "failed"; else "unknown". Since 0.1. */
PCIPT_API const char *pcipt_progress_name(int progress);

/**
 * Told of each step: its enum pcipt_op, the device's address (NULL for none), and an enum
 * pcipt_progress. Called on the calling thread only, while it waits, so a slow function
 * makes the call late. It must not call the library with the same context.
 */
typedef void (*pcipt_progress_fn)(void *data, int op, const char *address, int progress);
/**
 * Who is told of progress; NULL for nobody. Read by the same calls; @data is needed only
 * while one of them runs. Since 0.1.
 */
PCIPT_API void pcipt_options_set_progress(struct pcipt_options *options, pcipt_progress_fn fn,
					  void *data);

PCIPT_END_DECLS

#endif
