/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: what failed, on which device, at which step, why, and what to do.
 *
 * A function that can fail returns 0, or one of the negative codes below, and
 * takes a last parameter `struct pcipt_error **error`. Where that is not NULL and
 * the function fails, *error is set to a new object that the caller owns; on
 * success it is left alone. An error is immutable; any thread may read it.
 */
#ifndef LIBPCIPT_ERROR_H
#define LIBPCIPT_ERROR_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * enum pcipt_errc - what kind of failure it was
 *
 * The numbers never change and new ones are added at the end. Treat a code that
 * you do not know as PCIPT_E_IO and show the message. Since 0.1.
 */
enum pcipt_errc {
	PCIPT_OK = 0,
	/** An argument is NULL, out of range, or not allowed here. */
	PCIPT_E_INVALID = -1,
	/** Memory ran out. */
	PCIPT_E_NO_MEMORY = -2,
	/** A text (address, selector, name) can't be parsed. */
	PCIPT_E_SYNTAX = -3,
	/** No device matches. */
	PCIPT_E_NO_DEVICE = -4,
	/** More than one device or claim matches. */
	PCIPT_E_AMBIGUOUS = -5,
	/** No claim matches. */
	PCIPT_E_NO_CLAIM = -6,
	/** The root folder given is not a folder, or can't be opened. */
	PCIPT_E_BAD_ROOT = -7,
	/** There is no PCI bus in this tree: /sys is not mounted, or the kernel has none. */
	PCIPT_E_NO_PCI = -8,
	/** A change was asked for in a tree that isn't a real sysfs. */
	PCIPT_E_NOT_REAL = -9,
	/** The kernel does not let this process do it, or /sys is read-only. */
	PCIPT_E_PERMISSION = -10,
	/** Findings that are not allowed stand against it. */
	PCIPT_E_REFUSED = -11,
	/** Reading or writing failed for a reason that has no code of its own. */
	PCIPT_E_IO = -12,
	/** What stands in a file or attribute can't be what it should be. */
	PCIPT_E_DAMAGED = -13,
	/** The driver asked for is neither loaded nor loadable. */
	PCIPT_E_NO_DRIVER = -14,
	/** The kernel refused to set driver_override. */
	PCIPT_E_OVERRIDE = -15,
	/** The kernel refused to unbind a device from its driver. */
	PCIPT_E_UNBIND = -16,
	/** The driver refused the device. */
	PCIPT_E_BIND = -17,
	/** The writes succeeded, yet the device isn't in the state asked for. */
	PCIPT_E_VERIFY = -18,
	/** The machine changed between plan and act; nothing was touched. */
	PCIPT_E_STALE = -19,
	/** Something failed, and not everything could be put back. */
	PCIPT_E_ROLLBACK_INCOMPLETE = -20,
	/** A claim of that name exists, or the name can't be one. */
	PCIPT_E_NAME = -21,
	/** Another claim holds the device. */
	PCIPT_E_CLAIMED = -22,
	/** The device went away meanwhile. */
	PCIPT_E_GONE = -23,
	/** The deadline passed. */
	PCIPT_E_TIMEOUT = -24,
	/** A device's lock is held, as by an unbind that waits; it can't be read now. */
	PCIPT_E_BUSY = -25,
	/** Another process works on the device and didn't come to its end before the deadline. */
	PCIPT_E_LOCKED = -26,
	/**
	 * The kernel has not returned from a write and the deadline passed. The write goes
	 * on; what is left to do is done by the next call for the same devices, or by
	 * pcipt_recover(), when it has returned.
	 */
	PCIPT_E_STUCK = -27,
	/** The caller's cancel descriptor became readable. */
	PCIPT_E_CANCELLED = -28,
	/** The driver's module is on a blacklist in modprobe.d. */
	PCIPT_E_BLACKLISTED = -29,
	/** The driver's module can't be loaded: the kernel or an "install" line refused. */
	PCIPT_E_LOAD = -30
};

/** How many codes there are, PCIPT_OK included. Since 0.1. */
PCIPT_API size_t pcipt_errc_count(void);
/**
 * The name of a code ("PCIPT_E_BIND"), or "PCIPT_E_UNKNOWN" for a number that
 * this version of the library doesn't have. Never NULL. Since 0.1.
 */
PCIPT_API const char *pcipt_errc_name(int code);
/** What a code means, one sentence; never NULL. Since 0.1. */
PCIPT_API const char *pcipt_errc_text(int code);
/** The exit status that the command line gives for a code (0 to 9). Since 0.1. */
PCIPT_API int pcipt_errc_exit_status(int code);

/*
 * Getters. Texts are borrowed and live as long as the error; a fact that is
 * absent is NULL (or 0 for the errno). With error == NULL they answer as for a
 * success: code 0, no texts. All since 0.1.
 */

/** The code, negative; 0 for NULL. */
PCIPT_API int pcipt_error_get_code(const struct pcipt_error *error);
/** The code's name, "PCIPT_E_…". */
PCIPT_API const char *pcipt_error_get_name(const struct pcipt_error *error);
/** One line: what happened, to which device. */
PCIPT_API const char *pcipt_error_get_message(const struct pcipt_error *error);
/** The step at which it happened ("override", "unbind", "bind", "verify", …), or NULL. */
PCIPT_API const char *pcipt_error_get_step(const struct pcipt_error *error);
/** The device's address, or NULL. */
PCIPT_API const char *pcipt_error_get_address(const struct pcipt_error *error);
/** The file or attribute, or NULL. */
PCIPT_API const char *pcipt_error_get_path(const struct pcipt_error *error);
/** The kernel's errno (positive), or 0. */
PCIPT_API int pcipt_error_get_errno(const struct pcipt_error *error);
/** Whether the same call may succeed later without anybody changing anything. */
PCIPT_API bool pcipt_error_is_retryable(const struct pcipt_error *error);
/** What to do, in the imperative, or NULL. */
PCIPT_API const char *pcipt_error_get_remedy(const struct pcipt_error *error);
/** How many causes it has: several devices can fail at once. */
PCIPT_API size_t pcipt_error_cause_count(const struct pcipt_error *error);
/** The i-th cause, borrowed; NULL past the end. */
PCIPT_API const struct pcipt_error *pcipt_error_cause_at(const struct pcipt_error *error, size_t i);
/**
 * The error as a JSON object: code, number, message, step, address, path, errno,
 * retryable, remedy, causes[]. A new string, freed with pcipt_free(); NULL when
 * memory runs out. "null" for NULL. Unlike the other _to_json() calls it gives the
 * string itself: who prints an error has no use for a second one.
 */
PCIPT_API char *pcipt_error_to_json(const struct pcipt_error *error);
/** Takes another reference; returns its argument. */
PCIPT_API struct pcipt_error *pcipt_error_ref(struct pcipt_error *error);
/** Gives a reference back; NULL is fine. Returns NULL. Leaves errno alone. */
PCIPT_API struct pcipt_error *pcipt_error_unref(struct pcipt_error *error);

/** Frees a string that this library made; NULL is fine. Since 0.1. */
PCIPT_API void pcipt_free(void *text);

PCIPT_END_DECLS

#endif
