/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context: where the machine is (root folder), where records are kept, how
 * long things may take, and who hears the log. There is no default context and
 * no global state. Set it up first; then any number of threads may share it.
 */
#ifndef LIBPCIPT_CONTEXT_H
#define LIBPCIPT_CONTEXT_H

#include <libpcipt/defs.h>

PCIPT_BEGIN_DECLS

/** The library's version: "0.1.0". Since 0.1. */
PCIPT_API const char *pcipt_version(void);

/**
 * enum pcipt_log_level - how much one wants to hear
 *
 * A message's level is one of these; print one that you don't know as debug. Since 0.1.
 */
enum pcipt_log_level {
	PCIPT_LOG_NONE = 0,
	PCIPT_LOG_ERROR = 1,
	PCIPT_LOG_WARNING = 2,
	PCIPT_LOG_INFO = 3,
	PCIPT_LOG_DEBUG = 4
};

/** "none", "error", "warning", "info", "debug"; else "unknown". Since 0.1. */
PCIPT_API const char *pcipt_log_level_name(int level);

/**
 * A log function: called on the calling thread only, with one line without a
 * newline, its control characters already neutralised. It must not call the
 * library with the same context.
 */
typedef void (*pcipt_log_fn)(void *data, int level, const char *line);

/**
 * pcipt_context_new - a context for this machine, silent, root "/", deadline 60 s
 *
 * Touches nothing. Errors: INVALID, NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_context_new(struct pcipt_context **ctx, struct pcipt_error **error);
/** Takes another reference; returns its argument. Since 0.1. */
PCIPT_API struct pcipt_context *pcipt_context_ref(struct pcipt_context *ctx);
/** Gives a reference back; NULL is fine. Returns NULL. Since 0.1. */
PCIPT_API struct pcipt_context *pcipt_context_unref(struct pcipt_context *ctx);

/**
 * pcipt_context_set_root - take another folder for "/"
 *
 * @path: an absolute or relative path of a folder that has sys/, and perhaps
 * run/ and var/lib/ below it. It is looked at when it is first needed: a
 * missing folder is then PCIPT_E_BAD_ROOT. Links in it are followed as if it
 * were the root, never out of it. Where its sys/ isn't a real sysfs, every call
 * that would change something returns PCIPT_E_NOT_REAL.
 *
 * Errors: INVALID (NULL, empty, or the context is in use already), NO_MEMORY. Since 0.1.
 */
PCIPT_API int pcipt_context_set_root(struct pcipt_context *ctx, const char *path,
				     struct pcipt_error **error);
/**
 * Where claims that survive a boot are kept; default ROOT/var/lib/libpcipt. A
 * path given here is not below the root. Errors as for set_root. Since 0.1.
 */
PCIPT_API int pcipt_context_set_state_dir(struct pcipt_context *ctx, const char *path,
					  struct pcipt_error **error);
/** Where this boot's records and locks are; default ROOT/run/libpcipt. As above. Since 0.1. */
PCIPT_API int pcipt_context_set_runtime_dir(struct pcipt_context *ctx, const char *path,
					    struct pcipt_error **error);
/**
 * Who hears the log, and down to which level; NULL for nobody.
 *
 * Whatever was made from the context keeps it and may log: @data must outlive the context's
 * last reference and every snapshot, set, plan, and monitor. To free it earlier, set another
 * function or NULL first, while no other thread is in a call; nobody is told when that is
 * possible, so a wrapper keeps @data for as long as any object of its own. Since 0.1.
 */
PCIPT_API void pcipt_context_set_log(struct pcipt_context *ctx, pcipt_log_fn fn, void *data,
				     int level);
/**
 * The deadline of a call that changes or waits for something, in milliseconds
 * on the monotonic clock; 0 restores the default of 60,000. Since 0.1.
 */
PCIPT_API void pcipt_context_set_timeout_ms(struct pcipt_context *ctx, uint32_t ms);

/**
 * How many threads a snapshot of the whole machine may use, the caller's included;
 * 0 and 1 mean the caller's alone, which is the default. More than 16 are 16. They end
 * before the call returns, and have all signals blocked. Since 0.1.
 */
PCIPT_API void pcipt_context_set_threads(struct pcipt_context *ctx, unsigned int threads);

PCIPT_API const char *pcipt_context_get_root(const struct pcipt_context *ctx);
PCIPT_API const char *pcipt_context_get_state_dir(const struct pcipt_context *ctx);
PCIPT_API const char *pcipt_context_get_runtime_dir(const struct pcipt_context *ctx);
PCIPT_API uint32_t pcipt_context_get_timeout_ms(const struct pcipt_context *ctx);

PCIPT_END_DECLS

#endif
