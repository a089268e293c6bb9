/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections of TCP as /proc/PID/net/tcp and tcp6 tell them (proc(5)). */
#ifndef PCIPT_USAGE_TCP_H
#define PCIPT_USAGE_TCP_H

#include <netinet/in.h>

#include "usage/uses.h"

/* An end of one; IPv4 as IPv6 writes it, ::ffff:192.0.2.7. */
struct pcipt_tcp {
	struct in6_addr local, peer;
	unsigned long inode; /* of the socket; 0 where the kernel has it for itself */
};

struct pcipt_tcps {
	struct pcipt_tcp *items;
	size_t n;
	bool no_memory;
};

/* Adds those of a table that are established. Pure: what is none of its lines is left out. */
void pcipt_tcp_parse(struct pcipt_tcps *tcps, const char *text);
/*
 * Reads the table of a process's network namespace: 0, or -errno (-ENOENT: there is none;
 * -EFBIG: more than PCIPT_FILE_MAX of it), and then nothing was added.
 */
int pcipt_tcp_read(struct pcipt_inquiry *inquiry, long pid, bool v6, struct pcipt_tcps *tcps);
/* "192.0.2.7", "fe80::1%eth0", into the form of above; false for what is no address. */
bool pcipt_tcp_scan_address(const char *text, struct in6_addr *address);
/* Such an address as a person writes it. */
void pcipt_tcp_print_address(const struct in6_addr *address, char out[INET6_ADDRSTRLEN]);

#endif
