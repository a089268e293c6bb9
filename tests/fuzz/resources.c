/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: BARs. The input is the text of `resource`. */
#include <stdlib.h>

#include "inventory/resources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pcipt_resource *resource)
{
	if ((resource->present == 1) != (resource->size > 0))
		abort();
	if (resource->present == 1 && resource->start + (resource->size - 1) < resource->start)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcipt_resources resources;

	pcipt_resources_parse((const char *)data, size, &resources);
	for (size_t i = 0; i < PCIPT_N_BARS; i++)
		check(&resources.bars[i]);
	check(&resources.rom);
	return 0;
}
