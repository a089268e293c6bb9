/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the udev rule asks at boot: which override a device gets, from /etc/libpcipt/boot.
 * Prints it and ends well, or does neither: without an override the native driver takes
 * the device, and reconciling converges. Linked to the library's archive, so that it
 * depends on no folder of libraries that may come later.
 */
#include <stdio.h>
#include <unistd.h>

#include "claims/boot.h"

/* Before udev ends a rule that takes too long, and all others of the device with it. */
#define SECONDS 10

int main(int argc, char **argv)
{
	_cleanup_(pcipt_context_unrefp) struct pcipt_context *ctx = NULL;
	_cleanup_error_ struct pcipt_error *error = NULL;
	_cleanup_free_ char *override = NULL;
	bool has_root = argc == 4 && strcmp(argv[1], "--root") == 0;

	if (argc != 2 && !has_root) {
		fputs("usage: pcipt-hold [--root DIR] ADDRESS\n", stderr);
		return 2;
	}
	alarm(SECONDS);
	if (pcipt_context_new(&ctx, &error) < 0 ||
	    (has_root && pcipt_context_set_root(ctx, argv[2], &error) < 0) ||
	    pcipt_boot_override(ctx, argv[argc - 1], &override, &error) < 0) {
		fprintf(stderr, "pcipt-hold: %s\n", pcipt_error_get_message(error));
		return 1;
	}
	return override && puts(override) >= 0 && fflush(stdout) == 0 ? 0 : 1;
}
