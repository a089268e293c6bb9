/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads /proc/net/pppoe: "Id       Address              Device", then a line a session. */
#include <stdio.h>

#include "usage/net.h"

static void read_line(struct pcipt_net *net, uint32_t network, const char *line)
{
	struct pcipt_net_session session = { .network = network };
	char address[32];
	unsigned int id;

	if (strncmp(line, "Id", 2) == 0 || !*line)
		return;
	if (sscanf(line, "%8x %31s %31s", &id, address, session.name) != 3) {
		net->damaged = true;
		return;
	}
	pcipt_text_neutralise(session.name);
	/* A server has thousands over one interface. */
	for (size_t i = 0; i < net->n_sessions; i++)
		if (net->sessions[i].network == network &&
		    strcmp(net->sessions[i].name, session.name) == 0)
			return;
	if (pcipt_grow(&net->sessions, net->n_sessions))
		net->sessions[net->n_sessions++] = session;
	else
		net->no_memory = true;
}

void pcipt_net_read_sessions(struct pcipt_net *net, uint32_t network, const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t n = end ? (size_t)(end - text) : size;
		char line[160];

		snprintf(line, sizeof(line), "%.*s", (int)(n < 159 ? n : 159), text);
		read_line(net, network, line);
		n += end ? 1 : 0;
		text += n;
		size -= n;
	}
}
