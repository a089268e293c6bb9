/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Findings. The codes, severities and standing remedies come from findings.def. */
#include "safety/finding.h"

#include "base/json.h"

static const struct pcipt_finding_row rows[] = {
#define FINDING(code, severity, text, clears) { code, PCIPT_SEVERITY_##severity, text, clears },
#include "safety/findings.def"
#undef FINDING
};

size_t pcipt_finding_code_count(void)
{
	return ARRAY_SIZE(rows);
}

const char *pcipt_finding_code_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? rows[i].code : NULL;
}

int pcipt_finding_code_severity(size_t i)
{
	return i < ARRAY_SIZE(rows) ? rows[i].severity : -1;
}

const char *pcipt_finding_code_text(size_t i)
{
	return i < ARRAY_SIZE(rows) ? rows[i].text : NULL;
}

const struct pcipt_finding_row *pcipt_finding_row(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].code, code) == 0)
			return &rows[i];
	return NULL;
}

void pcipt_finding_add(struct pcipt_findings *findings, const char *code,
		       const struct pcipt_device *device, char *message, char *evidence,
		       char *remedy)
{
	const struct pcipt_finding_row *row = pcipt_finding_row(code);

	if (!remedy)
		remedy = strdup(row->clears);
	if (!message || !evidence || !remedy || !pcipt_grow(&findings->items, findings->n)) {
		free(message);
		free(evidence);
		free(remedy);
		findings->no_memory = true;
		return;
	}
	pcipt_text_neutralise(message);
	pcipt_text_neutralise(evidence);
	findings->items[findings->n++] =
		(struct pcipt_finding){ row,	 row->severity, device, message,
					evidence, remedy,	false };
}

void pcipt_finding_soften_last(struct pcipt_findings *findings)
{
	if (findings->n > 0)
		findings->items[findings->n - 1].severity = PCIPT_SEVERITY_WARNING;
}

bool pcipt_finding_stands(const struct pcipt_finding *finding)
{
	return finding->severity != PCIPT_SEVERITY_WARNING && !finding->allowed;
}

static bool is_allowed(const struct pcipt_finding *finding, const struct pcipt_options *options)
{
	if (finding->severity != PCIPT_SEVERITY_BLOCKER || !options ||
	    strcmp(finding->row->code, "set-incomplete") == 0)
		return false;
	for (size_t i = 0; i < options->n_allow; i++) {
		const struct pcipt_allow *allow = &options->allow[i];

		if (strcmp(allow->code, finding->row->code) == 0 &&
		    (allow->host ? !finding->device :
		     !allow->address || pcipt_streq(allow->address,
						    pcipt_device_get_address(finding->device))))
			return true;
	}
	return false;
}

/* Gravest first, then by address: the same order whatever was asked first. */
static int compare(const void *x, const void *y)
{
	const struct pcipt_finding *a = x, *b = y;
	uint64_t ka = a->device ? pcipt_address_key(a->device->at) : 0;
	uint64_t kb = b->device ? pcipt_address_key(b->device->at) : 0;

	if (a->severity != b->severity)
		return a->severity - b->severity;
	if (ka != kb)
		return ka < kb ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

void pcipt_findings_settle(struct pcipt_findings *findings, const struct pcipt_options *options)
{
	for (size_t i = 0; i < findings->n; i++)
		findings->items[i].allowed = is_allowed(&findings->items[i], options);
	if (findings->n > 1)
		qsort(findings->items, findings->n, sizeof(*findings->items), compare);
}

bool pcipt_findings_are_clear(const struct pcipt_findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		if (pcipt_finding_stands(&findings->items[i]))
			return false;
	return true;
}

void pcipt_findings_clear(struct pcipt_findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->items[i].message);
		free(findings->items[i].evidence);
		free(findings->items[i].remedy);
	}
	free(findings->items);
	memset(findings, 0, sizeof(*findings));
}

struct json_object *pcipt_finding_json(const struct pcipt_finding *finding)
{
	struct json_object *o = pcipt_json_object();

	pcipt_json_text(o, "code", finding->row->code);
	pcipt_json_text(o, "severity", pcipt_severity_name(finding->severity));
	pcipt_json_text(o, "address", pcipt_device_get_address(finding->device));
	pcipt_json_text(o, "message", finding->message);
	pcipt_json_text(o, "evidence", finding->evidence);
	pcipt_json_text(o, "remedy", finding->remedy);
	pcipt_json_bool(o, "allowed", finding->allowed);
	return o;
}
