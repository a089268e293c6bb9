/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The claim object, its getters, and finding claims. */
#include "claims/claims.h"

#include <errno.h>

#include "base/json.h"

static void claim_destroy(struct pcipt_claim *claim)
{
	pcipt_record_clear(&claim->record);
	free(claim);
}

PCIPT_DEFINE_REFS(claim, claim_destroy)

struct pcipt_claim_list {
	struct pcipt_refs refs;
	struct pcipt_claim **claims;
	size_t n;
	struct pcipt_error **problems;
	size_t n_problems;
};

static void claim_list_destroy(struct pcipt_claim_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		pcipt_claim_unref(list->claims[i]);
	for (size_t i = 0; i < list->n_problems; i++)
		pcipt_error_unref(list->problems[i]);
	free(list->claims);
	free(list->problems);
	free(list);
}

PCIPT_DEFINE_REFS(claim_list, claim_list_destroy)
PCIPT_DEFINE_CLEANUP(struct pcipt_claim_list, pcipt_claim_list_unref)

struct pcipt_claim *pcipt_claim_new(struct pcipt_record *record)
{
	struct pcipt_claim *claim = calloc(1, sizeof(*claim));

	if (!claim) {
		pcipt_record_clear(record);
		return NULL;
	}
	pcipt_refs_init(&claim->refs);
	claim->record = *record;
	memset(record, 0, sizeof(*record));
	return claim;
}

static struct pcipt_error *fail_rivals(struct pcipt_context *ctx, const struct pcipt_record *record,
				       const struct pcipt_record_device *device)
{
	_cleanup_free_ char *folder = pcipt_records_folder(ctx, record->persistent);
	_cleanup_free_ char *path = pcipt_format("%s/%s.json", folder ? folder : "", record->name);
	bool namesakes = strcmp(device->rival, record->name) == 0;
	_cleanup_free_ char *remedy =
		namesakes ? pcipt_format("Look into both files (the other is in the runtime folder) and "
					 "remove the one that isn't wanted") :
			    pcipt_format("End the one that isn't wanted with `pcipt forget %s` or `pcipt "
					 "forget %s`, which leaves the device as it is",
					 device->rival, record->name);
	struct pcipt_error *problem = NULL;

	pcipt_fail(&problem, PCIPT_E_CLAIMED,
		   &(struct pcipt_error_facts){
			   .address = device->address, .path = path, .remedy = remedy },
		   namesakes ? "%s is in two records of the claim %s, one of this boot and %s" :
			       "%s is in two claims, %s and %s",
		   device->address, device->rival, namesakes && path ? path : record->name);
	return problem;
}

struct pcipt_error *pcipt_claim_rivalry(struct pcipt_context *ctx, const struct pcipt_record *record)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *device = &record->devices[i];
		int order = device->rival ? strcmp(device->rival, record->name) : 1;

		if (order < 0 || (order == 0 && record->persistent))
			return fail_rivals(ctx, record, device);
	}
	return NULL;
}

static int note_rivalry(struct pcipt_context *ctx, struct pcipt_records *records,
			const struct pcipt_record *record)
{
	struct pcipt_error *problem = pcipt_claim_rivalry(ctx, record);

	if (!problem)
		return 0;
	if (!pcipt_grow(&records->problems, records->n_problems)) {
		pcipt_error_unref(problem);
		return -ENOMEM;
	}
	records->problems[records->n_problems++] = problem;
	return 0;
}

static int take_records(struct pcipt_context *ctx, struct pcipt_claim_list *list,
			struct pcipt_records *records)
{
	list->claims = calloc(records->n + 1, sizeof(*list->claims));
	if (!list->claims)
		return -ENOMEM;
	for (size_t i = 0; i < records->n; i++) {
		if (note_rivalry(ctx, records, &records->items[i]) < 0)
			return -ENOMEM;
		list->claims[list->n] = pcipt_claim_new(&records->items[i]);
		if (!list->claims[list->n])
			return -ENOMEM;
		list->n++;
	}
	list->problems = steal(&records->problems);
	list->n_problems = records->n_problems;
	records->n_problems = 0;
	return 0;
}

