/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that claims have lost sight of: a card that somebody moved to another slot is
 * still its claim's, and its serial number says so. Who takes it by its new address would
 * take it from its claim.
 */
#include <libpcipt/identity.h>

#include "usage/evidence.h"

struct search {
	const struct pcipt_records *records;
	struct pcipt_strays *strays;
	struct pcipt_snapshot *all; /* the whole machine, once something is looked for in it */
	struct pcipt_error *no_all; /* why it could not be looked at, or NULL */
	const struct pcipt_record_device *wanted;
};

void pcipt_strays_clear(struct pcipt_strays *strays)
{
	for (size_t i = 0; i < strays->n; i++)
		free(strays->items[i].facts);
	free(strays->items);
	*strays = (struct pcipt_strays){ 0 };
}

/* What the record says of the device where it is: after a reboot its address may be another. */
static bool has_at_home(const struct pcipt_record *record, struct pcipt_device *device,
			const char *identity)
{
	for (size_t i = 0; pcipt_record_holds_now(record) && i < record->n_devices; i++)
		if (pcipt_streq(record->devices[i].identity, identity) &&
		    (record->other_boot ||
		     pcipt_address_key(record->devices[i].at) == pcipt_address_key(device->at)))
			return true;
	return false;
}

/* A claim has it where it is: whoever else looks for one like it, it is not that one. */
static bool is_at_home(const struct pcipt_records *records, struct pcipt_device *device)
{
	const char *identity = pcipt_device_get_identity(device);

	for (size_t i = 0; identity && i < records->n; i++)
		if (has_at_home(&records->items[i], device, identity))
			return true;
	return false;
}

static bool is_another(void *data, struct pcipt_device *device)
{
	struct search *s = data;

	return is_at_home(s->records, device) &&
	       !pcipt_streq(pcipt_device_get_identity(device), s->wanted->identity);
}

/*
 * Whether the device could be the recorded one. The order matters: most are told apart by
 * their ids, and only where these agree is a serial number read, which wakes it.
 */
static bool resembles(struct pcipt_device *device, const struct pcipt_record_device *recorded)
{
	const char *identity = pcipt_device_get_identity(device);

	if (!identity || !recorded->identity ||
	    !pcipt_identity_has_ids_of(identity, recorded->identity) ||
	    pcipt_identity_is_sibling_of(identity, recorded->identity))
		return false;
	return strcmp(identity, recorded->identity) == 0 ||
	       (recorded->serial &&
		pcipt_streq(pcipt_device_get_serial(device), recorded->serial));
}

/* The whole machine is looked at: another with that serial, or the very one, may stand anywhere. */
static void judge(struct search *s, struct pcipt_stray *stray)
{
	int verdict = PCIPT_VERDICT_AMBIGUOUS, r = -1;
	_cleanup_error_ struct pcipt_error *error = NULL;
	struct pcipt_device *found = NULL;

	if (!s->all && !s->no_all)
		pcipt_snapshot_new(stray->device->snap->ctx, &s->all, &s->no_all);
	if (s->all)
		r = pcipt_identity_search(s->all, s->wanted->identity, s->wanted->serial, is_another, s,
					  &verdict, &found, &stray->facts, &error);
	if (r < 0)
		stray->facts = pcipt_format("the machine can't be searched for others: %s",
					    pcipt_error_get_message(s->all ? error : s->no_all));
	stray->is_it = (verdict == PCIPT_VERDICT_MOVED || verdict == PCIPT_VERDICT_SAME) && found &&
		       pcipt_address_key(found->at) == pcipt_address_key(stray->device->at);
	stray->may_be_it = verdict == PCIPT_VERDICT_AMBIGUOUS;
}

static bool look_at(struct search *s, struct pcipt_device *device, const struct pcipt_record *record)
{
	struct pcipt_strays *strays = s->strays;

	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_stray stray = { .device = device, .record = record };

		s->wanted = &record->devices[i];
		if (!resembles(device, s->wanted))
			continue;
		if (!pcipt_grow(&strays->items, strays->n))
			return false;
		judge(s, &stray);
		if (!stray.facts)
			return false;
		if (stray.is_it || stray.may_be_it)
			strays->items[strays->n++] = stray;
		else
			free(stray.facts);
	}
	return true;
}

bool pcipt_strays_find(const struct pcipt_records *records, struct pcipt_device *const *devices,
		       size_t n, struct pcipt_strays *strays)
{
	struct search s = { .records = records, .strays = strays };
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		if (is_at_home(records, devices[i]))
			continue;
		for (size_t k = 0; ok && k < records->n; k++)
			if (pcipt_record_holds_now(&records->items[k]))
				ok = look_at(&s, devices[i], &records->items[k]);
	}
	pcipt_snapshot_unref(s.all);
	pcipt_error_unref(s.no_all);
	return ok;
}
