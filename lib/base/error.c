/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error objects. The codes and their texts come from error-codes.def alone. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct pcipt_error {
	struct pcipt_refs refs;
	int code;
	int errnum;
	char *message;
	char *step;
	char *address;
	char *path;
	char *remedy;
	struct pcipt_error **causes;
	size_t n_causes;
};

struct errc_row {
	int code;
	const char *name;
	int exit_status;
	bool retryable;
	const char *text;
};

static const struct errc_row errc_table[] = {
#define ERRC(code, exit_status, retryable, text) { code, #code, exit_status, retryable, text },
#include "base/error-codes.def"
#undef ERRC
};

/* The answer when there is no memory for an error: never counted, never freed. */
static const struct pcipt_error out_of_memory = {
	.code = PCIPT_E_NO_MEMORY,
	.errnum = ENOMEM,
	.message = (char *)"memory ran out",
	.remedy = (char *)"Free memory, then try again",
};

static const struct errc_row *errc_find(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(errc_table); i++)
		if (errc_table[i].code == code)
			return &errc_table[i];
	return NULL;
}

size_t pcipt_errc_count(void)
{
	return ARRAY_SIZE(errc_table);
}

const char *pcipt_errc_name(int code)
{
	const struct errc_row *row = errc_find(code);

	return row ? row->name : "PCIPT_E_UNKNOWN";
}

const char *pcipt_errc_text(int code)
{
	const struct errc_row *row = errc_find(code);

	return row ? row->text : "an error that this version doesn't know";
}

int pcipt_errc_exit_status(int code)
{
	const struct errc_row *row = errc_find(code);

	return row ? row->exit_status : 1;
}

static void error_destroy(struct pcipt_error *error)
{
	for (size_t i = 0; i < error->n_causes; i++)
		pcipt_error_unref(error->causes[i]);
	free(error->causes);
	free(error->message);
	free(error->step);
	free(error->address);
	free(error->path);
	free(error->remedy);
	free(error);
}

struct pcipt_error *pcipt_error_ref(struct pcipt_error *error)
{
	if (error && error != &out_of_memory)
		pcipt_refs_take(&error->refs);
	return error;
}

struct pcipt_error *pcipt_error_unref(struct pcipt_error *error)
{
	int saved = errno;

	if (error && error != &out_of_memory && pcipt_refs_drop(&error->refs))
		error_destroy(error);
	errno = saved;
	return NULL;
}

/* The texts may quote what the machine or the caller gave: neutralised here, once. */
static char *clean_copy(const char *s, bool *ok)
{
	char *copy = pcipt_dup(s, ok);

	if (copy)
		pcipt_text_neutralise(copy);
	return copy;
}

static struct pcipt_error *error_new(int code, const struct pcipt_error_facts *facts,
				     char *message)
{
	struct pcipt_error *error = calloc(1, sizeof(*error));
	bool ok = message != NULL;

	if (!error) {
		free(message);
		return (struct pcipt_error *)&out_of_memory;
	}
	pcipt_refs_init(&error->refs);
	error->code = code;
	error->message = message;
	if (message)
		pcipt_text_neutralise(message);
	if (facts) {
		error->errnum = facts->errnum;
		error->step = clean_copy(facts->step, &ok);
		error->address = clean_copy(facts->address, &ok);
		error->path = clean_copy(facts->path, &ok);
		error->remedy = clean_copy(facts->remedy, &ok);
	}
	if (ok)
		return error;
	error_destroy(error);
	return (struct pcipt_error *)&out_of_memory;
}

int pcipt_fail(struct pcipt_error **error, int code, const struct pcipt_error_facts *facts,
	       const char *fmt, ...)
{
	char *message = NULL;
	va_list ap;

	if (!error)
		return code;
	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	*error = error_new(code, facts, message);
	return code;
}

int pcipt_fail_memory(struct pcipt_error **error)
{
	if (error)
		*error = (struct pcipt_error *)&out_of_memory;
	return PCIPT_E_NO_MEMORY;
}

