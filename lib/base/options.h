/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options from the inside. Readers take NULL for the defaults. */
#ifndef PCIPT_BASE_OPTIONS_H
#define PCIPT_BASE_OPTIONS_H

#include <libpcipt/options.h>

#include "base/error.h"

struct pcipt_allow {
	char *code;
	char *address; /* NULL for every device; else in its full form */
};

struct pcipt_options {
	struct pcipt_refs refs;
	char *driver;
	char *name;
	char *owner;
	bool with_set;
	bool persistent;
	struct pcipt_allow *allow;
	size_t n_allow;
};

#define PCIPT_DEFAULT_DRIVER "vfio-pci"

static inline const char *pcipt_options_driver(const struct pcipt_options *options)
{
	return options && options->driver ? options->driver : PCIPT_DEFAULT_DRIVER;
}

#endif
