/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the map holds, told as uses: for each device what stands on its disks, with the
 * whole way down to it, "/ is on vg-root (LVM) on md0 (RAID1) on nvme0n1p2 = 0000:01:00.0".
 * One use for a file system, however often it is mounted; one for a volume group,
 * however many volumes it has.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

/* One device's view: which nodes stand on its disks, and by which way. */
struct view {
	struct block_map *map;
	struct pcipt_device *device;
	size_t *down; /* for each node the one below it; BLOCK_NONE when not on this device */
	size_t *order;
	size_t n;
	struct block_text told; /* volume groups */
};

/* Appends, taking the text over; NULL without memory. */
static char *add(char *text, const char *separator, const char *more)
{
	char *longer = text && more ? pcipt_format("%s%s%s", text, *text ? separator : "", more) :
				      NULL;

	free(text);
	return longer;
}

static const struct block_node *node_at(const struct view *view, size_t i)
{
	return &view->map->nodes[view->order[i]];
}

/* ---- which nodes ---- */

static bool is_disk_of(const struct block_node *node, const struct pcipt_device *device)
{
	for (size_t i = 0; i < node->n_devices; i++)
		if (node->devices[i] == device)
			return true;
	return false;
}

/* From the disks upwards, the nearest first: each node has one way down, and no way is a circle. */
static bool view_open(struct view *view)
{
	struct block_map *map = view->map;

	view->down = calloc(map->n_nodes + 1, sizeof(*view->down));
	view->order = calloc(map->n_nodes + 1, sizeof(*view->order));
	if (!view->down || !view->order)
		return false;
	for (size_t i = 0; i < map->n_nodes; i++) {
		view->down[i] = BLOCK_NONE;
		if (is_disk_of(&map->nodes[i], view->device)) {
			view->down[i] = i;
			view->order[view->n++] = i;
		}
	}
	for (size_t i = 0; i < view->n; i++) {
		const struct block_node *node = node_at(view, i);

		for (size_t k = 0; k < node->n_above; k++)
			if (view->down[node->above[k]] == BLOCK_NONE) {
				view->down[node->above[k]] = view->order[i];
				view->order[view->n++] = node->above[k];
			}
	}
	return true;
}

/* A disk, or a partition right on one. */
static bool is_physical(const struct view *view, size_t node)
{
	size_t below = view->down[node];

	return below == node || (view->map->nodes[node].kind == BLOCK_PARTITION &&
				 view->down[below] == below);
}

/* Nobody stacks higher; what is longer was made to be. */
#define WAY_MAX 16

/* "vg-root (LVM) on md0 (RAID1) on nvme0n1p2 = 0000:01:00.0" */
static char *way(const struct view *view, size_t node)
{
	char *text = strdup(view->map->nodes[node].label);

	for (int i = 0; !is_physical(view, node); i++) {
		node = view->down[node];
		if (i < WAY_MAX || is_physical(view, node))
			text = add(text, " on ", view->map->nodes[node].label);
	}
	if (view->map->nodes[view->down[node]].remote && view->down[node] != node)
		text = add(text, " on ", view->map->nodes[view->down[node]].label);
	return add(text, " = ", view->device->address);
}

static void use(const struct view *view, enum pcipt_use_kind kind, char *what, char *evidence,
		char *remedy)
{
	pcipt_uses_add(view->map->inquiry->uses, view->device, kind, what, evidence, remedy);
}

/* ---- mounts and swap ---- */

/* "process 4711 (containerd-shim)" */
static char *process(const struct view *view, long pid)
{
	struct pcipt_kernel *k = view->map->kernel;
	char path[64], name[64];

	snprintf(path, sizeof(path), "proc/%ld/comm", pid);
	if (k->ops->read(k, PCIPT_AT_ROOT, path, name, sizeof(name)) <= 0)
		return pcipt_format("process %ld", pid);
	return pcipt_format("process %ld (%s)", pid, name);
}

