/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A claim's record as text and back. */
#include "usage/record.h"

#include <libpcipt/claim.h>
#include <libpcipt/set.h>

#include "base/json.h"

#define RECORD_SCHEMA "libpcipt-claim/1"
/* More than any machine has in one set; a record with more isn't ours. */
#define RECORD_DEVICES_MAX 4096

void pcipt_device_state_clear(struct pcipt_device_state *state)
{
	free(state->driver);
	free(state->override);
	free(state->power_control);
	free(state->module);
	memset(state, 0, sizeof(*state));
}

bool pcipt_device_state_copy(struct pcipt_device_state *to, const struct pcipt_device_state *from)
{
	bool ok = true;

	to->driver = pcipt_dup(from->driver, &ok);
	to->override = pcipt_dup(from->override, &ok);
	to->power_control = pcipt_dup(from->power_control, &ok);
	to->module = pcipt_dup(from->module, &ok);
	return ok;
}

void pcipt_record_allowed_clear(struct pcipt_record_allowed **allowed, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free((*allowed)[i].code);
		free((*allowed)[i].address);
	}
	free(*allowed);
	*allowed = NULL;
	*n = 0;
}

bool pcipt_record_allowed_add(struct pcipt_record_allowed **allowed, size_t *n, const char *code,
			      const char *address)
{
	struct pcipt_record_allowed one;
	bool ok = true;

	for (size_t i = 0; i < *n; i++)
		if (strcmp((*allowed)[i].code, code) == 0 &&
		    pcipt_streq((*allowed)[i].address, address))
			return true;
	if (!pcipt_grow(allowed, *n))
		return false;
	one.code = pcipt_dup(code, &ok);
	one.address = pcipt_dup(address, &ok);
	if (ok) {
		(*allowed)[(*n)++] = one;
		return true;
	}
	free(one.code);
	free(one.address);
	return false;
}

void pcipt_record_clear(struct pcipt_record *record)
{
	pcipt_record_allowed_clear(&record->allowed, &record->n_allowed);
	for (size_t i = 0; i < record->n_devices; i++) {
		free(record->devices[i].identity);
		free(record->devices[i].serial);
		free(record->devices[i].rival);
		free(record->devices[i].holder);
		pcipt_device_state_clear(&record->devices[i].before);
	}
	free(record->devices);
	free(record->name);
	free(record->id);
	free(record->owner);
	free(record->driver);
	free(record->since);
	free(record->boot_id);
	free(record->reason);
	free(record->message);
	free(record->deadline);
	memset(record, 0, sizeof(*record));
}

static struct json_object *print_device(const struct pcipt_record_device *device)
{
	struct json_object *o = pcipt_json_object();

	pcipt_json_text(o, "address", device->address);
	pcipt_json_text(o, "identity", device->identity);
	pcipt_json_text(o, "serial", device->serial);
	pcipt_json_text(o, "role", pcipt_role_name(device->role));
	pcipt_json_text(o, "action", pcipt_action_name(device->action));
	pcipt_json_bool(o, "inferred", device->inferred);
	pcipt_json_text(o, "driver_before", device->before.driver);
	pcipt_json_text(o, "module_before", device->before.module);
	pcipt_json_text(o, "override_before", device->before.override);
	pcipt_json_text(o, "power_control_before", device->before.power_control);
	return o;
}

static struct json_object *print_allowed(const struct pcipt_record_allowed *allowed)
{
	struct json_object *o = pcipt_json_object();

	pcipt_json_text(o, "code", allowed->code);
	pcipt_json_text(o, "address", allowed->address);
	return o;
}

