/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The `resource` attribute: numbers in lines, and flags that are the kernel's own. */
#include "inventory/resources.h"

/* include/linux/ioport.h: never changed, and shown to user space in this attribute. */
#define FLAG_TYPE	0x00001f00 /* IORESOURCE_TYPE_BITS */
#define FLAG_IO		0x00000100 /* IORESOURCE_IO */
#define FLAG_MEM	0x00000200 /* IORESOURCE_MEM */
#define FLAG_PREFETCH	0x00002000 /* IORESOURCE_PREFETCH */
#define FLAG_MEM_64	0x00100000 /* IORESOURCE_MEM_64 */
#define FLAG_UNSET	0x20000000 /* IORESOURCE_UNSET */
#define FLAG_ROM_SHADOW 0x00000002 /* IORESOURCE_ROM_SHADOW, for the ROM only */

struct cursor {
	const char *p, *end;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "0x" and 1 to 16 digits, blanks before it skipped. */
static bool scan_number(struct cursor *c, uint64_t *value)
{
	int digit, n = 0;

	while (c->p < c->end && *c->p == ' ')
		c->p++;
	if (c->end - c->p < 3 || c->p[0] != '0' || c->p[1] != 'x')
		return false;
	*value = 0;
	for (c->p += 2; c->p < c->end && (digit = hex_digit(*c->p)) >= 0; c->p++, n++)
		*value = *value << 4 | (uint64_t)digit;
	return n >= 1 && n <= 16;
}

/* A resource without a type is none: the kernel clears the flags and leaves the rest. */
static bool scan_resource(struct cursor line, bool rom, struct pcipt_resource *resource)
{
	uint64_t start, end, flags;

	if (!scan_number(&line, &start) || !scan_number(&line, &end) ||
	    !scan_number(&line, &flags) || line.p != line.end)
		return false;
	resource->present = 0;
	if (!(flags & FLAG_TYPE))
		return true;
	resource->present = -1;
	/* All of 64 bits has no size in 64 bits. */
	if (((flags & FLAG_TYPE) != FLAG_IO && (flags & FLAG_TYPE) != FLAG_MEM) || end < start ||
	    end - start == UINT64_MAX)
		return false;
	*resource = (struct pcipt_resource){
		.present = 1,
		.io = flags & FLAG_IO,
		.is_64bit = (flags & FLAG_MEM) && (flags & FLAG_MEM_64),
		.prefetchable = (flags & FLAG_MEM) && (flags & FLAG_PREFETCH),
		.assigned = !(flags & FLAG_UNSET),
		.shadow = rom && (flags & FLAG_ROM_SHADOW),
		.start = start,
		.size = end - start + 1,
	};
	return true;
}

void pcipt_resources_parse(const char *text, size_t length, struct pcipt_resources *resources)
{
	const char *end = length > 0 ? text + length : text;

	memset(resources, 0, sizeof(*resources));
	for (size_t i = 0; i <= PCIPT_N_BARS; i++) {
		bool rom = i == PCIPT_N_BARS;
		struct pcipt_resource *resource = rom ? &resources->rom : &resources->bars[i];
		const char *newline;

		resource->present = -1;
		if (text == end)
			continue;
		newline = memchr(text, '\n', (size_t)(end - text));
		if (!scan_resource((struct cursor){ text, newline ? newline : end }, rom, resource))
			resources->damaged = true;
		text = newline ? newline + 1 : end;
	}
}
