/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records on the disk: begun before the first kernel write, ended after the last. */
#include <errno.h>
#include <time.h>

#include "claims/claims.h"

/* RFC 3339 in UTC, or NULL without memory. */
static char *utc_now(void)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return strdup(text);
}

static int fail_store(struct pcipt_context *ctx, const struct pcipt_record *record, int errnum,
		      struct pcipt_error **error)
{
	_cleanup_free_ char *path =
		pcipt_format("%s/claims/%s.json", ctx->runtime_dir, record->name);
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

static int put(struct pcipt_context *ctx, struct pcipt_record *record, int state, bool exclusive,
	       struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx);
	_cleanup_free_ char *file = pcipt_format("%s.json", record->name);
	_cleanup_free_ char *text = NULL;
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	record->state = state;
	free(record->since);
	record->since = utc_now();
	text = pcipt_record_print(record);
	if (!folder || !file || !text || !record->since)
		return pcipt_fail_memory(error);
	r = k->ops->record_write(k, folder, file, text, exclusive);
	return r < 0 ? fail_store(ctx, record, -r, error) : 0;
}

static char *read_line(struct pcipt_kernel *k, const char *path)
{
	char text[64];

	return k->ops->read(k, PCIPT_AT_ROOT, path, text, sizeof(text)) > 0 ? strdup(text) : NULL;
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
	return put(ctx, record, PCIPT_CLAIM_BINDING, true, error);
}

int pcipt_store_advance(struct pcipt_context *ctx, struct pcipt_record *record, int state,
			struct pcipt_error **error)
{
	return put(ctx, record, state, false, error);
}

int pcipt_store_end(struct pcipt_context *ctx, const struct pcipt_record *record,
		    struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx);
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
