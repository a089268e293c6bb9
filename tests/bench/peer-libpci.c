/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer-libpci base|facts: the same facts by way of libpci, as a small program would
 * ask for them. What libpci doesn't know (reset methods, boot VGA, the PF) is read
 * beside it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pci/pci.h>

#include "figures.h"

static bool read_beside(const struct pci_dev *dev, const char *attribute)
{
	char path[256], buf[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%d/%s",
		 (unsigned int)dev->domain, dev->bus, dev->dev, dev->func, attribute);
	if (strcmp(attribute, "physfn") == 0)
		return readlink(path, buf, sizeof(buf)) > 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	return n > 0;
}

int main(int argc, char **argv)
{
	int wanted = PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_SUBSYS | PCI_FILL_DRIVER |
		     PCI_FILL_IOMMU_GROUP;
	struct found found = { 0 };
	struct pci_access *access;
	bool facts;

	if (argc != 2 || (strcmp(argv[1], "base") != 0 && strcmp(argv[1], "facts") != 0)) {
		fprintf(stderr, "usage: peer-libpci base|facts\n");
		return 2;
	}
	facts = strcmp(argv[1], "facts") == 0;
	if (facts)
		wanted |= PCI_FILL_CLASS_EXT | PCI_FILL_NUMA_NODE;
	figures_begin();
	access = pci_alloc();
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_init(access);
	pci_scan_bus(access);
	for (struct pci_dev *dev = access->devices; dev; dev = dev->next) {
		int known = pci_fill_info(dev, wanted);

		found.devices++;
		found.ids += (known & PCI_FILL_IDENT) && (known & PCI_FILL_CLASS);
		found.drivers += pci_get_string_property(dev, PCI_FILL_DRIVER) != NULL;
		found.groups += pci_get_string_property(dev, PCI_FILL_IOMMU_GROUP) != NULL;
		if (!facts)
			continue;
		found.revisions += (known & PCI_FILL_CLASS_EXT) != 0;
		found.nodes += (known & PCI_FILL_NUMA_NODE) != 0;
		found.resets += read_beside(dev, "reset_method");
		found.vfs += read_beside(dev, "physfn");
		if (dev->device_class == 0x0300)
			found.displays += read_beside(dev, "boot_vga");
	}
	figures_end();
	pci_cleanup(access);
	figures_print(&found);
	return 0;
}
