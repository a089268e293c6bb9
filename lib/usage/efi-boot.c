/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See efi-boot.h. Variables are files of efivarfs: four bytes of attributes, then the value.
 * Where efivarfs isn't mounted, or the machine has no such firmware, nothing is known.
 * Reading one calls the firmware, which takes as long as it likes.
 */
#include "usage/efi-boot.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define VARIABLES "firmware/efi/efivars/"
#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c" /* UEFI 3.3 */
#define LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" /* systemd.io/BOOT_LOADER_INTERFACE */
/* What stands before a value. */
#define ATTRIBUTES 4

/* A variable's value without its attributes: its length, 0 for none. */
static size_t value_of(const struct pcipt_file *file, const uint8_t **value)
{
	*value = file->text ? (const uint8_t *)file->text + ATTRIBUTES : NULL;
	return file->result > ATTRIBUTES ? (size_t)file->result - ATTRIBUTES : 0;
}

/* UTF-16, in which a UUID is what it is in ASCII. */
static void parse_loader(const uint8_t *value, size_t n, char uuid[PCIPT_PARTUUID_SIZE])
{
	size_t length = 0;

	for (; length < PCIPT_PARTUUID_SIZE - 1 && 2 * length + 1 < n && value[2 * length]; length++) {
		int c = value[2 * length];

		if (value[2 * length + 1] || (!isxdigit(c) && c != '-'))
			break;
		uuid[length] = (char)tolower(c);
	}
	uuid[length == PCIPT_PARTUUID_SIZE - 1 ? length : 0] = '\0';
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

/* 0, or why one of those that are there can't be read: -errno. Not there costs no process. */
static int read_variables(struct pcipt_kernel *k, unsigned int ms, struct pcipt_file *files, size_t n)
{
	struct pcipt_file there[2];
	size_t at[2], n_there = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (k->ops->exists(k, PCIPT_AT_SYS, files[i].path) == 1) {
			there[n_there] = files[i];
			at[n_there++] = i;
		}
	if (n_there > 0)
		pcipt_kernel_read_files(k, PCIPT_AT_SYS, there, n_there, ms);
	for (size_t i = 0; i < n_there; i++) {
		files[at[i]] = there[i];
		if (there[i].result < 0 && there[i].result != -ENOENT && r == 0)
			r = (int)there[i].result;
	}
	return r;
}

static int read_entry(struct pcipt_kernel *k, unsigned int ms, unsigned int number,
		      char uuid[PCIPT_PARTUUID_SIZE])
{
	char path[128];
	struct pcipt_file file = { .path = path };
	const uint8_t *value;
	size_t n;
	int r;

	snprintf(path, sizeof(path), VARIABLES "Boot%04X-" GLOBAL, number);
	r = read_variables(k, ms, &file, 1);
	n = value_of(&file, &value);
	if (!pcipt_efi_parse_entry(value, n, uuid))
		*uuid = '\0';
	free(file.text);
	return r;
}

int pcipt_efi_boot_read(struct pcipt_kernel *k, unsigned int ms, struct pcipt_efi_boot *boot)
{
	struct pcipt_file files[] = { { .path = VARIABLES "LoaderDevicePartUUID-" LOADER },
				      { .path = VARIABLES "BootCurrent-" GLOBAL } };
	int r = read_variables(k, ms, files, 2);
	const uint8_t *value;
	size_t n = value_of(&files[0], &value);

	*boot->loader = *boot->entry = '\0';
	parse_loader(value, n, boot->loader);
	n = value_of(&files[1], &value);
	if (n >= 2 && r == 0)
		r = read_entry(k, ms, get16(value), boot->entry);
	free(files[0].text);
	free(files[1].text);
	return r;
}
