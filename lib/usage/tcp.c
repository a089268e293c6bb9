/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See tcp.h. */
#include "usage/tcp.h"

#include <arpa/inet.h>
#include <stdio.h>

/* include/net/tcp_states.h */
#define ESTABLISHED 1

/* "0100007F:0016", or four such words: each in the machine's byte order. False for neither. */
static bool scan_end(const char *text, struct in6_addr *address)
{
	size_t n = strspn(text, "0123456789ABCDEFabcdef") / 8;

	if ((n != 1 && n != 4) || text[n * 8] != ':')
		return false;
	memset(address, 0, sizeof(*address));
	address->s6_addr[10] = address->s6_addr[11] = n == 1 ? 0xff : 0;
	for (size_t i = 0; i < n; i++) {
		unsigned int word;
		uint32_t value;

		if (sscanf(text + i * 8, "%8x", &word) != 1)
			return false;
		value = word;
		memcpy(address->s6_addr + (n == 1 ? 12 : i * 4), &value, sizeof(value));
	}
	return true;
}

/* "  0: LOCAL PEER STATE tx:rx timer:when retransmits uid timeout INODE …" */
static bool scan_line(const char *line, struct pcipt_tcp *tcp)
{
	char local[48], peer[48];
	unsigned int state;

	return sscanf(line, " %*d: %47s %47s %x %*s %*s %*s %*u %*d %20lu", local, peer, &state,
		      &tcp->inode) == 4 &&
	       state == ESTABLISHED && scan_end(local, &tcp->local) && scan_end(peer, &tcp->peer);
}

void pcipt_tcp_parse(struct pcipt_tcps *tcps, const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		struct pcipt_tcp tcp;
		char line[256];

		snprintf(line, sizeof(line), "%.*s",
			 (int)(end - text < 255 ? end - text : 255), text);
		if (scan_line(line, &tcp)) {
			if (pcipt_grow(&tcps->items, tcps->n))
				tcps->items[tcps->n++] = tcp;
			else
				tcps->no_memory = true;
		}
		text = *end ? end + 1 : end;
	}
}

int pcipt_tcp_read(struct pcipt_inquiry *inquiry, long pid, bool v6, struct pcipt_tcps *tcps)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%ld/net/tcp%s", pid, v6 ? "6" : "");
	n = pcipt_kernel_read_file(inquiry->kernel, PCIPT_AT_ROOT, path, &text);
	if (n > 0)
		pcipt_tcp_parse(tcps, text);
	return n < 0 ? (int)n : 0;
}

bool pcipt_tcp_scan_address(const char *text, struct in6_addr *address)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr v4;

	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(text, "%/"), text);
	if (inet_pton(AF_INET6, copy, address) == 1)
		return true;
	if (inet_pton(AF_INET, copy, &v4) != 1)
		return false;
	memset(address, 0, sizeof(*address));
	address->s6_addr[10] = address->s6_addr[11] = 0xff;
	memcpy(address->s6_addr + 12, &v4, sizeof(v4));
	return true;
}

void pcipt_tcp_print_address(const struct in6_addr *address, char out[INET6_ADDRSTRLEN])
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(address);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address->s6_addr + (v4 ? 12 : 0), out,
		       INET6_ADDRSTRLEN))
		*out = '\0';
}
