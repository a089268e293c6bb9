/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt version */
#include "common.h"

int verb_version(struct tool *t)
{
	if (t->out)
		out_set_text(t, "version", pcipt_version());
	else
		say(stdout, "pcipt %s\n", pcipt_version());
	return EXIT_DONE;
}