char *pcipt_record_print(const struct pcipt_record *record)
{
	struct json_object *o = pcipt_json_object(), *devices, *allowed;

	pcipt_json_text(o, "schema", RECORD_SCHEMA);
	pcipt_json_text(o, "name", record->name);
	pcipt_json_text(o, "id", record->id);
	pcipt_json_text(o, "owner", record->owner);
	pcipt_json_text(o, "state", pcipt_claim_state_name(record->state));
	pcipt_json_text(o, "driver", record->driver);
	pcipt_json_text(o, "reason", record->reason);
	pcipt_json_text(o, "message", record->message);
	pcipt_json_text(o, "since", record->since);
	pcipt_json_text(o, "deadline", record->deadline);
	pcipt_json_number(o, "deadline_boot_ms", record->deadline_ms);
	pcipt_json_number(o, "attempts", record->attempts);
	pcipt_json_text(o, "boot_id", record->boot_id);
	devices = pcipt_json_array(o, "devices");
	for (size_t i = 0; i < record->n_devices; i++)
		pcipt_json_append(devices, print_device(&record->devices[i]));
	allowed = pcipt_json_array(o, "allowed");
	for (size_t i = 0; i < record->n_allowed; i++)
		pcipt_json_append(allowed, print_allowed(&record->allowed[i]));
	return pcipt_json_print(o);
}

bool pcipt_record_name_is_valid(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789._-");

	return n > 0 && n <= 63 && !name[n] && name[0] != '.' && name[0] != '-';
}

