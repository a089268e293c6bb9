/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Libraries opened on demand, the only place that does so. */
#include "kernel/library.h"

#include <dlfcn.h>

bool pcipt_library_open(const char *soname, const struct pcipt_symbol *symbols, size_t n)
{
	/* It is never unloaded: libcrypto leaves handlers behind for the program's end. */
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool all = library != NULL;

	for (size_t i = 0; all && i < n; i++) {
		void *symbol = dlsym(library, symbols[i].name);

		memcpy(symbols[i].address, &symbol, sizeof(symbol));
		all = symbol != NULL;
	}
	if (library)
		dlclose(library);
	return all;
}
