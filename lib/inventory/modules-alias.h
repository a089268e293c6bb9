/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which modules would take a device: its modalias against the patterns of a kernel's
 * `modules.alias`, given as text. A pure function, no I/O, no allocation.
 *
 * A line is "alias PATTERN MODULE". Patterns that begin with "pci:" are of drivers that
 * take the device by themselves. Those with "vfio_pci:" in its place are of vfio drivers,
 * which take it only by a driver override (Linux 5.16 and later): of vfio-pci itself,
 * "vfio_pci:v*d*sv*sd*bc*sc*i*", and of the variant drivers for certain devices.
 *
 * Modules built into the kernel aren't in that file, nor are their ids anywhere else before
 * Linux 6.18 (doc/kernel-notes.md), so no match doesn't mean that there is no driver.
 *
 * The time is at most proportional to the text's length times the modalias's.
 */
#ifndef PCIPT_INVENTORY_MODULES_ALIAS_H
#define PCIPT_INVENTORY_MODULES_ALIAS_H

#include "base/util.h"

/* A name and its NUL; the kernel allows 56 (MODULE_NAME_LEN). */
#define PCIPT_MODULE_NAME_SIZE 64
/* Most devices have one module or two. */
#define PCIPT_ALIAS_MODULES_MAX 16
/* What the kernel makes has 54 characters. */
#define PCIPT_MODALIAS_MAX 128

struct pcipt_alias_matches {
	/*
	 * Modules of "pci:" patterns that match, each once, in the file's order and in its
	 * spelling: with '_', where the file and the driver may be called with '-'.
	 */
	size_t n_modules;
	char modules[PCIPT_ALIAS_MODULES_MAX][PCIPT_MODULE_NAME_SIZE];
	bool more; /* there are more of them than fit */
	/*
	 * The module of the "vfio_pci:" pattern that matches with the fewest wildcards: each
	 * '*', '?' and [..] counts as one. Of equals the first in the file. "vfio_pci" when
	 * there is no variant driver for the device; "" when nothing matches.
	 */
	char vfio[PCIPT_MODULE_NAME_SIZE];
	unsigned int vfio_wildcards;
	bool damaged; /* a line that matches names no possible module; it was passed over */
};

/*
 * Fills the whole of *matches. `text` needs no NUL, and may be NULL when length is 0.
 * `modalias` is as the attribute has it: "pci:v00008086d…", without a newline. NULL, one that
 * doesn't begin with "pci:", or one longer than PCIPT_MODALIAS_MAX matches nothing.
 */
void pcipt_modules_alias_match(const char *text, size_t length, const char *modalias,
			       struct pcipt_alias_matches *matches);

/*
 * Moves the lines that can match a PCI device to the front of the text, in their order,
 * and returns their length: less to look through for each of many devices.
 */
size_t pcipt_modules_alias_keep_pci(char *text, size_t length);

/*
 * Whether the whole text matches the pattern: '*' any characters or none, '?' any one,
 * [abc] and [0-9A-F] one of these. Nothing else is special. A set that isn't closed, is
 * empty, or begins with '!' or '^' (modules have no such) matches nothing.
 */
bool pcipt_alias_glob(const char *pattern, size_t pattern_length, const char *text);

#endif
