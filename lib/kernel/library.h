/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries that few calls need, opened when they are needed: libkmod and libpci
 * bring libcrypto and libudev along, which costs every program that links us more
 * than all the rest of starting up.
 */
#ifndef PCIPT_KERNEL_LIBRARY_H
#define PCIPT_KERNEL_LIBRARY_H

#include "base/util.h"

/* One function of the library, and where its address goes. */
struct pcipt_symbol {
	const char *name;
	void *address; /* of a function pointer */
};

/* A member of `calls` that is called as the function is. */
#define PCIPT_SYMBOL(calls, function) { #function, &(calls)->function }

/*
 * Opens the library and fills in all symbols. False when it isn't installed or lacks
 * one of them; nothing may be called then. Once opened it stays in the process: no
 * closing, and the next call costs microseconds.
 */
bool pcipt_library_open(const char *soname, const struct pcipt_symbol *symbols, size_t n);

#endif
