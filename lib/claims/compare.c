/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing a claim with the machine, and the table of what follows. */
#include "claims/compare.h"

#include <libpcipt/claim.h>
#include <libpcipt/identity.h>
#include <libpcipt/set.h>

static const struct pcipt_situation_row rows[PCIPT_N_SITUATIONS] = {
#define SITUATION(id, name, meaning, sentence, remedy) { name, meaning, sentence, remedy },
#include "claims/situations.def"
#undef SITUATION
};

static const struct pcipt_reconcile_cell cells[][PCIPT_N_SITUATIONS] = {
#define CELL(state, situation, action, next)                                                      \
	[PCIPT_CLAIM_##state][PCIPT_SITUATION_##situation] = { PCIPT_RECONCILE_##action,          \
							       PCIPT_CLAIM_##next },
#include "claims/reconcile.def"
#undef CELL
};

const struct pcipt_situation_row *pcipt_situation_row(enum pcipt_situation situation)
{
	return &rows[situation];
}

struct pcipt_reconcile_cell pcipt_reconcile_cell(int state, enum pcipt_situation situation,
						 bool persistent)
{
	if (situation == PCIPT_SITUATION_NEW_BOOT && !persistent)
		return (struct pcipt_reconcile_cell){ PCIPT_RECONCILE_END, PCIPT_CLAIM_RELEASING };
	if (state < 0 || (size_t)state >= ARRAY_SIZE(cells))
		return (struct pcipt_reconcile_cell){ PCIPT_RECONCILE_KEEP, state };
	return cells[state][situation];
}

/* ---- one device ---- */

/* What a device is on, seen from the claim. */
enum standing { ON_TARGET, ON_NOTHING, ON_BEFORE, ON_OTHER };

static enum standing standing_of(const struct pcipt_record *record,
				 const struct pcipt_record_device *recorded,
				 const struct pcipt_device *device)
{
	const char *driver = device->driver ? device->driver->name : NULL;

	if (!driver)
		return ON_NOTHING;
	if (recorded->action != PCIPT_ACTION_PIN && strcmp(driver, record->driver) == 0)
		return ON_TARGET;
	/* Which driver it had was never seen: any of the host's may be it. */
	if (recorded->inferred && !pcipt_driver_is_passthrough(device->driver))
		return ON_BEFORE;
	return pcipt_streq(driver, recorded->before.driver) ? ON_BEFORE : ON_OTHER;
}

static bool is_virtual(const struct pcipt_record_device *recorded)
{
	const char *slot = recorded->identity ? strchr(recorded->identity, '@') : NULL;

	return slot && strstr(slot, "/vf");
}

static bool pf_is_lost(struct pcipt_device *device)
{
	struct pcipt_device *pf = pcipt_device_get_physfn(device);

	return pf && (!pf->driver || pf->driver->vfio);
}

/* The plain case, which costs no search: it is where it was, and has the same identity. */
static struct pcipt_device *in_place(const struct pcipt_record_device *recorded,
				     struct pcipt_snapshot *snap)
{
	struct pcipt_device *device = pcipt_snapshot_at(snap, recorded->at);
	const char *identity = device ? pcipt_device_get_identity(device) : NULL;

	return identity && pcipt_streq(identity, recorded->identity) ? device : NULL;
}

/* Not where it was: is it elsewhere, or what is there instead? */
static int search(const struct pcipt_record_device *recorded, struct pcipt_snapshot *snap,
		  struct pcipt_observation *found, struct pcipt_error **error)
{
	static const enum pcipt_situation of_verdict[] = {
		[PCIPT_VERDICT_SAME] = PCIPT_SITUATION_HELD,
		[PCIPT_VERDICT_MOVED] = PCIPT_SITUATION_MOVED,
		[PCIPT_VERDICT_REPLACED] = PCIPT_SITUATION_REPLACED,
		[PCIPT_VERDICT_MISSING] = PCIPT_SITUATION_ABSENT,
		[PCIPT_VERDICT_AMBIGUOUS] = PCIPT_SITUATION_AMBIGUOUS,
	};
	struct pcipt_device *device = pcipt_snapshot_at(snap, recorded->at);
	int verdict, r;

	if (!recorded->identity || (device && !pcipt_device_get_identity(device))) {
		found->situation = PCIPT_SITUATION_UNREADABLE;
		found->at = device;
		return 0;
	}
	r = pcipt_identity_compare(snap, recorded->identity, recorded->serial, &verdict, &found->at,
				   &found->facts, error);
	if (r < 0)
		return r;
	found->situation = of_verdict[verdict];
	/* A new card elsewhere shifts the bus numbers: the same slot, another address. */
	if (verdict == PCIPT_VERDICT_SAME &&
	    pcipt_address_key(found->at->at) != pcipt_address_key(recorded->at))
		found->situation = PCIPT_SITUATION_MOVED;
	if (verdict == PCIPT_VERDICT_MISSING && is_virtual(recorded))
		found->situation = PCIPT_SITUATION_PF_LOST;
	else if (verdict == PCIPT_VERDICT_MISSING && strstr(found->facts, "identity-unproven"))
		found->situation = PCIPT_SITUATION_UNPROVEN;
	return 0;
}

/*
 * A device in its place that isn't on the claim's driver, or that the claim hasn't had in
 * this boot, may be another card of its model: only then is the serial asked for, which
 * wakes it.
 */
static int check_serial(const struct pcipt_record_device *recorded, struct pcipt_snapshot *snap,
			struct pcipt_observation *found, struct pcipt_error **error)
{
	const char *serial = recorded->serial ? pcipt_device_get_serial(found->at) : NULL;

	if (!serial || strcmp(serial, recorded->serial) == 0)
		return 0;
	return search(recorded, snap, found, error);
}

static int observe_device(const struct pcipt_record *record,
			  const struct pcipt_record_device *recorded, struct pcipt_snapshot *snap,
			  struct pcipt_observation *found, struct pcipt_error **error)
{
	enum standing standing;
	int r = 0;

	found->at = in_place(recorded, snap);
	if (!found->at)
		r = search(recorded, snap, found, error);
	else
		found->situation = PCIPT_SITUATION_HELD;
	if (r < 0 || found->situation != PCIPT_SITUATION_HELD)
		return r;
	if (found->at->driver_unknown) {
		found->situation = PCIPT_SITUATION_UNREADABLE;
		return 0;
	}
	standing = standing_of(record, recorded, found->at);
	if (standing != ON_TARGET || record->state != PCIPT_CLAIM_BOUND)
		r = check_serial(recorded, snap, found, error);
	if (r < 0 || found->situation != PCIPT_SITUATION_HELD)
		return r;
	if (is_virtual(recorded) && pf_is_lost(found->at))
		found->situation = PCIPT_SITUATION_PF_LOST;
	else if (standing == ON_OTHER)
		found->situation = PCIPT_SITUATION_TAKEN;
	else if (recorded->action == PCIPT_ACTION_PIN && standing == ON_BEFORE)
		found->situation = PCIPT_SITUATION_TAKEN;
	else if (recorded->action != PCIPT_ACTION_PIN && standing != ON_TARGET)
		found->situation = PCIPT_SITUATION_FREE;
	else if (recorded->action != PCIPT_ACTION_PIN &&
		 pcipt_group_viability(found->at->group) == PCIPT_NOT_VIABLE)
		found->situation = PCIPT_SITUATION_GROWN;
	return 0;
}

struct pcipt_device *pcipt_recorded_device(const struct pcipt_record_device *recorded,
					   struct pcipt_snapshot *snap)
{
	struct pcipt_device *device = in_place(recorded, snap);
	int verdict;

	if (device || !recorded->identity)
		return device;
	if (pcipt_identity_compare(snap, recorded->identity, recorded->serial, &verdict, &device,
				   NULL, NULL) < 0)
		return NULL;
	return verdict == PCIPT_VERDICT_SAME || verdict == PCIPT_VERDICT_MOVED ? device : NULL;
}

/* ---- the claim ---- */

void pcipt_observation_clear(struct pcipt_observation *observation)
{
	free(observation->facts);
	memset(observation, 0, sizeof(*observation));
}

/* Of two devices the graver one speaks for the claim: the one that stands first in the table. */
static void merge(struct pcipt_observation *all, struct pcipt_observation *one)
{
	if (one->situation < all->situation) {
		pcipt_observation_clear(all);
		*all = *one;
		memset(one, 0, sizeof(*one));
	}
	pcipt_observation_clear(one);
}

int pcipt_observe(const struct pcipt_record *record, struct pcipt_snapshot *snap, int driver_state,
		  struct pcipt_observation *observation, struct pcipt_error **error)
{
	size_t on_target = 0, off_target = 0;
	int r = 0;

	*observation = (struct pcipt_observation){ .situation = PCIPT_SITUATION_HELD };
	if (record->other_boot) {
		observation->situation = PCIPT_SITUATION_NEW_BOOT;
		return 0;
	}
	for (size_t i = 0; r == 0 && i < record->n_devices; i++) {
		struct pcipt_observation one = { .device = i };

		r = observe_device(record, &record->devices[i], snap, &one, error);
		if (record->devices[i].action != PCIPT_ACTION_PIN) {
			on_target += one.situation >= PCIPT_SITUATION_GROWN;
			off_target += one.situation == PCIPT_SITUATION_FREE;
		}
		merge(observation, &one);
	}
	if (r < 0) {
		pcipt_observation_clear(observation);
		return r;
	}
	/* With the bound ones of a half-bound claim the group can't be viable. */
	if (off_target > 0 && observation->situation >= PCIPT_SITUATION_FREE)
		observation->situation = driver_state == PCIPT_MODULE_ABSENT ?
						 PCIPT_SITUATION_DRIVER_GONE :
					 on_target > 0 ? PCIPT_SITUATION_HALF :
							 PCIPT_SITUATION_FREE;
	return 0;
}

char *pcipt_observation_text(const struct pcipt_record *record,
			     const struct pcipt_observation *observation)
{
	const struct pcipt_situation_row *row = &rows[observation->situation];

	if (observation->situation == PCIPT_SITUATION_NEW_BOOT)
		return strdup(row->sentence);
	return pcipt_format("%s %s%s%s", record->devices[observation->device].address,
			    row->sentence, observation->facts ? ": " : "",
			    observation->facts ? observation->facts : "");
}
