/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no claim accounts for: a device on a vfio driver, or with an override that keeps it from
 * the host's. Somebody else's work; or a claim's, whose record was deleted by hand, and which
 * can't say so any more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include <string.h>

#include "common.h"

#define UNCLAIMED_TOLD 2

/* Passthrough's drivers, and the name that no driver has. */
static bool keeps_from_host(const char *override)
{
	return override && (strstr(override, "vfio") || strcmp(override, "pci-stub") == 0 ||
			    strcmp(override, "pcipt-pinned") == 0);
}

static bool is_odd(struct pcipt_device *device)
{
	const char *driver = pcipt_device_get_driver(device), *override;

	if (pcipt_device_has_vfio_driver(device))
		return true;
	override = pcipt_device_get_driver_override(device);
	return keeps_from_host(override) && !(driver && strcmp(driver, override) == 0);
}

static int describe(struct pcipt_device *device, char **message, char **remedy)
{
	const char *address = pcipt_device_get_address(device);
	const char *driver = pcipt_device_get_driver(device);
	const char *override = pcipt_device_get_driver_override(device);

	*remedy = NULL;
	if (pcipt_device_has_vfio_driver(device))
		return asprintf(message, "%s is on %s, and no claim says who wants it", address,
				driver) < 0 ||
		       asprintf(remedy, "If nobody uses it, `pcipt bind --with-set --allow foreign-owner "
					"%s` takes it over, and a release gives it to its own driver",
				address) < 0;
	return asprintf(message, "%s %s%s, and its override %s %s: no claim says who wants that",
			address, driver ? "is on " : "has no driver", driver ? driver : "", override,
			driver ? "will take it from there" : "keeps it from one") < 0 ||
	       asprintf(remedy, "Run `pcipt recover`; if that changes nothing and nobody else wants it, "
				"`echo >/sys/bus/pci/devices/%s/driver_override; echo %s "
				">/sys/bus/pci/drivers_probe`",
			address, address) < 0;
}

static void tell(struct tool *t, struct pcipt_device *device, bool told)
{
	_cleanup_free_ char *message = NULL, *remedy = NULL;

	if (describe(device, &message, &remedy) != 0) {
		(void)fail_memory(t);
		return;
	}
	if (t->out)
		out_append(t, "problems",
			   new_error(PCIPT_E_NO_CLAIM, message, pcipt_device_get_address(device), remedy));
	else if (told)
		say(stderr, "pcipt: problem: %s. %s\n", message, remedy);
}

void tell_unclaimed(struct tool *t, const struct pcipt_claim_list *claims)
{
	_cleanup_(cleanup_snapshot) struct pcipt_snapshot *snap = NULL;
	_cleanup_(cleanup_error) struct pcipt_error *error = NULL;
	size_t n = 0;

	if (pcipt_snapshot_new(t->ctx, &snap, &error) != 0) {
		tell_problem(t, error);
		return;
	}
	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++) {
		struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);

		if (is_odd(device) && !claim_of(claims, pcipt_device_get_address(device)))
			tell(t, device, t->verbose > 0 || n++ < UNCLAIMED_TOLD);
	}
	if (!t->out && n > UNCLAIMED_TOLD)
		say(stderr, "pcipt: and %zu more such devices (-v tells them)\n", n - UNCLAIMED_TOLD);
	/* An override that can't be read may be such a one. */
	tell_problems(t, snap, NULL, 0);
}
