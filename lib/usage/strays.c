/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that claims have lost sight of: a card that somebody moved to another slot is
 * still its claim's, and its serial number says so. Who takes it by its new address would
 * take it from its claim.
 */
#include <libpcipt/identity.h>

#include "usage/evidence.h"

void pcipt_strays_clear(struct pcipt_strays *strays)
{
	for (size_t i = 0; i < strays->n; i++)
		free(strays->items[i].facts);
	free(strays->items);
	*strays = (struct pcipt_strays){ 0 };
}

/* What the record has is where it was, as far as that can be told without waking it. */
static bool is_in_place(struct pcipt_snapshot *snap, const struct pcipt_record_device *recorded)
{
	struct pcipt_device *there = pcipt_snapshot_at(snap, recorded->at);

	return there && pcipt_streq(recorded->identity, pcipt_device_get_identity(there));
}

/*
 * Whether the device could be the recorded one. The order matters: most are told apart by
 * their ids, and only where these and the place agree is a serial number read, which wakes it.
 */
static bool resembles(struct pcipt_device *device, const struct pcipt_record_device *recorded)
{
	const char *identity = pcipt_device_get_identity(device);

	if (!identity || !recorded->identity ||
	    !pcipt_identity_has_ids_of(identity, recorded->identity) ||
	    is_in_place(device->snap, recorded))
		return false;
	return strcmp(identity, recorded->identity) == 0 ||
	       (recorded->serial &&
		pcipt_streq(pcipt_device_get_serial(device), recorded->serial));
}

/* The whole machine is looked at: another with that serial may stand anywhere. */
static void judge(struct pcipt_device *device, const struct pcipt_record_device *recorded,
		  struct pcipt_stray *stray)
{
	_cleanup_error_ struct pcipt_error *error = NULL;
	struct pcipt_snapshot *all = NULL;
	struct pcipt_device *found = NULL;
	int verdict = PCIPT_VERDICT_AMBIGUOUS;
	int r = pcipt_snapshot_new(device->snap->ctx, &all, &error);

	if (r == 0)
		r = pcipt_identity_compare(all, recorded->identity, recorded->serial, &verdict,
					   &found, &stray->facts, &error);
	if (r < 0)
		stray->facts = pcipt_format("the machine can't be searched for others: %s",
					    pcipt_error_get_message(error));
	stray->is_it = (verdict == PCIPT_VERDICT_MOVED || verdict == PCIPT_VERDICT_SAME) && found &&
		       pcipt_address_key(found->at) == pcipt_address_key(device->at);
	stray->may_be_it = verdict == PCIPT_VERDICT_AMBIGUOUS;
	pcipt_snapshot_unref(all);
}

static bool look_at(struct pcipt_device *device, const struct pcipt_record *record,
		    struct pcipt_strays *strays)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_stray stray = { .device = device, .record = record };

		if (!resembles(device, &record->devices[i]))
			continue;
		if (!pcipt_grow(&strays->items, strays->n))
			return false;
		judge(device, &record->devices[i], &stray);
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
	for (size_t i = 0; i < n; i++) {
		const struct pcipt_record *holder = pcipt_records_holder(
			records, devices[i]->at, pcipt_device_get_identity(devices[i]));

		for (size_t k = 0; k < records->n; k++)
			if (&records->items[k] != holder && pcipt_record_holds_now(&records->items[k]) &&
			    !look_at(devices[i], &records->items[k], strays))
				return false;
	}
	return true;
}
