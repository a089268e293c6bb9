/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that knows json-c. Writers take NULL objects, so that an object
 * that could not be made shows at the end: pcipt_json_print() gives NULL.
 */
#ifndef PCIPT_BASE_JSON_H
#define PCIPT_BASE_JSON_H

#include "base/util.h"

struct json_object;

struct json_object *pcipt_json_object(void);
void pcipt_json_text(struct json_object *o, const char *key, const char *value);
void pcipt_json_number(struct json_object *o, const char *key, int64_t value);
void pcipt_json_real(struct json_object *o, const char *key, double value);
void pcipt_json_bool(struct json_object *o, const char *key, bool value);
void pcipt_json_null(struct json_object *o, const char *key);
/* An id as text, "0x10de"; a negative value is null. */
void pcipt_json_id(struct json_object *o, const char *key, int64_t value, int digits);
void pcipt_json_add(struct json_object *o, const char *key, struct json_object *value);
/* A new array below o. */
struct json_object *pcipt_json_array(struct json_object *o, const char *key);
/* Appends, taking the value over. */
void pcipt_json_append(struct json_object *array, struct json_object *value);
void pcipt_json_append_text(struct json_object *array, const char *value);
/* A free-standing array. */
struct json_object *pcipt_json_new_array(void);
/* The text of an object, which it takes over; NULL for NULL, or without memory. */
char *pcipt_json_print(struct json_object *o);

/* Reading: what a file says is input like any other, so types are checked. */
struct json_object *pcipt_json_parse(const char *text, size_t length);
void pcipt_json_unref(struct json_object *o);
/* The value as text, or NULL when it is absent, null or no text. Borrowed. */
const char *pcipt_json_get_text(struct json_object *o, const char *key);
/* Whether the key is absent or null. */
bool pcipt_json_is_null(struct json_object *o, const char *key);
bool pcipt_json_get_bool(struct json_object *o, const char *key, bool *value);
bool pcipt_json_get_number(struct json_object *o, const char *key, int64_t *value);
/* The array, or NULL; its length; its i-th object or NULL. Borrowed. */
struct json_object *pcipt_json_get_array(struct json_object *o, const char *key);
size_t pcipt_json_length(struct json_object *array);
struct json_object *pcipt_json_at(struct json_object *array, size_t i);

PCIPT_DEFINE_CLEANUP(struct json_object, pcipt_json_unref)
#define _cleanup_json_ _cleanup_(pcipt_json_unrefp)

#endif
