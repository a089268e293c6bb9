/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a device already: our claims, and others. */
#include <libpcipt/claim.h>

#include "safety/judge.h"

/* Whether a claim is the caller's own: bound, and not of another owner than asked. */
static bool is_own(const struct judgement *j, const struct pcipt_record *record)
{
	const struct pcipt_options *options = j->set->options;

	return record->state == PCIPT_CLAIM_BOUND &&
	       strcmp(record->driver, j->set->driver) == 0 &&
	       (!options || !options->owner || pcipt_streq(options->owner, record->owner));
}

/* What the claim has recorded at the device's address, or NULL. */
static const struct pcipt_record_device *recorded_at(const struct pcipt_record *record,
						     const struct pcipt_device *device)
{
	for (size_t i = 0; i < record->n_devices; i++)
		if (pcipt_address_key(record->devices[i].at) == pcipt_address_key(device->at))
			return &record->devices[i];
	return NULL;
}

/* Whether what is at the address is still what the claim took. */
static bool is_recorded(const struct pcipt_record *record, struct pcipt_device *device)
{
	const struct pcipt_record_device *recorded = recorded_at(record, device);

	return recorded && pcipt_streq(recorded->identity, pcipt_device_get_identity(device));
}

/* The one own claim that holds all devices asked for; or NULL. */
const struct pcipt_record *pcipt_judge_common_claim(struct judgement *j)
{
	const struct pcipt_record *common = NULL;

	for (size_t i = 0; i < j->set->n_members; i++) {
		const struct pcipt_member *member = &j->set->members[i];
		const struct pcipt_record *holder =
			pcipt_records_holder(&j->evidence->records, member->device->at,
					     pcipt_device_get_identity(member->device));

		/* A group that has grown since: what would move now was never judged. */
		if (member->action == PCIPT_ACTION_BIND)
			return NULL;
		if (member->role != PCIPT_ROLE_REQUESTED)
			continue;
		if (!holder || (common && holder != common) || !is_own(j, holder) ||
		    member->action != PCIPT_ACTION_KEEP || !is_recorded(holder, member->device))
			return NULL;
		common = holder;
	}
	return common;
}

/* Whether it is for this very claim that the set is made: its devices are taken again. */
static bool is_for(const struct judgement *j, const struct pcipt_record *record)
{
	const struct pcipt_options *options = j->set->options;

	return options && options->for_claim && pcipt_streq(options->for_claim, record->id);
}

/* Another card at the claim's address. What an earlier boot had there says nothing. */
static void judge_identity(struct judgement *j, struct pcipt_device *device,
			   const struct pcipt_record *holder)
{
	const struct pcipt_record_device *recorded =
		holder->other_boot ? NULL : recorded_at(holder, device);
	const char *now = pcipt_device_get_identity(device);

	if (!recorded || !recorded->identity || !now || strcmp(recorded->identity, now) == 0)
		return;
	FIND(j, "identity-changed", device,
	     pcipt_format("%s isn't the device that the claim %s has recorded there",
			  device->address, holder->name),
	     pcipt_format("the claim has recorded %s, now it is %s", recorded->identity, now),
	     pcipt_format("Put that device back, or run `pcipt release %s` and ask again",
			  holder->name));
}

/* A card that was moved is its claim's still. */
static void judge_stray(struct judgement *j, const struct pcipt_stray *stray)
{
	const struct pcipt_record *record = stray->record;
	const char *address = stray->device->address;

	if (is_for(j, record))
		return;
	if (stray->is_it)
		FIND(j, "claimed", stray->device,
		     pcipt_format("%s belongs to the claim %s, which had it at another address", address,
				  record->name),
		     pcipt_format("%s", stray->facts),
		     pcipt_format("Run `pcipt reconcile` to let the claim follow it, or "
				  "`pcipt release %s` first",
				  record->name));
	else
		FIND(j, "identity-ambiguous", stray->device,
		     pcipt_format("%s may be the device that the claim %s has lost sight of, and so "
				  "may another",
				  address, record->name),
		     pcipt_format("%s", stray->facts),
		     pcipt_format("Put the claim's device back into its slot, or run "
				  "`pcipt release %s` and ask again",
				  record->name));
}

void pcipt_judge_strays(struct judgement *j)
{
	for (size_t i = 0; i < j->evidence->strays.n; i++)
		judge_stray(j, &j->evidence->strays.items[i]);
}

void pcipt_judge_owner(struct judgement *j, struct pcipt_device *device)
{
	const struct pcipt_record *holder =
		pcipt_records_holder(&j->evidence->records, device->at,
				     pcipt_device_get_identity(device));

	if (holder)
		judge_identity(j, device, holder);
	if (holder && is_for(j, holder))
		return;
	if (holder)
		FIND(j, "claimed", device,
		     pcipt_format("%s belongs to the claim %s", device->address, holder->name),
		     pcipt_format("the claim is %s%s%s, since %s",
				  pcipt_claim_state_name(holder->state),
				  holder->owner ? ", its owner is " : "",
				  holder->owner ? holder->owner : "",
				  holder->since ? holder->since : "an unknown time"),
		     pcipt_format("Run `pcipt release %s` first", holder->name));
	else if (device->driver && device->driver->vfio)
		FIND(j, "foreign-owner", device,
		     pcipt_format("%s is on %s already, and no claim says who wants it",
				  device->address, device->driver->name),
		     pcipt_format("its driver link names %s", device->driver->name), NULL);
}

void pcipt_judge_records(struct judgement *j)
{
	const struct pcipt_error *no_records = j->evidence->no_records;

	if (no_records)
		FIND(j, "unreadable", NULL,
		     strdup("whether another claim holds the devices could not be found out"),
		     pcipt_format("%s", pcipt_error_get_message(no_records)), NULL);
	/* One damaged record must not stop all others: its devices still show as foreign. */
	for (size_t i = 0; i < j->evidence->records.n_problems; i++) {
		FIND(j, "unreadable", NULL,
		     strdup("a claim's record can't be used, so its devices are not known"),
		     pcipt_format("%s", pcipt_error_get_message(j->evidence->records.problems[i])),
		     pcipt_format("%s", pcipt_error_get_remedy(j->evidence->records.problems[i])));
		/* A file that merely couldn't be opened may hold just this device. */
		if (pcipt_error_get_code(j->evidence->records.problems[i]) == PCIPT_E_DAMAGED)
			pcipt_finding_soften_last(&j->set->findings);
	}
}
