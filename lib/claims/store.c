/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records on the disk: begun before the first kernel write, ended after the last. */
#include <errno.h>
#include <time.h>

#include "claims/boot.h"
#include "claims/claims.h"

/* Between two attempts, at first and at most. */
#define AGAIN_MS 5000
#define AGAIN_MS_MAX (10 * 60 * 1000)
/* Of what a record says to its reader. */
#define MESSAGE_MAX 2000
/* For how long two file operations of somebody else are waited for, in milliseconds. */
#define LOCK_MS 5000

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
			     errnum == EBUSY  ? "Look at it with `pcipt claims`, then try again" :
			     errnum == ESTALE ? "See `pcipt claims` for the claims there are" :
			     errnum == EAGAIN ? "Wait until the process that works on the claims is "
						"through, then try again" :
			     errnum == EBADMSG ? "Make root the folder's owner and take others' right "
						 "to write away" :
						 "Make the folder writable for this process";
	int code = errnum == EEXIST ? PCIPT_E_NAME :
		   errnum == EACCES || errnum == EROFS || errnum == EPERM ? PCIPT_E_PERMISSION :
		   errnum == EBADMSG ? PCIPT_E_DAMAGED :
		   errnum == ESTALE  ? PCIPT_E_NO_CLAIM :
		   errnum == EBUSY   ? PCIPT_E_STALE :
		   errnum == EAGAIN  ? PCIPT_E_LOCKED :
				       PCIPT_E_IO;

	return pcipt_fail(error, code,
			  &(struct pcipt_error_facts){ .step = "record",
						       .path = path,
						       .errnum = errnum == EBADMSG ? 0 : errnum,
						       .remedy = remedy },
			  "the record of the claim %s can't be written: %s", record->name,
			  errnum == EEXIST  ? "a claim of this name exists" :
			  errnum == ESTALE  ? "it has ended meanwhile" :
			  errnum == EBUSY   ? "another process has led it on meanwhile" :
			  errnum == EAGAIN  ? "another process holds the claims' lock" :
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

/* ---- one file, one writer ---- */

/* A record's file for as long as it is worked on. */
struct file {
	struct pcipt_kernel *kernel;
	char *folder, *name;
	int lock; /* -1 when it isn't taken */
};

static void close_file(struct file *file)
{
	if (file->lock >= 0)
		file->kernel->ops->unlock(file->kernel, file->lock, false);
	free(file->folder);
	free(file->name);
}

static int open_file(struct pcipt_context *ctx, const struct pcipt_record *record,
		     struct file *file, struct pcipt_error **error)
{
	int r;

	memset(file, 0, sizeof(*file));
	file->lock = -1;
	r = pcipt_kernel_get(ctx, &file->kernel, error);
	if (r < 0)
		return r;
	file->folder = pcipt_records_folder(ctx, record->persistent);
	file->name = pcipt_format("%s.json", record->name);
	return file->folder && file->name ? 0 : pcipt_fail_memory(error);
}

/*
 * From looking whether the record is still there until it is written or removed, nobody
 * else may do either: a record that has ended meanwhile would come back. Held for two
 * file operations, so waiting for it is no matter of devices.
 */
static int lock_file(struct pcipt_context *ctx, const struct pcipt_record *record,
		     struct file *file, struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_format("%s/locks", ctx->runtime_dir);
	struct pcipt_kernel *k = file->kernel;
	double deadline = k->ops->now(k) + LOCK_MS;
	char holder[1024];

	if (!folder)
		return pcipt_fail_memory(error);
	for (;;) {
		file->lock = k->ops->lock(k, folder, "claims", "libpcipt-lock/1\n", holder,
					  sizeof(holder));
		if (file->lock >= 0)
			return 0;
		if (file->lock != -EAGAIN || k->ops->now(k) > deadline)
			return fail_store(ctx, record, -file->lock, error);
		k->ops->wait(k, -1, 1);
	}
}

/*
 * 0 when the file still is this claim's, -ESTALE when it has ended, or another errno. -EBUSY
 * when somebody else has led it on meanwhile: what ends because its boot is over must still
 * be of that boot, and a release that has begun must not be written over with "waiting".
 */
static int check_file(const struct file *file, const struct pcipt_record *record)
{
	struct pcipt_kernel *k = file->kernel;
	_cleanup_free_ char *text = NULL;
	struct pcipt_record now;
	size_t length;
	int r = k->ops->record_read(k, file->folder, file->name, &text, &length);

	if (r == -ENOENT)
		return -ESTALE;
	if (r < 0)
		return r;
	/* A damaged one is nobody's; writing it anew mends it. */
	r = pcipt_record_parse(text, length, &now, NULL);
	if (r < 0)
		return r == PCIPT_E_NO_MEMORY ? -ENOMEM : 0;
	r = !pcipt_streq(now.id, record->id) ? -ESTALE :
	    record->other_boot && !pcipt_streq(now.boot_id, record->boot_id) ? -EBUSY :
	    record->expected && now.state + 1 != record->expected	     ? -EBUSY :
									       0;
	pcipt_record_clear(&now);
	return r;
}

/* Writes the record over the one that is there. */
static int replace(struct pcipt_context *ctx, struct pcipt_record *record,
		   struct pcipt_error **error)
{
	_cleanup_free_ char *text = pcipt_record_print(record);
	_cleanup_(close_file) struct file file;
	int r = open_file(ctx, record, &file, error);

	if (r == 0 && !text)
		r = pcipt_fail_memory(error);
	if (r == 0)
		r = lock_file(ctx, record, &file, error);
	if (r < 0)
		return r;
	r = check_file(&file, record);
	/* Never is a device in the boot list that the record doesn't want kept. */
	if (r == 0 && !pcipt_boot_keeps(record))
		pcipt_boot_list_note(ctx, record, false);
	if (r == 0)
		r = file.kernel->ops->record_write(file.kernel, file.folder, file.name, text,
						   false);
	if (r == 0 && pcipt_boot_keeps(record))
		pcipt_boot_list_note(ctx, record, true);
	if (r == 0 && record->expected)
		record->expected = record->state + 1;
	return r < 0 ? fail_store(ctx, record, -r, error) : 0;
}

void pcipt_store_note_boot(struct pcipt_context *ctx, const char *name)
{
	struct pcipt_record named = { .name = (char *)name, .persistent = true }, now;
	_cleanup_(close_file) struct file file;
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	if (open_file(ctx, &named, &file, NULL) < 0 || lock_file(ctx, &named, &file, NULL) < 0)
		return;
	r = file.kernel->ops->record_read(file.kernel, file.folder, file.name, &text, &length);
	if (r == -ENOENT)
		pcipt_boot_list_note(ctx, &named, false);
	/* What a damaged one wants isn't known. */
	if (r < 0 || pcipt_record_parse(text, length, &now, NULL) < 0)
		return;
	now.persistent = true;
	pcipt_boot_list_note(ctx, &now, pcipt_boot_keeps(&now));
	pcipt_record_clear(&now);
}

/*
 * Writes it where nothing may be yet. It could do so without the lock; but a disk that has
 * no room for that must show before the first kernel write, not when the claim shall end.
 */
static int create(struct pcipt_context *ctx, const struct pcipt_record *record,
		  struct pcipt_error **error)
{
	_cleanup_free_ char *text = pcipt_record_print(record);
	_cleanup_(close_file) struct file file;
	int r = open_file(ctx, record, &file, error);

	if (r == 0 && !text)
		r = pcipt_fail_memory(error);
	if (r == 0)
		r = lock_file(ctx, record, &file, error);
	if (r < 0)
		return r;
	r = file.kernel->ops->record_write(file.kernel, file.folder, file.name, text, true);
	return r < 0 ? fail_store(ctx, record, -r, error) : 0;
}

/* ---- states ---- */

/* The call's deadline, and an undo's. */
static int64_t call_ms(const struct pcipt_context *ctx, const struct pcipt_record *record)
{
	return (int64_t)(record->timeout_ms ? record->timeout_ms : ctx->timeout_ms) * 2;
}

/* Who reads it while it is under way, or when who was at it has died, is told what it is. */
static const char *const under_way[] = {
	[PCIPT_CLAIM_BINDING] = "its devices are being bound; if nobody is at it any more, `pcipt "
				"recover` leads them back",
	[PCIPT_CLAIM_RELEASING] = "its devices are being given back; if nobody is at it any more, "
				  "`pcipt recover` completes that",
	[PCIPT_CLAIM_PENDING] = "it is wanted, and nothing was done for it yet; `pcipt reconcile` binds "
				"its devices",
};

/* A state that the call itself leads on from. */
static bool set_state(struct pcipt_context *ctx, struct pcipt_record *record, int state)
{
	const char *message = (size_t)state < ARRAY_SIZE(under_way) ? under_way[state] : NULL;
	bool ok = true;

	record->state = state;
	free(record->reason);
	free(record->message);
	record->reason = pcipt_dup(message ? "under-way" : NULL, &ok);
	record->message = pcipt_dup(message, &ok);
	record->attempts = 0;
	return ok && set_times(record, state == PCIPT_CLAIM_BOUND ? -1 : call_ms(ctx, record));
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
	pcipt_record_set_boot(record, k);
	if (!pcipt_record_set_id(record, k) || !set_state(ctx, record, PCIPT_CLAIM_BINDING))
		return pcipt_fail_memory(error);
	r = create(ctx, record, error);
	return r == 0 ? check_other_folder(ctx, record, error) : r;
}

int pcipt_store_advance(struct pcipt_context *ctx, struct pcipt_record *record, int state,
			struct pcipt_error **error)
{
	return set_state(ctx, record, state) ? replace(ctx, record, error) :
					       pcipt_fail_memory(error);
}

int pcipt_store_renew(struct pcipt_context *ctx, struct pcipt_record *record,
		      struct pcipt_error **error)
{
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	pcipt_record_set_boot(record, k);
	return pcipt_store_advance(ctx, record, PCIPT_CLAIM_PENDING, error);
}

int pcipt_store_wait(struct pcipt_context *ctx, struct pcipt_record *record, int state,
		     const char *reason, const char *message, int64_t ms,
		     struct pcipt_error **error)
{
	/* One line, and not too long: the record is checked when it is read. */
	char *copies[2] = { strdup(reason), strndup(message, MESSAGE_MAX) };
	bool again = record->state == state && pcipt_streq(record->reason, reason);

	if (!copies[0] || !copies[1]) {
		free(copies[0]);
		free(copies[1]);
		return pcipt_fail_memory(error);
	}
	pcipt_text_neutralise(copies[1]);
	free(record->reason);
	free(record->message);
	record->reason = copies[0];
	record->message = copies[1];
	record->attempts = again ? record->attempts + 1 : 1;
	record->state = state;
	return set_times(record, ms) ? replace(ctx, record, error) : pcipt_fail_memory(error);
}

int64_t pcipt_store_again_ms(const struct pcipt_record *record, const char *reason)
{
	uint32_t attempts = pcipt_streq(record->reason, reason) ? record->attempts : 0;

	return attempts < 7 ? (int64_t)AGAIN_MS << attempts : AGAIN_MS_MAX;
}

const char *pcipt_store_reason(int code, const char *otherwise)
{
	switch (code) {
	case PCIPT_E_REFUSED:
		return "refused";
	case PCIPT_E_LOCKED:
		return PCIPT_REASON_LOCKED;
	case PCIPT_E_STUCK:
		return PCIPT_REASON_WRITE_OUT;
	case PCIPT_E_ROLLBACK_INCOMPLETE:
		return "rollback-incomplete";
	case PCIPT_E_PERMISSION:
		return "permission";
	default:
		return otherwise;
	}
}

char *pcipt_store_sentence(const struct pcipt_error *why)
{
	const char *remedy = pcipt_error_get_remedy(why);

	return pcipt_format("%s%s%s", pcipt_error_get_message(why), remedy ? ". " : "",
			    remedy ? remedy : "");
}

void pcipt_store_stuck(struct pcipt_transaction *t, struct pcipt_record *record,
		       const struct pcipt_error *why)
{
	_cleanup_free_ char *message = why ? pcipt_store_sentence(why) : NULL;
	struct pcipt_error *warning = NULL;

	/* When it can't be written, what it says still leads to the same recovery. */
	if (pcipt_store_wait(t->ctx, record, PCIPT_CLAIM_STUCK, PCIPT_REASON_WRITE_OUT,
			     message ? message : "a write has not returned from the kernel",
			     call_ms(t->ctx, record), &warning) < 0)
		pcipt_result_note_warning(t->result, warning);
}

int pcipt_store_end(struct pcipt_context *ctx, const struct pcipt_record *record,
		    struct pcipt_error **error)
{
	_cleanup_(close_file) struct file file;
	int r = open_file(ctx, record, &file, error);

	if (r == 0)
		r = lock_file(ctx, record, &file, error);
	if (r < 0)
		return r;
	r = check_file(&file, record);
	/* In another boot than its own the list may have kept its devices: see pcipt_boot_let_go(). */
	if (r == 0 && !record->other_boot)
		pcipt_boot_list_note(ctx, record, false);
	if (r == 0)
		r = file.kernel->ops->record_remove(file.kernel, file.folder, file.name);
	/* It has ended already; what has its name now is another's. */
	return r < 0 && r != -ENOENT && r != -ESTALE ? fail_store(ctx, record, -r, error) : 0;
}
