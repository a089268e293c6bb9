/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records on the disk: begun before the first kernel write, ended after the last. */
#include <errno.h>
#include <time.h>

#include "claims/claims.h"

/* The time in so many milliseconds, RFC 3339 in UTC; or NULL without memory. */
static char *utc_in(int64_t ms)
{
	time_t now = time(NULL) + (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return strdup(text);
}

static int fail_store(struct pcipt_context *ctx, const struct pcipt_record *record, int errnum,
		      struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, record->persistent);
	_cleanup_free_ char *path = pcipt_format("%s/%s.json", folder, record->name);
	const char *remedy = errnum == EEXIST ? "Choose another name, or release that claim" :
			     errnum == ENOSPC ? "Make room there, then try again" :
			     errnum == EBADMSG ? "Make root the folder's owner and take others' right "
						 "to write away" :
						 "Make the folder writable for this process";
	int code = errnum == EEXIST ? PCIPT_E_NAME :
		   errnum == EACCES || errnum == EROFS || errnum == EPERM ? PCIPT_E_PERMISSION :
		   errnum == EBADMSG ? PCIPT_E_DAMAGED :
				       PCIPT_E_IO;

	return pcipt_fail(error, code,
			  &(struct pcipt_error_facts){ .step = "record",
						       .path = path,
						       .errnum = errnum == EBADMSG ? 0 : errnum,
						       .remedy = remedy },
			  "the record of the claim %s can't be written: %s", record->name,
			  errnum == EEXIST  ? "a claim of this name exists" :
			  errnum == EBADMSG ? "others than root may write to its folder" :
					      pcipt_errno_text(errnum));
}

/* What is no final state is looked at again, `ms` from now at the latest. */
static bool set_times(struct pcipt_record *record, int64_t ms)
{
	free(record->since);
	free(record->deadline);
	record->since = utc_in(0);
	record->deadline = ms < 0 ? NULL : utc_in(ms);
	record->deadline_ms = ms < 0 ? -1 : pcipt_boot_ms() + ms;
	return record->since && (ms < 0 || record->deadline);
}

static int put(struct pcipt_context *ctx, struct pcipt_record *record, bool exclusive,
	       struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, record->persistent);
	_cleanup_free_ char *file = pcipt_format("%s.json", record->name);
	_cleanup_free_ char *text = pcipt_record_print(record);
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	if (!folder || !file || !text)
		return pcipt_fail_memory(error);
	r = k->ops->record_write(k, folder, file, text, exclusive);
	return r < 0 ? fail_store(ctx, record, -r, error) : 0;
}

/* A state that the call itself leads on from: it has the call's deadline, and an undo's. */
static int put_state(struct pcipt_context *ctx, struct pcipt_record *record, int state,
		     bool exclusive, struct pcipt_error **error)
{
	record->state = state;
	free(record->reason);
	free(record->message);
	record->reason = record->message = NULL;
	record->attempts = 0;
	if (!set_times(record, state == PCIPT_CLAIM_BOUND ? -1 : (int64_t)ctx->timeout_ms * 2))
		return pcipt_fail_memory(error);
	return put(ctx, record, exclusive, error);
}

static char *read_line(struct pcipt_kernel *k, const char *path)
{
	char text[64];

	return k->ops->read(k, PCIPT_AT_ROOT, path, text, sizeof(text)) > 0 ? strdup(text) : NULL;
}

/*
 * Names are unique over both folders. Each is exclusive in itself; of two that begin in
 * both at once, each sees the other here, and both give way.
 */
static int check_other_folder(struct pcipt_context *ctx, struct pcipt_record *record,
			      struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, !record->persistent);
	_cleanup_free_ char *file = pcipt_format("%s.json", record->name);
	_cleanup_free_ char *text = NULL;
	struct pcipt_kernel *k;
	size_t length;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r == 0 && (!folder || !file))
		r = pcipt_fail_memory(error);
	else if (r == 0 && k->ops->record_read(k, folder, file, &text, &length) != -ENOENT)
		r = fail_store(ctx, record, EEXIST, error);
	if (r < 0)
		pcipt_store_end(ctx, record, NULL);
	return r;
}

int pcipt_store_begin(struct pcipt_context *ctx, struct pcipt_record *record,
		      struct pcipt_error **error)
{
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	free(record->boot_id);
	free(record->id);
	/* Which boot it is of, since the kernel's state goes with it; and a number of its own. */
	record->boot_id = read_line(k, "proc/sys/kernel/random/boot_id");
	record->id = read_line(k, "proc/sys/kernel/random/uuid");
	if (!record->id)
		record->id = pcipt_format("%.0f", pcipt_now_ms() * 1e6);
	r = put_state(ctx, record, PCIPT_CLAIM_BINDING, true, error);
	return r == 0 ? check_other_folder(ctx, record, error) : r;
}

int pcipt_store_advance(struct pcipt_context *ctx, struct pcipt_record *record, int state,
			struct pcipt_error **error)
{
	return put_state(ctx, record, state, false, error);
}

int pcipt_store_wait(struct pcipt_context *ctx, struct pcipt_record *record, int state,
		     const char *reason, const char *message, int64_t ms,
		     struct pcipt_error **error)
{
	char *copies[2] = { strdup(reason), strdup(message) };
	bool again = record->state == state && pcipt_streq(record->reason, reason);

	if (!copies[0] || !copies[1]) {
		free(copies[0]);
		free(copies[1]);
		return pcipt_fail_memory(error);
	}
	free(record->reason);
	free(record->message);
	record->reason = copies[0];
	record->message = copies[1];
	record->attempts = again ? record->attempts + 1 : 1;
	record->state = state;
	if (!set_times(record, ms))
		return pcipt_fail_memory(error);
	return put(ctx, record, false, error);
}

int pcipt_store_end(struct pcipt_context *ctx, const struct pcipt_record *record,
		    struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, record->persistent);
	_cleanup_free_ char *file = pcipt_format("%s.json", record->name);
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	if (!folder || !file)
		return pcipt_fail_memory(error);
	r = k->ops->record_remove(k, folder, file);
	return r < 0 && r != -ENOENT ? fail_store(ctx, record, -r, error) : 0;
}
