/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names for what differs from machine to machine and from boot to boot: addresses stand in
 * the script's head, groups are called by the first of the script's devices in them.
 */
#include <ctype.h>

#include "inventory/address.h"
#include "run.h"

struct named *find_name(struct run *run, const char *name, size_t n)
{
	for (size_t i = 0; i < run->n_names; i++)
		if (strlen(run->names[i].name) == n && strncmp(run->names[i].name, name, n) == 0)
			return &run->names[i];
	return NULL;
}

int group_of(struct run *run, const char *address)
{
	char path[64], link[MAX_PATH];

	snprintf(path, sizeof(path), "%s/iommu_group", address);
	return run->k->ops->read_link(run->k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link)) > 0 ?
		       atoi(pcipt_base_name(link)) :
		       -1;
}

/* The script's "groups/gpu/…" and "class/vfio/gpu/…", whose numbers only the kernel knows. */
static bool resolve_group(struct run *run, const char *text, const char *begin, const char *folder,
			  char *path, size_t size)
{
	size_t n = strlen(begin), length;
	const struct named *named;

	if (strncmp(text, begin, n) != 0)
		return false;
	length = strcspn(text + n, "/");
	named = find_name(run, text + n, length);
	if (!named)
		return false;
	snprintf(path, size, "%s%d%s", folder, group_of(run, named->address), text + n + length);
	return true;
}

void resolve(struct run *run, const char *text, char *path, size_t size)
{
	const struct named *named = find_name(run, text, strcspn(text, "/")), *at_device;
	const char *at = strchr(text, '@');

	at_device = at ? find_name(run, at + 1, strlen(at + 1)) : NULL;
	at = at_device ? at : NULL;
	if (resolve_group(run, text, "groups/", "kernel/iommu_groups/", path, size) ||
	    resolve_group(run, text, "class/vfio/", "class/vfio/", path, size))
		return;
	if (named)
		snprintf(path, size, "bus/pci/devices/%s%s", named->address,
			 text + strlen(named->name));
	else if (at && strncmp(text, "drivers/", 8) == 0)
		snprintf(path, size, "bus/pci/%.*s%s", (int)(at - text), text, at_device->address);
	else if (strncmp(text, "drivers/", 8) == 0)
		snprintf(path, size, "bus/pci/%s", text);
	else
		snprintf(path, size, "%s", text);
}

char *value_of(struct run *run, const char *text)
{
	const struct named *named = *text == '@' ? find_name(run, text + 1, strlen(text + 1)) : NULL;
	char *value;
	size_t n;

	if (named)
		return strdup(named->address);
	if (*text == '%') {
		n = (size_t)atoi(text + 1);
		value = calloc(n + 1, 1);
		return memset(value, 'x', n);
	}
	/* A newline in the middle is written as two letters. */
	value = strdup(text);
	for (char *at = value; (at = strstr(at, "\\n"));) {
		*at++ = '\n';
		memmove(at, at + 1, strlen(at));
	}
	return value;
}

static const char *name_of(struct run *run, const char *address)
{
	for (size_t i = 0; i < run->n_names; i++)
		if (strcmp(run->names[i].address, address) == 0)
			return run->names[i].name;
	return NULL;
}

static const char *group_name(struct run *run, int group)
{
	for (size_t i = 0; i < run->n_names; i++)
		if (group_of(run, run->names[i].address) == group)
			return run->names[i].name;
	return "?";
}

#define ADDRESS_LENGTH 12

/* What a group's number may stand behind. */
static size_t group_follows(const char *text)
{
	static const char *const begins[] = { "iommu_groups/", "virtual/vfio/" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		size_t n = strlen(begins[i]);

		if (strncmp(text, begins[i], n) == 0 && isdigit(text[n]))
			return n;
	}
	return 0;
}

char *unresolve(struct run *run, const char *text)
{
	char address[ADDRESS_LENGTH + 1], *all = NULL;
	struct pcipt_address at;
	size_t size;
	FILE *out = open_memstream(&all, &size);

	while (*text) {
		const char *end = text + strnlen(text, ADDRESS_LENGTH);
		size_t group = group_follows(text);

		snprintf(address, sizeof(address), "%.*s", (int)(end - text), text);
		if (end - text == ADDRESS_LENGTH && pcipt_address_scan(address, &at, NULL) &&
		    name_of(run, address)) {
			fprintf(out, "@%s", name_of(run, address));
			text = end;
		} else if (group) {
			fprintf(out, "%.*s%s", (int)group, text,
				group_name(run, atoi(text + group)));
			text += group + strspn(text + group, "0123456789");
		} else {
			fputc(isprint((unsigned char)*text) ? *text : '?', out);
			text++;
		}
	}
	fclose(out);
	return all;
}
