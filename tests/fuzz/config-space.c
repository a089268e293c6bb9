/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: configuration space. The input is what `config` gives. */
#include <stdlib.h>

#include "inventory/config-space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcipt_config_space space;

	pcipt_config_space_parse(data, size, &space);
	if (space.rebar.n > PCIPT_REBAR_MAX || space.header_type < -1 || space.header_type > 2 ||
	    strlen(space.dsn.text) != (space.dsn.present == 1 ? 23 : 0) ||
	    (space.gone && space.express.present != -1))
		abort();
	return 0;
}
