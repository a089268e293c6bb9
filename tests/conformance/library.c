/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's own calls, and every write that it makes for them. */
#include <libpcipt/libpcipt.h>

#include "run.h"

/* "echo vfio-pci > /sys/… : done (0.4 ms)": all but the time is the same every time. */
static void hear(void *data, int level, const char *text)
{
	struct run *run = data;
	size_t used = strlen(run->said);
	const char *time = strrchr(text, '(');
	char *line;

	(void)level;
	if (!time || !strstr(time, " ms)"))
		return;
	line = unresolve(run, text);
	snprintf(run->said + used, sizeof(run->said) - used, "\n    %.*s",
		 (int)(strrchr(line, '(') - line - 1), line);
	free(line);
}

void hear_library(struct run *run)
{
	pcipt_context_set_log(run->ctx, hear, run, PCIPT_LOG_DEBUG);
}

/* A refusal is told by its first finding. */
static const char *set_finding(struct pcipt_set *set)
{
	return pcipt_set_is_safe(set) ? NULL : pcipt_set_finding_message(set, 0);
}

static char *told(struct run *run, int r, struct pcipt_error *error, const char *more)
{
	char *message = unresolve(run, error ? pcipt_error_get_message(error) : "");
	char *all;

	all = words("%s%s%s%s%s%s", r == 0 ? "done" : pcipt_errc_name(r), *message ? ": " : "",
		    message, more ? ": " : "", more ? more : "", run->said);
	free(message);
	pcipt_error_unref(error);
	run->said[0] = '\0';
	return all;
}

static int make_set(struct run *run, char *rest, struct pcipt_set **set,
		    struct pcipt_error **error)
{
	struct pcipt_device *devices[MAX_NAMES];
	struct pcipt_snapshot *snap = NULL;
	int r = pcipt_snapshot_new(run->ctx, &snap, error);
	const char *name;
	size_t n = 0;

	while (r == 0 && n < MAX_NAMES && (name = strsep(&rest, " "))) {
		const struct named *named = find_name(run, name, strlen(name));

		r = pcipt_snapshot_find(snap, named ? named->address : name, &devices[n++], error);
	}
	if (r == 0)
		r = pcipt_set_new(snap, devices, n, NULL, set, error);
	pcipt_snapshot_unref(snap);
	return r;
}

char *library_bind(struct run *run, char *rest)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_options *options = NULL;
	struct pcipt_set *set = NULL;
	char *finding = NULL, *result;
	int r = make_set(run, rest, &set, &error);

	if (r == 0)
		finding = set_finding(set) ? unresolve(run, set_finding(set)) : NULL;
	if (r == 0)
		r = pcipt_bind(run->ctx, set, options, &claim, &error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	result = told(run, r, error, finding);
	free(finding);
	return result;
}

char *library_release(struct run *run, const char *name)
{
	const struct named *named = find_name(run, name, strlen(name));
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	int r = pcipt_claim_find(run->ctx, named ? named->address : name, &claim, &error);

	if (r == 0)
		r = pcipt_release(run->ctx, claim, NULL, &error);
	pcipt_claim_unref(claim);
	return told(run, r, error, NULL);
}
