/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the library's log function to Go's. */
#include <libpcipt/libpcipt.h>

#include "_cgo_export.h"

void pcipt_go_set_log(struct pcipt_context *ctx, uintptr_t handle, int level);

static void hear(void *data, int level, const char *line)
{
	pcipt_go_log((uintptr_t)data, level, (char *)line);
}

void pcipt_go_set_log(struct pcipt_context *ctx, uintptr_t handle, int level)
{
	pcipt_context_set_log(ctx, hear, (void *)handle, level);
}
