/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done with the boot list: a udev rule asks for a device's override while the
 * machine comes up; later, reconciling lets go of what was kept for nobody, and mends the
 * list. A rule can't tell why it did nothing, so whatever isn't certain is no override.
 */
#include <errno.h>
#include <libpcipt/claim.h>
#include <libpcipt/identity.h>
#include <libpcipt/set.h>

#include "claims/boot.h"

/* ---- for the rule ---- */

/*
 * "…/1c.0/00.0" may be the device 0000:01:00.0. Only then is it looked at: a machine has
 * hundreds of devices, and each has its event at boot.
 */
static bool may_be(const struct pcipt_boot_line *line, const char *address)
{
	const char *hop = strrchr(line->identity, '/'), *function = strrchr(address, ':');

	if (!hop || !function)
		return false;
	return strncmp(hop, "/vf", 3) == 0 || strcmp(hop + 1, function + 1) == 0;
}

static int fail_list(struct pcipt_context *ctx, int r, struct pcipt_error **error)
{
	_cleanup_free_ char *path = pcipt_format("%s/%s", ctx->config_dir, PCIPT_BOOT_LIST);

	return r == -ENOMEM ?
		       pcipt_fail_memory(error) :
		       pcipt_fail(error, r == -EBADMSG ? PCIPT_E_DAMAGED : PCIPT_E_IO,
				  &(struct pcipt_error_facts){
					  .step = "boot",
					  .path = path,
					  .errnum = r == -EBADMSG ? 0 : -r,
					  .remedy = "Look into it; it may be removed, `pcipt reconcile` "
						    "writes it anew" },
				  "what is to be kept at boot can't be read: %s",
				  r == -EBADMSG ? "others than root may write to it or its folder" :
						  pcipt_errno_text(-r));
}

static int find_override(struct pcipt_context *ctx, const struct pcipt_boot_list *list,
			 const char *address, char **override, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;

	for (size_t i = 0; i < list->n; i++) {
		int r;

		if (!may_be(&list->lines[i], address))
			continue;
		if (!snap) {
			r = pcipt_snapshot_new_scoped(ctx, &address, 1, &snap, error);
			if (r == 0)
				r = pcipt_snapshot_find(snap, address, &device, error);
			if (r < 0)
				return r;
		}
		if (!pcipt_boot_line_is(&list->lines[i], device))
			continue;
		*override = strdup(list->lines[i].override);
		return *override ? 0 : pcipt_fail_memory(error);
	}
	return 0;
}

int pcipt_boot_override(struct pcipt_context *ctx, const char *address, char **override,
			struct pcipt_error **error)
{
	struct pcipt_boot_list list;
	int r = pcipt_boot_list_read(ctx, &list);

	*override = NULL;
	if (r < 0)
		return fail_list(ctx, r, error);
	r = find_override(ctx, &list, address, override, error);
	pcipt_boot_list_clear(&list);
	return r;
}

/* ---- kept for nobody ---- */

static const struct pcipt_record *find_record(const struct pcipt_records *records, const char *name)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->items[i].persistent && strcmp(records->items[i].name, name) == 0)
			return &records->items[i];
	return NULL;
}

/* A record that can't be used is no proof that its claim has ended. */
static bool is_damaged(const struct pcipt_records *records, const char *name)
{
	_cleanup_free_ char *file = pcipt_format("/%s.json", name);

	for (size_t i = 0; i < records->n_problems; i++) {
		const char *path = pcipt_error_get_path(records->problems[i]);
		const char *found = path && file ? strrchr(path, '/') : NULL;

		if (!found || strcmp(found, file) == 0)
			return true;
	}
	return false;
}

/* A claim that ended with its boot, half way in or out: recovery and reconciling remove it. */
static bool is_over(const struct pcipt_record *record)
{
	return record->other_boot &&
	       (record->state == PCIPT_CLAIM_BINDING || record->state == PCIPT_CLAIM_RELEASING ||
		record->state == PCIPT_CLAIM_STUCK);
}

static bool is_held(const struct pcipt_records *records, struct pcipt_address at,
		    const char *identity)
{
	const struct pcipt_record *holder = pcipt_records_holder(records, at, identity);

	return holder && !is_over(holder);
}

/*
 * The device of a line, when it still is as the rule left it and nobody's since; or NULL. What
 * can't be read now may be that all the same: then its line stays for the next time.
 */
static struct pcipt_device *find_kept(const struct pcipt_boot_line *line, struct pcipt_snapshot *snap,
				      const struct pcipt_records *records, bool *unknown)
{
	struct pcipt_device *device = NULL;
	int verdict;

	*unknown = pcipt_identity_compare(snap, line->identity, line->serial, &verdict, &device,
					  NULL, NULL) < 0;
	if (*unknown || verdict != PCIPT_VERDICT_SAME)
		return NULL;
	*unknown = device->driver_unknown ||
		   (!pcipt_device_get_driver(device) &&
		    pcipt_device_facts(device, PCIPT_FACTS_OVERRIDE)->override_unknown);
	if (*unknown || pcipt_device_get_driver(device) ||
	    !pcipt_streq(pcipt_device_get_driver_override(device), line->override) ||
	    is_held(records, device->at, line->identity))
		return NULL;
	return device;
}

