/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON through json-c; see json.h for the rules. */
#include "base/json.h"

#include <json-c/json.h>
#include <stdio.h>

struct json_object *pcipt_json_object(void)
{
	return json_object_new_object();
}

void pcipt_json_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (!o || json_object_object_add(o, key, value) < 0)
		json_object_put(value);
}

void pcipt_json_text(struct json_object *o, const char *key, const char *value)
{
	pcipt_json_add(o, key, value ? json_object_new_string(value) : NULL);
}

void pcipt_json_number(struct json_object *o, const char *key, int64_t value)
{
	pcipt_json_add(o, key, json_object_new_int64(value));
}

void pcipt_json_real(struct json_object *o, const char *key, double value)
{
	char text[32];

	/* Three digits are microseconds; the default prints seventeen. */
	snprintf(text, sizeof(text), "%.3f", value);
	pcipt_json_add(o, key, json_object_new_double_s(value, text));
}

void pcipt_json_bool(struct json_object *o, const char *key, bool value)
{
	pcipt_json_add(o, key, json_object_new_boolean(value));
}

void pcipt_json_null(struct json_object *o, const char *key)
{
	pcipt_json_add(o, key, NULL);
}

void pcipt_json_id(struct json_object *o, const char *key, int64_t value, int digits)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%0*llx", digits, (long long)value);
	pcipt_json_text(o, key, value < 0 ? NULL : text);
}

struct json_object *pcipt_json_new_array(void)
{
	return json_object_new_array();
}

struct json_object *pcipt_json_array(struct json_object *o, const char *key)
{
	struct json_object *array = json_object_new_array();

	pcipt_json_add(o, key, array);
	return o ? array : NULL;
}

void pcipt_json_append(struct json_object *array, struct json_object *value)
{
	if (!array || json_object_array_add(array, value) < 0)
		json_object_put(value);
}

void pcipt_json_append_text(struct json_object *array, const char *value)
{
	pcipt_json_append(array, value ? json_object_new_string(value) : NULL);
}

char *pcipt_json_print(struct json_object *o)
{
	const char *text;
	char *copy;

	if (!o)
		return NULL;
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							 JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(o);
	return copy;
}

struct json_object *pcipt_json_parse(const char *text, size_t length)
{
	/* Records are flat; a deep one is not ours and must not cost stack. */
	struct json_tokener *tokener = json_tokener_new_ex(16);
	struct json_object *o = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* The parser stops at a NUL and would pass over what follows it. */
	if (length < INT32_MAX && !memchr(text, '\0', length))
		o = json_tokener_parse_ex(tokener, text, (int)length);
	if (!o || json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	return o;
}

void pcipt_json_unref(struct json_object *o)
{
	json_object_put(o);
}

static struct json_object *get(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *pcipt_json_get_text(struct json_object *o, const char *key)
{
	struct json_object *value = get(o, key, json_type_string);
	const char *text = value ? json_object_get_string(value) : NULL;

	/* A NUL inside would hide what follows it from every later check. */
	if (text && strlen(text) != (size_t)json_object_get_string_len(value))
		return NULL;
	return text;
}

bool pcipt_json_is_null(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	return json_object_is_type(o, json_type_object) &&
	       (!json_object_object_get_ex(o, key, &value) || !value);
}

bool pcipt_json_get_bool(struct json_object *o, const char *key, bool *value)
{
	struct json_object *truth = get(o, key, json_type_boolean);

	if (truth)
		*value = json_object_get_boolean(truth);
	return truth != NULL;
}

bool pcipt_json_get_number(struct json_object *o, const char *key, int64_t *value)
{
	struct json_object *number = get(o, key, json_type_int);

	if (number)
		*value = json_object_get_int64(number);
	return number != NULL;
}

struct json_object *pcipt_json_get_array(struct json_object *o, const char *key)
{
	return get(o, key, json_type_array);
}

size_t pcipt_json_length(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

struct json_object *pcipt_json_at(struct json_object *array, size_t i)
{
	return i < pcipt_json_length(array) ? json_object_array_get_idx(array, i) : NULL;
}
