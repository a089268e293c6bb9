/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The boot list: /etc/libpcipt/boot, which devices are kept from their native drivers at
 * the next boot, when /var may not be there yet. It says nothing that the persistent
 * records don't say; without it, or with a damaged one, the native driver is first and
 * reconciling converges. Told in doc/boot.md.
 */
#ifndef PCIPT_CLAIMS_BOOT_H
#define PCIPT_CLAIMS_BOOT_H

#include "claims/claims.h"

#define PCIPT_BOOT_LIST "boot"

/* One device: "OVERRIDE IDENTITY SERIAL DRIVER CLAIM", "-" (here NULL) for none. */
struct pcipt_boot_line {
	const char *override, *identity, *serial;
	const char *driver; /* what it had before the claim */
	const char *claim;
	const char *text; /* the line as it is written */
};

struct pcipt_boot_list {
	char *text;   /* the file as it is, or NULL */
	char *fields; /* what the lines point into */
	struct pcipt_boot_line *lines;
	size_t n;
};

/* boot-list.c */

/* No list is an empty one; a line that isn't one is left out. 0 or -errno. */
int pcipt_boot_list_read(struct pcipt_context *ctx, struct pcipt_boot_list *list);
void pcipt_boot_list_clear(struct pcipt_boot_list *list);
/* Whether the list has lines of a claim with that record: what was last bound, or isn't there. */
bool pcipt_boot_keeps(const struct pcipt_record *record);
/* The whole list as these records want it; a new string ("" for no list) or NULL. */
char *pcipt_boot_list_of(const struct pcipt_records *records);
/*
 * The list says of a persistent claim what its record says, or (unless `kept`) nothing. Called
 * under the claims' lock. A failure is logged: the claim is none the worse for it.
 */
void pcipt_boot_list_note(struct pcipt_context *ctx, const struct pcipt_record *record, bool kept);
/* Whether a device is the one of a line, its serial number included. */
bool pcipt_boot_line_is(const struct pcipt_boot_line *line, struct pcipt_device *device);

/* boot.c */

/* What a device is to have for its override (a new string), or NULL. */
int pcipt_boot_override(struct pcipt_context *ctx, const char *address, char **override,
			struct pcipt_error **error);
/*
 * Before claims are led: devices that the list kept from their drivers for claims that there
 * are no more go back to them, and their lines go. Told in the report.
 */
int pcipt_boot_let_go(struct pcipt_context *ctx, const struct pcipt_records *records,
		      const struct pcipt_options *options, double deadline,
		      struct pcipt_report *report, struct pcipt_error **error);
/* Afterwards: the list says what the records say. */
void pcipt_boot_mend(struct pcipt_context *ctx, const struct pcipt_records *records);

#endif
