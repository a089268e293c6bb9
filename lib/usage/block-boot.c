/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system boots from without having it mounted: an EFI system partition that is
 * only mounted when somebody looks into it (noauto, automount), or never (Proxmox). Who
 * configured it says which partition that is; how it is named there, udev's links and the
 * data itself lead to a node.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "usage/block.h"
#include "usage/efi-boot.h"

#define LOADER "the partition that the boot loader was started from"
#define PROXMOX "etc/kernel/proxmox-boot-uuids"

/* Once is enough, and what is mounted there is told as that. */
static void put(struct block_map *map, size_t node, const struct block_boot *boot)
{
	struct block_node *n = &map->nodes[node];

	if (n->boot_what || n->mounts.critical)
		return;
	n->boot_what = strdup(boot->what);
	n->boot_why = pcipt_format("%s names it by %s", boot->by, boot->spec);
	map->no_memory |= !n->boot_what || !n->boot_why;
}

/* ---- how a partition is named ---- */

/* Its value where a text is of that kind, "UUID=", or NULL. */
static const char *value_of(const char *spec, const char *kind)
{
	size_t n = strlen(kind);

	return strncasecmp(spec, kind, n) == 0 ? spec + n : NULL;
}

/* udev's way of writing a value that may not be a name: other bytes as \x20. */
static char *link_of(const char *folder, const char *value, bool lower)
{
	char name[256], *out = name;

	for (; *value && out < name + sizeof(name) - 5; value++) {
		unsigned char c = (unsigned char)*value;

		if (isalnum(c) || c >= 0x80 || strchr("#+-.:=@_", c))
			*out++ = (char)(lower ? tolower(c) : c);
		else
			out += sprintf(out, "\\x%02x", c);
	}
	*out = '\0';
	return pcipt_format("/dev/disk/by-%s/%s", folder, name);
}

/* Whether udev knows which it is: a copy of that file system, on another disk, isn't meant. */
static bool is_linked(struct block_map *map, const char *path)
{
	char link[PCIPT_ATTRIBUTE_MAX];

	return map->kernel->ops->read_link(map->kernel, PCIPT_AT_ROOT, path + 1, link,
					   sizeof(link)) > 0;
}

/*
 * "UUID=…" and the like (fstab(5)), or a path: the node, or BLOCK_NONE, and then whether it
 * is known to be elsewhere.
 */
static size_t find_spec(struct block_map *map, const char *spec, bool *elsewhere)
{
	static const struct {
		const char *kind, *folder;
		bool lower;
	} kinds[] = { { "UUID=", "uuid", false },
		      { "LABEL=", "label", false },
		      { "PARTUUID=", "partuuid", true },
		      { "PARTLABEL=", "partlabel", false },
		      { "ID=", "id", false } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *value = value_of(spec, kinds[i].kind);
		_cleanup_free_ char *path = value ? link_of(kinds[i].folder, value, kinds[i].lower) :
						    NULL;
		size_t node;

		if (!value)
			continue;
		node = path ? pcipt_block_map_find_path(map, path) : BLOCK_NONE;
		*elsewhere = path && node == BLOCK_NONE && is_linked(map, path);
		map->no_memory |= !path;
		return node;
	}
	return pcipt_block_map_find_path(map, spec);
}

/* UUID="…" is allowed, too. */
static void unquote(char *spec)
{
	char *value = strchr(spec, '=');
	size_t n = value ? strlen(++value) : 0;

	if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
		value[n - 1] = '\0';
		memmove(value, value + 1, n - 1);
	}
}

/* Those that no link leads to are kept: the disks may tell (pcipt_block_boot_explain). */
static void add(struct block_map *map, const char *what, const char *spec, const char *by)
{
	struct block_boot boot = { strdup(what), strdup(spec), by };
	size_t node = BLOCK_NONE;
	bool elsewhere = false;

	if (boot.what && boot.spec) {
		unquote(boot.spec);
		node = find_spec(map, boot.spec, &elsewhere);
		if (node != BLOCK_NONE)
			put(map, node, &boot);
		else if (!elsewhere && pcipt_grow(&map->boots, map->n_boots)) {
			map->boots[map->n_boots++] = boot;
			return;
		}
	}
	map->no_memory |= node == BLOCK_NONE && !elsewhere;
	free(boot.what);
	free(boot.spec);
}

/* ---- who says so ---- */

