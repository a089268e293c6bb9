/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a claim's record says, and its form as text. Reading records is evidence
 * ("who holds this device") and so stands here; writing them is the business of
 * claims/ alone. The form is told in doc/records.md.
 */
#ifndef PCIPT_USAGE_RECORD_H
#define PCIPT_USAGE_RECORD_H

#include "inventory/address.h"
#include "kernel/kernel.h"

/* What a device is, as far as a transaction changes it and puts it back. */
struct pcipt_device_state {
	char *driver;	     /* NULL for none */
	char *override;	     /* NULL for none */
	char *power_control; /* NULL where there is no such attribute */
	/*
	 * What the driver came from, by which it can be had again (xhci_hcd: xhci_pci); NULL for
	 * none, or not known. Taken down when the device is taken; no part of what it is.
	 */
	char *module;
};

void pcipt_device_state_clear(struct pcipt_device_state *state);
bool pcipt_device_state_copy(struct pcipt_device_state *to, const struct pcipt_device_state *from);

struct pcipt_record_device {
	struct pcipt_address at;
	char address[PCIPT_ADDRESS_SIZE];
	char *identity;
	char *serial; /* NULL where it has none or it could not be read */
	int role, action;
	/*
	 * It was on the claim's driver when the claim began: `before` is what it would be
	 * otherwise, as far as that could be found. Kept as it is until the claim is bound.
	 */
	bool inferred;
	struct pcipt_device_state before;
	/*
	 * Another record that names the same device, and one that has it bound, so that it isn't
	 * given back with this one: names, or NULL. Not in its text.
	 */
	char *rival, *holder;
};

/* A finding that was allowed when the claim was made: on one device, or on the host (NULL). */
struct pcipt_record_allowed {
	char *code, *address;
};

void pcipt_record_allowed_clear(struct pcipt_record_allowed **allowed, size_t *n);
bool pcipt_record_allowed_add(struct pcipt_record_allowed **allowed, size_t *n, const char *code,
			      const char *address);

struct pcipt_record {
	char *name;
	char *id; /* tells it from an earlier claim of the same name */
	char *owner;
	char *driver;
	char *since; /* RFC 3339, UTC */
	char *boot_id;
	bool other_boot; /* it is of an earlier boot: what it says of drivers went with it */
	bool persistent; /* which folder it lies in; no part of its text */
	int state;
	char *reason, *message; /* why it is in that state, or NULL */
	char *deadline;		/* RFC 3339; NULL when it is bound */
	int64_t deadline_ms;	/* the same on the boot clock, which no clock step moves; or -1 */
	uint32_t attempts;
	uint32_t timeout_ms; /* the call's that works on it, or 0 for the context's; not in its text */
	/*
	 * Who writes it without the devices' locks overwrites only what he has read: the state that
	 * the file must be in, and 1; 0 for who holds the locks. Not in its text.
	 */
	int expected;
	struct pcipt_record_device *devices;
	size_t n_devices;
	struct pcipt_record_allowed *allowed;
	size_t n_allowed;
};

void pcipt_record_clear(struct pcipt_record *record);
/* The record's text; NULL without memory. */
char *pcipt_record_print(const struct pcipt_record *record);
/*
 * Checks everything, since what a record says is written to the kernel.
 * Errors: DAMAGED, NO_MEMORY.
 */
int pcipt_record_parse(const char *text, size_t length, struct pcipt_record *record,
		       struct pcipt_error **error);
/* `[A-Za-z0-9._-]{1,63}`, and not "." or "..". */
bool pcipt_record_name_is_valid(const char *name);

/*
 * Which boot it is of, since the kernel's state goes with it: null where that can't be read,
 * so that nothing is taken for an earlier boot's by mistake. And an id that no other has;
 * false without memory.
 */
void pcipt_record_set_boot(struct pcipt_record *record, struct pcipt_kernel *k);
bool pcipt_record_set_id(struct pcipt_record *record, struct pcipt_kernel *k);

/*
 * All records of both folders, ordered by name (of the same name, that of this boot first); damaged
 * ones are problems.
 */
struct pcipt_records {
	struct pcipt_record *items;
	size_t n;
	struct pcipt_error **problems;
	size_t n_problems;
};

int pcipt_records_read(struct pcipt_context *ctx, struct pcipt_records *records,
		       struct pcipt_error **error);
/* The same for another folder than the claims'; NULL says that memory ran out. */
int pcipt_records_read_from(struct pcipt_context *ctx, const char *folder,
			    struct pcipt_records *records, struct pcipt_error **error);
void pcipt_records_clear(struct pcipt_records *records);
/* rivals.c: for each device of each record, who else names it; false without memory. */
bool pcipt_records_note_rivals(struct pcipt_records *records);
/* The record of just this claim, not of another one that has its name now; or NULL. */
const struct pcipt_record *pcipt_records_find(const struct pcipt_records *records,
					      const struct pcipt_record *claim);
/*
 * Where claims lie: below the state folder when they outlive the boot, else below the
 * runtime folder; a new string or NULL.
 */
char *pcipt_records_folder(struct pcipt_context *ctx, bool persistent);
/* False for one that ended with its boot. */
bool pcipt_record_holds_now(const struct pcipt_record *record);
/*
 * The record that holds a device, or NULL: one of this boot by the address, a
 * persistent one of an earlier boot by the identity, since addresses shift. Records of
 * an earlier boot that are not persistent hold nothing. The identity may be NULL.
 */
const struct pcipt_record *pcipt_records_holder(const struct pcipt_records *records,
						struct pcipt_address at, const char *identity);
/* Whether the claim of that name and id is one that holds the device. */
bool pcipt_records_has(const struct pcipt_records *records, const char *name, const char *id,
		       struct pcipt_address at, const char *identity);

#endif
