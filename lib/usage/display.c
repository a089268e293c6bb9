/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a display shows the text console. A desktop shows as the holder of the DRM node.
 *
 * The console is drawn by a console driver; the one that draws on frame buffers is called
 * "frame buffer device" (sysfs: class/vtconsole). It takes the first frame buffer, unless
 * somebody chose another one (con2fb, fbcon=map:), which only an open of the node would tell.
 * The firmware's frame buffer (efifb, simpledrm) is no PCI device's child on older kernels; then
 * the memory that it lies in tells whose it is.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/evidence.h"

struct console {
	char vt[32];	/* "vtcon1", "" when no frame buffer shows the console */
	int first;	/* the first frame buffer's number, -1 for none */
	char link[PCIPT_ATTRIBUTE_MAX]; /* where that is, below /sys */
	int errnum;
	struct pcipt_kernel *kernel;
};

static int look_at_vt(void *data, const char *name)
{
	struct console *c = data;
	struct pcipt_kernel *k = c->kernel;
	char path[300], text[128];

	if (strncmp(name, "vtcon", 5) != 0 || strlen(name) >= sizeof(c->vt))
		return 0;
	snprintf(path, sizeof(path), "class/vtconsole/%s/name", name);
	if (k->ops->read(k, PCIPT_AT_SYS, path, text, sizeof(text)) <= 0 ||
	    !strstr(text, "frame buffer"))
		return 0;
	snprintf(path, sizeof(path), "class/vtconsole/%s/bind", name);
	if (k->ops->read(k, PCIPT_AT_SYS, path, text, sizeof(text)) > 0 && strcmp(text, "1") == 0)
		strcpy(c->vt, name);
	return 0;
}

static int look_at_frame_buffer(void *data, const char *name)
{
	struct console *c = data;
	int number, end = 0;

	if (sscanf(name, "fb%8d%n", &number, &end) == 1 && !name[end] && number >= 0 &&
	    (c->first < 0 || number < c->first))
		c->first = number;
	return 0;
}

static void find_console(struct pcipt_kernel *k, struct console *c)
{
	char path[64];
	int r;

	*c = (struct console){ .first = -1, .kernel = k };
	r = k->ops->list(k, PCIPT_AT_SYS, "class/vtconsole", look_at_vt, c);
	/* A kernel without virtual terminals has no such folder. */
	if (r < 0 && r != -ENOENT)
		c->errnum = -r;
	if (!*c->vt)
		return;
	r = k->ops->list(k, PCIPT_AT_SYS, "class/graphics", look_at_frame_buffer, c);
	r = r == -ENOENT ? 0 : r; /* no frame buffer at all */
	snprintf(path, sizeof(path), "class/graphics/fb%d", c->first);
	if (r == 0 && c->first >= 0)
		r = (int)k->ops->read_link(k, PCIPT_AT_SYS, path, c->link, sizeof(c->link));
	if (r < 0)
		c->errnum = -r;
}

/* The last PCI address on the way to a frame buffer: 1 when it is the device's, 0 for none. */
static int owns(const struct pcipt_device *device, const char *link)
{
	char copy[PCIPT_ATTRIBUTE_MAX], *rest = NULL;
	struct pcipt_address at, last;
	bool any = false;

	strcpy(copy, link);
	for (char *word = strtok_r(copy, "/", &rest); word; word = strtok_r(NULL, "/", &rest))
		if (pcipt_address_scan(word, &at, NULL)) {
			last = at;
			any = true;
		}
	return !any ? 0 : pcipt_address_key(last) == pcipt_address_key(device->at) ? 1 : -1;
}

/* What firmware frame buffers call their memory in /proc/iomem. */
static bool is_firmware_display(const char *name)
{
	static const char *const names[] = { "BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm",
					     "simple-framebuffer", "efi-framebuffer",
					     "vesa-framebuffer" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/*
 * Lines are nested by two blanks a level: "  fd000000-fdffffff : 0000:00:02.0" and below it
 * "    fd000000-fd3fffff : BOOTFB". Only root sees the numbers, everybody the nesting.
 */
static char *firmware_display_of(struct pcipt_kernel *k, const struct pcipt_device *device)
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL;
	size_t inside = SIZE_MAX;

	if (pcipt_kernel_read_file(k, PCIPT_AT_ROOT, "proc/iomem", &text) < 0)
		return NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t depth = strspn(line, " ");
		const char *name = strstr(line, " : ");

		name = name ? name + 3 : "";
		if (depth <= inside)
			inside = strcmp(name, device->address) == 0 ? depth : SIZE_MAX;
		else if (inside != SIZE_MAX && is_firmware_display(name))
			return pcipt_format("%s", name);
	}
	return NULL;
}

static void look_at_display(struct pcipt_inquiry *inquiry, struct pcipt_device *device,
			    const struct console *c)
{
	_cleanup_free_ char *firmware = NULL;
	int own;

	if (c->errnum) {
		pcipt_uses_add(inquiry->uses, device, PCIPT_USE_UNKNOWN,
			       strdup("whether it shows the text console"),
			       pcipt_format("/sys/class/vtconsole or /sys/class/graphics can't be "
					    "read: %s",
					    pcipt_errno_text(c->errnum)),
			       NULL);
		return;
	}
	if (!*c->vt || c->first < 0)
		return;
	own = owns(device, c->link);
	if (own == 0)
		firmware = firmware_display_of(inquiry->kernel, device);
	if (own == 1 || firmware)
		pcipt_uses_add(inquiry->uses, device, PCIPT_USE_CONSOLE, strdup("the text console"),
			       pcipt_format("%s draws on frame buffers, and the first one, fb%d, is "
					    "the device's%s%s",
					    c->vt, c->first, firmware ? " memory " : "",
					    firmware ? firmware : ""),
			       pcipt_format("Take the console off it (echo 0 > "
					    "/sys/class/vtconsole/%s/bind), or allow it: what the "
					    "firmware drew doesn't come back",
					    c->vt));
}

void pcipt_collect_displays(struct pcipt_inquiry *inquiry)
{
	struct console console;
	bool looked = false;

	for (size_t i = 0; i < inquiry->n; i++) {
		/* PCI Code and ID Assignment: 03 display controllers, and VGA of before classes. */
		if (inquiry->devices[i]->class_id >> 16 != 0x03 &&
		    inquiry->devices[i]->class_id >> 8 != 0x0001)
			continue;
		if (!looked)
			find_console(inquiry->kernel, &console);
		looked = true;
		look_at_display(inquiry, inquiry->devices[i], &console);
	}
}
