/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a message of the kernel about a device says. */
#include "kernel/watch.h"

/* The part of a string behind its prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

bool pcipt_uevent_parse(const char *message, size_t length, struct pcipt_watch_event *event)
{
	const char *end = message + length, *path = NULL;
	bool is_pci = false;

	event->failed = false;
	/* What isn't ended by a NUL isn't the kernel's. */
	if (length == 0 || end[-1] != '\0')
		return false;
	for (const char *p = message; p < end; p += strlen(p) + 1) {
		const char *value = behind(p, "DEVPATH=");

		path = value ? value : path;
		value = behind(p, "SUBSYSTEM=");
		is_pci = value ? strcmp(value, "pci") == 0 : is_pci;
		/* pci_uevent_ers() */
		value = behind(p, "ERROR_EVENT=");
		event->failed |= value && strcmp(value, "FAILED_RECOVERY") == 0;
	}
	if (!is_pci || !path)
		return false;
	path = pcipt_base_name(path);
	if (!*path || strlen(path) >= sizeof(event->name))
		return false;
	event->what = PCIPT_WATCHED_DEVICE;
	strcpy(event->name, path);
	return true;
}
