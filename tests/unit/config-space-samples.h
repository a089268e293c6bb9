/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration spaces built by hand, for the suites that read them. Comments name the
 * registers; layouts: PCI Express Base Specification 6.0, chapter 7.
 */
#ifndef TESTS_UNIT_CONFIG_SPACE_SAMPLES_H
#define TESTS_UNIT_CONFIG_SPACE_SAMPLES_H

#include <check.h>
#include <linux/pci_regs.h>

#include "inventory/config-space.h"

static uint8_t space[4096];
static struct pcipt_config_space c;

#define PUT(at, ...)                                                                              \
	memcpy(space + (at), (const uint8_t[]){ __VA_ARGS__ },                                    \
	       sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* From memory of that very size, so that a sanitizer sees the first byte too much. */
static inline void parse(size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, space, length);
	memset(&c, 0xa5, sizeof(c));
	pcipt_config_space_parse(copy, length, &c);
	free(copy);
}

static inline void setup(void)
{
	memset(space, 0, sizeof(space));
	PUT(0x00, 0xde, 0x10, 0x84, 0x24); /* vendor, device */
	PUT(0x04, 0x07, 0x04, 0x10, 0x00); /* command; status: capability list */
	PUT(0x0e, 0x80);		   /* header type 0, multifunction */
	PUT(0x34, 0x40);		   /* capabilities pointer */
}

/* A display adapter with all that an endpoint may have. */
static inline void build_endpoint(void)
{
	PUT(0x40, 0x01, 0x48,		  /* power management, next */
	    0x03, 0xca,			  /* PMC: version 3, D1, PME from D0, D3hot, D3cold */
	    0x0b, 0x81);		  /* PMCSR: D3hot, no soft reset, PME enabled and up */
	PUT(0x48, 0x05, 0x58, 0xab, 0x01); /* MSI, next, 64 bit, maskable, 4 of 32, enabled */
	PUT(0x58, 0x11, 0x64, 0xff, 0xc7); /* MSI-X, next, 2048 entries, masked, enabled */
	PUT(0x64, 0x03, 0x6c, 0x00, 0x00); /* VPD, next */
	PUT(0x6c, 0x13, 0x78, 0x06, 0x03); /* advanced features, next, length, TP and FLR */
	PUT(0x78, 0x10, 0x00, 0x02, 0x00,  /* PCI Express, end, version 2, endpoint */
	    0xe1, 0x8d, 0x00, 0x10,	   /* device capabilities: FLR */
	    0x00, 0x00, 0x00, 0x00,	   /* device control and status */
	    0x04, 0x3d, 0x45, 0x00,	   /* link capabilities: 16 GT/s, x16 */
	    0x00, 0x00, 0x81, 0x10);	   /* link control; status: 2.5 GT/s, x8 */
	PUT(0x100, 0x01, 0x00, 0x82, 0x14, /* AER, version 2, next 0x148 */
	    0x00, 0x00, 0x10, 0x00,	   /* uncorrectable: unsupported request */
	    0x00, 0x00, 0x00, 0x00, 0x30, 0x20, 0x46, 0x00, /* mask, severity */
	    0x00, 0x20, 0x00, 0x00,	   /* correctable: advisory non-fatal */
	    0x00, 0x20, 0x00, 0x00,	   /* mask */
	    0xb4, 0x00, 0x00, 0x00);	   /* first error pointer 20 */
	PUT(0x148, 0x03, 0x00, 0x01, 0x16, /* serial number, next 0x160 */
	    0x67, 0x45, 0x23, 0x01,	   /* lower */
	    0xef, 0xcd, 0xab, 0x89);	   /* upper */
	PUT(0x160, 0x0d, 0x00, 0x01, 0x17, /* ACS, next 0x170 */
	    0x55, 0x00, 0x15, 0x00);	   /* capable SV RR UF DT, enabled SV RR UF */
	PUT(0x170, 0x0e, 0x00, 0x01, 0x18, 0, 0, 0, 0); /* ARI, next 0x180 */
	PUT(0x180, 0x0f, 0x00, 0x01, 0x19, 0, 0, 0, 0); /* ATS, next 0x190 */
	PUT(0x190, 0x1b, 0x00, 0x01, 0x20, 0, 0, 0, 0); /* PASID, next 0x200 */
	PUT(0x200, 0x10, 0x00, 0x01, 0x24, /* SR-IOV, next 0x240 */
	    0x00, 0x00, 0x00, 0x00,	   /* capabilities */
	    0x19, 0x00, 0x00, 0x00,	   /* control: VFs enabled; status */
	    0x10, 0x00, 0x20, 0x00,	   /* initial 16, total 32 */
	    0x08, 0x00, 0x00, 0x00,	   /* number 8, dependency link */
	    0x80, 0x00, 0x02, 0x00,	   /* offset 128, stride 2 */
	    0x00, 0x00, 0xca, 0x10);	   /* reserved, VF's device id */
	PUT(0x240, 0x15, 0x00, 0x01, 0x00, /* resizable BAR, end */
	    0x00, 0xf0, 0x0f, 0x00,	   /* 256 MiB to 32 GiB */
	    0x41, 0x08, 0x00, 0x00,	   /* BAR 1 of two entries, 256 MiB */
	    0x10, 0x00, 0x00, 0x80,	   /* 1 MiB and 128 TiB … */
	    0x03, 0x2b, 0x01, 0x80);	   /* … and 256 TiB and 8 EiB; BAR 3, 8 EiB */
}

/* A root port with a slot, and the ids of its board. */
static inline void build_port(void)
{
	PUT(0x0e, 0x01);				     /* bridge, one function */
	PUT(0x40, 0x0d, 0x48, 0, 0, 0x28, 0x10, 0x75, 0x84); /* ids 1028:8475 */
	PUT(0x48, 0x10, 0x00, 0x42, 0x01);		     /* Express, root port, slot */
	PUT(0x54, 0x13, 0x00, 0x00, 0x00, 0, 0, 0x13, 0x00); /* 8 GT/s, x1 */
	PUT(0x5c, 0x00, 0x00, 0xfc, 0xff);		     /* slot number 0x1fff, upper 13 bits */
}

/* What a list can't say is unknown. */
static inline void assert_list(int state)
{
	ck_assert_int_eq(c.pm.present, state);
	ck_assert_int_eq(c.msi.present, state);
	ck_assert_int_eq(c.msix.present, state);
	ck_assert_int_eq(c.vpd, state);
	ck_assert_int_eq(c.af.present, state);
	ck_assert_int_eq(c.ssvid.present, state);
	ck_assert_int_eq(c.express.present, state);
	ck_assert_int_eq(c.express.slot, state);
	ck_assert_int_eq(c.express.link.present, state);
}

static inline void assert_extended(int state)
{
	ck_assert_int_eq(c.dsn.present, state);
	ck_assert_int_eq(c.acs.present, state);
	ck_assert_int_eq(c.sriov.present, state);
	ck_assert_int_eq(c.ari, state);
	ck_assert_int_eq(c.ats, state);
	ck_assert_int_eq(c.pasid, state);
	ck_assert_int_eq(c.rebar.present, state);
	ck_assert_int_eq(c.aer.present, state);
}

#endif
