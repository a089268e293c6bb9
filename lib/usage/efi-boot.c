/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See efi-boot.h. Variables are files of efivarfs: four bytes of attributes, then the value.
 * Where efivarfs isn't mounted, or the machine has no such firmware, nothing is known.
 */
#include "usage/efi-boot.h"

#include <ctype.h>
#include <stdio.h>

#define VARIABLES "firmware/efi/efivars/"
#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c" /* UEFI 3.3 */
#define LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" /* systemd.io/BOOT_LOADER_INTERFACE */
/* More than a boot entry has. */
#define VALUE_MAX 4096

/* A variable's value without its attributes: its length, 0 for none. */
static size_t read_variable(struct pcipt_kernel *k, const char *name, uint8_t buf[VALUE_MAX])
{
	char path[128];
	ssize_t n;

	snprintf(path, sizeof(path), VARIABLES "%s", name);
	n = k->ops->read_bytes(k, PCIPT_AT_SYS, path, buf, VALUE_MAX);
	if (n <= 4)
		return 0;
	memmove(buf, buf + 4, (size_t)n - 4);
	return (size_t)n - 4;
}

/* UTF-16, in which a UUID is what it is in ASCII. */
bool pcipt_efi_loader_partition(struct pcipt_kernel *k, char uuid[PCIPT_PARTUUID_SIZE])
{
	uint8_t value[VALUE_MAX];
	size_t n = read_variable(k, "LoaderDevicePartUUID-" LOADER, value), length = 0;

	for (; length < PCIPT_PARTUUID_SIZE - 1 && 2 * length + 1 < n && value[2 * length]; length++) {
		int c = value[2 * length];

		if (value[2 * length + 1] || (!isxdigit(c) && c != '-'))
			return false;
		uuid[length] = (char)tolower(c);
	}
	uuid[length] = '\0';
	return length == PCIPT_PARTUUID_SIZE - 1;
}

static unsigned int get16(const uint8_t *p)
{
	return p[0] | (unsigned int)p[1] << 8;
}

/* A hard drive's node (UEFI 10.3.5.1): the partition's number at 4, signature at 24, its kind at 41. */
static bool print_drive(const uint8_t *node, char uuid[PCIPT_PARTUUID_SIZE])
{
	const uint8_t *s = node + 24;

	if (node[41] == 2) { /* a GUID, whose first three numbers have their low byte first */
		snprintf(uuid, PCIPT_PARTUUID_SIZE,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", s[3],
			 s[2], s[1], s[0], s[5], s[4], s[7], s[6], s[8], s[9], s[10], s[11], s[12],
			 s[13], s[14], s[15]);
		return true;
	}
	if (node[41] == 1) { /* an MBR's signature; udev puts the partition's number behind it */
		snprintf(uuid, PCIPT_PARTUUID_SIZE, "%02x%02x%02x%02x-%02x", s[3], s[2], s[1], s[0],
			 node[4]);
		return true;
	}
	return false;
}

bool pcipt_efi_parse_entry(const uint8_t *bytes, size_t n, char uuid[PCIPT_PARTUUID_SIZE])
{
	size_t at = 6, end, length;

	if (n < 8)
		return false;
	while (at + 1 < n && get16(bytes + at)) /* its name */
		at += 2;
	at += 2;
	if (at >= n)
		return false;
	end = at + get16(bytes + 4) < n ? at + get16(bytes + 4) : n;
	for (; at + 4 <= end; at += length) {
		length = get16(bytes + at + 2);
		if (length < 4 || at + length > end)
			return false;
		if (bytes[at] == 4 && bytes[at + 1] == 1 && length >= 42)
			return print_drive(bytes + at, uuid);
	}
	return false;
}

bool pcipt_efi_entry_partition(struct pcipt_kernel *k, char uuid[PCIPT_PARTUUID_SIZE])
{
	uint8_t value[VALUE_MAX];
	char name[64];

	if (read_variable(k, "BootCurrent-" GLOBAL, value) < 2)
		return false;
	snprintf(name, sizeof(name), "Boot%04X-" GLOBAL, get16(value));
	return pcipt_efi_parse_entry(value, read_variable(k, name, value), uuid);
}
