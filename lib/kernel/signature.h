/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is on a disk, by the marks that file systems and others leave. */
#ifndef PCIPT_KERNEL_SIGNATURE_H
#define PCIPT_KERNEL_SIGNATURE_H

#include "kernel/kernel.h"

/*
 * Looks for marks in a file that stands for a disk, and notes them in `disk`: 0, or a
 * negative errno. The file must not be one that can block: a copy in memory.
 */
int pcipt_signature_find(int fd, unsigned int sector_size, struct pcipt_disk *disk);

#endif