/* A whole file, or NULL where there is none; that it can't be read is worth a word. */
static char *read_file(struct block_map *map, const char *path)
{
	char *text = NULL;
	ssize_t n = pcipt_kernel_read_file(map->kernel, PCIPT_AT_ROOT, path, &text);

	if (n < 0 && n != -ENOENT && n != -ENOTDIR)
		pcipt_block_unknown(map, pcipt_format("/%s can't be read (%s)", path,
						      pcipt_errno_text((int)-n)));
	return n < 0 ? NULL : text;
}

static void read_fstab(struct block_map *map)
{
	_cleanup_free_ char *text = read_file(map, "etc/fstab");
	struct pcipt_fstab entry;
	char *rest = text;

	while (text && pcipt_fstab_next(&rest, &entry))
		if (pcipt_block_is_critical(entry.point))
			add(map, entry.point, entry.spec, "/etc/fstab");
}

/* Units of systemd's: what it makes of fstab, of the partitions' types, or what somebody wrote. */
static void read_units(struct block_map *map)
{
	static const char *const folders[] = { "etc/systemd/system", "run/systemd/system",
					       "run/systemd/generator",
					       "run/systemd/generator.late" };
	static const char *const units[][2] = { { "boot.mount", "/boot" },
						{ "boot-efi.mount", "/boot/efi" },
						{ "efi.mount", "/efi" } };

	for (size_t i = 0; i < ARRAY_SIZE(folders) * ARRAY_SIZE(units); i++) {
		const char *const *unit = units[i % ARRAY_SIZE(units)];
		_cleanup_free_ char *path = pcipt_format("%s/%s", folders[i / ARRAY_SIZE(units)],
							 unit[0]);
		_cleanup_free_ char *text = path ? read_file(map, path) : NULL;
		char *what = text ? strstr(text, "\nWhat=") : NULL;

		map->no_memory |= !path;
		if (!what)
			continue;
		what += strlen("\nWhat=");
		what[strcspn(what, "\r\n")] = '\0';
		add(map, unit[1], what, "systemd's mount unit");
	}
}

/* Proxmox keeps several partitions alike, and mounts none of them: a UUID a line. */
static void read_proxmox(struct block_map *map)
{
	_cleanup_free_ char *text = read_file(map, PROXMOX);
	char *rest = NULL;

	for (char *word = text ? strtok_r(text, " \t\n", &rest) : NULL; word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		_cleanup_free_ char *spec = pcipt_format("UUID=%s", word);

		if (spec)
			add(map, "an EFI system partition", spec, "/" PROXMOX);
		map->no_memory |= !spec;
	}
}

/* How long the firmware may take for a variable. */
#define FIRMWARE_MS 5000

static void add_loader(struct block_map *map, const char *uuid, const char *by)
{
	char spec[64];

	snprintf(spec, sizeof(spec), "PARTUUID=%s", uuid);
	if (*uuid)
		add(map, LOADER, spec, by);
}

static void read_firmware(struct block_map *map)
{
	struct pcipt_efi_boot boot;
	int r = pcipt_efi_boot_read(map->kernel, pcipt_inquiry_patience(map->inquiry, FIRMWARE_MS),
				    &boot);

	add_loader(map, boot.loader, "the boot loader");
	add_loader(map, boot.entry, "the firmware's boot entry");
	if (r < 0)
		pcipt_block_unknown(map, pcipt_format("from which partition the system was started "
						      "can't be read of the firmware (%s)",
						      r == -EBUSY ? "it doesn't answer" :
								    pcipt_errno_text(-r)));
}

void pcipt_block_boot_fill(struct block_map *map)
{
	read_fstab(map);
	read_units(map);
	read_proxmox(map);
	read_firmware(map);
}

/* Without udev nothing but what is on the disks tells which it is. */
void pcipt_block_boot_explain(struct block_map *map)
{
	for (size_t i = 0; i < map->n_nodes; i++) {
		const struct pcipt_disk *disk = &map->nodes[i].disk;

		if (!map->nodes[i].looked || !disk->read || disk->content != 0)
			continue;
		for (size_t k = 0; k < map->n_boots; k++) {
			const char *uuid = value_of(map->boots[k].spec, "UUID=");
			const char *label = value_of(map->boots[k].spec, "LABEL=");

			if ((uuid && *uuid && strcasecmp(uuid, disk->uuid) == 0) ||
			    (label && *label && strcmp(label, disk->label) == 0))
				put(map, i, &map->boots[k]);
		}
	}
}