static char *mount_evidence(const struct view *view, size_t node)
{
	const struct block_mounts *mounts = &view->map->nodes[node].mounts;
	_cleanup_free_ char *on = way(view, node), *who = NULL, *often = NULL;

	if (!on)
		return NULL;
	if (mounts->n > 1)
		often = pcipt_format("; it is mounted %zu times%s%s", mounts->n,
				     mounts->others ? ", also at " : "",
				     mounts->others ? mounts->others : "");
	if (mounts->pid != 1)
		who = process(view, mounts->pid);
	return pcipt_format("%s is on %s%s%s%s", mounts->critical ? mounts->critical : mounts->first,
			    on, often ? often : "", who ? "; seen in the mount namespace of " : "",
			    who ? who : "");
}

static void tell_mounts(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	const struct block_mounts *mounts = &node->mounts;
	char *remedy = NULL;

	if (mounts->critical) {
		use(view, PCIPT_USE_ROOT, strdup(mounts->critical), mount_evidence(view, i), NULL);
	} else if (mounts->first) {
		if (mounts->pid != 1)
			remedy = pcipt_format("Unmount it in that namespace (nsenter -t %ld -m), or "
					      "end what runs there, then try again", mounts->pid);
		use(view, PCIPT_USE_MOUNT,
		    mounts->n > 1 ? pcipt_format("%s and %zu more", mounts->first, mounts->n - 1) :
				    strdup(mounts->first),
		    mount_evidence(view, i), remedy);
	} else if (node->kind == BLOCK_FS && strncmp(node->name, "zfs ", 4) != 0) {
		_cleanup_free_ char *on = way(view, i);

		use(view, PCIPT_USE_MOUNT, strdup(node->label),
		    on ? pcipt_format("the kernel has %s open, though no process that can be seen "
				      "has it mounted", on) : NULL, NULL);
	}
}

/* Whoever takes it away makes a machine that doesn't start again. */
static void tell_boot(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	_cleanup_free_ char *on = node->boot_what ? way(view, i) : NULL;

	if (node->boot_what)
		use(view, PCIPT_USE_ROOT, strdup(node->boot_what),
		    on ? pcipt_format("%s is on %s, and isn't mounted now: %s", node->boot_what, on,
				      node->boot_why) : NULL,
		    strdup("Choose another device; or, where the system doesn't boot from this one "
			   "any more, take it out of there"));
}

static void tell_swaps(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];

	for (size_t k = 0; k < node->n_swaps; k++) {
		_cleanup_free_ char *on = way(view, i);

		use(view, PCIPT_USE_SWAP, strdup(node->swaps[k]),
		    on ? pcipt_format("%s is on %s", node->swaps[k], on) : NULL, NULL);
	}
}

/* ---- what the disks are part of ---- */

/* "vg" of "vg-root": a dash in a name is doubled there. */
static char *volume_group(const char *dm_name)
{
	char *name = dm_name ? strdup(dm_name) : NULL, *out = name;

	for (const char *p = dm_name; name && *p; p++) {
		if (*p == '-' && p[1] != '-')
			break;
		*out++ = *p;
		p += *p == '-';
	}
	if (name)
		*out = '\0';
	return name;
}

/* What a holder is a part of, as a noun; NULL without memory. */
static char *whole_name(const struct block_node *node)
{
	_cleanup_free_ char *group = NULL;

	if (node->kind != BLOCK_LVM)
		return strdup(node->label);
	group = volume_group(node->dm_name);
	return group ? pcipt_format("the LVM volume group %s", group) : NULL;
}

/* Names told before the rest is but counted. */
#define NAMED_MAX 4

/* ", on it vg-root (LVM), vg-home (LVM) and 3 more": all that stands on a node. */
static char *carried(const struct view *view, size_t base)
{
	char *names = strdup(""), *text;
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++) {
		size_t node = view->order[i], steps = 0;

		if (node == base || is_physical(view, node))
			continue;
		while (node != base && !is_physical(view, node) && steps++ < view->n)
			node = view->down[node];
		if (node == base && n++ < NAMED_MAX)
			names = add(names, ", ", node_at(view, i)->label);
	}
	if (!names || !*names)
		return names;
	text = n > NAMED_MAX ? pcipt_format("; on it: %s and %zu more", names, n - NAMED_MAX) :
			       pcipt_format("; on it: %s", names);
	free(names);
	return text;
}

