/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as text: "0000:01:00.0", "01:00.0", "10001:e1:00.0". */
#include "inventory/address.h"

static char *put_hex(char *p, uint32_t value, int digits)
{
	for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[value >> shift & 15];
	return p;
}

/* By hand: a listing of a big machine prints tens of thousands. */
void pcipt_address_print(struct pcipt_address a, char text[PCIPT_ADDRESS_SIZE])
{
	int digits = 4;
	char *p;

	while (digits < 8 && a.domain >> digits * 4)
		digits++;
	p = put_hex(text, a.domain, digits);
	*p++ = ':';
	p = put_hex(p, a.bus, 2);
	*p++ = ':';
	p = put_hex(p, pcipt_address_device(a), 2);
	*p++ = '.';
	p = put_hex(p, pcipt_address_function(a), 1);
	*p = '\0';
}

/* Up to `max` hex digits from *p on; the number of digits. */
static size_t scan_hex(const char **p, size_t max, uint32_t *value)
{
	size_t n = 0;

	*value = 0;
	for (int d; n < max && (d = pcipt_hex_digit(**p)) >= 0; n++, (*p)++)
		*value = *value << 4 | (uint32_t)d;
	return n;
}

static bool fault_at(struct pcipt_text_fault *fault, const char *text, const char *p,
		     const char *expected)
{
	if (fault)
		*fault = (struct pcipt_text_fault){ (size_t)(p - text), expected };
	return false;
}

bool pcipt_address_scan(const char *text, struct pcipt_address *address,
			struct pcipt_text_fault *fault)
{
	uint32_t part[3], function;
	const char *begin[3];
	const char *p = text;
	size_t n = 0, digits;

	/* Two or three fields with a colon behind all but the last. */
	do {
		begin[n] = p;
		digits = scan_hex(&p, 8, &part[n]);
		if (digits == 0)
			return fault_at(fault, text, p, "a hex digit");
		n++;
	} while (n < 3 && *p == ':' && p++);
	if (n < 2)
		return fault_at(fault, text, p, "a colon");
	if (*p != '.')
		return fault_at(fault, text, p, "a dot before the function number");
	if (part[n - 2] > 0xff || begin[n - 1] - begin[n - 2] > 3)
		return fault_at(fault, text, begin[n - 2], "a bus number from 00 to ff");
	if (part[n - 1] > 0x1f || p - begin[n - 1] > 2)
		return fault_at(fault, text, begin[n - 1], "a device number from 00 to 1f");
	p++;
	if (scan_hex(&p, 1, &function) == 0 || function > 7)
		return fault_at(fault, text, p - (p[-1] != '.'), "a function number from 0 to 7");
	if (*p)
		return fault_at(fault, text, p, "the end of the address");
	address->domain = n == 3 ? part[0] : 0;
	address->bus = (uint8_t)part[n - 2];
	address->devfn = (uint8_t)(part[n - 1] << 3 | function);
	return true;
}

int pcipt_fail_syntax(struct pcipt_error **error, const char *text,
		      const struct pcipt_text_fault *fault, const char *remedy)
{
	return pcipt_fail(error, PCIPT_E_SYNTAX, &(struct pcipt_error_facts){ .remedy = remedy },
			  "\"%s\" can't be parsed: character %zu should be %s, not %s%.1s%s", text,
			  fault->at + 1, fault->expected, text[fault->at] ? "\"" : "the end",
			  text + fault->at, text[fault->at] ? "\"" : "");
}

int pcipt_address_parse(const char *text, struct pcipt_address *address,
			struct pcipt_error **error)
{
	struct pcipt_text_fault fault;

	if (pcipt_address_scan(text, address, &fault))
		return 0;
	return pcipt_fail_syntax(error, text, &fault,
				 "Give an address such as 0000:01:00.0 or 01:00.0");
}

const char *pcipt_physical_path(const char *link, const char *address)
{
	static const char prefix[] = "../../../devices/";
	const char *path = link + sizeof(prefix) - 1, *name = path;

	if (strncmp(link, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	for (const char *p = path;; p++) {
		if (*p && *p != '/')
			continue;
		if (p == name ||
		    (name[0] == '.' && (p - name == 1 || (p - name == 2 && name[1] == '.'))))
			return NULL;
		if (!*p)
			return strcmp(name, address) == 0 ? path : NULL;
		name = p + 1;
	}
}
