/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCI address: domain, bus, device, function. Pure text and numbers. */
#ifndef PCIPT_INVENTORY_ADDRESS_H
#define PCIPT_INVENTORY_ADDRESS_H

#include "base/error.h"

struct pcipt_address {
	uint32_t domain; /* more than 16 bits behind a VMD */
	uint8_t bus;
	uint8_t devfn; /* device in the upper five bits, function in the lower three */
};

/* "ffffffff:ff:1f.7" and the NUL. */
#define PCIPT_ADDRESS_SIZE 17

/* One number that orders addresses as lspci does, and is equal only for equal ones. */
static inline uint64_t pcipt_address_key(struct pcipt_address a)
{
	return (uint64_t)a.domain << 16 | (uint64_t)a.bus << 8 | a.devfn;
}

static inline unsigned int pcipt_address_device(struct pcipt_address a)
{
	return a.devfn >> 3;
}

static inline unsigned int pcipt_address_function(struct pcipt_address a)
{
	return a.devfn & 7;
}

void pcipt_address_print(struct pcipt_address a, char text[PCIPT_ADDRESS_SIZE]);

/*
 * A device link's text as a path below /sys/devices, or NULL: nothing in it may lead
 * elsewhere, and it ends with the device's own name.
 */
const char *pcipt_physical_path(const char *link, const char *address);

/* Where a text stops being what it should be, and what should stand there. */
struct pcipt_text_fault {
	size_t at;
	const char *expected;
};

/* The whole text as an address, domain optional; false fills the fault (may be NULL). */
bool pcipt_address_scan(const char *text, struct pcipt_address *address,
			struct pcipt_text_fault *fault);
/* The same with an error object: PCIPT_E_SYNTAX. */
int pcipt_address_parse(const char *text, struct pcipt_address *address,
			struct pcipt_error **error);
/* The error for a faulty text: quotes it and points at the character. */
int pcipt_fail_syntax(struct pcipt_error **error, const char *text,
		      const struct pcipt_text_fault *fault, const char *remedy);

#endif
