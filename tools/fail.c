/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failures. Each is kept in the form that `error` has in the JSON output, so that
 * a person and a program are told the same. One run can fail several times (a
 * selector each, a claim each): the worst is told, the others are its causes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf */
#endif
#include <stdarg.h>
#include <string.h>

#include "common.h"

#define CAUSES_TOLD 3
#define LEAST_REPEATED 16
#define MAX_DEPTH 4

/* The gravest first: what was asked for, does it exist, may we, should we; then what came of it. */
static const int order[] = { 2, 4, 8, 3, 7, 6, 5, 1, 9, 0 };

static size_t rank(int status)
{
	size_t i = 0;

	while (i < sizeof(order) / sizeof(order[0]) - 1 && order[i] != status)
		i++;
	return i;
}

int worse(int a, int b)
{
	return rank(a) <= rank(b) ? a : b;
}

static struct json_object *causes_of(struct json_object *error)
{
	struct json_object *causes = NULL;

	(void)json_object_object_get_ex(error, "causes", &causes);
	return json_object_is_type(causes, json_type_array) ? causes : NULL;
}

/* Takes the cause over. */
static void add_cause(struct json_object *error, struct json_object *cause)
{
	struct json_object *causes = causes_of(error);

	if (!causes || json_object_array_add(causes, cause) != 0)
		json_object_put(cause);
}

/* Takes the error over; an error without memory for its text still has its status. */
static int note(struct tool *t, struct json_object *error, int status)
{
	if (!t->error) {
		t->error = error;
		t->status = status;
	} else if (error && worse(status, t->status) == status && status != t->status) {
		add_cause(error, t->error);
		t->error = error;
		t->status = status;
	} else if (error) {
		add_cause(t->error, error);
	}
	return status;
}

int fail(struct tool *t, struct pcipt_error *error)
{
	int status = pcipt_errc_exit_status(pcipt_error_get_code(error));
	struct json_object *object = error ? take_json(pcipt_error_to_json(error)) : NULL;

	(void)pcipt_error_unref(error);
	/* A failure is never 0, whatever the library says of its code. */
	return object ? note(t, object, status ? status : EXIT_FAILED) : fail_memory(t);
}

static void set_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_text(value));
}

struct json_object *new_error(int code, const char *message, const char *address,
			      const char *remedy)
{
	struct json_object *error = message ? json_object_new_object() : NULL;

	if (!error)
		return NULL;
	set_text(error, "code", pcipt_errc_name(code));
	json_object_object_add(error, "number", json_object_new_int(code));
	set_text(error, "message", message);
	set_text(error, "step", NULL);
	set_text(error, "address", address);
	set_text(error, "path", NULL);
	set_text(error, "errno", NULL);
	json_object_object_add(error, "retryable", json_object_new_boolean(false));
	set_text(error, "remedy", remedy);
	json_object_object_add(error, "causes", json_object_new_array());
	return error;
}

int fail_with(struct tool *t, int code, const char *address, const char *remedy,
	      const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	struct json_object *error;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	error = new_error(code, message, address, remedy);
	return error ? note(t, error, pcipt_errc_exit_status(code)) : fail_memory(t);
}

int fail_memory(struct tool *t)
{
	/* Composing a new error would need what there is none of. */
	t->status = t->status ? t->status : EXIT_FAILED;
	return EXIT_FAILED;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static const char *message_of(struct json_object *error)
{
	const char *message = text_of(error, "message");

	return message ? message : "something failed";
}

/*
 * What a cause says beyond the error itself, as a new text; NULL for nothing. An
 * error with one cause often repeats it, and the cause adds "(evidence)".
 */
static char *news_of(const char *message, const char *cause)
{
	const char *news = cause ? cause : "";
	size_t length;

	if (strstr(message, news))
		return NULL;
	for (const char *tail = message; *tail; tail++) {
		length = strlen(tail);
		if (length >= LEAST_REPEATED && strncmp(news, tail, length) == 0) {
			news += length + strspn(news + length, " ");
			break;
		}
	}
	length = strlen(news);
	if (news[0] == '(' && news[length - 1] == ')')
		return strndup(news + 1, length - 2);
	return strdup(news);
}

static size_t say_causes(struct json_object *error)
{
	struct json_object *causes = causes_of(error);
	size_t n = causes ? json_object_array_length(causes) : 0, told = 0, more = 0;

	for (size_t i = 0; i < n; i++) {
		const char *cause = text_of(json_object_array_get_idx(causes, i), "message");
		_cleanup_free_ char *news = news_of(message_of(error), cause);

		if (!news)
			continue;
		if (told == CAUSES_TOLD)
			more++;
		else
			say(stderr, "%s%s", told++ ? "; " : "  why: ", news);
	}
	if (more)
		say(stderr, "; and %zu more (-v tells them)", more);
	if (told)
		say(stderr, "\n");
	return told;
}

/* The second line: the causes, or what the kernel was asked and answered. */
static void say_why(struct json_object *error)
{
	const char *path = text_of(error, "path"), *number = text_of(error, "errno");

	if (say_causes(error) > 0)
		return;
	/* Most messages name the path or say what the errno means. */
	if (path && strstr(message_of(error), path))
		path = NULL;
	if (path || number)
		say(stderr, "  why: %s%s%s\n", path ? path : "", path && number ? ": " : "",
		    number ? number : "");
}

static const char *remedy_of(struct json_object *error)
{
	struct json_object *causes = causes_of(error);
	const char *remedy = text_of(error, "remedy");

	for (size_t i = 0; !remedy && causes && i < json_object_array_length(causes); i++)
		remedy = text_of(json_object_array_get_idx(causes, i), "remedy");
	return remedy;
}

static void say_all(struct json_object *error, int depth)
{
	static const char *const keys[] = { "code",  "step",  "address", "path",
					    "errno", "remedy" };
	struct json_object *causes = causes_of(error);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (text_of(error, keys[i]))
			say(stderr, "%*s%s: %s\n", depth * 2, "", keys[i], text_of(error, keys[i]));
	if (!causes || depth >= MAX_DEPTH)
		return;
	for (size_t i = 0; i < json_object_array_length(causes); i++) {
		struct json_object *cause = json_object_array_get_idx(causes, i);

		say(stderr, "%*sbecause: %s\n", depth * 2, "", text_of(cause, "message"));
		say_all(cause, depth + 1);
	}
}

void print_failure(const struct tool *t)
{
	const char *remedy;

	if (!t->error) {
		if (t->status)
			say(stderr, "pcipt: memory ran out\n");
		return;
	}
	say(stderr, "pcipt: %s\n", message_of(t->error));
	if (t->verbose > 0) {
		say_all(t->error, 1);
		return;
	}
	say_why(t->error);
	remedy = remedy_of(t->error);
	if (remedy)
		say(stderr, "  do:  %s\n", remedy);
}

void say_error(FILE *file, const char *label, const struct pcipt_error *error)
{
	const char *message = pcipt_error_get_message(error);
	const char *path = pcipt_error_get_path(error), *remedy = pcipt_error_get_remedy(error);

	if (path && message && strstr(message, path))
		path = NULL;
	say(file, "%s: %s%s%s%s%s%s\n", label, message, path ? " (" : "",
	    path ? path : "", path ? ")" : "", remedy ? ". " : "", remedy ? remedy : "");
}
