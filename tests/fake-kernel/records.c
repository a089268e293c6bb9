/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel's records: files that outlive contexts, in memory. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

static struct sim_record *find_record(const struct sim *sim, const char *folder, const char *name)
{
	for (size_t i = 0; i < sim->n_records; i++)
		if ((!folder || strcmp(sim->records[i].folder, folder) == 0) &&
		    strcmp(sim->records[i].name, name) == 0)
			return (struct sim_record *)&sim->records[i];
	return NULL;
}

size_t sim_record_count(const struct sim *sim)
{
	return sim->n_records;
}

const char *sim_record(const struct sim *sim, const char *name)
{
	const struct sim_record *record = find_record(sim, NULL, name);

	return record ? record->text : NULL;
}

const char *sim_record_folder(const struct sim *sim, const char *name)
{
	const struct sim_record *record = find_record(sim, NULL, name);

	return record ? record->folder : NULL;
}

void sim_put_record(struct sim *sim, const char *folder, const char *name, const char *text)
{
	struct sim_record *record = find_record(sim, folder, name);

	if (!record) {
		if (sim->n_records == SIM_MAX_RECORDS)
			abort();
		record = &sim->records[sim->n_records++];
		record->folder = strdup(folder);
		record->name = strdup(name);
	} else {
		free(record->text);
	}
	record->text = strdup(text);
}

static void take_record(struct sim *sim, struct sim_record *record)
{
	free(record->folder);
	free(record->name);
	free(record->text);
	*record = sim->records[--sim->n_records];
}

void sim_take_record(struct sim *sim, const char *name)
{
	struct sim_record *record = find_record(sim, NULL, name);

	if (record)
		take_record(sim, record);
}

int sim_record_write(struct pcipt_kernel *k, const char *folder, const char *name,
		     const char *text, bool exclusive)
{
	struct sim *sim = sim_of(k);
	char *what = pcipt_format("record-write %s", name);
	struct sim_verdict verdict = sim_next(sim, SIM_RECORD_WRITE, what);
	int r = exclusive && find_record(sim, folder, name) ? -EEXIST : 0;

	if (verdict.happens && r == 0)
		sim_put_record(sim, folder, name, text);
	r = verdict.answer ? verdict.answer : r;
	sim_note(sim, what, r);
	free(what);
	return r;
}

int sim_record_read(struct pcipt_kernel *k, const char *folder, const char *name, char **text,
		    size_t *length)
{
	struct sim *sim = sim_of(k);
	char *what = pcipt_format("record-read %s", name);
	struct sim_verdict verdict = sim_next(sim, SIM_RECORD_READ, what);
	const struct sim_record *record = find_record(sim, folder, name);
	int r = verdict.answer ? verdict.answer : record ? 0 : -ENOENT;

	if (r == 0) {
		*text = strdup(record->text);
		*length = strlen(record->text);
	}
	sim_note(sim, what, r);
	free(what);
	return r;
}

int sim_record_remove(struct pcipt_kernel *k, const char *folder, const char *name)
{
	struct sim *sim = sim_of(k);
	char *what = pcipt_format("record-remove %s", name);
	struct sim_verdict verdict = sim_next(sim, SIM_RECORD_REMOVE, what);
	struct sim_record *record = find_record(sim, folder, name);
	int r = record ? 0 : -ENOENT;

	if (record && verdict.happens)
		take_record(sim, record);
	r = verdict.answer ? verdict.answer : r;
	sim_note(sim, what, r);
	free(what);
	return r;
}

int sim_record_each(struct pcipt_kernel *k, const char *folder, pcipt_record_fn fn, void *data)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict = sim_next(sim, SIM_RECORD_LIST, "record-list");
	int r = verdict.answer;

	sim_note(sim, "record-list", r);
	for (size_t i = 0; r == 0 && i < sim->n_records; i++) {
		char *name = strdup(sim->records[i].name), *text = NULL;
		size_t length = 0;

		if (strcmp(sim->records[i].folder, folder) == 0 && pcipt_is_record_name(name)) {
			int result = sim_record_read(k, folder, name, &text, &length);

			r = fn(data, name, result, text, length);
		}
		free(name);
		free(text);
	}
	return r;
}
