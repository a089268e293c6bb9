/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: vital product data. The input is what `vpd` gives. */
#include <stdlib.h>

#include "inventory/vpd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	size_t n = strnlen(text, PCIPT_VPD_TEXT_SIZE);

	if (n == PCIPT_VPD_TEXT_SIZE || (n > 0 && text[n - 1] == ' '))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcipt_vpd vpd;

	pcipt_vpd_parse(data, size, &vpd);
	check_text(vpd.identifier);
	check_text(vpd.part_number);
	check_text(vpd.serial);
	check_text(vpd.engineering_level);
	check_text(vpd.manufacturer);
	for (size_t i = 0; i < vpd.n_vendor; i++)
		check_text(vpd.vendor[i].text);
	return 0;
}
