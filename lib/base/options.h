/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options from the inside. Readers take NULL for the defaults. */
#ifndef PCIPT_BASE_OPTIONS_H
#define PCIPT_BASE_OPTIONS_H

#include <libpcipt/options.h>

#include "base/error.h"

struct pcipt_allow {
	char *code;
	char *address; /* NULL for every device; else in its full form */
	bool host;     /* inside: for no device, only what is about the host */
};

struct pcipt_options {
	struct pcipt_refs refs;
	char *driver;
	char *name;
	char *owner;
	bool with_set, with_companions;
	bool persistent;
	bool now;
	char *for_claim; /* inside: the id of the claim that the devices are bound for */
	struct pcipt_allow *allow;
	size_t n_allow;
	uint32_t timeout_ms; /* 0: the context's */
	int cancel_fd;	     /* -1 for none */
	pcipt_progress_fn progress;
	void *progress_data;
};

/* A copy for later, when the caller may have changed his own; NULL for NULL or without memory. */
struct pcipt_options *pcipt_options_copy(const struct pcipt_options *options);

#define PCIPT_DEFAULT_DRIVER "vfio-pci"

static inline const char *pcipt_options_driver(const struct pcipt_options *options)
{
	return options && options->driver ? options->driver : PCIPT_DEFAULT_DRIVER;
}

#endif
