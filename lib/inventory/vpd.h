/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vital product data: what a device says of itself in text, out of the bytes of its
 * `vpd` attribute. A pure function, no I/O, no allocation.
 *
 * Format: PCI Local Bus Specification 3.0, appendix I (PCI Express 6.0, 6.28, keeps it).
 * It is written by the board's maker and often wrong, so whatever can be told is told,
 * and `damaged` says that something wasn't as it should be. Never a part of a value: one
 * that doesn't fit into its item, or lies beyond the bytes given, is left out.
 *
 * Texts are made harmless for terminals (pcipt_text_neutralise), without blanks, NULs
 * and 0xff bytes at their end. "" means absent, or nothing but such filling.
 */
#ifndef PCIPT_INVENTORY_VPD_H
#define PCIPT_INVENTORY_VPD_H

#include "base/util.h"

/* A keyword's length is one byte; longer identifiers are cut. */
#define PCIPT_VPD_TEXT_SIZE 256
/* V0 to V9 and VA to VZ. */
#define PCIPT_VPD_VENDOR_MAX 36

struct pcipt_vpd_field {
	char keyword[3];
	char text[PCIPT_VPD_TEXT_SIZE];
};

struct pcipt_vpd {
	bool damaged; /* wrong lengths, unknown filling, no end tag, no or a wrong checksum */
	int8_t checksum; /* 1 right, 0 wrong, -1 unknown: there was none */
	char identifier[PCIPT_VPD_TEXT_SIZE]; /* the product's name */
	char part_number[PCIPT_VPD_TEXT_SIZE]; /* PN */
	char serial[PCIPT_VPD_TEXT_SIZE]; /* SN */
	char engineering_level[PCIPT_VPD_TEXT_SIZE]; /* EC */
	char manufacturer[PCIPT_VPD_TEXT_SIZE]; /* MN */
	size_t n_vendor; /* Vx, in the order of the bytes */
	struct pcipt_vpd_field vendor[PCIPT_VPD_VENDOR_MAX];
};

/*
 * Fills the whole of *vpd from `length` bytes, which begin at VPD address 0 (else the
 * checksum can't be right). Of a keyword that is there twice the first one with a text
 * counts. `bytes` may be NULL when length is 0; that is not damage.
 */
void pcipt_vpd_parse(const uint8_t *bytes, size_t length, struct pcipt_vpd *vpd);

#endif
