/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding a device that was once known: by its slot, its ids, its serial number. */
#include <libpcipt/identity.h>

#include <ctype.h>

#include "inventory/inventory.h"

/* "10de:2484:1458:404d:a1", the part of an identity that doesn't say where. */
#define IDS_LENGTH 22

bool pcipt_identity_has_ids_of(const char *identity, const char *other)
{
	return strncmp(identity, other, IDS_LENGTH) == 0;
}

struct comparison {
	struct pcipt_snapshot *snap;
	const char *identity, *serial;
	struct pcipt_device *in_slot;	  /* what is in its slot now */
	struct pcipt_device *with_serial; /* the first with its ids and its serial */
	size_t n_with_serial;
	struct pcipt_device *with_ids; /* the first elsewhere with its ids alone */
	size_t n_with_ids;
	size_t n_siblings; /* other functions with its ids and its serial */
	/* What is known to be another: never a candidate. */
	bool (*is_another)(void *data, struct pcipt_device *device);
	void *data;
};

static bool is_identity(const char *s)
{
	for (size_t i = 0; i < IDS_LENGTH; i++)
		if (i % 5 == 4 ? s[i] != ':' :
				 !isxdigit((unsigned char)s[i]) || isupper((unsigned char)s[i]))
			return false;
	return s[IDS_LENGTH] == '@' && s[IDS_LENGTH + 1];
}

static const char *last_part(const char *slot, const char *end)
{
	while (end > slot && end[-1] != '/')
		end--;
	return end;
}

/*
 * A card's functions are often of one model and share its serial number, and so may its
 * VFs: what tells them apart goes with the card into another slot, the function's number
 * and which VF of it this is. Slots are "pci0000:00/1c.0/00.1" and "pci0000:00/1c.0/00.1/vf3".
 */
static bool is_same_function(const char *slot, const char *other)
{
	const char *end = slot + strlen(slot), *other_end = other + strlen(other);
	const char *last = last_part(slot, end), *other_last = last_part(other, other_end);
	bool is_vf = strncmp(last, "vf", 2) == 0, other_is_vf = strncmp(other_last, "vf", 2) == 0;

	if (is_vf != other_is_vf || (is_vf && strcmp(last, other_last) != 0))
		return false;
	if (is_vf && (last == slot || other_last == other))
		return false;
	/* A VF's own number is the same: now that of its PF. */
	if (is_vf) {
		end = last - 1;
		other_end = other_last - 1;
	}
	return end > slot && other_end > other && end[-1] == other_end[-1];
}

bool pcipt_identity_is_sibling_of(const char *identity, const char *other)
{
	return pcipt_identity_has_ids_of(identity, other) &&
	       !is_same_function(identity + IDS_LENGTH, other + IDS_LENGTH);
}

static void look_at(struct comparison *c, struct pcipt_device *device)
{
	const char *slot = pcipt_device_get_slot(device);
	const char *identity = pcipt_device_get_identity(device);
	bool in_slot = pcipt_streq(slot, c->identity + IDS_LENGTH + 1);
	const char *serial;

	if (in_slot)
		c->in_slot = device;
	if (!identity || !pcipt_identity_has_ids_of(identity, c->identity))
		return;
	if (!in_slot && c->is_another && c->is_another(c->data, device))
		return;
	serial = c->serial ? pcipt_device_get_serial(device) : NULL;
	if (serial && strcmp(serial, c->serial) == 0) {
		if (!is_same_function(slot, c->identity + IDS_LENGTH + 1)) {
			c->n_siblings++;
			return;
		}
		/* The one in its own slot is preferred. */
		if (!c->with_serial || in_slot)
			c->with_serial = device;
		c->n_with_serial++;
	} else if (!in_slot && !serial) {
		c->with_ids = c->with_ids ? c->with_ids : device;
		c->n_with_ids++;
	}
}

