/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safe set: which devices must move together with those asked for, what
 * becomes of each, and what stands against it. Computing it changes nothing.
 */
#ifndef LIBPCIPT_SET_H
#define LIBPCIPT_SET_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/** enum pcipt_role - why a device is in the set. Print one that you don't know by its name. Since 0.1. */
enum pcipt_role {
	PCIPT_ROLE_REQUESTED = 0,
	PCIPT_ROLE_GROUP_MEMBER = 1,
	PCIPT_ROLE_RESET_COUPLED = 2,
	PCIPT_ROLE_COMPANION = 3,
	PCIPT_ROLE_BRIDGE = 4,
	PCIPT_ROLE_EXEMPT = 5
};

/** enum pcipt_action - what becomes of it. Treat one that you don't know as a change. Since 0.1. */
enum pcipt_action {
	/** It leaves its driver for the set's driver. */
	PCIPT_ACTION_BIND = 0,
	/** It has no driver and is kept without one. */
	PCIPT_ACTION_PIN = 1,
	/** It stays as it is. */
	PCIPT_ACTION_KEEP = 2
};

/** enum pcipt_severity - what a finding means. Treat one that you don't know as hard. Since 0.1. */
enum pcipt_severity {
	/** Can't be allowed. */
	PCIPT_SEVERITY_HARD = 0,
	/** Refused unless its code is allowed by name. */
	PCIPT_SEVERITY_BLOCKER = 1,
	/** Told, and goes on. */
	PCIPT_SEVERITY_WARNING = 2
};

PCIPT_API const char *pcipt_role_name(int role);
PCIPT_API const char *pcipt_action_name(int action);
PCIPT_API const char *pcipt_severity_name(int severity);

/**
 * pcipt_set_new - the safe set of some devices
 *
 * @devices: n devices of @snap, in any order, repeated or not.
 * @options: driver, with-set, with-companions, allow; or NULL.
 *
 * An unsafe set is a successful answer: ask pcipt_set_is_safe() and read the
 * findings. Changes nothing and needs no privilege; what could not be looked
 * at for want of one is a finding.
 *
 * Errors: INVALID (no device, or one of another snapshot), NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_set_new(struct pcipt_snapshot *snap, struct pcipt_device *const *devices,
			    size_t n, const struct pcipt_options *options, struct pcipt_set **set,
			    struct pcipt_error **error);
PCIPT_API struct pcipt_set *pcipt_set_ref(struct pcipt_set *set);
PCIPT_API struct pcipt_set *pcipt_set_unref(struct pcipt_set *set);

/** Whether nothing that isn't allowed stands against it. Since 0.1. */
PCIPT_API bool pcipt_set_is_safe(const struct pcipt_set *set);
/** The driver that the set's devices shall have. Since 0.1. */
PCIPT_API const char *pcipt_set_get_driver(const struct pcipt_set *set);

/** The members, ordered by address. Since 0.1. */
PCIPT_API size_t pcipt_set_member_count(const struct pcipt_set *set);
/** The i-th member's device, borrowed from the snapshot; NULL past the end. */
PCIPT_API struct pcipt_device *pcipt_set_member_device(const struct pcipt_set *set, size_t i);
/** Its enum pcipt_role; -1 past the end. */
PCIPT_API int pcipt_set_member_role(const struct pcipt_set *set, size_t i);
/** Its enum pcipt_action; -1 past the end. */
PCIPT_API int pcipt_set_member_action(const struct pcipt_set *set, size_t i);

/**
 * What pcipt_options_set_with_companions() would take too: what is reset together with
 * the set's devices, and what belongs to them. Empty when that was asked for. Since 0.1.
 */
PCIPT_API size_t pcipt_set_companion_count(const struct pcipt_set *set);
/** The i-th such device, borrowed from the snapshot; NULL past the end. */
PCIPT_API struct pcipt_device *pcipt_set_companion_device(const struct pcipt_set *set, size_t i);
/** The enum pcipt_role that it would have; -1 past the end. */
PCIPT_API int pcipt_set_companion_role(const struct pcipt_set *set, size_t i);

/** The findings, the gravest first. Since 0.1. */
PCIPT_API size_t pcipt_set_finding_count(const struct pcipt_set *set);
/** Its code ("set-incomplete"); NULL past the end. The codes are listed in doc/catalogue.md. */
PCIPT_API const char *pcipt_set_finding_code(const struct pcipt_set *set, size_t i);
/** Its enum pcipt_severity; -1 past the end. */
PCIPT_API int pcipt_set_finding_severity(const struct pcipt_set *set, size_t i);
/** The address of the device it is about, or NULL. */
PCIPT_API const char *pcipt_set_finding_address(const struct pcipt_set *set, size_t i);
/** One line: what stands against it. */
PCIPT_API const char *pcipt_set_finding_message(const struct pcipt_set *set, size_t i);
/** What was seen that says so. */
PCIPT_API const char *pcipt_set_finding_evidence(const struct pcipt_set *set, size_t i);
/** What to do, in the imperative. */
PCIPT_API const char *pcipt_set_finding_remedy(const struct pcipt_set *set, size_t i);
/** Whether the options allowed it. */
PCIPT_API bool pcipt_set_finding_is_allowed(const struct pcipt_set *set, size_t i);

/*
 * The table of all findings' codes that this library has, for who shows or checks what can be
 * allowed. A finding carries its own severity, which is never graver than its code's.
 */

/** How many codes there are. Since 0.1. */
PCIPT_API size_t pcipt_finding_code_count(void);
/** The i-th code ("boot-vga"), in the table's order; NULL past the end. Since 0.1. */
PCIPT_API const char *pcipt_finding_code_at(size_t i);
/** The enum pcipt_severity of the i-th code; -1 past the end. Since 0.1. */
PCIPT_API int pcipt_finding_code_severity(size_t i);
/** What the i-th code says, one sentence without a full stop; NULL past the end. Since 0.1. */
PCIPT_API const char *pcipt_finding_code_text(size_t i);

/**
 * Members and findings as JSON: `safe`, `members[]`, `companions[]`, `findings[]`. A new string,
 * freed with pcipt_free(). Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_set_to_json(const struct pcipt_set *set, char **json,
				struct pcipt_error **error);

PCIPT_END_DECLS

#endif
