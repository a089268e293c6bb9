/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks and file systems that come over the network: for whoever takes the card away
 * they are behind the card. iSCSI and NVMe say whom they talk to, NFS in its mount's
 * options; the connection's own address, or the network that both are in, says by which
 * card. Host adapters that do all of this themselves have their disks below them. And a
 * hypervisor's folders (9p, virtiofs) come through a device of their own.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"
#include "usage/tcp.h"

/* ---- by which card ---- */

static void read_table(struct block_map *map, bool v6, struct pcipt_tcps *tcps)
{
	/* The host's own: the caller may be in a container's network. */
	int r = pcipt_tcp_read(map->inquiry, 1, v6, tcps);

	/* Every kernel that talks to a peer has the first; where IPv6 is off there is no second. */
	if (r == 0 || (r == -ENOENT && (v6 || !map->kernel->ops->is_real(map->kernel))))
		return;
	map->tcps_unread = true;
	pcipt_block_unknown(map, pcipt_format("over which card disks are reached isn't known: "
					      "/proc/1/net/tcp%s can't be read (%s)",
					      v6 ? "6" : "", pcipt_errno_text(-r)));
}

static void read_connections(struct block_map *map)
{
	struct pcipt_tcps tcps = { 0 };

	if (map->tcps_read)
		return;
	map->tcps_read = true;
	read_table(map, false, &tcps);
	read_table(map, true, &tcps);
	map->tcps = tcps.items;
	map->n_tcps = tcps.n;
	map->no_memory |= tcps.no_memory;
}

static bool is_same_network(const struct pcipt_way *way, const struct in6_addr *peer)
{
	unsigned int n = way->length / 8, rest = way->length % 8;

	return memcmp(&way->address, peer, n) == 0 &&
	       (rest == 0 || (way->address.s6_addr[n] ^ peer->s6_addr[n]) >> (8 - rest) == 0);
}

/* The ways to a peer: those that connections to it take, without any those in its network. */
static bool leads_to(struct block_map *map, const struct pcipt_way *way, const struct in6_addr *peer)
{
	bool any = false;

	read_connections(map);
	for (size_t i = 0; i < map->n_tcps; i++) {
		if (memcmp(&map->tcps[i].peer, peer, sizeof(*peer)) != 0)
			continue;
		any = true;
		if (memcmp(&map->tcps[i].local, &way->address, sizeof(way->address)) == 0)
			return true;
	}
	return !any && is_same_network(way, peer);
}

/* Puts a node behind the cards that lead to a peer: "iSCSI", "192.0.2.1". */
static void put_behind(struct block_map *map, size_t node, const char *how, const char *peer)
{
	const struct pcipt_ways *ways = &map->inquiry->uses->ways;
	struct in6_addr address;

	if (!pcipt_tcp_scan_address(peer, &address))
		return;
	for (size_t i = 0; i < ways->n; i++) {
		struct block_node *n = &map->nodes[node];
		char *label;

		if (!leads_to(map, &ways->items[i], &address))
			continue;
		label = n->remote ? NULL : pcipt_format("%s (%s, from %s by %s)", n->label, how, peer,
							ways->items[i].link);
		map->no_memory |= !n->remote && !label;
		if (label) {
			free(n->label);
			n->label = label;
		}
		n->remote = true;
		pcipt_block_put_behind(map, node, ways->items[i].device);
	}
}

/* ---- disks ---- */

struct session {
	struct block_map *map;
	const struct block_entry *entry;
	unsigned int number;
};

static size_t node_of(struct block_map *map, const struct block_entry *entry)
{
	size_t node = pcipt_block_map_find(map, entry->name);

	return node != BLOCK_NONE ? node : pcipt_block_map_add(map, entry, BLOCK_DISK);
}

/* Whether any card leads there, before there is a node for it. */
static bool is_reached(struct block_map *map, const char *peer)
{
	const struct pcipt_ways *ways = &map->inquiry->uses->ways;
	struct in6_addr address;

	if (!pcipt_tcp_scan_address(peer, &address))
		return false;
	for (size_t i = 0; i < ways->n; i++)
		if (leads_to(map, &ways->items[i], &address))
			return true;
	return false;
}

static void add_disk(struct block_map *map, const struct block_entry *entry, const char *how,
		     const char *peer)
{
	size_t node = is_reached(map, peer) ? node_of(map, entry) : BLOCK_NONE;

	if (node != BLOCK_NONE)
		put_behind(map, node, how, peer);
}

/* A session's connections are called connection3:0; each has the address it goes to. */
static int take_connection(void *data, const char *name)
{
	struct session *session = data;
	struct pcipt_kernel *k = session->map->kernel;
	char path[300], peer[128];
	unsigned int number;

	if (sscanf(name, "connection%9u:", &number) != 1 || number != session->number)
		return 0;
	snprintf(path, sizeof(path), "class/iscsi_connection/%s/address", name);
	if (k->ops->read(k, PCIPT_AT_SYS, path, peer, sizeof(peer)) <= 0) {
		snprintf(path, sizeof(path), "class/iscsi_connection/%s/persistent_address", name);
		if (k->ops->read(k, PCIPT_AT_SYS, path, peer, sizeof(peer)) <= 0)
			return 0;
	}
	add_disk(session->map, session->entry, "iSCSI", peer);
	return 0;
}