static int judge_slot(const struct comparison *c, char **facts)
{
	const char *now = pcipt_device_get_identity(c->in_slot);
	const char *serial = c->serial ? pcipt_device_get_serial(c->in_slot) : NULL;

	if (!pcipt_streq(now, c->identity)) {
		*facts = pcipt_format("in its slot is %s with the identity %s", c->in_slot->address,
				      now ? now : "unreadable");
		return PCIPT_VERDICT_REPLACED;
	}
	if (serial && strcmp(serial, c->serial) != 0) {
		*facts = pcipt_format("in its slot is %s, of the same model, with the serial %s "
				      "instead of %s",
				      c->in_slot->address, serial, c->serial);
		return PCIPT_VERDICT_REPLACED;
	}
	*facts = pcipt_format("%s is in its slot with the same ids%s", c->in_slot->address,
			      serial	? " and the same serial" :
			      c->serial ? "; its serial can't be read" :
					  "");
	return PCIPT_VERDICT_SAME;
}

static int judge(const struct comparison *c, struct pcipt_device **device, char **facts)
{
	if (c->in_slot && pcipt_streq(pcipt_device_get_identity(c->in_slot), c->identity) &&
	    (c->n_with_serial == 0 || c->with_serial == c->in_slot)) {
		*device = c->in_slot;
		return judge_slot(c, facts);
	}
	/* As good as any: who says that the one in its slot has another number? */
	if (c->n_with_serial > 0 && c->in_slot && c->with_serial != c->in_slot &&
	    pcipt_streq(pcipt_device_get_identity(c->in_slot), c->identity) &&
	    !pcipt_device_get_serial(c->in_slot)) {
		*facts = pcipt_format("%s has its ids and the serial %s, and in its slot is %s, of the "
				      "same model, whose serial can't be read",
				      c->with_serial->address, c->serial, c->in_slot->address);
		return PCIPT_VERDICT_AMBIGUOUS;
	}
	if (c->n_with_serial > 1) {
		*facts = pcipt_format("%zu devices have its ids and the serial %s, the first is %s",
				      c->n_with_serial, c->serial, c->with_serial->address);
		return PCIPT_VERDICT_AMBIGUOUS;
	}
	if (c->n_with_serial == 1) {
		*device = c->with_serial;
		*facts = pcipt_format("%s has its ids and its serial %s, in the slot %s",
				      c->with_serial->address, c->serial,
				      pcipt_device_get_slot(c->with_serial));
		return PCIPT_VERDICT_MOVED;
	}
	if (c->in_slot) {
		*device = c->in_slot;
		return judge_slot(c, facts);
	}
	if (c->n_with_ids > 0)
		*facts = pcipt_format("its slot is empty; %zu of its model elsewhere (the first is %s) "
				      "without a serial to prove it (identity-unproven)",
				      c->n_with_ids, c->with_ids->address);
	else if (c->n_siblings > 0)
		*facts = strdup("its slot is empty, and only another function has its ids and serial");
	else
		*facts = strdup("its slot is empty, and nothing here has its ids and serial");
	return PCIPT_VERDICT_MISSING;
}

int pcipt_identity_compare(struct pcipt_snapshot *snap, const char *identity, const char *serial,
			   int *verdict, struct pcipt_device **device, char **facts,
			   struct pcipt_error **error)
{
	return pcipt_identity_search(snap, identity, serial, NULL, NULL, verdict, device, facts, error);
}

int pcipt_identity_search(struct pcipt_snapshot *snap, const char *identity, const char *serial,
			  bool (*is_another)(void *data, struct pcipt_device *device), void *data,
			  int *verdict, struct pcipt_device **device, char **facts,
			  struct pcipt_error **error)
{
	struct comparison c = { .snap = snap,
				.identity = identity,
				.serial = serial,
				.is_another = is_another,
				.data = data };
	struct pcipt_device *found = NULL;
	_cleanup_free_ char *text = NULL;
	int answer;

	if (!snap || !identity || !verdict)
		return pcipt_fail_argument(error, "pcipt_identity_compare", "an argument is NULL");
	if (!is_identity(identity))
		return pcipt_fail(error, PCIPT_E_SYNTAX,
				  &(struct pcipt_error_facts){
					  .remedy = "Give an identity as `pcipt show` prints it" },
				  "\"%s\" is no identity", identity);
	for (size_t i = 0; i < snap->n_devices; i++)
		look_at(&c, &snap->devices[i]);
	answer = judge(&c, &found, &text);
	if (!text)
		return pcipt_fail_memory(error);
	*verdict = answer;
	if (device)
		*device = found;
	if (facts)
		*facts = steal(&text);
	return 0;
}