int pcipt_claim_list(struct pcipt_context *ctx, struct pcipt_claim_list **out,
		     struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_list_unrefp) struct pcipt_claim_list *list = NULL;
	struct pcipt_records records;
	int r;

	if (!ctx || !out)
		return pcipt_fail_argument(error, __func__, "no context or no place for the list");
	list = calloc(1, sizeof(*list));
	if (!list)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&list->refs);
	r = pcipt_records_read(ctx, &records, error);
	if (r < 0)
		return r;
	r = take_records(ctx, list, &records);
	pcipt_records_clear(&records);
	if (r < 0)
		return pcipt_fail_memory(error);
	*out = steal(&list);
	return 0;
}

size_t pcipt_claim_list_count(const struct pcipt_claim_list *list)
{
	return list ? list->n : 0;
}

struct pcipt_claim *pcipt_claim_list_at(const struct pcipt_claim_list *list, size_t i)
{
	return list && i < list->n ? list->claims[i] : NULL;
}

size_t pcipt_claim_list_problem_count(const struct pcipt_claim_list *list)
{
	return list ? list->n_problems : 0;
}

const struct pcipt_error *pcipt_claim_list_problem_at(const struct pcipt_claim_list *list,
						      size_t i)
{
	return list && i < list->n_problems ? list->problems[i] : NULL;
}

static bool answers_to(const struct pcipt_record *record, const char *name,
		       const struct pcipt_address *at)
{
	if (strcmp(record->name, name) == 0)
		return true;
	for (size_t i = 0; at && i < record->n_devices; i++)
		if (pcipt_address_key(record->devices[i].at) == pcipt_address_key(*at))
			return true;
	return false;
}

int pcipt_claim_find(struct pcipt_context *ctx, const char *name, struct pcipt_claim **claim,
		     struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_list_unrefp) struct pcipt_claim_list *list = NULL;
	struct pcipt_address at;
	bool is_address;
	int r;

	if (!name || !claim)
		return pcipt_fail_argument(error, __func__, "no name or no place for the claim");
	r = pcipt_claim_list(ctx, &list, error);
	if (r < 0)
		return r;
	is_address = pcipt_address_scan(name, &at, NULL);
	for (size_t i = 0; i < list->n; i++)
		if (answers_to(&list->claims[i]->record, name, is_address ? &at : NULL)) {
			*claim = pcipt_claim_ref(list->claims[i]);
			return 0;
		}
	return pcipt_fail(error, PCIPT_E_NO_CLAIM,
			  &(struct pcipt_error_facts){
				  .address = is_address ? name : NULL,
				  .remedy = "See `pcipt claims` for the claims there are" },
			  is_address ? "no claim holds the device %s" : "there is no claim %s", name);
}

int pcipt_claim_reload(struct pcipt_context *ctx, const struct pcipt_claim *claim,
		       struct pcipt_claim **now, struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *found = NULL;
	int r = pcipt_claim_find(ctx, claim->record.name, &found, error);

	if (r < 0)
		return r;
	if (!pcipt_streq(found->record.id, claim->record.id))
		return pcipt_fail(error, PCIPT_E_NO_CLAIM, NULL,
				  "the claim %s has ended; another one has its name now",
				  claim->record.name);
	*now = steal(&found);
	return 0;
}

int pcipt_claim_forget(struct pcipt_context *ctx, struct pcipt_claim *claim,
		       struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *now = NULL;
	int r;

	if (!ctx || !claim)
		return pcipt_fail_argument(error, __func__, "no context or no claim");
	r = pcipt_transaction_check(ctx, NULL, 0, error);
	if (r == 0)
		r = pcipt_claim_reload(ctx, claim, &now, error);
	return r == 0 ? pcipt_store_end(ctx, &now->record, error) : r;
}

const char *pcipt_claim_get_name(const struct pcipt_claim *claim)
{
	return claim ? claim->record.name : NULL;
}

int pcipt_claim_get_state(const struct pcipt_claim *claim)
{
	return claim ? claim->record.state : -1;
}

const char *pcipt_claim_get_owner(const struct pcipt_claim *claim)
{
	return claim ? claim->record.owner : NULL;
}

