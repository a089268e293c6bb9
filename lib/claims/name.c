/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of claims: what can be one, and one for a claim that was given none. */
#include "inventory/selector.h"

#include "claims/claims.h"

int pcipt_options_set_name(struct pcipt_options *options, const char *name,
			   struct pcipt_error **error)
{
	struct pcipt_selector selector;
	char *copy;

	if (!options)
		return pcipt_fail_argument(error, __func__, "no options");
	if (name && !pcipt_record_name_is_valid(name))
		return pcipt_fail(error, PCIPT_E_NAME,
				  &(struct pcipt_error_facts){
					  .remedy = "Use 1 to 63 of A-Z a-z 0-9 . _ - and begin with a "
						    "letter or digit" },
				  "\"%s\" can't be a claim's name", name);
	/* `release NAME` must never mean a device. */
	if (name && pcipt_selector_scan(name, &selector, NULL))
		return pcipt_fail(error, PCIPT_E_NAME,
				  &(struct pcipt_error_facts){
					  .remedy = "Choose a name that isn't an address" },
				  "\"%s\" names a device, so it can't be a claim's name", name);
	copy = name ? strdup(name) : NULL;
	if (name && !copy)
		return pcipt_fail_memory(error);
	free(options->name);
	options->name = copy;
	return 0;
}

char *pcipt_claim_default_name(const struct pcipt_set *set, unsigned int attempt)
{
	const char *address = NULL;
	char *name;

	for (size_t i = 0; !address && i < set->n_members; i++)
		if (set->members[i].role == PCIPT_ROLE_REQUESTED)
			address = set->members[i].device->address;
	name = attempt == 0 ? pcipt_format("pci-%s", address) :
			      pcipt_format("pci-%s-%u", address, attempt + 1);
	for (char *p = name; p && *p; p++)
		if (*p == ':')
			*p = '-';
	return name;
}
