/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See usb.h. */
#include "usage/usb.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"

/* The class of PCI devices: base and sub class. */
#define USB_CONTROLLER 0x0c03
/* How many of one controller are spelled out. */
#define SPELLED_OUT 3

struct look {
	struct pcipt_inquiry *inquiry;
	struct pcipt_device *device;
	char *what, *evidence;
	size_t n;
	bool unknown_told;
};

bool pcipt_usb_is_keyboard(const char *keys)
{
	const char *last = strrchr(keys, ' ');
	unsigned long word = strtoul(last ? last + 1 : keys, NULL, 16);

	return (word & 0xfffffffeul) == 0xfffffffeul;
}

/* One thing in use. Takes over both; NULL without memory. */
static void add(struct look *look, char *what, char *evidence)
{
	char *more = NULL;

	if (what && evidence && ++look->n == 1) {
		look->what = steal(&what);
		look->evidence = steal(&evidence);
	} else if (what && evidence && look->n <= SPELLED_OUT) {
		more = pcipt_format("%s; %s", look->evidence, evidence);
		if (more) {
			free(look->evidence);
			look->evidence = more;
		}
	}
	if ((!what || !evidence || look->n <= SPELLED_OUT) && look->n != 1 && !more)
		look->inquiry->uses->no_memory = true;
	free(what);
	free(evidence);
}

/* An attribute; "" where it isn't there. False when it can't be told. */
static bool read_text(struct look *look, enum pcipt_place at, const char *folder, const char *name,
		      char *buf, size_t size)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = -ENAMETOOLONG;

	*buf = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path))
		n = k->ops->read(k, at, path, buf, size);
	if (n < 0)
		*buf = '\0';
	pcipt_text_neutralise(buf);
	/* What was unplugged meanwhile is in nobody's use. */
	return n >= 0 || n == -ENOENT || n == -ENODEV;
}

static void tell_unknown(struct look *look, const char *about)
{
	if (!look->unknown_told)
		pcipt_uses_add(look->inquiry->uses, look->device, PCIPT_USE_UNKNOWN_HARMLESS,
			       strdup("whether what hangs below it is in use"),
			       pcipt_format("%s can't be read", about), NULL);
	look->unknown_told = true;
}

/* The USB device that a path leads through last: "1-2" of "…/usb1/1-2/1-2:1.0/…". */
static void print_port(const char *path, char *buf, size_t size)
{
	const char *found = "", *end = path;

	for (const char *p = path; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "/");
		if (*p >= '1' && *p <= '9' && memchr(p, '-', (size_t)(end - p)) &&
		    !memchr(p, ':', (size_t)(end - p)))
			found = p;
	}
	snprintf(buf, size, "%.*s", (int)strcspn(found, "/"), found);
}

static void look_at_input(struct look *look, const struct pcipt_child *child)
{
	char keys[512], name[128], port[64];

	/* Only the device itself has capabilities, not its event0 or mouse0. */
	if (strncmp(child->name, "input", 5) != 0)
		return;
	if (!read_text(look, PCIPT_AT_PCI_DEVICES, child->path, "capabilities/key", keys,
		       sizeof(keys))) {
		tell_unknown(look, child->name);
		return;
	}
	if (!pcipt_usb_is_keyboard(keys))
		return;
	read_text(look, PCIPT_AT_PCI_DEVICES, child->path, "name", name, sizeof(name));
	print_port(child->path, port, sizeof(port));
	add(look, pcipt_format("a keyboard (%s, %s)", port, *name ? name : "without a name"),
	    pcipt_format("the keyboard %s at the USB port %s types on this host's console (%s)",
			 *name ? name : "without a name", port, child->name));
}

/* ---- Bluetooth ---- */

/*
 * A keyboard of the kernel's own HID over Bluetooth stands below its adapter, and is found
 * there. One that bluetoothd drives (UserspaceHID of its input.conf) stands here, and nothing in
 * sysfs says which adapter it comes by: any may be it.
 */
#define UHID "devices/virtual/misc/uhid"
/* BUS_BLUETOOTH of linux/input.h; what uhid makes for others (USB redirection) is none. */
#define BLUETOOTH "0005:"

struct adapter {
	struct look *look;
	const char *name, *port;
	const char *hid; /* "0005:046D:B342.0001" */
};

static int look_at_wireless(void *data, const char *name)
{
	const struct adapter *adapter = data;
	char folder[PCIPT_ATTRIBUTE_MAX], keys[512], label[128];
	struct look *look = adapter->look;

	if ((size_t)snprintf(folder, sizeof(folder), UHID "/%s/input/%s", adapter->hid, name) >=
	    sizeof(folder))
		return 0;
	if (!read_text(look, PCIPT_AT_SYS, folder, "capabilities/key", keys, sizeof(keys)))
		tell_unknown(look, name);
	if (!pcipt_usb_is_keyboard(keys))
		return 0;
	read_text(look, PCIPT_AT_SYS, folder, "name", label, sizeof(label));
	add(look, pcipt_format("a Bluetooth keyboard (%s, %s)", adapter->port,
			       *label ? label : "without a name"),
	    pcipt_format("the keyboard %s types on this host's console (%s) over Bluetooth, for "
			 "which the adapter %s at the USB port %s may be needed",
			 *label ? label : "without a name", name, adapter->name, adapter->port));
	return 0;
}

