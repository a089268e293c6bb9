/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records that name the same device. No bind makes such ones: a copy that was made by hand
 * does, or a backup that was brought back. Which of them is right nobody can tell from them.
 */
#include "usage/record.h"

#include <libpcipt/claim.h>
#include <libpcipt/set.h>

/* A device of a record. */
struct naming {
	struct pcipt_record *record;
	struct pcipt_record_device *device;
};

static int compare_namings(const void *a, const void *b)
{
	const struct naming *x = a, *y = b;
	int order = strcmp(x->device->identity, y->device->identity);

	/* The records are in their order already. */
	return order ? order : x->record < y->record ? -1 : x->record > y->record;
}

/* Another card of the model in the same slot is another device. */
static bool is_same_device(const struct naming *a, const struct naming *b)
{
	const char *x = a->device->serial, *y = b->device->serial;

	return a->record != b->record && strcmp(a->device->identity, b->device->identity) == 0 &&
	       (!x || !y || strcmp(x, y) == 0);
}

/* Whether the device is on its driver for that record, as far as records can tell. */
static bool has_it_bound(const struct naming *other, const struct naming *naming)
{
	return other->record->state == PCIPT_CLAIM_BOUND && !other->record->other_boot &&
	       other->device->action == PCIPT_ACTION_BIND &&
	       pcipt_streq(other->record->driver, naming->record->driver);
}

/* Of those with the same identity: the first other one, and the first that has it bound. */
static bool note_rivals(struct naming *naming, const struct naming *run, size_t n)
{
	const char *rival = NULL, *holder = NULL;
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		if (!is_same_device(&run[i], naming))
			continue;
		if (!rival)
			rival = run[i].record->name;
		if (!holder && has_it_bound(&run[i], naming))
			holder = run[i].record->name;
	}
	naming->device->rival = pcipt_dup(rival, &ok);
	naming->device->holder = pcipt_dup(holder, &ok);
	return ok;
}

/* What isn't persistent ended with its boot, and what has no identity can't be told from others. */
static size_t collect(const struct pcipt_records *records, struct naming *all)
{
	size_t n = 0;

	for (size_t i = 0; i < records->n; i++) {
		struct pcipt_record *record = &records->items[i];

		for (size_t k = 0; k < record->n_devices; k++)
			if (record->devices[k].identity && pcipt_record_holds_now(record))
				all[n++] = (struct naming){ record, &record->devices[k] };
	}
	return n;
}

bool pcipt_records_note_rivals(struct pcipt_records *records)
{
	_cleanup_free_ struct naming *all = NULL;
	size_t n = 0, end;
	bool ok = true;

	for (size_t i = 0; i < records->n; i++)
		n += records->items[i].n_devices;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return false;
	n = collect(records, all);
	qsort(all, n, sizeof(*all), compare_namings);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && strcmp(all[end].device->identity,
						    all[i].device->identity) == 0;)
			end++;
		for (size_t k = i; end > i + 1 && k < end; k++)
			ok &= note_rivals(&all[k], &all[i], end - i);
	}
	return ok;
}
