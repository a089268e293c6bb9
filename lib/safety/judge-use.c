/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host uses the devices for: each use that a collector found is a finding. */
#include "safety/judge.h"

/* The code that a use raises, and what to say: of the address, and of what uses it. */
static const struct {
	const char *code, *message;
} rows[PCIPT_N_USES] = {
	[PCIPT_USE_ROOT] = { "root-disk", "%s carries %s, which this system runs or boots from" },
	[PCIPT_USE_SWAP] = { "swap", "%s carries the swap space %s" },
	[PCIPT_USE_MOUNT] = { "mounted-filesystem", "%s carries the mounted file system %s" },
	[PCIPT_USE_STACKED] = { "block-holder", "%s carries a part of %s" },
	[PCIPT_USE_DISK_OPEN] = { "block-open", "%s carries a disk that is open: %s" },
	[PCIPT_USE_SIGNATURE] = { "block-signature", "%s carries data that is not in use: %s" },
	[PCIPT_USE_ADDRESS] = { "net-address", "%s is the network interface of %s" },
	[PCIPT_USE_ROUTE] = { "default-route", "%s is the way of %s" },
	[PCIPT_USE_ENSLAVED] = { "net-enslaved", "%s is a part of %s" },
	[PCIPT_USE_CONSOLE] = { "console-framebuffer", "%s shows %s" },
	[PCIPT_USE_USB] = { "usb-in-use", "%s is the USB controller of %s" },
	[PCIPT_USE_HELD] = { "held-open", "%s is held open by %s" },
	[PCIPT_USE_FOREIGN] = { "foreign-owner", "%s is wanted by %s" },
	[PCIPT_USE_UNKNOWN] = { "unreadable", "%s: %s could not be found out" },
	[PCIPT_USE_UNKNOWN_HARMLESS] = { "unreadable", "%s: %s could not be found out" },
};

static void judge_use(struct judgement *j, const struct pcipt_use *use)
{
	FIND(j, rows[use->kind].code, use->device,
	     pcipt_format(rows[use->kind].message, use->device->address, use->what),
	     strdup(use->evidence), use->remedy ? strdup(use->remedy) : NULL);
	if (use->kind == PCIPT_USE_UNKNOWN_HARMLESS)
		pcipt_finding_soften_last(&j->set->findings);
}

void pcipt_judge_uses(struct judgement *j)
{
	const struct pcipt_uses *uses = &j->evidence->uses;

	for (size_t i = 0; i < uses->n; i++)
		judge_use(j, &uses->items[i]);
	j->set->findings.no_memory |= uses->no_memory;
}

int pcipt_refuse_uses(const struct pcipt_uses *uses, const struct pcipt_options *options,
		      struct pcipt_error **error)
{
	const struct pcipt_evidence evidence = { .uses = *uses };
	struct pcipt_set set = { 0 };
	struct judgement j = { &set, &evidence };
	int r = 0;

	pcipt_judge_uses(&j);
	pcipt_findings_settle(&set.findings, options);
	if (set.findings.no_memory)
		r = pcipt_fail_memory(error);
	else if (!pcipt_findings_are_clear(&set.findings))
		r = pcipt_fail_refused(error, &set);
	pcipt_findings_clear(&set.findings);
	return r;
}
