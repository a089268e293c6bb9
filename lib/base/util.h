/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every file uses: cleanup attributes, steal, small text helpers.
 * One rule for memory: a local is declared with a cleanup attribute and handed
 * over with steal(); no goto in the same function.
 */
#ifndef PCIPT_BASE_UTIL_H
#define PCIPT_BASE_UTIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void pcipt_freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(pcipt_freep)

/* A cleanup function for `type *` variables out of an unref that takes NULL. */
#define PCIPT_DEFINE_CLEANUP(type, unref)                                                         \
	static inline void unref##p(type **p)                                                     \
	{                                                                                         \
		unref(*p);                                                                        \
	}

/* Gives a local's value away, so that its cleanup attribute finds NULL. */
#define steal(p)                                                                                  \
	({                                                                                        \
		__typeof__(*(p)) _stolen = *(p);                                                  \
		*(p) = NULL;                                                                      \
		_stolen;                                                                          \
	})

static inline bool pcipt_streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A copy, or NULL for NULL; *ok turns false when memory runs out. */
static inline char *pcipt_dup(const char *s, bool *ok)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		*ok = false;
	return copy;
}

/* What follows the last slash, or all of it. */
static inline const char *pcipt_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The value of a hex digit, or -1. */
static inline int pcipt_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* printf into a new string; NULL when memory runs out. */
char *pcipt_format(const char *fmt, ...) _printf_(1, 2);

/*
 * Turns control characters and what isn't UTF-8 into '?', in place: texts come
 * from firmware and from files, and end on somebody's terminal.
 */
void pcipt_text_neutralise(char *s);

/*
 * Room for one more element in an array that doubles; false without memory.
 * Usage: if (!pcipt_grow(&v->items, v->n, sizeof(*v->items))) …
 */
bool pcipt_grow_(void **items, size_t n, size_t size);
#define pcipt_grow(items, n) pcipt_grow_((void **)(items), (n), sizeof(**(items)))

/* Milliseconds on the monotonic clock. */
double pcipt_now_ms(void);
/* Milliseconds since the boot, suspended time included: no clock step moves it. */
int64_t pcipt_boot_ms(void);

/* The public objects' counts, atomic: garbage collectors unref on other threads. */
struct pcipt_refs {
	atomic_uint n;
};

static inline void pcipt_refs_init(struct pcipt_refs *refs)
{
	atomic_init(&refs->n, 1);
}

static inline void pcipt_refs_take(struct pcipt_refs *refs)
{
	atomic_fetch_add_explicit(&refs->n, 1, memory_order_relaxed);
}

/* True when that was the last one. */
static inline bool pcipt_refs_drop(struct pcipt_refs *refs)
{
	return atomic_fetch_sub_explicit(&refs->n, 1, memory_order_acq_rel) == 1;
}

/*
 * _ref and _unref of a public object: unref leaves errno alone and returns NULL.
 * `destroy` frees the object with all that it holds.
 */
#define PCIPT_DEFINE_REFS(object, destroy)                                                        \
	PCIPT_API struct pcipt_##object *pcipt_##object##_ref(struct pcipt_##object *o)           \
	{                                                                                         \
		if (o)                                                                            \
			pcipt_refs_take(&o->refs);                                                \
		return o;                                                                         \
	}                                                                                         \
	PCIPT_API struct pcipt_##object *pcipt_##object##_unref(struct pcipt_##object *o)         \
	{                                                                                         \
		int saved = errno;                                                                \
		if (o && pcipt_refs_drop(&o->refs))                                               \
			destroy(o);                                                               \
		errno = saved;                                                                    \
		return NULL;                                                                      \
	}

#endif
