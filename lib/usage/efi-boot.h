/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The partition that this system was started from, as firmware and boot loader say it. */
#ifndef PCIPT_USAGE_EFI_BOOT_H
#define PCIPT_USAGE_EFI_BOOT_H

#include "kernel/kernel.h"

/* As long as a partition's UUID is, and a NUL. */
#define PCIPT_PARTUUID_SIZE 37

struct pcipt_efi_boot {
	/* The boot loader's own word (systemd's boot loader interface); "" where there is none. */
	char loader[PCIPT_PARTUUID_SIZE];
	/* The firmware's boot entry that was taken; "" where there is none, or it names no partition. */
	char entry[PCIPT_PARTUUID_SIZE];
};

/*
 * Each variable for at most ms: 0, or -errno where one that is there can't be read (as for a
 * guarded read); what was read stands all the same.
 */
int pcipt_efi_boot_read(struct pcipt_kernel *k, unsigned int ms, struct pcipt_efi_boot *boot);

/* The partition that an entry's bytes name (EFI_LOAD_OPTION, UEFI 3.1.3). They may be anything. Pure. */
bool pcipt_efi_parse_entry(const uint8_t *bytes, size_t n, char uuid[PCIPT_PARTUUID_SIZE]);

#endif