const char *pcipt_claim_get_driver(const struct pcipt_claim *claim)
{
	return claim ? claim->record.driver : NULL;
}

const char *pcipt_claim_get_since(const struct pcipt_claim *claim)
{
	return claim ? claim->record.since : NULL;
}

bool pcipt_claim_is_persistent(const struct pcipt_claim *claim)
{
	return claim && claim->record.persistent;
}

const char *pcipt_claim_get_reason(const struct pcipt_claim *claim)
{
	return claim ? claim->record.reason : NULL;
}

const char *pcipt_claim_get_message(const struct pcipt_claim *claim)
{
	return claim ? claim->record.message : NULL;
}

const char *pcipt_claim_get_deadline(const struct pcipt_claim *claim)
{
	return claim ? claim->record.deadline : NULL;
}

uint32_t pcipt_claim_get_attempts(const struct pcipt_claim *claim)
{
	return claim ? claim->record.attempts : 0;
}

size_t pcipt_claim_device_count(const struct pcipt_claim *claim)
{
	return claim ? claim->record.n_devices : 0;
}

static const struct pcipt_record_device *device_at(const struct pcipt_claim *claim, size_t i)
{
	return claim && i < claim->record.n_devices ? &claim->record.devices[i] : NULL;
}

const char *pcipt_claim_device_address(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device ? device->address : NULL;
}

const char *pcipt_claim_device_identity(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device ? device->identity : NULL;
}

const char *pcipt_claim_device_driver_before(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device ? device->before.driver : NULL;
}

const char *pcipt_claim_device_override_before(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device ? device->before.override : NULL;
}

bool pcipt_claim_device_is_inferred(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device && device->inferred;
}

int pcipt_claim_device_role(const struct pcipt_claim *claim, size_t i)
{
	const struct pcipt_record_device *device = device_at(claim, i);

	return device ? device->role : -1;
}

int pcipt_claim_to_json(const struct pcipt_claim *claim, char **json, struct pcipt_error **error)
{
	struct json_object *o, *array;

	if (!claim || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	o = pcipt_json_object();
	pcipt_json_text(o, "name", claim->record.name);
	pcipt_json_text(o, "state", pcipt_claim_state_name(claim->record.state));
	pcipt_json_text(o, "reason", claim->record.reason);
	pcipt_json_text(o, "message", claim->record.message);
	pcipt_json_text(o, "since", claim->record.since);
	pcipt_json_text(o, "deadline", claim->record.deadline);
	pcipt_json_number(o, "attempts", claim->record.attempts);
	pcipt_json_bool(o, "persistent", claim->record.persistent);
	pcipt_json_text(o, "owner", claim->record.owner);
	pcipt_json_text(o, "driver", claim->record.driver);
	array = pcipt_json_array(o, "devices");
	for (size_t i = 0; i < claim->record.n_devices; i++) {
		const struct pcipt_record_device *device = &claim->record.devices[i];
		struct json_object *d = pcipt_json_object();

		pcipt_json_text(d, "address", device->address);
		pcipt_json_text(d, "identity", device->identity);
		pcipt_json_text(d, "serial", device->serial);
		pcipt_json_text(d, "role", pcipt_role_name(device->role));
		pcipt_json_bool(d, "inferred", device->inferred);
		pcipt_json_text(d, "driver_before", device->before.driver);
		pcipt_json_text(d, "override_before", device->before.override);
		pcipt_json_append(array, d);
	}
	*json = pcipt_json_print(o);
	return *json ? 0 : pcipt_fail_memory(error);
}

int pcipt_claim_check_owner(const struct pcipt_claim *claim, const struct pcipt_options *options,
			    const char *step, struct pcipt_error **error)
{
	const struct pcipt_record *record = &claim->record;

	if (!options || !options->owner || pcipt_streq(options->owner, record->owner))
		return 0;
	return pcipt_fail(error, PCIPT_E_CLAIMED,
			  &(struct pcipt_error_facts){
				  .step = step,
				  .address = record->devices[0].address,
				  .remedy = "Ask its owner, or name no owner" },
			  "the claim %s of %s is %s's, not %s's", record->name,
			  record->devices[0].address, record->owner ? record->owner : "nobody",
			  options->owner);
}