static int look_at_hid(void *data, const char *name)
{
	struct adapter *adapter = data;
	struct pcipt_kernel *k = adapter->look->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];
	int r;

	if (strncmp(name, BLUETOOTH, strlen(BLUETOOTH)) != 0)
		return 0;
	snprintf(path, sizeof(path), UHID "/%.300s/input", name);
	adapter->hid = name;
	r = k->ops->list_folders(k, PCIPT_AT_SYS, path, look_at_wireless, adapter);
	if (r < 0 && r != -ENOENT)
		tell_unknown(adapter->look, name);
	return 0;
}

/* "hci0"; its connections, "hci0:256", are of the same class. */
static void look_at_adapter(struct look *look, const struct pcipt_child *child)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	char port[64];
	struct adapter adapter = { look, child->name, port, NULL };
	int r;

	if (strchr(child->name, ':'))
		return;
	print_port(child->path, port, sizeof(port));
	r = k->ops->list_folders(k, PCIPT_AT_SYS, UHID, look_at_hid, &adapter);
	if (r < 0 && r != -ENOENT)
		tell_unknown(look, "what comes over Bluetooth");
}

/* How long to wait for a name, which is but nice to have. */
#define NAME_MS 250

/*
 * A USB device's own name. Reading it takes the device's lock (usb_string_attr() of
 * Linux), which a driver that is stuck holds for ever: without an answer there is no name.
 */
static void read_product(struct look *look, const char *folder, char *buf, size_t size)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_read read = { .path = path, .buf = buf, .size = size, .result = -EIO };

	if ((size_t)snprintf(path, sizeof(path), "%s/product", folder) < sizeof(path))
		k->ops->read_guarded(k, PCIPT_AT_PCI_DEVICES, &read, 1, NAME_MS);
	if (read.result < 0)
		*buf = '\0';
	pcipt_text_neutralise(buf);
}

/* Whether usbfs drives an interface: 1, 0, or -1 where that can't be told. */
static int is_claimed(struct look *look, const struct pcipt_child *child)
{
	struct pcipt_kernel *k = look->inquiry->kernel;
	char path[PCIPT_ATTRIBUTE_MAX], link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), "%s/driver", child->path) < sizeof(path))
		n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n < 0)
		return n == -ENOENT || n == -ENODEV ? 0 : -1;
	return strcmp(pcipt_base_name(link), "usbfs") == 0;
}

/* An interface that a program claimed through usbfs: a virtual machine, a UPS daemon. */
static void look_at_interface(struct look *look, const struct pcipt_child *child)
{
	char product[128] = "", port[64], folder[PCIPT_ATTRIBUTE_MAX];
	const char *slash = strrchr(child->path, '/');
	int claimed = strchr(child->name, ':') && slash ? is_claimed(look, child) : 0;

	if (claimed < 0)
		tell_unknown(look, child->name);
	if (claimed <= 0)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - child->path), child->path);
	if (look->n < SPELLED_OUT)
		read_product(look, folder, product, sizeof(product));
	print_port(child->path, port, sizeof(port));
	add(look, pcipt_format("a device that a program drives (%s, %s)", port,
			       *product ? product : "without a name"),
	    pcipt_format("a program has claimed %s of the USB device %s at the port %s through "
			 "/dev/bus/usb",
			 child->name, *product ? product : "without a name", port));
}

static void look_below(struct look *look)
{
	const struct pcipt_details *details =
		pcipt_device_details(look->device, PCIPT_FACTS_CHILDREN);
	/* Of a controller that could not be looked through all may be missing. */
	bool has_usb = details && details->children_cut &&
		       look->device->class_id >> 8 == USB_CONTROLLER;

	for (size_t i = 0; details && i < details->n_children; i++)
		has_usb |= strcmp(details->children[i].subsystem, "usb") == 0;
	for (size_t i = 0; has_usb && i < details->n_children; i++) {
		const struct pcipt_child *child = &details->children[i];

		if (strcmp(child->subsystem, "input") == 0)
			look_at_input(look, child);
		else if (strcmp(child->subsystem, "usb") == 0)
			look_at_interface(look, child);
		else if (strcmp(child->subsystem, "bluetooth") == 0)
			look_at_adapter(look, child);
	}
	if (has_usb && details->children_cut)
		tell_unknown(look, "all of it");
}

static void tell(struct look *look)
{
	char *what, *evidence;

	if (look->n == 0)
		return;
	what = look->n == 1 ? steal(&look->what) :
			      pcipt_format("%s and %zu more", look->what, look->n - 1);
	evidence = look->n <= SPELLED_OUT ?
			   steal(&look->evidence) :
			   pcipt_format("%s; and %zu more", look->evidence, look->n - SPELLED_OUT);
	pcipt_uses_add(look->inquiry->uses, look->device, PCIPT_USE_USB, what, evidence, NULL);
	free(look->what);
	free(look->evidence);
}

void pcipt_collect_usb(struct pcipt_inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->n; i++) {
		struct look look = { .inquiry = inquiry, .device = inquiry->devices[i] };

		look_below(&look);
		tell(&look);
	}
}