/* Whether a volume group was told before; if not, it is now. */
static bool is_told(struct view *view, const char *group)
{
	for (size_t i = 0; i < view->told.n; i++)
		if (strcmp(view->told.items[i], group) == 0)
			return true;
	pcipt_block_keep(view->map, &view->told, strdup(group));
	return false;
}

/* Something that stands right on a disk or a partition of it. */
static void tell_holder(struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	bool zfs = node->kind == BLOCK_FS && strncmp(node->name, "zfs ", 4) == 0;
	_cleanup_free_ char *whole = NULL, *on = NULL, *above = NULL;

	if ((node->kind != BLOCK_LVM && node->kind != BLOCK_STACKED && !zfs) ||
	    !is_physical(view, view->down[i]))
		return;
	whole = whole_name(node);
	if (node->kind == BLOCK_LVM && whole && is_told(view, whole))
		return;
	on = way(view, view->down[i]);
	above = carried(view, i);
	use(view, PCIPT_USE_STACKED, whole ? strdup(whole) : NULL,
	    on && above ? pcipt_format("%s is on %s%s", node->label, on, above) : NULL, NULL);
}

static void tell_bcache(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	_cleanup_free_ char *on = NULL;

	/* Its own device above says it all; partitions are only what was there before. */
	for (size_t k = 0; k < node->n_above; k++)
		if (view->map->nodes[node->above[k]].kind != BLOCK_PARTITION)
			return;
	on = node->bcache ? way(view, i) : NULL;
	if (node->bcache)
		use(view, PCIPT_USE_STACKED, strdup("bcache"),
		    on ? pcipt_format("%s is registered with bcache", on) : NULL, NULL);
}

static void tell_target(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	_cleanup_free_ char *on = node->target ? way(view, i) : NULL;

	if (node->target)
		use(view, PCIPT_USE_DISK_OPEN,
		    pcipt_format("%s, given to others over the network", node->name),
		    on ? pcipt_format("the NVMe target subsystem %s exports %s", node->target, on) :
			 NULL, strdup("Take it out of the NVMe target (nvmetcli), then try again"));
}

/* ---- what was seen by looking ---- */

/* "ext4 \"data\"", or NULL where nothing is on it. */
static char *content(const struct pcipt_disk *disk)
{
	if (!disk->read || disk->content != 0 || (!*disk->type && !*disk->table))
		return NULL;
	if (!*disk->type)
		return pcipt_format("a partition table (%s)", disk->table);
	return *disk->label ? pcipt_format("%s \"%s\"", disk->type, disk->label) :
			      strdup(disk->type);
}

static bool is_busy(const struct block_node *node)
{
	return node->looked && node->disk.exclusive == -EBUSY && !pcipt_block_is_used(node);
}

/* Busy partitions: told one by one, unless it is the whole disk that somebody has. */
static size_t count_busy_parts(const struct view *view, const struct block_node *disk, size_t *n)
{
	size_t busy = 0;

	*n = 0;
	for (size_t i = 0; i < disk->n_above; i++) {
		const struct block_node *part = &view->map->nodes[disk->above[i]];

		*n += part->kind == BLOCK_PARTITION;
		busy += part->kind == BLOCK_PARTITION && part->looked &&
			part->disk.exclusive == -EBUSY;
	}
	return busy;
}

/* "/" is on ZFS, and its pool was found on none of the disks. */
static bool is_root_lost(const struct block_map *map)
{
	for (size_t i = 0; i < map->n_zfs; i++) {
		const char *source = map->zfs[i].source;
		char name[300];

		if (map->zfs[i].pid != 1 || strcmp(map->zfs[i].point, "/") != 0)
			continue;
		snprintf(name, sizeof(name), "zfs %.*s", (int)strcspn(source, "/"), source);
		return pcipt_block_map_find(map, name) == BLOCK_NONE;
	}
	return false;
}

#define LOST_ROOT                                                                                 \
	"/ is on a ZFS pool whose disks can't be told, and somebody has /dev/%s open "            \
	"exclusively (%s)"