/* "traddr=192.0.2.1,trsvcid=4420,src_addr=192.0.2.7" of a controller, "nvme3". */
static void add_nvme(struct block_map *map, const struct block_entry *entry, const char *controller)
{
	int length = (int)strcspn(controller, "/");
	struct pcipt_kernel *k = map->kernel;
	char path[300], text[PCIPT_ATTRIBUTE_MAX], *peer;
	const struct block_entry *head;

	if (length > 32)
		return;
	snprintf(path, sizeof(path), "class/nvme/%.*s/address", length, controller);
	if (k->ops->read(k, PCIPT_AT_SYS, path, text, sizeof(text)) <= 0)
		return;
	peer = strstr(text, "traddr=");
	if (!peer)
		return;
	peer += strlen("traddr=");
	peer[strcspn(peer, ",")] = '\0';
	head = pcipt_block_is_nvme_path(entry) ? pcipt_block_head_of(map, entry) : entry;
	if (head)
		add_disk(map, head, "NVMe over fabrics", peer);
}

static bool has_sessions(struct block_map *map)
{
	struct pcipt_kernel *k = map->kernel;

	return k->ops->exists(k, PCIPT_AT_SYS, "class/iscsi_connection") == 1 ||
	       k->ops->exists(k, PCIPT_AT_SYS, "class/nvme-fabrics") == 1;
}

void pcipt_block_remote_fill(struct block_map *map)
{
	if (map->inquiry->uses->ways.n == 0 || !has_sessions(map))
		return;
	pcipt_block_entries_add(map, "");
	for (size_t i = 0; i < map->n_entries; i++) {
		const struct block_entry *entry = map->entries[i];
		struct session session = { .map = map, .entry = entry };
		const char *fabric, *number;

		if (!entry->path || pcipt_block_is_partition(map, entry))
			continue;
		fabric = strstr(entry->path, "/nvme-fabrics/ctl/");
		number = strstr(entry->path, "/session");
		if (fabric)
			add_nvme(map, entry, fabric + strlen("/nvme-fabrics/ctl/"));
		else if (number && sscanf(number, "/session%9u/", &session.number) == 1)
			pcipt_block_list(map, "class/iscsi_connection", take_connection, &session);
	}
}

/* ---- a hypervisor's folders ---- */

static void add_export(struct block_map *map, struct pcipt_device *device,
		       const struct pcipt_child *child)
{
	struct pcipt_kernel *k = map->kernel;
	char path[PCIPT_ATTRIBUTE_MAX], text[PCIPT_ATTRIBUTE_MAX];
	struct block_export item = { .device = device, .type = "virtiofs" };

	if ((size_t)snprintf(path, sizeof(path), "%s/driver", child->path) >= sizeof(path) ||
	    k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) <= 0)
		return;
	if (strcmp(pcipt_base_name(text), "9pnet_virtio") == 0) {
		item.type = "9p";
		snprintf(path, sizeof(path), "%.4000s/mount_tag", child->path);
		if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) > 0)
			item.tag = strdup(text);
	} else if (strcmp(pcipt_base_name(text), "virtiofs") != 0) {
		return;
	}
	if (pcipt_grow(&map->exports, map->n_exports)) {
		map->exports[map->n_exports++] = item;
	} else {
		free(item.tag);
		map->no_memory = true;
	}
}

void pcipt_block_exports_fill(struct block_map *map)
{
	const struct pcipt_inquiry *inquiry = map->inquiry;

	for (size_t i = 0; i < inquiry->n; i++) {
		const struct pcipt_details *details =
			pcipt_device_details(inquiry->devices[i], PCIPT_FACTS_CHILDREN);

		for (size_t k = 0; details && k < details->n_children; k++)
			if (strcmp(details->children[k].subsystem, "virtio") == 0)
				add_export(map, inquiry->devices[i], &details->children[k]);
	}
}

static size_t export_of(struct block_map *map, const struct pcipt_mount *mount)
{
	_cleanup_free_ char *name = pcipt_format("%s %s", mount->type, mount->source);
	size_t node = name ? pcipt_block_map_find(map, name) : BLOCK_NONE;

	map->no_memory |= !name;
	for (size_t i = 0; name && i < map->n_exports; i++) {
		const struct block_export *item = &map->exports[i];

		if (strcmp(item->type, mount->type) != 0 ||
		    (item->tag && strcmp(item->tag, mount->source) != 0))
			continue;
		if (node == BLOCK_NONE)
			node = pcipt_block_map_add_share(map, strdup(name),
							 pcipt_format("%s (%s)", mount->source,
								      mount->type));
		if (node != BLOCK_NONE)
			pcipt_block_put_behind(map, node, item->device);
	}
	return node;
}

/* ---- NFS ---- */

bool pcipt_block_remote_has_shares(struct block_map *map)
{
	struct pcipt_kernel *k = map->kernel;

	if (map->n_exports > 0)
		return true;
	/* There as soon as a share was mounted by anybody, and cheaper than all tables of mounts. */
	return map->inquiry->uses->ways.n > 0 && k->ops->is_real(k) &&
	       k->ops->exists(k, PCIPT_AT_ROOT, "proc/fs/nfsfs/servers") == 1;
}

size_t pcipt_block_remote_share(struct block_map *map, const struct pcipt_mount *mount)
{
	const char *option = strstr(mount->options, ",addr=");
	_cleanup_free_ char *name = NULL;
	char peer[64];
	size_t node;

	if (strncmp(mount->type, "nfs", 3) != 0)
		return export_of(map, mount);
	if (!option || map->inquiry->uses->ways.n == 0)
		return BLOCK_NONE;
	option += strlen(",addr=");
	snprintf(peer, sizeof(peer), "%.*s", (int)strcspn(option, ","), option);
	name = pcipt_format("nfs %s", mount->source);
	node = name ? pcipt_block_map_find(map, name) : BLOCK_NONE;
	map->no_memory |= !name;
	if (!name || node != BLOCK_NONE || !is_reached(map, peer))
		return node;
	node = pcipt_block_map_add_share(map, strdup(name), strdup(mount->source));
	if (node != BLOCK_NONE)
		put_behind(map, node, "NFS", peer);
	return node;
}
