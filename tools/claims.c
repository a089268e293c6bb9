/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt claims and status: who holds what, and since when. */
#include "common.h"

#define DAMAGED_TOLD 2

void append_claim(struct tool *t, const struct pcipt_claim *claim)
{
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_claim_to_json(claim, &text, &error) != 0)
		(void)fail(t, error);
	else
		out_append(t, "claims", take_json(text));
}

static void print_line(const struct pcipt_claim *claim)
{
	const char *owner = pcipt_claim_get_owner(claim);

	say(stdout, "%-24s  %-9s  since %s", pcipt_claim_get_name(claim),
	    pcipt_claim_state_name(pcipt_claim_get_state(claim)), pcipt_claim_get_since(claim));
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++)
		say(stdout, "%s%s", i ? " " : "  ", pcipt_claim_device_address(claim, i));
	if (owner)
		say(stdout, "  (%s)", owner);
	say(stdout, "\n");
}

/* What it waits for and since when it can't go on, where there is such a thing. */
static void print_reason(const struct pcipt_claim *claim)
{
	const char *deadline = pcipt_claim_get_deadline(claim);

	if (pcipt_claim_get_reason(claim))
		say(stdout, "  reason  %s: %s\n", pcipt_claim_get_reason(claim),
		    pcipt_claim_get_message(claim));
	if (deadline)
		say(stdout, "  again   %s, after %zu attempts\n", deadline,
		    (size_t)pcipt_claim_get_attempts(claim));
}

static void print_block(const struct pcipt_claim *claim)
{
	say(stdout, "claim %s\n", pcipt_claim_get_name(claim));
	say(stdout, "  state   %s since %s\n",
	    pcipt_claim_state_name(pcipt_claim_get_state(claim)), pcipt_claim_get_since(claim));
	print_reason(claim);
	say(stdout, "  kept    %s\n",
	    pcipt_claim_is_persistent(claim) ? "over reboots" : "until the next reboot");
	say(stdout, "  owner   %s\n", pcipt_claim_get_owner(claim));
	say(stdout, "  driver  %s\n", pcipt_claim_get_driver(claim));
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++) {
		const char *before = pcipt_claim_device_driver_before(claim, i);
		const char *override = pcipt_claim_device_override_before(claim, i);

		bool inferred = pcipt_claim_device_is_inferred(claim, i);

		say(stdout, "  %-12s  %-13s  was on %s%s%s%s\n      %s\n",
		    pcipt_claim_device_address(claim, i),
		    pcipt_role_name(pcipt_claim_device_role(claim, i)),
		    before	? before :
		    inferred	? "an unknown driver" :
				  "no driver",
		    override ? ", override " : "", override ? override : "",
		    inferred ? " (inferred: it was bound already)" : "",
		    pcipt_claim_device_identity(claim, i));
	}
}

static void tell_damaged(struct tool *t, const struct pcipt_claim_list *list)
{
	size_t n = pcipt_claim_list_problem_count(list);
	size_t told = t->out || t->verbose > 0 || n <= DAMAGED_TOLD ? n : DAMAGED_TOLD;

	for (size_t i = 0; i < told; i++)
		tell_problem(t, pcipt_claim_list_problem_at(list, i));
	if (told < n)
		say(stderr, "pcipt: and %zu more such problems (-v tells them)\n", n - told);
}

int verb_claims(struct tool *t)
{
	_cleanup_(clear_picks) struct picks picks = { 0 };
	int status = t->n_args ? make_picks(t, &picks) : open_picks(t, &picks);
	bool in_full = t->verb != find_verb("claims");

	if (!picks.list)
		return status;
	for (size_t i = 0; i < picks.n; i++) {
		if (t->n_args && !picks.claims[i].picked)
			continue;
		if (t->out)
			append_claim(t, picks.claims[i].claim);
		else if (in_full)
			print_block(picks.claims[i].claim);
		else
			print_line(picks.claims[i].claim);
	}
	if (picks.n == 0 && !t->n_args && !t->out)
		say(stdout, "no claims\n");
	/* An error has three lines; that of a claim not found says that records are damaged. */
	if (t->status == 0 || t->out || t->verbose > 0)
		tell_damaged(t, picks.list);
	if (in_full && !t->n_args)
		tell_unclaimed(t, picks.list);
	return t->status;
}
