/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All records there are: who holds which device. */
#include <errno.h>
#include <stdio.h>

#include "usage/record.h"

static char *read_random(struct pcipt_kernel *k, const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "proc/sys/kernel/random/%s", name);
	return k->ops->read(k, PCIPT_AT_ROOT, path, text, sizeof(text)) > 0 ? strdup(text) : NULL;
}

void pcipt_record_set_boot(struct pcipt_record *record, struct pcipt_kernel *k)
{
	free(record->boot_id);
	record->boot_id = read_random(k, "boot_id");
	record->other_boot = false;
}

bool pcipt_record_set_id(struct pcipt_record *record, struct pcipt_kernel *k)
{
	free(record->id);
	record->id = read_random(k, "uuid");
	if (!record->id)
		record->id = pcipt_format("%.0f", k->ops->now(k) * 1e6);
	return record->id != NULL;
}

char *pcipt_records_folder(struct pcipt_context *ctx, bool persistent)
{
	return pcipt_format("%s/claims", persistent ? ctx->state_dir : ctx->runtime_dir);
}

void pcipt_records_clear(struct pcipt_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		pcipt_record_clear(&records->items[i]);
	for (size_t i = 0; i < records->n_problems; i++)
		pcipt_error_unref(records->problems[i]);
	free(records->items);
	free(records->problems);
	memset(records, 0, sizeof(*records));
}

struct reading {
	struct pcipt_kernel *kernel;
	const char *folder;
	bool persistent;
	struct pcipt_records *records;
};

static int add_problem(struct reading *reading, const char *file, int code, int errnum,
		       const char *why)
{
	_cleanup_free_ char *path = pcipt_format("%s/%s", reading->folder, file);
	struct pcipt_records *records = reading->records;
	struct pcipt_error *problem = NULL;

	if (!pcipt_grow(&records->problems, records->n_problems))
		return -ENOMEM;
	pcipt_fail(&problem, code,
		   &(struct pcipt_error_facts){
			   .path = path,
			   .errnum = errnum,
			   .remedy = "Look into the file; move it away if nobody needs it" },
		   "the record %s can't be used: %s", path ? path : file, why);
	records->problems[records->n_problems++] = problem;
	return 0;
}

/* Why a file is no record whatever is in it; NULL for one that only couldn't be read. */
static const char *never_a_record(int r)
{
	switch (-r) {
	case EBADMSG:
		return "somebody other than root could have written it";
	case ELOOP:
		return "it is a link";
	case ENXIO:
		return "it is no plain file";
	case EFBIG:
		return "it is larger than any record";
	default:
		return NULL;
	}
}

static int read_one(void *data, const char *file, int result, const char *text, size_t length)
{
	struct reading *reading = data;
	struct pcipt_records *records = reading->records;
	_cleanup_error_ struct pcipt_error *error = NULL;
	struct pcipt_record *record;
	int r;

	if (result == -ENOENT) /* ended meanwhile */
		return 0;
	if (result < 0 && never_a_record(result))
		return add_problem(reading, file, PCIPT_E_DAMAGED, 0, never_a_record(result));
	if (result < 0)
		return add_problem(reading, file, PCIPT_E_IO, -result, pcipt_errno_text(-result));
	if (!pcipt_grow(&records->items, records->n))
		return -ENOMEM;
	record = &records->items[records->n];
	r = pcipt_record_parse(text, length, record, &error);
	if (r < 0)
		return add_problem(reading, file, r, 0, pcipt_error_get_message(error));
	/* A record under another's name would be released twice, or never. */
	if (strncmp(file, record->name, strlen(file) - 5) != 0 ||
	    strlen(record->name) != strlen(file) - 5) {
		pcipt_record_clear(record);
		return add_problem(reading, file, PCIPT_E_DAMAGED, 0, "it bears another name");
	}
	record->persistent = reading->persistent;
	records->n++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct pcipt_record *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->persistent - (int)y->persistent;
}

/* What a record of another boot says of drivers went with that boot. */
static void mark_other_boots(struct pcipt_kernel *k, struct pcipt_records *records)
{
	char now[64];

	if (k->ops->read(k, PCIPT_AT_ROOT, "proc/sys/kernel/random/boot_id", now, sizeof(now)) <= 0)
		return;
	for (size_t i = 0; i < records->n; i++)
		records->items[i].other_boot =
			records->items[i].boot_id && strcmp(records->items[i].boot_id, now) != 0;
}