static bool make_record(const struct pcipt_boot_line *line, struct pcipt_device *device,
			struct pcipt_record *record)
{
	struct pcipt_record_device *to = calloc(1, sizeof(*to));
	bool ok = true;

	*record = (struct pcipt_record){ .state = PCIPT_CLAIM_RELEASING,
					 .persistent = true,
					 .devices = to,
					 .n_devices = to != NULL };
	record->name = pcipt_dup(line->claim, &ok);
	record->driver = pcipt_dup(line->override, &ok);
	if (!to)
		return false;
	to->at = device->at;
	memcpy(to->address, device->address, sizeof(to->address));
	to->identity = pcipt_dup(line->identity, &ok);
	to->serial = pcipt_dup(line->serial, &ok);
	to->before.driver = pcipt_dup(line->driver, &ok);
	to->role = PCIPT_ROLE_REQUESTED;
	to->action = strcmp(line->override, PCIPT_PIN) == 0 ? PCIPT_ACTION_PIN : PCIPT_ACTION_BIND;
	return ok;
}

/* Under the locks: no claim has come to it meanwhile. */
static int is_nobodys(struct pcipt_context *ctx, const struct pcipt_record *record,
		      struct pcipt_error **error)
{
	struct pcipt_records records;
	int r = pcipt_records_read(ctx, &records, error);

	if (r == 0)
		r = !is_held(&records, record->devices[0].at, record->devices[0].identity);
	pcipt_records_clear(&records);
	return r;
}

/* Its line goes when all devices are through: a crash before that leaves it for the next time. */
static int keep_line(struct pcipt_context *ctx, const struct pcipt_record *record,
		     struct pcipt_error **error)
{
	(void)ctx;
	(void)record;
	(void)error;
	return 0;
}

static int give_back(struct pcipt_context *ctx, const struct pcipt_boot_line *line,
		     struct pcipt_device *device, const struct pcipt_options *options,
		     double deadline, struct pcipt_report *report, struct pcipt_error **error)
{
	struct pcipt_record record;
	const struct pcipt_recovery recovery = { &record,  is_nobodys, keep_line,
						 deadline, deadline,   false };
	_cleanup_free_ char *message = NULL;
	int r = make_record(line, device, &record) ?
			pcipt_recover_record(ctx, &recovery, options, NULL, error) :
			pcipt_fail_memory(error);

	pcipt_record_clear(&record);
	if (r < 0)
		return r;
	message = pcipt_format("%s was kept from its driver at boot, for a claim that there isn't any "
			       "more: it was given back",
			       device->address);
	pcipt_report_note(report, line->claim, "ended", "ended", "kept-for-nobody", message);
	return 0;
}

static int let_go(struct pcipt_context *ctx, const struct pcipt_boot_list *list,
		  const struct pcipt_records *records, const struct pcipt_options *options,
		  double deadline, struct pcipt_report *report, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *worst = NULL;
	int r;

	for (size_t i = 0; i < list->n; i++) {
		const struct pcipt_boot_line *line = &list->lines[i];
		const struct pcipt_record *record = find_record(records, line->claim);
		struct pcipt_device *device;
		struct pcipt_error *why = NULL;
		bool unknown;

		if ((record && !is_over(record)) || is_damaged(records, line->claim))
			continue;
		if (!snap) {
			r = pcipt_snapshot_new(ctx, &snap, error);
			if (r < 0)
				return r;
		}
		device = find_kept(line, snap, records, &unknown);
		if (unknown)
			continue;
		if (device &&
		    give_back(ctx, line, device, options, deadline, report, &why) < 0)
			pcipt_error_keep_worst(&worst, why);
		else
			pcipt_store_note_boot(ctx, line->claim);
	}
	return worst ? pcipt_error_pass(error, worst) : 0;
}

int pcipt_boot_let_go(struct pcipt_context *ctx, const struct pcipt_records *records,
		      const struct pcipt_options *options, double deadline,
		      struct pcipt_report *report, struct pcipt_error **error)
{
	struct pcipt_boot_list list;
	int r;

	if (ctx->state_dir_given)
		return 0;
	r = pcipt_boot_list_read(ctx, &list);
	/* What can't be read kept nothing, and is written anew. */
	if (r < 0)
		return r == -ENOMEM ? pcipt_fail_memory(error) : 0;
	r = let_go(ctx, &list, records, options, deadline, report, error);
	pcipt_boot_list_clear(&list);
	return r;
}

void pcipt_boot_mend(struct pcipt_context *ctx, const struct pcipt_records *records)
{
	_cleanup_free_ char *wanted = NULL;
	struct pcipt_boot_list list;
	bool same;

	if (ctx->state_dir_given || pcipt_boot_list_read(ctx, &list) == -ENOMEM)
		return;
	wanted = pcipt_boot_list_of(records);
	same = wanted && pcipt_streq(list.text ? list.text : "", wanted);
	for (size_t i = 0; wanted && !same && i < records->n; i++)
		if (records->items[i].persistent)
			pcipt_store_note_boot(ctx, records->items[i].name);
	pcipt_boot_list_clear(&list);
}
