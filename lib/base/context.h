/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context from the inside. */
#ifndef PCIPT_BASE_CONTEXT_H
#define PCIPT_BASE_CONTEXT_H

#include <libpcipt/context.h>
#include <pthread.h>

#include "base/error.h"

struct pcipt_kernel;

struct pcipt_context {
	struct pcipt_refs refs;
	char *root;
	char *state_dir;
	char *runtime_dir;
	char *config_dir; /* what is read at boot; follows the root, and has no other place */
	bool state_dir_given;
	bool runtime_dir_given;
	pcipt_log_fn log;
	void *log_data;
	int log_level;
	uint32_t timeout_ms;
	unsigned int threads;
	/*
	 * The kernel is opened on first use by the layer below, which also says
	 * how to let go of it: the base knows no system call.
	 */
	pthread_mutex_t lock;
	struct pcipt_kernel *kernel;
	void (*kernel_unref)(struct pcipt_kernel *kernel);
};

#define PCIPT_DEFAULT_TIMEOUT_MS 60000

void pcipt_log(struct pcipt_context *ctx, int level, const char *fmt, ...) _printf_(3, 4);
#define pcipt_debug(ctx, ...) pcipt_log(ctx, PCIPT_LOG_DEBUG, __VA_ARGS__)

PCIPT_DEFINE_CLEANUP(struct pcipt_context, pcipt_context_unref)

#endif
