/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A snapshot: the PCI devices and IOMMU groups of the machine at one moment.
 *
 * It is immutable, so any number of threads may read it without a lock. Ids,
 * class, driver and group are read when it is made; every other fact is read
 * when it is first asked for, once, and then stays. Devices and groups are
 * borrowed from the snapshot and live as long as it does.
 *
 * Nothing here waits for a device: an attribute behind a device's lock is read
 * under a deadline and is absent, with a problem, where that passes.
 */
#ifndef LIBPCIPT_SNAPSHOT_H
#define LIBPCIPT_SNAPSHOT_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/**
 * pcipt_snapshot_new - look at the machine
 *
 * A device that can't be read whole does not fail the snapshot: see
 * pcipt_snapshot_problem_at(). Needs no privilege.
 *
 * Errors: INVALID, NO_MEMORY, BAD_ROOT, NO_PCI (no PCI bus in this tree),
 * IO (the listing of all devices failed). Since 0.1.
 */
PCIPT_API int pcipt_snapshot_new(struct pcipt_context *ctx, struct pcipt_snapshot **snap,
				 struct pcipt_error **error);
/**
 * pcipt_snapshot_new_scoped - look at some devices and what belongs to them
 *
 * @addresses: n addresses, in either form. The snapshot holds those devices that
 * exist, the members of their IOMMU groups, the functions of their slots, the
 * bridges above them, and PF and VFs. Everything that a safe set of these devices
 * depends on is there, and the cost doesn't grow with the machine. Where something
 * stands in the way of finding them, the whole machine is looked at.
 *
 * Errors: as pcipt_snapshot_new(), and SYNTAX. Since 0.1.
 */
PCIPT_API int pcipt_snapshot_new_scoped(struct pcipt_context *ctx, const char *const *addresses,
					size_t n, struct pcipt_snapshot **snap,
					struct pcipt_error **error);
PCIPT_API struct pcipt_snapshot *pcipt_snapshot_ref(struct pcipt_snapshot *snap);
PCIPT_API struct pcipt_snapshot *pcipt_snapshot_unref(struct pcipt_snapshot *snap);

/** How many devices, bridges included, ordered by address. Since 0.1. */
PCIPT_API size_t pcipt_snapshot_device_count(const struct pcipt_snapshot *snap);
/** The i-th device, or NULL past the end. Since 0.1. */
PCIPT_API struct pcipt_device *pcipt_snapshot_device_at(const struct pcipt_snapshot *snap, size_t i);
/** How many IOMMU groups have devices here, ordered by number. Since 0.1. */
PCIPT_API size_t pcipt_snapshot_group_count(const struct pcipt_snapshot *snap);
/** The i-th group, or NULL past the end. Since 0.1. */
PCIPT_API struct pcipt_group *pcipt_snapshot_group_at(const struct pcipt_snapshot *snap, size_t i);

/**
 * pcipt_snapshot_find - the one device that a selector names
 *
 * @selector: an address ("0000:01:00.0", "01:00.0"), "vendor:device" in hex, or
 * KEY=VALUE with KEY one of slot, serial, class, group, identity. Looking
 * for a serial reads every device's configuration space.
 *
 * Errors: SYNTAX (the message points at the character), NO_DEVICE, AMBIGUOUS
 * (names the candidates), INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_snapshot_find(struct pcipt_snapshot *snap, const char *selector,
				  struct pcipt_device **device, struct pcipt_error **error);
/**
 * All devices that a selector names, in the order of their addresses.
 *
 * @devices receives a new array of *n borrowed devices, freed with pcipt_free().
 * Errors: as for pcipt_snapshot_find(), without AMBIGUOUS. Since 0.1.
 */
PCIPT_API int pcipt_snapshot_find_all(struct pcipt_snapshot *snap, const char *selector,
				      struct pcipt_device ***devices, size_t *n,
				      struct pcipt_error **error);

/**
 * What could not be read, as errors: device, path, errno. Facts that are read
 * later may add problems at the end. Since 0.1.
 */
PCIPT_API size_t pcipt_snapshot_problem_count(const struct pcipt_snapshot *snap);
/** The i-th problem, borrowed; NULL past the end. Since 0.1. */
PCIPT_API const struct pcipt_error *pcipt_snapshot_problem_at(const struct pcipt_snapshot *snap,
							      size_t i);

/**
 * The snapshot as the JSON object that `pcipt list --json` prints; flags are enum
 * pcipt_json_flags. A new string, freed with pcipt_free(). Errors: INVALID,
 * NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_snapshot_to_json(struct pcipt_snapshot *snap, uint32_t flags, char **json,
				     struct pcipt_error **error);

PCIPT_END_DECLS

#endif
