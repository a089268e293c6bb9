/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network interfaces of devices: which they are, in whichever namespace, and then what
 * uses them. Devices without interfaces cost a few system calls.
 */
#include "usage/net.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "base/error.h"

/* How long one namespace may take to answer; each of them answers in far less. */
#define WAIT_MS 2000

/*
 * Where interfaces hang: a folder `net`, of the device itself or of one below it (virtio,
 * usb). The folder is there as long as there is an interface, even if that was moved to
 * another namespace and isn't shown.
 */
struct parent {
	struct pcipt_device *device;
	const char *bus, *name, *path; /* borrowed from the device */
	bool found;		       /* an interface of it was */
};

struct collection {
	struct pcipt_inquiry *inquiry;
	struct parent *parents;
	size_t n_parents;
	struct pcipt_networks networks;
	struct pcipt_net net;
	struct pcipt_net_card *cards;
	size_t n_cards;
};

/* ---- which devices have interfaces ---- */

/* Of a tree that isn't this machine's nothing can be changed, so nothing is at stake. */
static void tell_unknown(struct collection *c, struct pcipt_device *device, char *evidence,
			 const char *remedy)
{
	struct pcipt_kernel *k = c->inquiry->kernel;

	pcipt_uses_add(c->inquiry->uses, device,
		       k->ops->is_real(k) ? PCIPT_USE_UNKNOWN : PCIPT_USE_UNKNOWN_HARMLESS,
		       strdup("all that its network interfaces are used for"), evidence,
		       remedy ? strdup(remedy) : NULL);
}

static void tell_unread(struct collection *c, struct pcipt_device *device, const char *path, int errnum)
{
	tell_unknown(c, device, pcipt_format("%s below the device can't be read (%s)", path,
					     pcipt_errno_text(errnum)), NULL);
}

static void look_for_parent(struct collection *c, struct pcipt_device *device, const char *bus,
			    const char *name, const char *path)
{
	struct pcipt_kernel *k = c->inquiry->kernel;
	char folder[PCIPT_ATTRIBUTE_MAX];
	int r = -ENAMETOOLONG;

	if ((size_t)snprintf(folder, sizeof(folder), "%s/net", path) < sizeof(folder))
		r = k->ops->exists(k, PCIPT_AT_PCI_DEVICES, folder);
	/* What was unplugged meanwhile has no interfaces. */
	if (r < 0 && r != -ENODEV)
		tell_unread(c, device, "the folder net", -r);
	if (r != 1)
		return;
	if (pcipt_grow(&c->parents, c->n_parents))
		c->parents[c->n_parents++] = (struct parent){ device, bus, name, path, false };
	else
		c->inquiry->uses->no_memory = true;
}

static void look_for_parents(struct collection *c, struct pcipt_device *device)
{
	const struct pcipt_details *details = pcipt_device_details(device, PCIPT_FACTS_CHILDREN);

	look_for_parent(c, device, "pci", device->address, device->address);
	for (size_t i = 0; details && i < details->n_children; i++)
		if (strcmp(details->children[i].subsystem, "net") != 0)
			look_for_parent(c, device, details->children[i].subsystem,
					details->children[i].name, details->children[i].path);
	if (details && details->children_errnum)
		tell_unread(c, device, "what hangs", details->children_errnum);
	else if (!details || details->children_cut)
		tell_unknown(c, device,
			     strdup("more hangs below the device than is looked through"),
			     "Look at what is below the device in /sys yourself, and allow it");
}

/* ---- which interfaces they are ---- */

static void add_card(struct collection *c, struct parent *parent, size_t link)
{
	parent->found = true;
	for (size_t i = 0; i < c->n_cards; i++)
		if (c->cards[i].link == link)
			return;
	if (pcipt_grow(&c->cards, c->n_cards))
		c->cards[c->n_cards++] = (struct pcipt_net_card){ parent->device, link };
	else
		c->inquiry->uses->no_memory = true;
}

/* A modem's or a Bluetooth connection's interface hangs below a device that is on no bus. */
static bool is_on_no_bus(struct collection *c, const struct parent *parent)
{
	struct pcipt_kernel *k = c->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];

	return (size_t)snprintf(path, sizeof(path), "bus/%s", parent->bus) < sizeof(path) &&
	       k->ops->exists(k, PCIPT_AT_SYS, path) != 1;
}

