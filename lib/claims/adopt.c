/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adoption: a device that is on the claim's driver by somebody else's doing becomes the
 * claim's. Nobody wrote down what it was, so that is inferred, and the record says so.
 */
#include "claims/claims.h"
#include "claims/compare.h"
#include "usage/evidence.h"
#include "usage/origin.h"

/* Whether the claim begins with a device that it doesn't move and shall give back. */
static bool is_adopted(const struct pcipt_plan *plan, const struct pcipt_record_device *recorded,
		       struct pcipt_device *device)
{
	return recorded->action == PCIPT_ACTION_KEEP && pcipt_device_has_vfio_driver(device) &&
	       pcipt_streq(pcipt_device_get_driver(device), plan->driver);
}

static void warn_unknown(struct pcipt_result *result, const char *address, const char *step,
			 const char *what, const char *how, const char *remedy)
{
	struct pcipt_error *warning = NULL;

	pcipt_fail(&warning, PCIPT_E_NO_DRIVER,
		   &(struct pcipt_error_facts){ .step = step,
						.address = address,
						.remedy = remedy },
		   "%s: %s: %s", address, what, how);
	pcipt_result_note_warning(result, warning);
}

/* Takes over what the device is taken to have been; false without memory. */
static bool set_before(struct pcipt_kernel *k, struct pcipt_record_device *recorded,
		       struct pcipt_origin *origin)
{
	pcipt_device_state_clear(&recorded->before);
	recorded->before.driver = steal(&origin->driver);
	recorded->before.override = steal(&origin->override);
	/* What its power control was nobody knows: it stays as vfio leaves it. */
	recorded->inferred = true;
	/* The driver is registered now; when the claim ends its module may be unloaded. */
	return !recorded->before.driver ||
	       pcipt_driver_module(k, recorded->before.driver, &recorded->before.module);
}

int pcipt_adopt_begin(const struct pcipt_plan *plan, struct pcipt_record *record,
		      struct pcipt_result *result, struct pcipt_error **error)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_record_device *recorded = &record->devices[i];
		struct pcipt_device *device = pcipt_snapshot_at(plan->snap, recorded->at);
		struct pcipt_origin origin;
		bool ok;

		if (!device || !is_adopted(plan, recorded, device))
			continue;
		if (!pcipt_origin_find(device, &origin)) {
			pcipt_origin_clear(&origin);
			return pcipt_fail_memory(error);
		}
		if (!origin.driver)
			warn_unknown(result, recorded->address, "adopt",
				     "which driver it had before can't be told, a release will leave "
				     "it without one",
				     origin.how, "Load its driver's module before the bind, if it has one");
		ok = set_before(plan->snap->kernel, recorded, &origin);
		pcipt_origin_clear(&origin);
		if (!ok)
			return pcipt_fail_memory(error);
	}
	return 0;
}

void pcipt_adopt_commit(struct pcipt_record *record, bool bound)
{
	for (size_t i = 0; i < record->n_devices; i++)
		if (record->devices[i].inferred)
			record->devices[i].action = bound ? PCIPT_ACTION_BIND : PCIPT_ACTION_KEEP;
}

int pcipt_adopt_learn(const struct pcipt_plan *plan, struct pcipt_record *record,
		      struct pcipt_error **error)
{
	for (size_t i = 0; i < plan->n_devices; i++) {
		const struct pcipt_plan_device *planned = &plan->devices[i];

		for (size_t k = 0; k < record->n_devices; k++) {
			struct pcipt_record_device *recorded = &record->devices[k];

			if (!recorded->inferred || planned->action != PCIPT_ACTION_BIND ||
			    !planned->seen.driver ||
			    pcipt_address_key(planned->at) != pcipt_address_key(recorded->at))
				continue;
			pcipt_device_state_clear(&recorded->before);
			if (!pcipt_device_state_copy(&recorded->before, &planned->before))
				return pcipt_fail_memory(error);
			recorded->inferred = false;
		}
	}
	return 0;
}

/* driverctl's file, libvirt's machine: theirs, and they will take the device again. */
static void warn_configured(struct pcipt_snapshot *snap, struct pcipt_device *device,
			    struct pcipt_result *result)
{
	struct pcipt_uses uses = { 0 };
	struct pcipt_inquiry inquiry = {
		.snap = snap, .kernel = snap->kernel, .devices = &device, .n = 1, .uses = &uses
	};

	pcipt_collect_foreign(&inquiry);
	for (size_t i = 0; i < uses.n; i++) {
		struct pcipt_error *warning = NULL;

		if (uses.items[i].kind != PCIPT_USE_FOREIGN)
			continue;
		pcipt_fail(&warning, PCIPT_E_STALE,
			   &(struct pcipt_error_facts){ .step = "release",
							.address = device->address,
							.remedy = uses.items[i].remedy },
			   "%s is still wanted by %s, who may take it again: %s", device->address,
			   uses.items[i].what, uses.items[i].evidence);
		pcipt_result_note_warning(result, warning);
	}
	pcipt_uses_clear(&uses);
}

void pcipt_adopt_warn(struct pcipt_snapshot *snap, const struct pcipt_record *record,
		      struct pcipt_result *result)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *recorded = &record->devices[i];
		struct pcipt_device *device = pcipt_recorded_device(recorded, snap);
		struct pcipt_origin origin;

		/* One that the claim never came to hold is with whom it was. */
		if (!recorded->inferred || recorded->action != PCIPT_ACTION_BIND || !device ||
		    recorded->holder)
			continue;
		if (!recorded->before.driver && pcipt_origin_find(device, &origin)) {
			warn_unknown(result, recorded->address, "release",
				     "it was given back without a driver, since which one it had "
				     "before the claim could not be told",
				     origin.how,
				     "Write its address to /sys/bus/pci/drivers_probe when its driver "
				     "is loaded");
			pcipt_origin_clear(&origin);
		}
		warn_configured(snap, device, result);
	}
}
