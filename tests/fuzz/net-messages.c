/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer: netlink messages. The input is what a namespace answers. */
#include <stdlib.h>

#include "usage/net-graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t room)
{
	if (strnlen(text, room) == room)
		abort();
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcipt_net net = { 0 };
	struct pcipt_net_graph graph;
	struct pcipt_net_step *steps;
	size_t n;

	pcipt_net_read(&net, 0, data, size);
	pcipt_net_settle(&net, NULL);
	for (size_t i = 0; i < net.n_links; i++) {
		check_text(net.links[i].name, sizeof(net.links[i].name));
		check_text(net.links[i].kind, sizeof(net.links[i].kind));
		if (pcipt_net_find(&net, 0, net.links[i].index) != i)
			abort();
	}
	if (net.n_links > 0 && pcipt_net_graph_make(&net, &graph)) {
		if (pcipt_net_graph_walk(&graph, 0, &steps, &n)) {
			if (n > net.n_links)
				abort();
			free(steps);
		}
		pcipt_net_graph_clear(&graph);
	}
	pcipt_net_clear(&net);
	return 0;
}
