/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt forget: ends a claim whose devices are somebody else's business now. */
#include "common.h"

static void print_forgotten(const struct pcipt_claim *claim)
{
	say(stdout, "claim %s is forgotten; left as they are:", pcipt_claim_get_name(claim));
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++)
		say(stdout, " %s", pcipt_claim_device_address(claim, i));
	say(stdout, "\n");
}

int verb_forget(struct tool *t)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	int status = 0;

	if (pcipt_claim_find(t->ctx, t->args[0], &claim, &error) != 0 ||
	    pcipt_claim_forget(t->ctx, claim, &error) != 0)
		status = fail(t, error);
	else if (t->out)
		append_claim(t, claim);
	else
		print_forgotten(claim);
	pcipt_claim_unref(claim);
	return status;
}
