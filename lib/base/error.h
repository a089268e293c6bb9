/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error objects from the inside: how they are made and filled. */
#ifndef PCIPT_BASE_ERROR_H
#define PCIPT_BASE_ERROR_H

#include <libpcipt/error.h>

#include "base/util.h"

struct json_object;

/*
 * What an error says. Texts may be NULL. `remedy` and `message` must already be
 * formatted; pcipt_fail() does both jobs for the common case.
 */
struct pcipt_error_facts {
	const char *step;
	const char *address;
	const char *path;
	int errnum;
	const char *remedy;
};

/*
 * Makes an error, stores it in *error (when error is not NULL), returns `code`.
 * So a failing function ends with `return pcipt_fail(error, …)`. Without memory the
 * code is still returned and *error is a static out-of-memory error.
 */
int pcipt_fail(struct pcipt_error **error, int code, const struct pcipt_error_facts *facts,
	       const char *fmt, ...) _printf_(4, 5);
int pcipt_fail_memory(struct pcipt_error **error);
/* For a NULL or otherwise impossible argument of a public function. */
int pcipt_fail_argument(struct pcipt_error **error, const char *function, const char *what);

/* Takes over the caller's reference to `cause`, also when memory runs out. */
void pcipt_error_add_cause(struct pcipt_error *error, struct pcipt_error *cause);
/* Stores `from` in *to, or drops it where nobody listens; returns its code. */
int pcipt_error_pass(struct pcipt_error **to, struct pcipt_error *from);

/*
 * Keeps the graver of two errors in *worst, by their exit status (stuck, incomplete, the
 * rest), the other as its cause. Takes `error` over.
 */
void pcipt_error_keep_worst(struct pcipt_error **worst, struct pcipt_error *error);

/* "EBUSY" for 16, or NULL for 0; "EUNKNOWN" for a number without a name. */
const char *pcipt_errno_name(int errnum);

/* What an errno means, a few words; never NULL. */
const char *pcipt_errno_text(int errnum);

struct json_object *pcipt_error_json(const struct pcipt_error *error);

PCIPT_DEFINE_CLEANUP(struct pcipt_error, pcipt_error_unref)
#define _cleanup_error_ _cleanup_(pcipt_error_unrefp)

#endif