int pcipt_fail_argument(struct pcipt_error **error, const char *function, const char *what)
{
	return pcipt_fail(error, PCIPT_E_INVALID, NULL, "%s: %s", function, what);
}

void pcipt_error_add_cause(struct pcipt_error *error, struct pcipt_error *cause)
{
	if (!error || error == &out_of_memory || !cause ||
	    !pcipt_grow(&error->causes, error->n_causes)) {
		pcipt_error_unref(cause);
		return;
	}
	error->causes[error->n_causes++] = cause;
}

int pcipt_error_pass(struct pcipt_error **to, struct pcipt_error *from)
{
	int code = pcipt_error_get_code(from);

	if (to)
		*to = from;
	else
		pcipt_error_unref(from);
	return code;
}

int pcipt_error_get_code(const struct pcipt_error *error)
{
	return error ? error->code : PCIPT_OK;
}

const char *pcipt_error_get_name(const struct pcipt_error *error)
{
	return pcipt_errc_name(pcipt_error_get_code(error));
}

const char *pcipt_error_get_message(const struct pcipt_error *error)
{
	return error ? error->message : NULL;
}

const char *pcipt_error_get_step(const struct pcipt_error *error)
{
	return error ? error->step : NULL;
}

const char *pcipt_error_get_address(const struct pcipt_error *error)
{
	return error ? error->address : NULL;
}

const char *pcipt_error_get_path(const struct pcipt_error *error)
{
	return error ? error->path : NULL;
}

int pcipt_error_get_errno(const struct pcipt_error *error)
{
	return error ? error->errnum : 0;
}

bool pcipt_error_is_retryable(const struct pcipt_error *error)
{
	const struct errc_row *row = errc_find(pcipt_error_get_code(error));

	return row && row->retryable;
}

const char *pcipt_error_get_remedy(const struct pcipt_error *error)
{
	return error ? error->remedy : NULL;
}

size_t pcipt_error_cause_count(const struct pcipt_error *error)
{
	return error ? error->n_causes : 0;
}

const struct pcipt_error *pcipt_error_cause_at(const struct pcipt_error *error, size_t i)
{
	return error && i < error->n_causes ? error->causes[i] : NULL;
}

static int gravity(const struct pcipt_error *error)
{
	int status = pcipt_errc_exit_status(pcipt_error_get_code(error));

	return status == 6 || status == 7 ? 2 : status == 5;
}

void pcipt_error_keep_worst(struct pcipt_error **worst, struct pcipt_error *error)
{
	struct pcipt_error *graver = *worst && gravity(error) <= gravity(*worst) ? *worst : error;

	if (*worst)
		pcipt_error_add_cause(graver, graver == error ? *worst : error);
	*worst = graver;
}

const char *pcipt_errno_name(int errnum)
{
	const char *name = errnum ? strerrorname_np(errnum) : NULL;

	return name || !errnum ? name : "EUNKNOWN";
}

const char *pcipt_errno_text(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "an error without a name";
}

struct json_object *pcipt_error_json(const struct pcipt_error *error)
{
	struct json_object *o, *causes;

	if (!error)
		return NULL;
	o = pcipt_json_object();
	pcipt_json_text(o, "code", pcipt_error_get_name(error));
	pcipt_json_number(o, "number", error->code);
	pcipt_json_text(o, "message", error->message);
	pcipt_json_text(o, "step", error->step);
	pcipt_json_text(o, "address", error->address);
	pcipt_json_text(o, "path", error->path);
	pcipt_json_text(o, "errno", pcipt_errno_name(error->errnum));
	pcipt_json_bool(o, "retryable", pcipt_error_is_retryable(error));
	pcipt_json_text(o, "remedy", error->remedy);
	causes = pcipt_json_array(o, "causes");
	for (size_t i = 0; i < error->n_causes; i++)
		pcipt_json_append(causes, pcipt_error_json(error->causes[i]));
	return o;
}

char *pcipt_error_to_json(const struct pcipt_error *error)
{
	return error ? pcipt_json_print(pcipt_error_json(error)) : strdup("null");
}

void pcipt_free(void *text)
{
	free(text);
}
