/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be known of the host as a whole before devices are given away. */
#include <stdio.h>

#include "usage/evidence.h"

/* So many interrupts are looked at for one that tells. */
#define IRQS_MAX 256

struct irqs {
	struct pcipt_kernel *kernel;
	int state; /* enum pcipt_interrupts */
	unsigned int n;
};

/*
 * Every interrupt of an IO-APIC goes through the remapping, or none; then its chip is called
 * "IR-IO-APIC" (sysfs-kernel-irq, chip_name). Only x86 has such: elsewhere the interrupt
 * controllers keep devices apart by themselves, or the kernel refuses.
 */
static int look_at_irq(void *data, const char *name)
{
	struct irqs *irqs = data;
	struct pcipt_kernel *k = irqs->kernel;
	char path[300], text[64];

	snprintf(path, sizeof(path), "kernel/irq/%s/chip_name", name);
	if (k->ops->read(k, PCIPT_AT_SYS, path, text, sizeof(text)) > 0) {
		if (strncmp(text, "IR-", 3) == 0)
			irqs->state = PCIPT_INTERRUPTS_REMAPPED;
		else if (strncmp(text, "IO-APIC", 7) == 0)
			irqs->state = PCIPT_INTERRUPTS_UNSAFE;
	}
	return irqs->state != PCIPT_INTERRUPTS_UNKNOWN || ++irqs->n >= IRQS_MAX;
}

/* A module's parameter that is a switch; false where there is none. */
static bool is_on(struct pcipt_kernel *k, const char *parameter)
{
	char path[128], text[8];

	snprintf(path, sizeof(path), "module/%s", parameter);
	return k->ops->read(k, PCIPT_AT_SYS, path, text, sizeof(text)) > 0 &&
	       (text[0] == 'Y' || text[0] == '1');
}

void pcipt_host_facts_read(struct pcipt_kernel *k, struct pcipt_host_facts *host)
{
	struct irqs irqs = { .kernel = k };

	k->ops->list(k, PCIPT_AT_SYS, "kernel/irq", look_at_irq, &irqs);
	host->interrupts = irqs.state;
	host->noiommu_mode = is_on(k, "vfio/parameters/enable_unsafe_noiommu_mode");
	host->denylist_off = is_on(k, "vfio_pci/parameters/disable_denylist");
}
