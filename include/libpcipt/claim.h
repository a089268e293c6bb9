/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A claim: the record that somebody holds devices for passthrough, and what
 * each of them was before. It lies in the runtime folder, or, when it is to outlive
 * the boot (persistent), in the state folder, so any process can release it.
 */
#ifndef LIBPCIPT_CLAIM_H
#define LIBPCIPT_CLAIM_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * enum pcipt_claim_state - where a claim stands. Treat a value that you do not
 * know as "not bound", and print its name. Since 0.1.
 */
enum pcipt_claim_state {
	/** The record is written, the devices are being moved. */
	PCIPT_CLAIM_BINDING = 0,
	/** Every device is on the claim's driver. */
	PCIPT_CLAIM_BOUND = 1,
	/** The devices are on their way back; the claim will end. */
	PCIPT_CLAIM_RELEASING = 2,
	/** It is wanted, and nothing was done for it in this boot yet. */
	PCIPT_CLAIM_PENDING = 3,
	/** It is wanted and can't be had now: the reason says what it waits for. */
	PCIPT_CLAIM_WAITING = 4,
	/** A write of it has not returned from the kernel, or an undo could not end. */
	PCIPT_CLAIM_STUCK = 5
};

/** "binding", "bound", "releasing", "pending", "waiting", "stuck"; else "unknown". Since 0.1. */
PCIPT_API const char *pcipt_claim_state_name(int state);

/**
 * pcipt_bind - take a safe set and remember it
 *
 * The record is written and synced before the first write to the kernel. When
 * it fails, the devices are as they were and no claim is left, but after
 * ROLLBACK_INCOMPLETE the claim stays, so that a release can try again, and after STUCK it
 * stays as "stuck", so that what is left to undo can be found. A bind that can't be written
 * down as "bound" is undone, too. What was interrupted of these devices, with a claim or
 * without, is finished first.
 * Devices that are all in one claim already, with the same driver: that claim
 * is returned and nothing is written; not to an owner who isn't the claim's (CLAIMED).
 *
 * A device that somebody else has bound to the set's driver (driverctl, libvirt, a hand) is
 * adopted when the finding `foreign-owner` is allowed: nothing is written to the kernel for
 * it, so also while a virtual machine holds it open. Its group's other devices of that kind
 * are adopted with the whole set only. Its release gives it to the driver that its ids
 * and modules.alias name, if that is loaded and the only one, else to none, and clears the
 * override that bound it; what others have configured (driverctl's files, libvirt's
 * machines) is told and left alone. A bind that is undone leaves it where it was.
 *
 * The node that a virtual machine opens is a fact of the device as it is now, and one of the
 * result: pcipt_result_device_vfio_device(), or pcipt_device_get_vfio_device() in a new
 * snapshot. The snapshot that the set was made from shows the machine as it was before.
 *
 * @options: name, owner, persistent; or NULL.
 * @result: in pcipt_claim_bind(), what was done, also on failure; may be NULL.
 *
 * Errors: as pcipt_apply(), and REFUSED (a device of another claim is the finding
 * `claimed`), CLAIMED, NAME, DAMAGED. Since 0.1.
 */
PCIPT_API int pcipt_bind(struct pcipt_context *ctx, struct pcipt_set *set,
			 const struct pcipt_options *options, struct pcipt_claim **claim,
			 struct pcipt_error **error);
/** As pcipt_bind(), and tells step by step what was done. Since 0.1. */
PCIPT_API int pcipt_claim_bind(struct pcipt_context *ctx, struct pcipt_set *set,
			       const struct pcipt_options *options, struct pcipt_claim **claim,
			       struct pcipt_result **result, struct pcipt_error **error);

/**
 * pcipt_release - give a claim's devices back and end it
 *
 * @options: allow; owner, when only that owner's claim may be ended (else CLAIMED); or NULL.
 *
 * A release only goes forward: a device that is gone, that somebody else has put
 * on another driver, or that is another device now is left alone, one whose driver
 * refuses it stays without one. Each such device is a warning in the result;
 * the claim ends all the same. After an error (a device could not be taken from
 * the claim's driver, or can't be read, or the helper was ended) the claim is still there
 * and can be released again; the other devices are back, but those whose IOMMU group
 * isn't free yet: they have no driver until it is.
 *
 * A device that somebody holds open is refused before anything is written: the
 * kernel would ask him to let go, and wait for that without an end.
 *
 * Errors: REFUSED, INVALID, NO_MEMORY, NOT_REAL, PERMISSION, NO_CLAIM, CLAIMED, LOCKED,
 * DAMAGED, STALE, BUSY, UNBIND, ROLLBACK_INCOMPLETE, TIMEOUT, CANCELLED (after these three
 * the claim stays as "releasing": release again, or recover), STUCK (it stays as "stuck",
 * until the kernel lets go), IO, and those of
 * pcipt_snapshot_new(). Since 0.1.
 */
PCIPT_API int pcipt_release(struct pcipt_context *ctx, struct pcipt_claim *claim,
			    const struct pcipt_options *options, struct pcipt_error **error);
/** As pcipt_release(), and tells step by step what was done. Since 0.1. */
PCIPT_API int pcipt_claim_release(struct pcipt_context *ctx, struct pcipt_claim *claim,
				  const struct pcipt_options *options,
				  struct pcipt_result **result, struct pcipt_error **error);

