/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of vendors, devices and classes from pci.ids through libpci, the only
 * file that knows libpci, which is opened when a name is asked for. No bus is scanned
 * and no hardware is touched by it.
 *
 * libpci calls exit() on errors unless its hook is replaced, and a hook that
 * returns makes it crash: ours jumps back to where we called it.
 */
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "inventory/inventory.h"
#include "kernel/library.h"

/* libpci, open. */
struct names {
	__typeof__(pci_alloc) *pci_alloc;
	__typeof__(pci_cleanup) *pci_cleanup;
	__typeof__(pci_set_param) *pci_set_param;
	__typeof__(pci_lookup_name) *pci_lookup_name;
	struct pcipt_snapshot *snap;
	/* Set between setjmp() and longjmp(), read after. */
	struct pci_access *volatile access;
};

static bool open_library(struct names *names)
{
	const struct pcipt_symbol symbols[] = {
		PCIPT_SYMBOL(names, pci_alloc),
		PCIPT_SYMBOL(names, pci_cleanup),
		PCIPT_SYMBOL(names, pci_set_param),
		PCIPT_SYMBOL(names, pci_lookup_name),
	};

	return pcipt_library_open("libpci.so.3", symbols, ARRAY_SIZE(symbols));
}

/*
 * The hook gets no user data, so the way back is kept for this thread. It is
 * set before libpci is called and cleared after: no state outlives the call.
 */
static _Thread_local jmp_buf *way_back;

static void __attribute__((noreturn)) on_error(char *message, ...)
{
	(void)message;
	longjmp(*way_back, 1);
}

static void on_message(char *message, ...)
{
	(void)message;
}

static const char *look_up(const struct names *names, int flags, int a, int b)
{
	char buf[256];
	size_t n;
	/* From pci.ids alone: libpci's own way to udev's hwdb leaks where there is none. */
	const char *name = names->pci_lookup_name(
		names->access, buf, sizeof(buf),
		flags | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB, a, b);

	if (!name || !*name)
		return NULL;
	/* "Unclassified device [00ff]": a number that no table names is no part of the name. */
	n = strlen(buf);
	if (n > 7 && buf[n - 1] == ']' && strncmp(buf + n - 7, " [", 2) == 0)
		buf[n - 7] = '\0';
	pcipt_text_neutralise(buf);
	return pcipt_arena_copy(&names->snap->arena, buf, strlen(buf));
}

static void fill_one(const struct names *names, struct pcipt_device *device)
{
	struct pcipt_facts *facts = device->facts;

	if (device->ids[0] >= 0)
		facts->vendor_name = look_up(names, PCI_LOOKUP_VENDOR, device->ids[0], 0);
	if (device->ids[0] >= 0 && device->ids[1] >= 0)
		facts->device_name =
			look_up(names, PCI_LOOKUP_DEVICE, device->ids[0], device->ids[1]);
	if (device->class_id >= 0)
		facts->class_name = look_up(names, PCI_LOOKUP_CLASS, device->class_id >> 8, 0);
}

static void open_access(struct names *names)
{
	struct pci_access *access = names->pci_alloc();

	access->error = on_error;
	access->warning = on_message;
	access->debug = on_message;
	/* pci.ids alone: no network, no cache file in somebody's home. */
	names->pci_set_param(access, (char *)"net.domain", (char *)"");
	names->pci_set_param(access, (char *)"net.cache_name", (char *)"");
	names->access = access;
}

void pcipt_names_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n)
{
	struct names names = { .snap = snap };
	jmp_buf here;

	if (!open_library(&names)) {
		pcipt_log(snap->ctx, PCIPT_LOG_WARNING,
			  "devices have no names: libpci.so.3 is not installed");
		return;
	}
	way_back = &here;
	if (setjmp(here) == 0) {
		open_access(&names);
		for (size_t i = 0; i < n; i++)
			if (!(devices[i]->loaded & PCIPT_FACTS_NAMES))
				fill_one(&names, devices[i]);
	}
	if (names.access && setjmp(here) == 0)
		names.pci_cleanup(names.access);
	way_back = NULL;
}
