/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drivers that have to be had first: a module that is loaded takes every device without a
 * driver that it matches, also those that are nobody's business here.
 */
#include <stdio.h>

#include "transaction/transaction.h"

struct taking {
	struct pcipt_transaction *t;
	const char *driver;
};

static int warn_of(void *data, const char *name)
{
	const struct taking *taking = data;
	struct pcipt_transaction *t = taking->t;
	struct pcipt_error *warning = NULL;
	struct pcipt_address at;

	if (!pcipt_address_scan(name, &at, NULL))
		return 0;
	for (size_t i = 0; i < t->plan->n_devices; i++)
		if (pcipt_address_key(t->plan->devices[i].at) == pcipt_address_key(at))
			return 0;
	pcipt_fail(&warning, PCIPT_E_STALE,
		   &(struct pcipt_error_facts){ .step = "load", .address = name },
		   "%s was bound to %s by loading it", name, taking->driver);
	pcipt_result_note_warning(t->result, warning);
	return 0;
}

void pcipt_transaction_warn_taken(struct pcipt_transaction *t, const char *driver)
{
	struct taking taking = { t, driver };

	t->kernel->ops->list(t->kernel, PCIPT_AT_PCI_DRIVERS, driver, warn_of, &taking);
}

/* ---- drivers that aren't there any more ---- */

bool pcipt_driver_module(struct pcipt_kernel *k, const char *driver, char **module)
{
	char path[300], link[PCIPT_ATTRIBUTE_MAX];
	bool ok = true;

	snprintf(path, sizeof(path), "%s/module", driver);
	if (k->ops->read_link(k, PCIPT_AT_PCI_DRIVERS, path, link, sizeof(link)) > 0)
		*module = pcipt_dup(pcipt_base_name(link), &ok);
	return ok;
}

struct missing {
	struct pcipt_steps loads;
	char (*drivers)[256]; /* what each of them must bring */
};

/* By the module that it came from, as the first of its devices remembers it, or by its name. */
static void add_missing(struct pcipt_transaction *t, struct missing *missing, size_t device,
			const char *driver)
{
	const char *module = device == PCIPT_NO_STEP_DEVICE ?
				     NULL :
				     t->plan->devices[device].before.module;
	size_t at = missing->loads.n;

	for (size_t i = 0; i < at; i++)
		if (pcipt_streq(missing->drivers[i], driver))
			return;
	pcipt_steps_add(&missing->loads, PCIPT_OP_LOAD, PCIPT_NO_STEP_DEVICE, NULL,
			module ? module : driver, NULL);
	if (missing->loads.n > at)
		strcpy(missing->drivers[at], driver);
}

static void find_missing(struct pcipt_transaction *t, const struct pcipt_steps *steps,
			 struct missing *missing)
{
	char driver[256], last[256] = "";

	for (size_t i = 0; i < steps->n; i++) {
		if (steps->items[i].op != PCIPT_OP_BIND)
			continue;
		pcipt_path_driver(steps->items[i].path, driver, sizeof(driver));
		if (strcmp(driver, last) != 0 &&
		    t->kernel->ops->exists(t->kernel, PCIPT_AT_PCI_DRIVERS, driver) == 0)
			add_missing(t, missing, steps->items[i].device, driver);
		strcpy(last, driver);
	}
}

void pcipt_transaction_load(struct pcipt_transaction *t, const struct pcipt_steps *steps)
{
	struct missing missing = { .drivers = calloc(steps->n + 1, sizeof(*missing.drivers)) };
	double now = t->kernel->ops->now(t->kernel), deadline = t->deadline;

	if (missing.drivers)
		find_missing(t, steps, &missing);
	/* One that hangs must not take the devices' time: without it they still are given back. */
	t->deadline = now + (deadline - now) / 2;
	for (size_t i = 0; i < missing.loads.n; i++) {
		struct pcipt_done done = { .step = &missing.loads.items[i],
					   .driver = missing.drivers[i] };

		pcipt_transaction_steps(t, &done, 1);
		if (done.result == 0)
			pcipt_transaction_warn_taken(t, missing.drivers[i]);
	}
	t->deadline = deadline;
	pcipt_steps_clear(&missing.loads);
	free(missing.drivers);
}
