/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Others who are configured to take a device: driverctl (a file for each device, which its
 * udev rule applies at the next boot or hot-plug) and libvirt (machines that name a host's
 * device, in /etc those that are defined, in /run those that run).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "usage/evidence.h"

/* More machines than a host has. */
#define MACHINES_MAX 4096

static void add_unknown(struct pcipt_inquiry *inquiry, const char *what, const char *path, int errnum)
{
	for (size_t i = 0; i < inquiry->n; i++)
		pcipt_uses_add(inquiry->uses, inquiry->devices[i], PCIPT_USE_UNKNOWN_HARMLESS,
			       pcipt_format("whether %s names it", what),
			       pcipt_format("/%s can't be read: %s", path, pcipt_errno_text(errnum)),
			       NULL);
}

/* ---- driverctl ---- */

static void look_at_driverctl(struct pcipt_inquiry *inquiry, struct pcipt_device *device)
{
	struct pcipt_kernel *k = inquiry->kernel;
	char path[64], driver[128];
	ssize_t n;

	snprintf(path, sizeof(path), "etc/driverctl.d/pci-%s", device->address);
	n = k->ops->read(k, PCIPT_AT_ROOT, path, driver, sizeof(driver));
	if (n <= 0)
		return;
	pcipt_text_neutralise(driver);
	pcipt_uses_add(inquiry->uses, device, PCIPT_USE_FOREIGN,
		       pcipt_format("driverctl (for %s)", driver),
		       pcipt_format("/%s names the driver %s", path, driver),
		       pcipt_format("Run `driverctl unset-override %s`, or allow it", device->address));
}

/* ---- libvirt ---- */

struct machines {
	struct pcipt_inquiry *inquiry;
	const char *folder;
	size_t n;
};

/* Past a comment that begins here, to its end. */
static const char *skip_comment(const char *p)
{
	const char *end = strstr(p, "-->");

	return end ? end + 3 : p + strlen(p);
}

/* Whether an element of this name begins here: "<address" and no longer name. */
static bool is_element(const char *p, const char *name)
{
	size_t n = strlen(name);

	return strncmp(p, name, n) == 0 && (isspace((unsigned char)p[n]) || p[n] == '>' || p[n] == '/');
}

/* An attribute's number within an element, "bus='0x03'"; false where there is none. */
static bool get_number(const char *element, const char *end, const char *name, unsigned long *value)
{
	size_t n = strlen(name);

	for (const char *p = element; p + n + 2 < end; p++) {
		char *stop;

		if (!isspace((unsigned char)*p) || strncmp(p + 1, name, n) != 0 || p[n + 1] != '=' ||
		    (p[n + 2] != '\'' && p[n + 2] != '"'))
			continue;
		errno = 0;
		*value = strtoul(p + n + 3, &stop, 0);
		return stop != p + n + 3 && *stop == p[n + 2] && !errno;
	}
	return false;
}

/* <address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/> */
static bool parse_address(const char *element, struct pcipt_address *at)
{
	const char *end = strchr(element, '>');
	unsigned long domain = 0, bus, slot, function;

	if (!end || !get_number(element, end, "bus", &bus) ||
	    !get_number(element, end, "slot", &slot) ||
	    !get_number(element, end, "function", &function) || bus > 255 || slot > 31 ||
	    function > 7)
		return false;
	/* Absent is 0. */
	get_number(element, end, "domain", &domain);
	if (domain > UINT32_MAX)
		return false;
	*at = (struct pcipt_address){ (uint32_t)domain, (uint8_t)bus,
				      (uint8_t)(slot << 3 | function) };
	return true;
}

static void note_machine(struct machines *m, const char *file, struct pcipt_address at)
{
	int length = (int)strlen(file) - (int)strlen(".xml");

	for (size_t i = 0; i < m->inquiry->n; i++) {
		struct pcipt_device *device = m->inquiry->devices[i];

		if (pcipt_address_key(device->at) != pcipt_address_key(at))
			continue;
		pcipt_uses_add(m->inquiry->uses, device, PCIPT_USE_FOREIGN,
			       pcipt_format("libvirt's machine %.*s", length, file),
			       pcipt_format("/%s/%s names it as a host device", m->folder, file),
			       pcipt_format("Take it out of that machine (virsh edit %.*s), or allow it",
					    length, file));
	}
}

/*
 * Not a parser: what libvirt writes is regular, and all that is looked for are addresses
 * within <source>, which are the host's; the others are those in the guest.
 */
static void scan_machine(struct machines *m, const char *file, const char *text)
{
	struct pcipt_address at;
	bool in_source = false;

	for (const char *p = strchr(text, '<'); p; p = strchr(p, '<')) {
		if (strncmp(p, "<!--", 4) == 0) {
			p = skip_comment(p);
			continue;
		}
		if (is_element(p, "<source")) {
			const char *end = strchr(p, '>');

			in_source = end && end[-1] != '/';
		} else if (strncmp(p, "</source", 8) == 0) {
			in_source = false;
		} else if (in_source && is_element(p, "<address") && parse_address(p, &at)) {
			note_machine(m, file, at);
		}
		p++;
	}
}

static int look_at_machine(void *data, const char *file)
{
	struct machines *m = data;
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t n = strlen(file);
	ssize_t length;

	if (n < 5 || strcmp(file + n - 4, ".xml") != 0 || m->n++ >= MACHINES_MAX)
		return 0;
	path = pcipt_format("%s/%s", m->folder, file);
	length = path ? pcipt_kernel_read_file(m->inquiry->kernel, PCIPT_AT_ROOT, path, &text) :
			-ENOMEM;
	if (length >= 0)
		scan_machine(m, file, text);
	else if (length != -ENOENT)
		add_unknown(m->inquiry, "a machine of libvirt's", path ? path : m->folder,
			    (int)-length);
	return 0;
}

void pcipt_collect_foreign(struct pcipt_inquiry *inquiry)
{
	static const char *const folders[] = { "etc/libvirt/qemu", "run/libvirt/qemu",
					       "etc/libvirt/libxl" };

	for (size_t i = 0; i < inquiry->n; i++)
		look_at_driverctl(inquiry, inquiry->devices[i]);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct machines m = { .inquiry = inquiry, .folder = folders[i] };
		int r = inquiry->kernel->ops->list(inquiry->kernel, PCIPT_AT_ROOT, folders[i],
						   look_at_machine, &m);

		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			add_unknown(inquiry, "a machine of libvirt's", folders[i], -r);
	}
}
