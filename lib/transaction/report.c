/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report object: what became of each record that was looked into. */
#include <errno.h>

#include "base/json.h"
#include "transaction/transaction.h"

enum { CLAIM, FROM, TO, REASON, MESSAGE, N_TEXTS };

static const char *const keys[N_TEXTS] = { "claim", "from", "to", "reason", "message" };

struct action {
	char *texts[N_TEXTS];
};

struct pcipt_report {
	struct pcipt_refs refs;
	struct action *actions;
	size_t n;
};

static void report_destroy(struct pcipt_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		for (int k = 0; k < N_TEXTS; k++)
			free(report->actions[i].texts[k]);
	free(report->actions);
	free(report);
}

PCIPT_DEFINE_REFS(report, report_destroy)

struct pcipt_report *pcipt_report_new(void)
{
	struct pcipt_report *report = calloc(1, sizeof(*report));

	if (report)
		pcipt_refs_init(&report->refs);
	return report;
}

void pcipt_report_note(struct pcipt_report *report, const char *claim, const char *from,
		       const char *to, const char *reason, const char *message)
{
	const char *const texts[N_TEXTS] = { claim, from, to, reason, message };
	bool ok = true;

	if (!report || !pcipt_grow(&report->actions, report->n))
		return;
	for (int k = 0; k < N_TEXTS; k++)
		report->actions[report->n].texts[k] = pcipt_dup(texts[k], &ok);
	report->n++;
}

void pcipt_report_note_problems(struct pcipt_report *report, const struct pcipt_records *records)
{
	for (size_t i = 0; i < records->n_problems; i++) {
		const struct pcipt_error *problem = records->problems[i];
		_cleanup_free_ char *message = pcipt_format("%s. %s", pcipt_error_get_message(problem),
							    pcipt_error_get_remedy(problem));

		pcipt_report_note(report, pcipt_error_get_path(problem), "damaged", "damaged",
				  pcipt_error_get_name(problem), message);
	}
}

static void remove_claim(struct pcipt_report *report, const char *claim)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->n; i++) {
		if (!pcipt_streq(report->actions[i].texts[CLAIM], claim)) {
			report->actions[kept++] = report->actions[i];
			continue;
		}
		for (int k = 0; k < N_TEXTS; k++)
			free(report->actions[i].texts[k]);
	}
	report->n = kept;
}

void pcipt_report_append(struct pcipt_report *report, const struct pcipt_report *later)
{
	for (size_t i = 0; later && i < later->n; i++) {
		char *const *texts = later->actions[i].texts;

		remove_claim(report, texts[CLAIM]);
		pcipt_report_note(report, texts[CLAIM], texts[FROM], texts[TO], texts[REASON],
				  texts[MESSAGE]);
	}
}

size_t pcipt_report_action_count(const struct pcipt_report *report)
{
	return report ? report->n : 0;
}

static const char *text_at(const struct pcipt_report *report, size_t i, int k)
{
	return report && i < report->n ? report->actions[i].texts[k] : NULL;
}

const char *pcipt_report_action_claim(const struct pcipt_report *report, size_t i)
{
	return text_at(report, i, CLAIM);
}

const char *pcipt_report_action_from(const struct pcipt_report *report, size_t i)
{
	return text_at(report, i, FROM);
}

const char *pcipt_report_action_to(const struct pcipt_report *report, size_t i)
{
	return text_at(report, i, TO);
}

const char *pcipt_report_action_reason(const struct pcipt_report *report, size_t i)
{
	return text_at(report, i, REASON);
}

const char *pcipt_report_action_message(const struct pcipt_report *report, size_t i)
{
	return text_at(report, i, MESSAGE);
}

int pcipt_report_to_json(const struct pcipt_report *report, char **json,
			 struct pcipt_error **error)
{
	struct json_object *o, *array, *action;

	if (!report || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	o = pcipt_json_object();
	array = pcipt_json_array(o, "actions");
	for (size_t i = 0; i < report->n; i++) {
		action = pcipt_json_object();
		for (int k = 0; k < N_TEXTS; k++)
			pcipt_json_text(action, keys[k], report->actions[i].texts[k]);
		pcipt_json_append(array, action);
	}
	*json = pcipt_json_print(o);
	return *json ? 0 : pcipt_fail_memory(error);
}
