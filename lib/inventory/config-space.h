/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device's configuration space says, from its bytes alone: a pure function,
 * no I/O, no allocation.
 *
 * Tri-states are int8_t: 1 yes, 0 no, -1 unknown. `present` is 1 only where every
 * register that stands beside it was among the bytes; otherwise those members are
 * zero. Unknown is not absent: a process without CAP_SYS_ADMIN reads 64 bytes of
 * `config` (128 of a CardBus bridge), so that most facts are unknown to it. Where a
 * list is damaged, what was found before the damage counts, and the rest is unknown.
 *
 * Registers: <linux/pci_regs.h>. Sections: PCI Express Base Specification, revision 6.0.
 */
#ifndef PCIPT_INVENTORY_CONFIG_SPACE_H
#define PCIPT_INVENTORY_CONFIG_SPACE_H

#include "base/util.h"

/* "00-11-22-33-44-55-66-77" and the NUL. */
#define PCIPT_DSN_TEXT_SIZE 24
/* A type 0 header has no more BARs than that. */
#define PCIPT_REBAR_MAX 6

/* Power management, 7.5.2. */
struct pcipt_cap_pm {
	int8_t present;
	uint8_t state; /* the function is in D0 to D3hot: 0 to 3 */
	bool d1, d2; /* states that it supports besides D0 and D3 */
	bool no_soft_reset; /* D3hot to D0 is no reset: the method "pm" can't work */
	uint8_t pme_support; /* can signal PME from: bits 0 to 4 are D0, D1, D2, D3hot, D3cold */
	bool pme_enabled, pme_status;
};

/* 7.7.1. Vectors are 1, 2, 4 … 32, or 0 where the field has a reserved value. */
struct pcipt_cap_msi {
	int8_t present;
	bool enabled, is_64bit, maskable;
	uint8_t vectors_capable;
	uint8_t vectors_enabled; /* as configured, also while `enabled` is false */
};

/* 7.7.2. */
struct pcipt_cap_msix {
	int8_t present;
	bool enabled, masked;
	uint16_t table_size; /* entries, 1 to 2048 */
};

/*
 * 7.5.3.6 and 7.5.3.8. Absent on what has no link: integrated endpoints and event
 * collectors. Speeds are in 0.1 GT/s (25, 50, 80, 160, 320, 640), 0 for a code
 * without a meaning. Widths are lanes as the register has them; 0 is none.
 */
struct pcipt_cap_link {
	int8_t present;
	uint8_t max_width, width;
	uint16_t max_speed, speed;
};

/* 7.5.3. */
struct pcipt_cap_express {
	int8_t present;
	uint8_t version;
	uint8_t type; /* PCI_EXP_TYPE_…: 0 endpoint, 1 legacy endpoint, 4 root port … */
	bool flr;
	int8_t slot; /* the port leads to a slot; 0 for all but root and downstream ports */
	uint16_t slot_number; /* physical; 0 for a device that is soldered on. With slot == 1. */
	struct pcipt_cap_link link;
};

/*
 * ECN "Advanced Capabilities for Conventional PCI". The kernel's reset method wants both bits.
 */
struct pcipt_cap_af {
	int8_t present;
	bool flr, transactions_pending;
};

/* A bridge's own subsystem ids: its header has no room for them. */
struct pcipt_cap_ssvid {
	int8_t present;
	uint16_t vendor, device;
};

/* Device serial number, 7.9.3. */
struct pcipt_cap_dsn {
	int8_t present;
	bool blank; /* all zeros or all ones: nobody wrote it, it identifies nothing */
	uint64_t value;
	char text[PCIPT_DSN_TEXT_SIZE]; /* most significant byte first, as lspci prints it */
};

/* Access control services, 6.12: bits of the capability and of the control register. */
struct pcipt_acs {
	bool source_validation;
	bool translation_blocking;
	bool request_redirect; /* peer to peer */
	bool completion_redirect; /* peer to peer */
	bool upstream_forwarding;
	bool egress_control; /* peer to peer */
	bool direct_translated;
};

struct pcipt_cap_acs {
	int8_t present;
	struct pcipt_acs capable, enabled;
};

/* 9.3.3. `offset` and `stride` are in routing ids and may change with `num`. */
struct pcipt_cap_sriov {
	int8_t present;
	bool enabled;
	uint16_t initial, total, num, offset, stride;
	uint16_t vf_device; /* device id of each VF */
};

/* One resizable BAR, 7.8.6. */
struct pcipt_rebar {
	uint8_t bar; /* 0 to 5 */
	uint8_t size; /* now: 2^size MiB, 0 to 43 */
	uint64_t sizes; /* supported: bit n is 2^n MiB, n up to 43 */
};

struct pcipt_cap_rebar {
	int8_t present;
	uint8_t n;
	struct pcipt_rebar bars[PCIPT_REBAR_MAX];
};

/* Advanced error reporting, 7.8.4: the status registers as they are, bits are sticky. */
struct pcipt_cap_aer {
	int8_t present;
	uint8_t first_error; /* bit number in `uncorrectable`; valid where that bit is set */
	uint32_t uncorrectable, correctable;
};

struct pcipt_config_space {
	bool gone; /* all ones: it doesn't answer (removed, in D3cold). All else is unknown. */
	bool truncated; /* something lies beyond the bytes given */
	bool damaged; /* something contradicts the specification: a loop, a wild pointer … */
	int8_t header_type; /* 0 endpoint, 1 bridge, 2 CardBus bridge; -1 unknown */
	int8_t multifunction;
	/* In the capability list (the first 256 bytes). */
	int8_t vpd;
	struct pcipt_cap_pm pm;
	struct pcipt_cap_msi msi;
	struct pcipt_cap_msix msix;
	struct pcipt_cap_express express;
	struct pcipt_cap_af af;
	struct pcipt_cap_ssvid ssvid;
	/* In the extended list (from 0x100 on). */
	int8_t ari, ats, pasid;
	struct pcipt_cap_dsn dsn;
	struct pcipt_cap_acs acs;
	struct pcipt_cap_sriov sriov;
	struct pcipt_cap_rebar rebar;
	struct pcipt_cap_aer aer;
};

/*
 * Reads all that is known from `length` bytes (any number, only 4096 count) and fills
 * the whole of *space. A length of exactly 256 means that `config` ended there: then a
 * device that is neither PCI Express nor PCI-X has no extended capabilities; of one that
 * is they are unknown (the host can't reach them). `bytes` may be NULL when length is 0.
 */
void pcipt_config_space_parse(const uint8_t *bytes, size_t length,
			      struct pcipt_config_space *space);

#endif
