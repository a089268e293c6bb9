/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context: settings, and the log. Makes no system call of its own. */
#include "base/context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "config.h"

const char *pcipt_version(void)
{
	return PACKAGE_VERSION;
}

static void context_destroy(struct pcipt_context *ctx)
{
	if (ctx->kernel)
		ctx->kernel_unref(ctx->kernel);
	pthread_mutex_destroy(&ctx->lock);
	free(ctx->root);
	free(ctx->state_dir);
	free(ctx->runtime_dir);
	free(ctx->config_dir);
	free(ctx);
}

PCIPT_DEFINE_REFS(context, context_destroy)

/* A folder below a root, "/" being the one that adds nothing. */
static char *below(const char *root, const char *path)
{
	return pcipt_format("%s%s", pcipt_streq(root, "/") ? "" : root, path);
}

static void replace(char **text, char **by)
{
	free(*text);
	*text = steal(by);
}

/* Sets the root and, unless they were given, the folders that follow from it. */
static int take_root(struct pcipt_context *ctx, const char *path, struct pcipt_error **error)
{
	_cleanup_free_ char *root = strdup(path);
	_cleanup_free_ char *state = root ? below(root, "/var/lib/libpcipt") : NULL;
	_cleanup_free_ char *runtime = root ? below(root, "/run/libpcipt") : NULL;
	_cleanup_free_ char *config = root ? below(root, "/etc/libpcipt") : NULL;

	if (!root || !state || !runtime || !config)
		return pcipt_fail_memory(error);
	replace(&ctx->root, &root);
	replace(&ctx->config_dir, &config);
	if (!ctx->state_dir_given)
		replace(&ctx->state_dir, &state);
	if (!ctx->runtime_dir_given)
		replace(&ctx->runtime_dir, &runtime);
	return 0;
}

int pcipt_context_new(struct pcipt_context **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_context_unrefp) struct pcipt_context *ctx = NULL;
	int r;

	if (!out)
		return pcipt_fail_argument(error, __func__, "no place for the context");
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&ctx->refs);
	pthread_mutex_init(&ctx->lock, NULL);
	ctx->timeout_ms = PCIPT_DEFAULT_TIMEOUT_MS;
	r = take_root(ctx, "/", error);
	if (r < 0)
		return r;
	*out = steal(&ctx);
	return 0;
}

/* Settings are for a context that nobody uses yet. */
static int check_setting(struct pcipt_context *ctx, const char *path, const char *function,
			 struct pcipt_error **error)
{
	if (!ctx || !path || !*path)
		return pcipt_fail_argument(error, function, "no context or no path");
	if (ctx->kernel)
		return pcipt_fail_argument(error, function, "the context is in use already");
	return 0;
}

int pcipt_context_set_root(struct pcipt_context *ctx, const char *path, struct pcipt_error **error)
{
	int r = check_setting(ctx, path, __func__, error);

	return r < 0 ? r : take_root(ctx, path, error);
}

static int set_folder(char **folder, bool *given, const char *path, struct pcipt_error **error)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return pcipt_fail_memory(error);
	replace(folder, &copy);
	*given = true;
	return 0;
}

int pcipt_context_set_state_dir(struct pcipt_context *ctx, const char *path,
				struct pcipt_error **error)
{
	int r = check_setting(ctx, path, __func__, error);

	return r < 0 ? r : set_folder(&ctx->state_dir, &ctx->state_dir_given, path, error);
}

int pcipt_context_set_runtime_dir(struct pcipt_context *ctx, const char *path,
				  struct pcipt_error **error)
{
	int r = check_setting(ctx, path, __func__, error);

	return r < 0 ? r : set_folder(&ctx->runtime_dir, &ctx->runtime_dir_given, path, error);
}

void pcipt_context_set_log(struct pcipt_context *ctx, pcipt_log_fn fn, void *data, int level)
{
	if (!ctx)
		return;
	ctx->log = fn;
	ctx->log_data = data;
	ctx->log_level = level;
}

void pcipt_context_set_timeout_ms(struct pcipt_context *ctx, uint32_t ms)
{
	if (ctx)
		ctx->timeout_ms = ms ? ms : PCIPT_DEFAULT_TIMEOUT_MS;
}

void pcipt_context_set_threads(struct pcipt_context *ctx, unsigned int threads)
{
	if (ctx)
		ctx->threads = threads > 16 ? 16 : threads;
}

const char *pcipt_context_get_root(const struct pcipt_context *ctx)
{
	return ctx ? ctx->root : NULL;
}

const char *pcipt_context_get_state_dir(const struct pcipt_context *ctx)
{
	return ctx ? ctx->state_dir : NULL;
}

const char *pcipt_context_get_runtime_dir(const struct pcipt_context *ctx)
{
	return ctx ? ctx->runtime_dir : NULL;
}

uint32_t pcipt_context_get_timeout_ms(const struct pcipt_context *ctx)
{
	return ctx ? ctx->timeout_ms : 0;
}

void pcipt_log(struct pcipt_context *ctx, int level, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;

	if (!ctx->log || level > ctx->log_level)
		return;
	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	if (!line)
		return;
	pcipt_text_neutralise(line);
	ctx->log(ctx->log_data, level, line);
}
