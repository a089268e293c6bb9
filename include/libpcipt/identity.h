/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Identity: is a device that was once known still there, and where?
 *
 * An identity is the text "VVVV:DDDD:SSSS:ssss:RR@SLOT": vendor, device, subsystem
 * vendor, subsystem device, revision, in lower-case hex, and the slot path: the root
 * bus as the kernel names it, then device and function number of each bridge on the
 * way and of the device, "pci0000:00/1c.0/00.0". Bus numbers are no part of it, so a
 * new card elsewhere doesn't change it. A VF's path is its PF's, then "vfN". Every
 * user reads the same, and no device is woken. The serial number (DSN, else VPD) is a
 * fact of its own.
 */
#ifndef LIBPCIPT_IDENTITY_H
#define LIBPCIPT_IDENTITY_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/** enum pcipt_verdict - what became of a device. Treat one that you don't know as AMBIGUOUS. Since 0.1. */
enum pcipt_verdict {
	/** It is where it was. */
	PCIPT_VERDICT_SAME = 0,
	/** The same card by its serial number, in another slot. */
	PCIPT_VERDICT_MOVED = 1,
	/** Another card is in its slot: other ids, or another serial number. */
	PCIPT_VERDICT_REPLACED = 2,
	/** Its slot is empty, and no serial number proves that it is elsewhere. */
	PCIPT_VERDICT_MISSING = 3,
	/** More than one device bears its serial number. */
	PCIPT_VERDICT_AMBIGUOUS = 4
};

/** "same", "moved", "replaced", "missing", "ambiguous". Since 0.1. */
PCIPT_API const char *pcipt_verdict_name(int verdict);

/**
 * pcipt_identity_compare - look for a device that was once known
 *
 * @identity: as pcipt_device_get_identity() gave it then.
 * @serial: as pcipt_device_get_serial() gave it then, or NULL. With a serial, the
 * configuration spaces of the devices with these ids are read, which wakes them; as
 * an ordinary user serials are unknown, and an unknown one proves nothing.
 * @verdict: receives an enum pcipt_verdict.
 * @device: receives the device it is now (SAME, MOVED) or the one that took its
 * place (REPLACED), borrowed from the snapshot; NULL otherwise. May be NULL.
 * @facts: receives the facts that led to the verdict, one sentence, freed with
 * pcipt_free(); may be NULL.
 *
 * The same ids elsewhere without a serial are no proof: the verdict is MISSING, and
 * the facts name them. Errors: INVALID, SYNTAX (no identity), NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_identity_compare(struct pcipt_snapshot *snap, const char *identity,
				     const char *serial, int *verdict,
				     struct pcipt_device **device, char **facts,
				     struct pcipt_error **error);

PCIPT_END_DECLS

#endif