/**
 * pcipt_claim_forget - end a claim and touch none of its devices
 *
 * For a claim whose devices somebody else looks after now. Devices that are on a
 * passthrough driver stay there, and count as another's (`foreign-owner`) from then on;
 * what each was before is lost with the record.
 *
 * Errors: INVALID, NO_MEMORY, NOT_REAL, NO_CLAIM, LOCKED, DAMAGED, PERMISSION, STALE, IO.
 * Since 0.1.
 */
PCIPT_API int pcipt_claim_forget(struct pcipt_context *ctx, struct pcipt_claim *claim,
				 struct pcipt_error **error);

/**
 * pcipt_claim_list - all claims, ordered by name
 *
 * A damaged record doesn't fail the list, nor do two that name the same device:
 * pcipt_claim_list_problem_at().
 * Errors: INVALID, NO_MEMORY, BAD_ROOT, PERMISSION, IO. Since 0.1.
 */
PCIPT_API int pcipt_claim_list(struct pcipt_context *ctx, struct pcipt_claim_list **list,
			       struct pcipt_error **error);
PCIPT_API struct pcipt_claim_list *pcipt_claim_list_ref(struct pcipt_claim_list *list);
PCIPT_API struct pcipt_claim_list *pcipt_claim_list_unref(struct pcipt_claim_list *list);
PCIPT_API size_t pcipt_claim_list_count(const struct pcipt_claim_list *list);
/** The i-th claim, borrowed from the list; NULL past the end. */
PCIPT_API struct pcipt_claim *pcipt_claim_list_at(const struct pcipt_claim_list *list, size_t i);
PCIPT_API size_t pcipt_claim_list_problem_count(const struct pcipt_claim_list *list);
/**
 * The i-th record that could not be read (DAMAGED, IO), or that names a device that an earlier one
 * of the list names too (CLAIMED); borrowed, NULL past the end.
 */
PCIPT_API const struct pcipt_error *
pcipt_claim_list_problem_at(const struct pcipt_claim_list *list, size_t i);

/**
 * pcipt_claim_find - one claim, by its name or by the full address of a device in it
 *
 * Errors: NO_CLAIM, and those of pcipt_claim_list(). Since 0.1.
 */
PCIPT_API int pcipt_claim_find(struct pcipt_context *ctx, const char *name_or_address,
			       struct pcipt_claim **claim, struct pcipt_error **error);

PCIPT_API struct pcipt_claim *pcipt_claim_ref(struct pcipt_claim *claim);
PCIPT_API struct pcipt_claim *pcipt_claim_unref(struct pcipt_claim *claim);
PCIPT_API const char *pcipt_claim_get_name(const struct pcipt_claim *claim);
/** An enum pcipt_claim_state. */
PCIPT_API int pcipt_claim_get_state(const struct pcipt_claim *claim);
/** Free text, or NULL. */
PCIPT_API const char *pcipt_claim_get_owner(const struct pcipt_claim *claim);
/** The driver that the claim's devices have. */
PCIPT_API const char *pcipt_claim_get_driver(const struct pcipt_claim *claim);
/** Since when it is in its state, RFC 3339 in UTC. */
PCIPT_API const char *pcipt_claim_get_since(const struct pcipt_claim *claim);
/** Whether it outlives the boot: its record lies in the state folder. Since 0.1. */
PCIPT_API bool pcipt_claim_is_persistent(const struct pcipt_claim *claim);
/**
 * Why it is in its state, a code of doc/catalogue.md ("absent") or of pcipt_report_action_reason();
 * "under-way" while somebody is at it (binding, releasing, pending). And the same as a
 * sentence that says what it waits for and what to do; NULL where there is nothing to
 * say (a healthy bound claim). Since 0.1.
 */
PCIPT_API const char *pcipt_claim_get_reason(const struct pcipt_claim *claim);
PCIPT_API const char *pcipt_claim_get_message(const struct pcipt_claim *claim);
/** When its state is looked at again at the latest, RFC 3339 in UTC; NULL when it is bound. Since 0.1. */
PCIPT_API const char *pcipt_claim_get_deadline(const struct pcipt_claim *claim);
/** How often it was tried in this state. Since 0.1. */
PCIPT_API uint32_t pcipt_claim_get_attempts(const struct pcipt_claim *claim);
/** The devices of the claim: those that were bound and those that were pinned. */
PCIPT_API size_t pcipt_claim_device_count(const struct pcipt_claim *claim);
PCIPT_API const char *pcipt_claim_device_address(const struct pcipt_claim *claim, size_t i);
PCIPT_API const char *pcipt_claim_device_identity(const struct pcipt_claim *claim, size_t i);
/** The driver it had before the claim, or NULL for none. */
PCIPT_API const char *pcipt_claim_device_driver_before(const struct pcipt_claim *claim, size_t i);
/** The override it had before the claim, or NULL for none. */
PCIPT_API const char *pcipt_claim_device_override_before(const struct pcipt_claim *claim, size_t i);
/**
 * Whether somebody else had bound it before the claim, which has adopted it: then what it was
 * before is not what was seen, but what its ids and modules.alias say; no driver where they
 * don't tell. Since 0.1.
 */
PCIPT_API bool pcipt_claim_device_is_inferred(const struct pcipt_claim *claim, size_t i);
/** Its enum pcipt_role in the set that was bound; -1 past the end. */
PCIPT_API int pcipt_claim_device_role(const struct pcipt_claim *claim, size_t i);

/** The claim as it stands in `claims[]`; a new string. Errors: INVALID, NO_MEMORY. Since 0.1. */
PCIPT_API int pcipt_claim_to_json(const struct pcipt_claim *claim, char **json,
				  struct pcipt_error **error);

PCIPT_END_DECLS

#endif
