/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hangs below a USB controller, and whether it is in use. */
#ifndef PCIPT_USAGE_USB_H
#define PCIPT_USAGE_USB_H

#include "usage/uses.h"

/*
 * Keyboards, those behind a Bluetooth adapter too, and interfaces that a program drives.
 * Disks and network interfaces below a controller are told of by those who look for disks
 * and networks, open device files by who looks for holders. Hubs and what merely has a
 * driver are no use.
 */
void pcipt_collect_usb(struct pcipt_inquiry *inquiry);

/*
 * Whether the text of an input device's capabilities/key (bits in words of a long, the
 * highest first) is a keyboard's: it has all of the first 31 keys, Esc to S. Buttons,
 * headsets and remote controls don't.
 */
bool pcipt_usb_is_keyboard(const char *keys);

#endif
