/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: modules by alias. The input's first line is the modalias, the rest is the file. */
#include <stdio.h>
#include <stdlib.h>

#include "inventory/modules-alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that can't match are thrown away first where many devices are looked up. */
static void same_when_kept(const char *text, size_t length, const char *modalias,
			   const struct pcipt_alias_matches *whole)
{
	struct pcipt_alias_matches matches;
	char *copy = malloc(length + 1);

	memcpy(copy, text, length);
	length = pcipt_modules_alias_keep_pci(copy, length);
	pcipt_modules_alias_match(copy, length, modalias, &matches);
	if (memcmp(&matches, whole, sizeof(matches)) != 0)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t n = newline ? (size_t)(newline - data) : size;
	struct pcipt_alias_matches matches;
	char modalias[256];

	snprintf(modalias, sizeof(modalias), "pci:%.*s", (int)(n < 200 ? n : 200),
		 (const char *)data);
	n += newline != NULL;
	pcipt_modules_alias_match((const char *)data + n, size - n, modalias, &matches);
	if (matches.n_modules > PCIPT_ALIAS_MODULES_MAX)
		abort();
	for (size_t i = 0; i < matches.n_modules; i++)
		if (matches.modules[i][0] == '\0' || strchr(matches.modules[i], '/'))
			abort();
	same_when_kept((const char *)data + n, size - n, modalias, &matches);
	return 0;
}
