/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which claims the arguments of `release` and `status` mean: a claim's name, or a
 * selector of devices. A device that has vanished still finds its claim.
 */
#include <string.h>

#include "common.h"

void clear_picks(struct picks *picks)
{
	for (size_t i = 0; i < picks->n; i++)
		free(picks->claims[i].devices);
	free(picks->claims);
	(void)pcipt_snapshot_unref(picks->snap);
	(void)pcipt_claim_list_unref(picks->list);
}

int open_picks(struct tool *t, struct picks *picks)
{
	struct pcipt_error *error = NULL;
	size_t n;

	if (pcipt_claim_list(t->ctx, &picks->list, &error) != 0)
		return fail(t, error);
	n = pcipt_claim_list_count(picks->list);
	picks->claims = calloc(n + 1, sizeof(*picks->claims));
	if (!picks->claims)
		return fail_memory(t);
	for (; picks->n < n; picks->n++) {
		struct pick *pick = &picks->claims[picks->n];

		pick->claim = pcipt_claim_list_at(picks->list, picks->n);
		pick->devices = calloc(pcipt_claim_device_count(pick->claim) + 1,
				       sizeof(*pick->devices));
		if (!pick->devices)
			return fail_memory(t);
	}
	return 0;
}

static bool pick_name(struct picks *picks, const char *name)
{
	for (size_t i = 0; i < picks->n; i++) {
		struct pick *pick = &picks->claims[i];

		if (strcmp(pcipt_claim_get_name(pick->claim), name) != 0)
			continue;
		pick->picked = true;
		for (size_t j = 0; j < pcipt_claim_device_count(pick->claim); j++)
			pick->devices[j] = true;
		return true;
	}
	return false;
}

typedef const char *device_text(const struct pcipt_claim *claim, size_t i);

/* Picks the devices of claims by their address or identity. */
static bool pick_device(struct picks *picks, device_text *fact, const char *value)
{
	bool found = false;

	for (size_t i = 0; i < picks->n; i++) {
		struct pick *pick = &picks->claims[i];

		for (size_t j = 0; j < pcipt_claim_device_count(pick->claim); j++) {
			const char *text = fact(pick->claim, j);

			if (!text || strcmp(text, value) != 0)
				continue;
			pick->picked = pick->devices[j] = true;
			found = true;
		}
	}
	return found;
}

/*
 * A device that isn't there any more can't be asked for its full address. The
 * library has found no fault with the selector's form.
 */
static bool pick_vanished(struct picks *picks, const char *selector)
{
	unsigned int domain = 0, bus, device, function;
	char address[32], rest;

	if (strncmp(selector, "identity=", 9) == 0)
		return pick_device(picks, pcipt_claim_device_identity, selector + 9);
	if (sscanf(selector, "%x:%x:%x.%x%c", &domain, &bus, &device, &function, &rest) != 4) {
		domain = 0;
		if (sscanf(selector, "%x:%x.%x%c", &bus, &device, &function, &rest) != 3)
			return false;
	}
	(void)snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", domain, bus, device,
		       function);
	return pick_device(picks, pcipt_claim_device_address, address);
}

/* What could be a claim's name but is none, is a claim that doesn't exist. */
static bool is_name(const char *text)
{
	size_t length = strlen(text);

	return length >= 1 && length <= 63 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._-") == length;
}

static int fail_unclaimed(struct tool *t, struct pcipt_device *const *devices, size_t n)
{
	const char *address = pcipt_device_get_address(devices[0]);
	const char *driver = pcipt_device_get_driver(devices[0]);

	if (n > 1)
		return fail_with(t, PCIPT_E_NO_CLAIM, NULL, "\"pcipt claims\" lists all claims.",
				 "none of these %zu devices is in a claim: %s and others", n,
				 address);
	if (pcipt_device_has_vfio_driver(devices[0]))
		return fail_with(t, PCIPT_E_NO_CLAIM, address,
				 "Release it with the program that bound it.",
				 "%s is on %s, but in no claim: somebody else bound it, it is left "
				 "alone",
				 address, driver);
	return fail_with(t, PCIPT_E_NO_CLAIM, address, "\"pcipt claims\" lists all claims.",
			 "%s is in no claim; its driver is %s", address, driver ? driver : "none");
}

static int pick_selector(struct tool *t, struct picks *picks, const char *selector)
{
	struct pcipt_device **devices = NULL;
	struct pcipt_error *error = NULL;
	bool found = false;
	size_t n = 0;
	int status = picks->snap ? 0 : pcipt_snapshot_new(t->ctx, &picks->snap, &error);

	if (!status)
		status = pcipt_snapshot_find_all(picks->snap, selector, &devices, &n, &error);
	if (status) {
		if (status != PCIPT_E_SYNTAX && pick_vanished(picks, selector)) {
			(void)pcipt_error_unref(error);
			return 0;
		}
		return fail(t, error);
	}
	for (size_t i = 0; i < n; i++)
		found |= pick_device(picks, pcipt_claim_device_address,
				     pcipt_device_get_address(devices[i]));
	/* Where claims can't be read, that is the failure, and it is told already. */
	if (!found && picks->list)
		status = fail_unclaimed(t, devices, n);
	pcipt_free(devices);
	return status;
}

static int pick_argument(struct tool *t, struct picks *picks, const char *argument)
{
	bool damaged;

	if (pick_name(picks, argument))
		return 0;
	if (!is_name(argument))
		return pick_selector(t, picks, argument);
	if (!picks->list)
		return 0;
	damaged = pcipt_claim_list_problem_count(picks->list) > 0;
	return fail_with(t, PCIPT_E_NO_CLAIM, NULL,
			 damaged ? "Some records can't be used: \"pcipt claims\" tells which." :
				   "\"pcipt claims\" lists all claims.",
			 "there is no claim \"%s\"", argument);
}

int make_picks(struct tool *t, struct picks *picks)
{
	int status = open_picks(t, picks);

	/* All arguments, though claims can't be read: a wrong address weighs more than that. */
	for (size_t i = 0; i < t->n_args; i++)
		status = worse(status, pick_argument(t, picks, t->args[i]));
	return status;
}
