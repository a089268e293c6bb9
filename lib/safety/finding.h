/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Findings: what stands against a set, from one table of codes. */
#ifndef PCIPT_SAFETY_FINDING_H
#define PCIPT_SAFETY_FINDING_H

#include <libpcipt/set.h>

#include "base/options.h"
#include "inventory/inventory.h"

struct pcipt_finding_row {
	const char *code;
	int severity;
	const char *text;
	const char *clears;
};

const struct pcipt_finding_row *pcipt_finding_row(const char *code);

struct pcipt_finding {
	const struct pcipt_finding_row *row;
	int severity;
	const struct pcipt_device *device; /* NULL for a finding about the host */
	char *message;
	char *evidence;
	char *remedy;
	bool allowed;
};

struct pcipt_findings {
	struct pcipt_finding *items;
	size_t n;
	bool no_memory;
};

/*
 * Adds a finding; message, evidence and remedy are taken over, NULL meaning that
 * memory ran out. The remedy may be NULL by intent: then the table's stands.
 */
void pcipt_finding_add(struct pcipt_findings *findings, const char *code,
		       const struct pcipt_device *device, char *message, char *evidence,
		       char *remedy);
/* Makes the finding added last a warning: for checks that protect neither data nor reach. */
void pcipt_finding_soften_last(struct pcipt_findings *findings);
/* Whether it stands against the set: neither a warning nor allowed. */
bool pcipt_finding_stands(const struct pcipt_finding *finding);
/* Marks what the options allow, and puts the gravest first. */
void pcipt_findings_settle(struct pcipt_findings *findings, const struct pcipt_options *options);
bool pcipt_findings_are_clear(const struct pcipt_findings *findings);
void pcipt_findings_clear(struct pcipt_findings *findings);
struct json_object *pcipt_finding_json(const struct pcipt_finding *finding);

#endif