static bool is_of_parent(struct collection *c, const struct pcipt_net_link *link,
			 const struct parent *parent)
{
	return strcmp(link->parent, parent->name) == 0 &&
	       (*link->bus ? strcmp(link->bus, parent->bus) == 0 : is_on_no_bus(c, parent));
}

/* Linux 5.14 and later tell of each interface which device it is of. */
static void match_by_parent(struct collection *c)
{
	for (size_t p = 0; p < c->n_parents; p++)
		for (size_t i = 0; i < c->net.n_links; i++)
			if (is_of_parent(c, &c->net.links[i], &c->parents[p]))
				add_card(c, &c->parents[p], i);
}

/* Before that only sysfs does, of those in its own namespace: by name, and by number. */
static void match_by_name(struct collection *c, struct parent *parent)
{
	const struct pcipt_details *details =
		pcipt_device_details(parent->device, PCIPT_FACTS_CHILDREN);
	struct pcipt_kernel *k = c->inquiry->kernel;
	size_t length = strlen(parent->path);

	for (size_t i = 0; details && i < details->n_children; i++) {
		const struct pcipt_child *child = &details->children[i];
		char path[PCIPT_ATTRIBUTE_MAX], text[16];
		size_t link;

		if (strcmp(child->subsystem, "net") != 0 ||
		    strncmp(child->path, parent->path, length) != 0 ||
		    strncmp(child->path + length, "/net/", 5) != 0 ||
		    (size_t)snprintf(path, sizeof(path), "%s/ifindex", child->path) >=
			    sizeof(path) ||
		    k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) <= 0)
			continue;
		link = pcipt_net_find(&c->net, 0, (uint32_t)strtoul(text, NULL, 10));
		if (link != SIZE_MAX && !*c->net.links[link].parent &&
		    strcmp(c->net.links[link].name, child->name) == 0)
			add_card(c, parent, link);
	}
}

/* ---- what could not be found out ---- */

/* Why not all namespaces are known, and what to do about it. */
struct gap {
	char *why;
	const char *remedy;
};

static const char *remedy_of(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES: return "Run as root, outside of containers";
	case E2BIG: return "Look through the others yourself (lsns -t net), and allow it";
	default: return "Try again";
	}
}

static const char *reason_of(int errnum)
{
	switch (errnum) {
	case EAGAIN: return "its tables change faster than they can be read";
	case E2BIG: return "it is connected to too many others";
	case EBUSY: return "it doesn't answer";
	case ETIMEDOUT: return "the machine is too busy";
	default: return pcipt_errno_text(errnum);
	}
}

static struct gap find_unseen(const struct pcipt_networks *networks)
{
	int errnum = -networks->unseen;

	if (!networks->unseen_example)
		return (struct gap){ strdup("there are more network namespaces than are looked at"),
				     remedy_of(E2BIG) };
	return (struct gap){ pcipt_format("the network namespace of %s can't be looked at: %s",
					  networks->unseen_example, pcipt_errno_text(errnum)),
			     remedy_of(errnum) };
}

static struct gap find_gap(const struct collection *c)
{
	for (size_t i = 0; i < c->networks.n; i++) {
		const struct pcipt_network *network = &c->networks.items[i];

		if (network->result != 0)
			return (struct gap){
				pcipt_format("the %s could not be asked: %s",
					     network->name ? network->name : "network namespace",
					     reason_of(-network->result)),
				remedy_of(-network->result)
			};
	}
	if (c->net.damaged)
		return (struct gap){ strdup("the kernel's answer contradicts itself"),
				     "Look at it yourself (ip addr, ip route), and allow it" };
	if (c->networks.unseen)
		return find_unseen(&c->networks);
	if (c->net.unread_errnum)
		return (struct gap){
			pcipt_format("by which interface you are logged in isn't known: the "
				     "table of TCP connections can't be read (%s)",
				     pcipt_errno_text(c->net.unread_errnum)),
			"Look at it yourself (ss -t), and allow it"
		};
	return (struct gap){ NULL, NULL };
}

static bool is_first_of_device(const struct collection *c, size_t parent)
{
	return parent == 0 || c->parents[parent - 1].device != c->parents[parent].device;
}

/* Once for each device with interfaces: a namespace that isn't known may use them all. */
static void tell_gaps(struct collection *c)
{
	struct gap gap = find_gap(c);

	for (size_t i = 0; i < c->n_parents; i++) {
		const struct parent *parent = &c->parents[i];

		if (gap.why && is_first_of_device(c, i))
			tell_unknown(c, parent->device, strdup(gap.why), gap.remedy);
		else if (!gap.why && !parent->found)
			tell_unknown(c, parent->device,
				     pcipt_format("an interface of %s is in a network namespace "
						  "that no process and no name leads to",
						  parent->name),
				     "Find out who keeps that namespace, and move the interface "
				     "back; or allow it");
	}
	free(gap.why);
}