/* Somebody has it, and what is on it can't be told, or not of which pool it is. */
static bool may_be_root(const struct view *view, const struct block_node *node)
{
	const struct pcipt_disk *disk = &node->disk;
	bool pool = strcmp(disk->type, "zfs_member") == 0;

	return (!disk->read || disk->content < 0 || (!*disk->type && !*disk->table) || pool) &&
	       is_root_lost(view->map);
}

static void tell_busy(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i], *disk = &view->map->nodes[view->down[i]];
	_cleanup_free_ char *on = NULL, *data = NULL;
	size_t n, busy = count_busy_parts(view, disk, &n);

	if (!is_busy(node) || (node == disk ? busy > 0 && busy < n : is_busy(disk) && busy == n))
		return;
	for (size_t k = 0; k < node->n_above; k++) /* a ZFS pool that was found since */
		if (view->map->nodes[node->above[k]].kind == BLOCK_FS)
			return;
	on = way(view, i);
	if (may_be_root(view, node)) {
		use(view, PCIPT_USE_ROOT, strdup("/"),
		    on ? pcipt_format(LOST_ROOT, node->name, on) : NULL, NULL);
		return;
	}
	data = content(&node->disk);
	use(view, PCIPT_USE_DISK_OPEN, pcipt_format("%s, exclusively", node->name),
	    on ? pcipt_format("an exclusive open of /dev/%s is refused as busy, and no mount, swap "
			      "or holder that can be seen from here explains it (%s)%s%s",
			      node->name, on, data ? "; it holds " : "", data ? data : "") : NULL,
	    NULL);
	pcipt_uses_mark_busy(view->map->inquiry->uses, node->name);
}

/* What stands on a disk was looked at only where "/" is on ZFS: only that is told of it. */
static void tell_busy_above(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];
	_cleanup_free_ char *on = NULL;

	if (!is_busy(node) || node->n_above > 0 || !may_be_root(view, node))
		return;
	on = way(view, i);
	use(view, PCIPT_USE_ROOT, strdup("/"),
	    on ? pcipt_format(LOST_ROOT, node->name, on) : NULL, NULL);
}

/* One line for a disk with all that is on it. */
static void tell_data(const struct view *view, size_t i)
{
	const struct block_node *disk = &view->map->nodes[i];
	char *all = strdup(""), *text;
	_cleanup_free_ char *on = NULL;

	for (size_t k = 0; k <= disk->n_above; k++) {
		const struct block_node *node = k ? &view->map->nodes[disk->above[k - 1]] : disk;
		_cleanup_free_ char *data = node->looked ? content(&node->disk) : NULL;

		text = data ? pcipt_format("%s on %s", data, node->name) : NULL;
		if (text)
			all = add(all, ", ", text);
		free(text);
	}
	if (all && *all) {
		on = way(view, i);
		use(view, PCIPT_USE_SIGNATURE, steal(&all),
		    on ? pcipt_format("blkid finds it on %s, and nothing uses it", on) : NULL,
		    NULL);
	}
	free(all);
}

/* Opened without effect: nobody has the disk or any part of it. */
static bool is_idle(const struct view *view, const struct block_node *disk)
{
	bool idle = disk->looked && disk->disk.exclusive == 0;

	for (size_t i = 0; i < disk->n_above; i++) {
		const struct block_node *part = &view->map->nodes[disk->above[i]];

		idle &= part->kind == BLOCK_PARTITION && (!part->looked || part->disk.exclusive == 0);
	}
	return idle;
}

static void tell_looks(const struct view *view, size_t i)
{
	const struct block_node *node = &view->map->nodes[i];

	if (!is_physical(view, i)) {
		tell_busy_above(view, i);
		return;
	}
	tell_bcache(view, i);
	tell_busy(view, i);
	if (node->kind == BLOCK_DISK && is_idle(view, node))
		tell_data(view, i);
}

/* ---- what could not be found out ---- */

static const char *look_trouble(int errnum)
{
	return errnum == ENOENT	  ? "its node isn't in /dev" :
	       errnum == ETIMEDOUT ? "it doesn't answer" :
				     pcipt_errno_text(errnum);
}

static char *add_reason(char *reasons, size_t *n, const char *reason)
{
	return (*n)++ < NAMED_MAX ? add(reasons, "; ", reason) : reasons;
}

