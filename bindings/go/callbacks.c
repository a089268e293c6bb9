/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the library's log and progress functions to Go's. */
#include <libpcipt/libpcipt.h>

#include "_cgo_export.h"

void pcipt_go_set_log(struct pcipt_context *ctx, uintptr_t handle, int level);
void pcipt_go_set_progress(struct pcipt_options *options, uintptr_t handle);

static void hear(void *data, int level, const char *line)
{
	pcipt_go_log((uintptr_t)data, level, (char *)line);
}

void pcipt_go_set_log(struct pcipt_context *ctx, uintptr_t handle, int level)
{
	pcipt_context_set_log(ctx, hear, (void *)handle, level);
}

static void tell(void *data, int op, const char *address, int progress)
{
	pcipt_go_progress((uintptr_t)data, op, (char *)address, progress);
}

void pcipt_go_set_progress(struct pcipt_options *options, uintptr_t handle)
{
	pcipt_options_set_progress(options, tell, (void *)handle);
}
