/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allowing a finding: an option that only the table of findings can check. */
#include "safety/finding.h"

static int check_code(const char *code, struct pcipt_error **error)
{
	const struct pcipt_finding_row *row = pcipt_finding_row(code);

	if (!row)
		return pcipt_fail(error, PCIPT_E_INVALID,
				  &(struct pcipt_error_facts){
					  .remedy = "Use a code that `pcipt plan` printed" },
				  "there is no finding \"%s\"", code);
	if (strcmp(code, "set-incomplete") == 0)
		return pcipt_fail(error, PCIPT_E_INVALID,
				  &(struct pcipt_error_facts){
					  .remedy = "Name every device of the set, or accept it with "
						    "--with-set" },
				  "set-incomplete can't be allowed");
	if (row->severity == PCIPT_SEVERITY_HARD)
		return pcipt_fail(error, PCIPT_E_INVALID,
				  &(struct pcipt_error_facts){ .remedy = row->clears },
				  "%s is hard: it can't be allowed", code);
	return 0;
}

int pcipt_options_add_allow(struct pcipt_options *options, const char *code, const char *address,
			    struct pcipt_error **error)
{
	char text[PCIPT_ADDRESS_SIZE];
	struct pcipt_allow allow = { 0 };
	struct pcipt_address at;
	bool ok = true;
	int r;

	if (!options || !code)
		return pcipt_fail_argument(error, __func__, "no options or no code");
	r = check_code(code, error);
	if (r == 0 && address)
		r = pcipt_address_parse(address, &at, error);
	if (r < 0)
		return r;
	if (address)
		pcipt_address_print(at, text);
	allow.code = pcipt_dup(code, &ok);
	allow.address = pcipt_dup(address ? text : NULL, &ok);
	if (!ok || !pcipt_grow(&options->allow, options->n_allow)) {
		free(allow.code);
		free(allow.address);
		return pcipt_fail_memory(error);
	}
	options->allow[options->n_allow++] = allow;
	return 0;
}