static int fail_folder(const char *folder, int r, struct pcipt_error **error)
{
	if (r == -ENOMEM)
		return pcipt_fail_memory(error);
	return pcipt_fail(error,
			  r == -EACCES	? PCIPT_E_PERMISSION :
			  r == -EBADMSG ? PCIPT_E_DAMAGED :
					  PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .path = folder,
				  .errnum = r == -EBADMSG ? 0 : -r,
				  .remedy = r == -EBADMSG ?
						    "Make root the folder's owner and take others' "
						    "right to write away" :
						    NULL },
			  "the records in %s can't be read: %s", folder,
			  r == -EBADMSG ? "others than root may write there" : pcipt_errno_text(-r));
}

static int list_folder(struct reading *reading, const char *folder, struct pcipt_error **error)
{
	int r;

	if (!folder)
		return pcipt_fail_memory(error);
	reading->folder = folder;
	r = reading->kernel->ops->record_each(reading->kernel, folder, read_one, reading);
	return r == 0 || r == -ENOENT ? 0 : fail_folder(folder, r, error);
}

static int read_folder(struct pcipt_context *ctx, struct reading *reading, bool persistent,
		       struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, persistent);

	reading->persistent = persistent;
	return list_folder(reading, folder, error);
}

/* In their order, when all could be read, else empty. */
static int finish(struct reading *reading, int r, struct pcipt_error **error)
{
	struct pcipt_records *records = reading->records;

	if (r < 0) {
		pcipt_records_clear(records);
		return r;
	}
	if (records->n > 1)
		qsort(records->items, records->n, sizeof(*records->items), compare_names);
	mark_other_boots(reading->kernel, records);
	if (pcipt_records_note_rivals(records))
		return 0;
	pcipt_records_clear(records);
	return pcipt_fail_memory(error);
}

int pcipt_records_read_from(struct pcipt_context *ctx, const char *folder,
			    struct pcipt_records *records, struct pcipt_error **error)
{
	struct reading reading = { .records = records };
	int r = pcipt_kernel_get(ctx, &reading.kernel, error);

	memset(records, 0, sizeof(*records));
	return finish(&reading, r == 0 ? list_folder(&reading, folder, error) : r, error);
}

int pcipt_records_read(struct pcipt_context *ctx, struct pcipt_records *records,
		       struct pcipt_error **error)
{
	struct reading reading = { .records = records };
	int r = pcipt_kernel_get(ctx, &reading.kernel, error);

	memset(records, 0, sizeof(*records));
	if (r == 0)
		r = read_folder(ctx, &reading, false, error);
	if (r == 0)
		r = read_folder(ctx, &reading, true, error);
	return finish(&reading, r, error);
}

const struct pcipt_record *pcipt_records_find(const struct pcipt_records *records,
					      const struct pcipt_record *claim)
{
	for (size_t i = 0; i < records->n; i++)
		if (pcipt_streq(records->items[i].name, claim->name) &&
		    pcipt_streq(records->items[i].id, claim->id) &&
		    records->items[i].persistent == claim->persistent)
			return &records->items[i];
	return NULL;
}

bool pcipt_record_holds_now(const struct pcipt_record *record)
{
	return !record->other_boot || record->persistent;
}

static bool holds(const struct pcipt_record *record, struct pcipt_address at, const char *identity)
{
	if (!pcipt_record_holds_now(record))
		return false;
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *device = &record->devices[i];

		if (record->other_boot && identity && device->identity ?
			    strcmp(device->identity, identity) == 0 :
			    pcipt_address_key(device->at) == pcipt_address_key(at))
			return true;
	}
	return false;
}

const struct pcipt_record *pcipt_records_holder(const struct pcipt_records *records,
						struct pcipt_address at, const char *identity)
{
	for (size_t i = 0; i < records->n; i++)
		if (holds(&records->items[i], at, identity))
			return &records->items[i];
	return NULL;
}

bool pcipt_records_has(const struct pcipt_records *records, const char *name, const char *id,
		       struct pcipt_address at, const char *identity)
{
	for (size_t i = 0; i < records->n; i++)
		if (pcipt_streq(records->items[i].name, name) &&
		    pcipt_streq(records->items[i].id, id) && holds(&records->items[i], at, identity))
			return true;
	return false;
}