/* Disks that could not be opened: whether somebody has them isn't known. */
static char *add_looks(const struct view *view, char *reasons, size_t *n)
{
	for (size_t i = 0; i < view->n; i++) {
		const struct block_node *node = node_at(view, i);
		_cleanup_free_ char *text = NULL;
		int r = node->disk.exclusive;

		if (!node->looked || r == 0 || r == -EBUSY || r == -ENOMEDIUM)
			continue;
		text = pcipt_format("/dev/%s can't be opened (%s)", node->name, look_trouble(-r));
		reasons = text ? add_reason(reasons, n, text) : add(reasons, "", NULL);
	}
	return reasons;
}

static bool has_way(const struct block_map *map, const struct pcipt_device *device)
{
	const struct pcipt_ways *ways = &map->inquiry->uses->ways;

	for (size_t i = 0; i < ways->n; i++)
		if (ways->items[i].device == device)
			return true;
	return false;
}

/* Whether the device could have disks that the map doesn't show. */
static bool may_have_disks(const struct block_map *map, const struct pcipt_device *device)
{
	bool bound = device->driver && !device->driver->vfio;

	if (map->tcps_unread && has_way(map, device))
		return true;
	return map->blind && bound &&
	       (device->class_id >> 16 == 0x01 || map->kernel->ops->is_real(map->kernel));
}

static void tell_unknown(const struct view *view)
{
	struct block_map *map = view->map;
	char *reasons = strdup("");
	size_t n = 0;

	for (size_t i = 0; i < map->unknown.n; i++)
		reasons = add_reason(reasons, &n, map->unknown.items[i]);
	reasons = add_looks(view, reasons, &n);
	if (n > NAMED_MAX) {
		_cleanup_free_ char *more = pcipt_format("and %zu more", n - NAMED_MAX);

		reasons = add(reasons, "; ", more);
	}
	if (n > 0)
		use(view, PCIPT_USE_UNKNOWN, strdup("whether its disks are in use"), steal(&reasons),
		    NULL);
	else if (map->unrecorded.n > 0)
		use(view, PCIPT_USE_UNKNOWN_HARMLESS, strdup("whether its disks are in use"),
		    pcipt_format("%s was not recorded", map->unrecorded.items[0]),
		    strdup("Look at the machine itself"));
	free(reasons);
}

/* A drive without a medium can be opened, and says so in one of two ways; CD drives lie. */
static bool is_empty_drive(const struct block_node *node)
{
	return node->disk.content == -ENOMEDIUM ||
	       (node->disk.content == -EIO && strncmp(node->name, "sr", 2) == 0);
}

/* A disk that nobody has but that can't be read: only the warning is missing. */
static void tell_unread(const struct view *view)
{
	for (size_t i = 0; i < view->n; i++) {
		const struct block_node *node = node_at(view, i);

		if (node->looked && node->disk.exclusive == 0 && node->disk.read &&
		    node->disk.content < 0 && !is_empty_drive(node)) {
			use(view, PCIPT_USE_UNKNOWN_HARMLESS,
			    pcipt_format("what data is on %s", node->name),
			    pcipt_format("/dev/%s can't be read (%s)", node->name,
					 look_trouble(-node->disk.content)), NULL);
			return;
		}
	}
}

static void tell_device(struct view *view)
{
	for (size_t i = 0; i < view->n; i++) {
		tell_mounts(view, view->order[i]);
		tell_boot(view, view->order[i]);
		tell_swaps(view, view->order[i]);
		tell_holder(view, view->order[i]);
		tell_target(view, view->order[i]);
		tell_looks(view, view->order[i]);
	}
	if (view->n > 0 || may_have_disks(view->map, view->device))
		tell_unknown(view);
	tell_unread(view);
}

void pcipt_block_tell(struct block_map *map)
{
	for (size_t i = 0; i < map->inquiry->n; i++) {
		struct view view = { .map = map, .device = map->inquiry->devices[i] };

		if (view_open(&view))
			tell_device(&view);
		else
			map->no_memory = true;
		for (size_t k = 0; k < view.told.n; k++)
			free(view.told.items[k]);
		free(view.told.items);
		free(view.down);
		free(view.order);
	}
}
