/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor's devices: which there are, and on which drivers. */
#include "claims/monitor.h"

#include <errno.h>

static void tell_device(struct pcipt_monitor *m, int type, struct pcipt_address at,
			const char *before, const char *after)
{
	char address[PCIPT_ADDRESS_SIZE];

	pcipt_address_print(at, address);
	pcipt_monitor_tell(m, &(struct pcipt_event_facts){
			.type = type, .address = address, .before = before, .after = after });
}

/* Where a device is in the list, or would be. */
static size_t place_of(const struct pcipt_monitor *m, struct pcipt_address at)
{
	size_t low = 0, high = m->n_devices;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pcipt_address_key(m->devices[middle].at) < pcipt_address_key(at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_device(struct pcipt_monitor *m, size_t place, struct pcipt_address at,
		       const char *driver)
{
	bool ok = pcipt_grow(&m->devices, m->n_devices);
	struct known_device added = { at, pcipt_dup(driver, &ok) };

	if (!ok) {
		free(added.driver);
		m->no_memory = true;
		return;
	}
	memmove(&m->devices[place + 1], &m->devices[place],
		(m->n_devices - place) * sizeof(*m->devices));
	m->devices[place] = added;
	m->n_devices++;
	tell_device(m, PCIPT_EVENT_DEVICE_ADDED, at, NULL, driver);
}

static void remove_device(struct pcipt_monitor *m, size_t place)
{
	struct known_device gone = m->devices[place];

	m->n_devices--;
	memmove(&m->devices[place], &m->devices[place + 1],
		(m->n_devices - place) * sizeof(*m->devices));
	tell_device(m, PCIPT_EVENT_DEVICE_REMOVED, gone.at, gone.driver, NULL);
	free(gone.driver);
}

static void change_device(struct pcipt_monitor *m, size_t place, const char *driver)
{
	struct known_device *known = &m->devices[place];
	char *old = known->driver;
	bool ok = true;

	if (pcipt_streq(old, driver))
		return;
	tell_device(m, PCIPT_EVENT_DEVICE_CHANGED, known->at, old, driver);
	known->driver = pcipt_dup(driver, &ok);
	m->no_memory |= !ok;
	free(old);
}

/* What became of a device; takes no device's lock, so it can't get stuck. */
void pcipt_monitor_look_at_device(struct pcipt_monitor *m, struct pcipt_address at)
{
	struct pcipt_kernel *k = m->kernel;
	char path[PCIPT_ADDRESS_SIZE + 8], link[PCIPT_ATTRIBUTE_MAX];
	size_t place = place_of(m, at), n;
	bool known = place < m->n_devices &&
		     pcipt_address_key(m->devices[place].at) == pcipt_address_key(at);
	ssize_t length;
	int there;

	pcipt_address_print(at, path);
	n = strlen(path);
	there = k->ops->exists(k, PCIPT_AT_PCI_DEVICES, path);
	strcpy(path + n, "/driver");
	length = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (there == 0 && known)
		remove_device(m, place);
	/* What can't be read now is told when it can. */
	if (there != 1 || (length < 0 && length != -ENOENT))
		return;
	if (known)
		change_device(m, place, length > 0 ? pcipt_base_name(link) : NULL);
	else
		add_device(m, place, at, length > 0 ? pcipt_base_name(link) : NULL);
}

int pcipt_monitor_look_at_devices(struct pcipt_monitor *m, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	size_t place = 0;
	int r = pcipt_snapshot_new(m->ctx, &snap, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < snap->n_devices; i++) {
		struct pcipt_device *device = &snap->devices[i];
		const char *driver = pcipt_device_get_driver(device);

		while (place < m->n_devices && pcipt_address_key(m->devices[place].at) <
						       pcipt_address_key(device->at))
			remove_device(m, place);
		if (place < m->n_devices && pcipt_address_key(m->devices[place].at) ==
						    pcipt_address_key(device->at))
			change_device(m, place, driver);
		else
			add_device(m, place, device->at, driver);
		place++;
	}
	while (place < m->n_devices)
		remove_device(m, place);
	return 0;
}

void pcipt_monitor_clear_devices(struct pcipt_monitor *m)
{
	for (size_t i = 0; i < m->n_devices; i++)
		free(m->devices[i].driver);
	free(m->devices);
}
