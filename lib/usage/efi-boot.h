/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The partition that this system was started from, as firmware and boot loader say it. */
#ifndef PCIPT_USAGE_EFI_BOOT_H
#define PCIPT_USAGE_EFI_BOOT_H

#include "kernel/kernel.h"

/* As long as a partition's UUID is, and a NUL. */
#define PCIPT_PARTUUID_SIZE 37

/* Of the boot loader's own word (systemd's boot loader interface): false where there is none. */
bool pcipt_efi_loader_partition(struct pcipt_kernel *k, char uuid[PCIPT_PARTUUID_SIZE]);
/* Of the firmware's boot entry that was taken: false where there is none, or it names no partition. */
bool pcipt_efi_entry_partition(struct pcipt_kernel *k, char uuid[PCIPT_PARTUUID_SIZE]);

/* The same of an entry's bytes (EFI_LOAD_OPTION, UEFI 3.1.3). They may be anything. Pure. */
bool pcipt_efi_parse_entry(const uint8_t *bytes, size_t n, char uuid[PCIPT_PARTUUID_SIZE]);

#endif