/* Text that fits a line of an attribute. */
static bool is_line(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n >= PCIPT_ATTRIBUTE_MAX - 1)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* A driver's name becomes part of a path. */
static bool is_driver(const char *s)
{
	return is_line(s) && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* The number whose name is given, of n that start at 0; -1 for none. */
static int number_of(const char *name, const char *(*name_of)(int), int n)
{
	for (int i = 0; name && i < n; i++)
		if (strcmp(name_of(i), name) == 0)
			return i;
	return -1;
}

/* A text or null; false when it is something else, or not what it should be. */
static bool parse_text(struct json_object *o, const char *key, bool (*is_right)(const char *),
		       char **copy)
{
	const char *text = pcipt_json_get_text(o, key);
	bool ok = text || pcipt_json_is_null(o, key);

	*copy = pcipt_dup(text, &ok);
	return ok && (!text || is_right(text));
}

static bool is_power_control(const char *s)
{
	return strcmp(s, "auto") == 0 || strcmp(s, "on") == 0;
}

static bool parse_device(struct json_object *o, struct pcipt_record_device *device)
{
	const char *address = pcipt_json_get_text(o, "address");

	if (!address || !pcipt_address_scan(address, &device->at, NULL))
		return false;
	pcipt_address_print(device->at, device->address);
	device->role = number_of(pcipt_json_get_text(o, "role"), pcipt_role_name,
				 PCIPT_ROLE_EXEMPT + 1);
	device->action = number_of(pcipt_json_get_text(o, "action"), pcipt_action_name,
				   PCIPT_ACTION_KEEP + 1);
	device->inferred = false; /* absent in a record of before there was such a thing */
	return device->role >= 0 && device->action >= 0 &&
	       (pcipt_json_is_null(o, "inferred") ||
		pcipt_json_get_bool(o, "inferred", &device->inferred)) &&
	       parse_text(o, "identity", is_line, &device->identity) &&
	       parse_text(o, "serial", is_line, &device->serial) &&
	       parse_text(o, "driver_before", is_driver, &device->before.driver) &&
	       parse_text(o, "module_before", is_driver, &device->before.module) &&
	       parse_text(o, "override_before", is_line, &device->before.override) &&
	       parse_text(o, "power_control_before", is_power_control,
			  &device->before.power_control);
}

/* A device that stands twice would be put back to two states. */
static bool is_repeated(const struct pcipt_record *record, size_t last)
{
	for (size_t i = 0; i < last; i++)
		if (pcipt_address_key(record->devices[i].at) ==
		    pcipt_address_key(record->devices[last].at))
			return true;
	return false;
}

static bool parse_devices(struct json_object *o, struct pcipt_record *record)
{
	struct json_object *array = pcipt_json_get_array(o, "devices");
	size_t n = pcipt_json_length(array);

	if (n == 0 || n > RECORD_DEVICES_MAX)
		return false;
	record->devices = calloc(n, sizeof(*record->devices));
	for (size_t i = 0; record->devices && i < n; i++) {
		record->n_devices = i + 1;
		if (!parse_device(pcipt_json_at(array, i), &record->devices[i]) ||
		    is_repeated(record, i))
			return false;
	}
	return record->devices != NULL;
}

/* A reason's or a finding's code; which there are is not this layer's to know. */
static bool is_code(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n < 64 && !s[n];
}

/* A number that may be absent, which is the least. */
static bool parse_number(struct json_object *o, const char *key, int64_t least, int64_t most,
			 int64_t *value)
{
	*value = least;
	return pcipt_json_is_null(o, key) ||
	       (pcipt_json_get_number(o, key, value) && *value >= least && *value <= most);
}

/* Where it stands, and what it waits for. */
static bool parse_state(struct json_object *o, struct pcipt_record *record)
{
	int64_t attempts;

	record->state = number_of(pcipt_json_get_text(o, "state"), pcipt_claim_state_name,
				  PCIPT_CLAIM_STUCK + 1);
	if (!parse_number(o, "attempts", 0, UINT32_MAX, &attempts))
		return false;
	record->attempts = (uint32_t)attempts;
	return record->state >= 0 && parse_text(o, "reason", is_code, &record->reason) &&
	       parse_text(o, "message", is_line, &record->message) &&
	       parse_text(o, "since", is_line, &record->since) &&
	       parse_text(o, "deadline", is_line, &record->deadline) &&
	       parse_number(o, "deadline_boot_ms", -1, INT64_MAX, &record->deadline_ms);
}

/* Absent in a record of before there was such a list: nothing was allowed then. */
static bool parse_allowed(struct json_object *o, struct pcipt_record *record)
{
	struct json_object *array = pcipt_json_get_array(o, "allowed");
	size_t n = pcipt_json_length(array);

	if (!array)
		return pcipt_json_is_null(o, "allowed");
	if (n > RECORD_DEVICES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = pcipt_json_at(array, i);
		const char *code = pcipt_json_get_text(one, "code");
		const char *address = pcipt_json_get_text(one, "address");
		struct pcipt_address at;

		if (!code || !is_code(code) || (!address && !pcipt_json_is_null(one, "address")) ||
		    (address && !pcipt_address_scan(address, &at, NULL)) ||
		    !pcipt_record_allowed_add(&record->allowed, &record->n_allowed, code, address))
			return false;
	}
	return true;
}

static bool parse_head(struct json_object *o, struct pcipt_record *record)
{
	const char *name = pcipt_json_get_text(o, "name");
	bool ok = true;

	if (!pcipt_streq(pcipt_json_get_text(o, "schema"), RECORD_SCHEMA) || !name ||
	    !pcipt_record_name_is_valid(name))
		return false;
	record->name = pcipt_dup(name, &ok);
	return ok && parse_state(o, record) && parse_text(o, "id", is_line, &record->id) &&
	       parse_text(o, "owner", is_line, &record->owner) &&
	       parse_text(o, "boot_id", is_line, &record->boot_id) &&
	       parse_text(o, "driver", is_driver, &record->driver) && record->driver;
}

int pcipt_record_parse(const char *text, size_t length, struct pcipt_record *record,
		       struct pcipt_error **error)
{
	_cleanup_json_ struct json_object *o = pcipt_json_parse(text, length);

	memset(record, 0, sizeof(*record));
	if (o && parse_head(o, record) && parse_allowed(o, record) && parse_devices(o, record))
		return 0;
	pcipt_record_clear(record);
	return pcipt_fail(error, PCIPT_E_DAMAGED, NULL, "%s",
			  o ? "the record doesn't have the form of " RECORD_SCHEMA :
			      "the record is not JSON");
}
