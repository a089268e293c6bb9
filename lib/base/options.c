/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options. What only a later layer can check is set there: allowed findings in
 * safety/allow.c, a claim's name in claims/name.c.
 */
#include "base/options.h"

#include <errno.h>

static void options_destroy(struct pcipt_options *options)
{
	for (size_t i = 0; i < options->n_allow; i++) {
		free(options->allow[i].code);
		free(options->allow[i].address);
	}
	free(options->allow);
	free(options->driver);
	free(options->name);
	free(options->owner);
	free(options->for_claim);
	free(options);
}

PCIPT_DEFINE_REFS(options, options_destroy)

int pcipt_options_new(struct pcipt_options **out, struct pcipt_error **error)
{
	struct pcipt_options *options;

	if (!out)
		return pcipt_fail_argument(error, __func__, "no place for the options");
	options = calloc(1, sizeof(*options));
	if (!options)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&options->refs);
	options->cancel_fd = -1;
	*out = options;
	return 0;
}

struct pcipt_options *pcipt_options_copy(const struct pcipt_options *from)
{
	struct pcipt_options *to = NULL;
	bool ok = true;

	if (!from || pcipt_options_new(&to, NULL) < 0)
		return NULL;
	to->driver = pcipt_dup(from->driver, &ok);
	to->name = pcipt_dup(from->name, &ok);
	to->owner = pcipt_dup(from->owner, &ok);
	to->with_set = from->with_set;
	to->with_companions = from->with_companions;
	to->persistent = from->persistent;
	to->now = from->now;
	to->for_claim = pcipt_dup(from->for_claim, &ok);
	to->timeout_ms = from->timeout_ms;
	to->cancel_fd = from->cancel_fd;
	to->progress = from->progress;
	to->progress_data = from->progress_data;
	to->allow = calloc(from->n_allow + 1, sizeof(*to->allow));
	for (size_t i = 0; to->allow && i < from->n_allow; i++) {
		to->allow[i].host = from->allow[i].host;
		to->allow[i].code = pcipt_dup(from->allow[i].code, &ok);
		to->allow[i].address = pcipt_dup(from->allow[i].address, &ok);
		to->n_allow++;
	}
	return ok && to->allow ? to : pcipt_options_unref(to);
}

void pcipt_options_set_now(struct pcipt_options *options, bool yes)
{
	if (options)
		options->now = yes;
}

void pcipt_options_set_timeout_ms(struct pcipt_options *options, uint32_t ms)
{
	if (options)
		options->timeout_ms = ms;
}

void pcipt_options_set_cancel_fd(struct pcipt_options *options, int fd)
{
	if (options)
		options->cancel_fd = fd < 0 ? -1 : fd;
}

void pcipt_options_set_progress(struct pcipt_options *options, pcipt_progress_fn fn, void *data)
{
	if (!options)
		return;
	options->progress = fn;
	options->progress_data = data;
}

/* It becomes part of a path in sysfs and a line for modprobe. */
static bool is_driver_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n < 64 && !s[n] && s[0] != '-';
}

int pcipt_options_set_driver(struct pcipt_options *options, const char *driver,
			     struct pcipt_error **error)
{
	char *copy;

	if (!options || !driver || !is_driver_name(driver))
		return pcipt_fail(error, PCIPT_E_INVALID,
				  &(struct pcipt_error_facts){
					  .remedy = "Give a driver's name, such as vfio-pci" },
				  "\"%s\" can't be a driver's name", driver ? driver : "");
	copy = strdup(driver);
	if (!copy)
		return pcipt_fail_memory(error);
	free(options->driver);
	options->driver = copy;
	return 0;
}

void pcipt_options_set_persistent(struct pcipt_options *options, bool yes)
{
	if (options)
		options->persistent = yes;
}

void pcipt_options_set_with_set(struct pcipt_options *options, bool yes)
{
	if (options)
		options->with_set = yes;
}

void pcipt_options_set_with_companions(struct pcipt_options *options, bool yes)
{
	if (options)
		options->with_companions = yes;
}

int pcipt_options_set_owner(struct pcipt_options *options, const char *owner,
			    struct pcipt_error **error)
{
	char *copy;

	if (!options || (owner && strlen(owner) > 255))
		return pcipt_fail_argument(error, __func__, "no options, or a text over 255 bytes");
	/* Nobody is told by NULL alone. */
	copy = owner && *owner ? strdup(owner) : NULL;
	if (owner && *owner && !copy)
		return pcipt_fail_memory(error);
	if (copy)
		pcipt_text_neutralise(copy);
	free(options->owner);
	options->owner = copy;
	return 0;
}
