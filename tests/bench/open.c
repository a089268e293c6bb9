/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open LIBRARY: what it takes to open the library, with all that it needs itself,
 * and to make a context. The program isn't linked with the library, since the
 * loader would then have done that work before main().
 */
#include <dlfcn.h>
#include <stdio.h>

#include <libpcipt/libpcipt.h>

#include "figures.h"

int main(int argc, char **argv)
{
	int (*context_new)(struct pcipt_context **ctx, struct pcipt_error **error) = NULL;
	struct pcipt_context *ctx = NULL;
	struct found found = { 0 };
	void *library, *symbol;

	if (argc != 2) {
		fprintf(stderr, "usage: open LIBRARY\n");
		return 2;
	}
	figures_begin();
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	symbol = library ? dlsym(library, "pcipt_context_new") : NULL;
	*(void **)&context_new = symbol;
	if (!symbol || context_new(&ctx, NULL) < 0) {
		fprintf(stderr, "open: %s\n", library ? "no context" : dlerror());
		return 1;
	}
	figures_end();
	figures_print(&found);
	return 0;
}