static void tell_failure(struct collection *c, int r)
{
	for (size_t i = 0; i < c->n_parents; i++)
		if (is_first_of_device(c, i))
			tell_unknown(c, c->parents[i].device,
				     pcipt_format("the kernel could not be asked for addresses "
						  "and routes: %s",
						  reason_of(-r)),
				     remedy_of(-r));
}

static void read_network(struct collection *c, uint32_t i)
{
	const struct pcipt_network *network = &c->networks.items[i];

	pcipt_net_read(&c->net, i, network->messages, network->size);
	pcipt_net_read_sessions(&c->net, i, network->sessions, network->sessions_size);
}

static void judge_interfaces(struct collection *c)
{
	for (size_t i = 0; i < c->networks.n; i++)
		if (c->networks.items[i].result == 0)
			read_network(c, (uint32_t)i);
	pcipt_net_settle(&c->net, &c->networks);
	match_by_parent(c);
	for (size_t i = 0; i < c->n_parents; i++)
		if (!c->parents[i].found)
			match_by_name(c, &c->parents[i]);
	if (c->n_cards > 0 && c->net.n_locals > 0)
		pcipt_net_find_logins(c->inquiry, &c->net);
	pcipt_net_add_uses(&c->net, &c->networks, c->cards, c->n_cards, c->inquiry->uses);
	tell_gaps(c);
	c->inquiry->uses->no_memory |= c->net.no_memory;
}

/* ---- trees that aren't this machine's ---- */

static int find_upper(void *data, const char *name)
{
	(void)data;
	return strcmp(name, "master") == 0 || strncmp(name, "upper_", 6) == 0;
}

/* An interface that is down, and on which nothing stands. */
static bool is_idle(struct collection *c, const struct pcipt_child *child)
{
	struct pcipt_kernel *k = c->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX], text[16], *end;
	unsigned long flags;

	if ((size_t)snprintf(path, sizeof(path), "%s/flags", child->path) >= sizeof(path) ||
	    k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) <= 0)
		return false;
	flags = strtoul(text, &end, 16);
	return !*end && !(flags & IFF_UP) &&
	       k->ops->list(k, PCIPT_AT_PCI_DEVICES, child->path, find_upper, NULL) == 0;
}

/* What /sys says is all that there is: of an interface that is up it says too little. */
static void judge_recorded(struct collection *c)
{
	for (size_t i = 0; i < c->n_parents; i++) {
		struct pcipt_device *device = c->parents[i].device;
		const struct pcipt_details *details =
			pcipt_device_details(device, PCIPT_FACTS_CHILDREN);
		size_t interfaces = 0, idle = 0;

		if (!is_first_of_device(c, i))
			continue;
		for (size_t n = 0; details && n < details->n_children; n++)
			if (strcmp(details->children[n].subsystem, "net") == 0) {
				interfaces++;
				idle += is_idle(c, &details->children[n]);
			}
		if (interfaces == 0 || idle < interfaces)
			tell_unknown(c, device,
				     strdup("this tree isn't the running machine's: addresses and "
					    "routes were not recorded"),
				     "Look at the machine itself");
	}
}

void pcipt_collect_net(struct pcipt_inquiry *inquiry)
{
	struct collection c = { .inquiry = inquiry };
	struct pcipt_kernel *k = inquiry->kernel;
	int r;

	for (size_t i = 0; i < inquiry->n; i++)
		look_for_parents(&c, inquiry->devices[i]);
	if (c.n_parents > 0 && !k->ops->is_real(k)) {
		judge_recorded(&c);
	} else if (c.n_parents > 0) {
		r = k->ops->ask_networks ? k->ops->ask_networks(k, &c.networks,
								pcipt_inquiry_patience(inquiry, WAIT_MS)) :
					   -EOPNOTSUPP;
		if (r == 0)
			judge_interfaces(&c);
		else if (r == -ENOMEM)
			inquiry->uses->no_memory = true;
		else
			tell_failure(&c, r);
	}
	pcipt_networks_clear(&c.networks);
	pcipt_net_clear(&c.net);
	free(c.cards);
	free(c.parents);
}
