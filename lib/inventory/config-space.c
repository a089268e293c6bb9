/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two lists of capabilities are walked, and a table says what is taken out of each.
 * Nothing behind the header is read before room_for() said that it is there.
 */
#include "inventory/config-space.h"

#include <linux/pci_regs.h>
#include <stdio.h>

/* What Debian 12's pci_regs.h lacks, or has in an older shape: */
#define HEADER_MULTIFUNCTION	0x80 /* 7.5.1.1.9 */
#define REBAR_CTRL_SIZE(ctrl)	((ctrl) >> 8 & 0x3f) /* 7.8.6.3, bits 13:8 */
#define REBAR_CTRL_SIZES(ctrl)	((uint64_t)((ctrl) >> 16) << 28) /* 7.8.6.3, from 2^28 MiB on */

struct walk {
	const uint8_t *bytes;
	size_t length;
	struct pcipt_config_space *space;
	bool pcix; /* in mode 2 it has extended capabilities as PCI Express has */
};

/* `take` runs once, for the first of its kind, with `size` bytes there to be read. */
struct capability {
	bool extended;
	uint16_t id, size;
	size_t state; /* offset of its tri-state */
	void (*take)(struct walk *w, size_t at);
};

#define STATE(member) offsetof(struct pcipt_config_space, member)

static uint16_t get16(const struct walk *w, size_t at)
{
	return (uint16_t)(w->bytes[at] | w->bytes[at + 1] << 8);
}

static uint32_t get32(const struct walk *w, size_t at)
{
	return get16(w, at) | (uint32_t)get16(w, at + 2) << 16;
}

static bool damaged(struct walk *w)
{
	w->space->damaged = true;
	return false;
}

/* Whether n bytes of a capability are there; says what is wrong when not. */
static bool room_for(struct walk *w, size_t at, size_t n)
{
	if (at + n > (at < PCI_CFG_SPACE_SIZE ? PCI_CFG_SPACE_SIZE : PCI_CFG_SPACE_EXP_SIZE))
		return damaged(w);
	if (at + n > w->length) {
		w->space->truncated = true;
		return false;
	}
	return true;
}

static void take_pm(struct walk *w, size_t at)
{
	struct pcipt_cap_pm *pm = &w->space->pm;
	unsigned int pmc = get16(w, at + PCI_PM_PMC), csr = get16(w, at + PCI_PM_CTRL);

	pm->state = csr & PCI_PM_CTRL_STATE_MASK;
	pm->d1 = pmc & PCI_PM_CAP_D1;
	pm->d2 = pmc & PCI_PM_CAP_D2;
	pm->no_soft_reset = csr & PCI_PM_CTRL_NO_SOFT_RESET;
	pm->pme_support = (uint8_t)((pmc & PCI_PM_CAP_PME_MASK) >> PCI_PM_CAP_PME_SHIFT);
	pm->pme_enabled = csr & PCI_PM_CTRL_PME_ENABLE;
	pm->pme_status = csr & PCI_PM_CTRL_PME_STATUS;
}

/* A power of two up to 32; 6 and 7 are reserved (7.7.1.2). */
static uint8_t msi_vectors(struct walk *w, unsigned int code)
{
	return code > 5 ? damaged(w) : (uint8_t)(1U << code);
}

static void take_msi(struct walk *w, size_t at)
{
	struct pcipt_cap_msi *msi = &w->space->msi;
	unsigned int flags = get16(w, at + PCI_MSI_FLAGS);

	msi->enabled = flags & PCI_MSI_FLAGS_ENABLE;
	msi->is_64bit = flags & PCI_MSI_FLAGS_64BIT;
	msi->maskable = flags & PCI_MSI_FLAGS_MASKBIT;
	msi->vectors_capable = msi_vectors(w, (flags & PCI_MSI_FLAGS_QMASK) >> 1);
	msi->vectors_enabled = msi_vectors(w, (flags & PCI_MSI_FLAGS_QSIZE) >> 4);
}

static void take_msix(struct walk *w, size_t at)
{
	struct pcipt_cap_msix *msix = &w->space->msix;
	unsigned int flags = get16(w, at + PCI_MSIX_FLAGS);

	msix->enabled = flags & PCI_MSIX_FLAGS_ENABLE;
	msix->masked = flags & PCI_MSIX_FLAGS_MASKALL;
	msix->table_size = (uint16_t)((flags & PCI_MSIX_FLAGS_QSIZE) + 1); /* 7.7.2.2: N - 1 */
}

/* The code is a bit's place in the Supported Link Speeds Vector (7.5.3.6, 7.5.3.18). */
static uint16_t link_speed(unsigned int code)
{
	static const uint16_t speeds[] = { 0, 25, 50, 80, 160, 320, 640 };

	return code < ARRAY_SIZE(speeds) ? speeds[code] : 0;
}

static void take_link(struct walk *w, size_t at)
{
	struct pcipt_cap_link *link = &w->space->express.link;
	uint32_t capable;
	unsigned int status;

	link->present = room_for(w, at, PCI_EXP_LNKSTA + 2) ? 1 : -1;
	if (link->present < 0)
		return;
	capable = get32(w, at + PCI_EXP_LNKCAP);
	status = get16(w, at + PCI_EXP_LNKSTA);
	link->max_speed = link_speed(capable & PCI_EXP_LNKCAP_SLS);
	link->max_width = (uint8_t)((capable & PCI_EXP_LNKCAP_MLW) >> 4);
	link->speed = link_speed(status & PCI_EXP_LNKSTA_CLS);
	link->width = (uint8_t)((status & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT);
}

static void take_slot(struct walk *w, size_t at)
{
	struct pcipt_cap_express *express = &w->space->express;

	express->slot = room_for(w, at, PCI_EXP_SLTCAP + 4) ? 1 : -1;
	if (express->slot == 1) /* 7.5.3.9: the upper 13 bits */
		express->slot_number = (uint16_t)(get32(w, at + PCI_EXP_SLTCAP) >> 19);
}

/* 7.5.3 says which registers a function has by its type: the others may be anything. */
static void take_express(struct walk *w, size_t at)
{
	struct pcipt_cap_express *express = &w->space->express;
	unsigned int flags = get16(w, at + PCI_EXP_FLAGS);

	express->version = flags & PCI_EXP_FLAGS_VERS;
	express->type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;
	express->flr = get32(w, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
	if (express->type != PCI_EXP_TYPE_RC_END && express->type != PCI_EXP_TYPE_RC_EC)
		take_link(w, at);
	if ((flags & PCI_EXP_FLAGS_SLOT) &&
	    (express->type == PCI_EXP_TYPE_ROOT_PORT || express->type == PCI_EXP_TYPE_DOWNSTREAM ||
	     express->type == PCI_EXP_TYPE_PCIE_BRIDGE))
		take_slot(w, at);
}

static void take_af(struct walk *w, size_t at)
{
	w->space->af.flr = w->bytes[at + PCI_AF_CAP] & PCI_AF_CAP_FLR;
	w->space->af.transactions_pending = w->bytes[at + PCI_AF_CAP] & PCI_AF_CAP_TP;
}

static void take_ssvid(struct walk *w, size_t at)
{
	w->space->ssvid.vendor = get16(w, at + PCI_SSVID_VENDOR_ID);
	w->space->ssvid.device = get16(w, at + PCI_SSVID_DEVICE_ID);
}

static void take_dsn(struct walk *w, size_t at)
{
	struct pcipt_cap_dsn *dsn = &w->space->dsn;

	/* The lower doubleword comes first. */
	dsn->value = get32(w, at + 4) | (uint64_t)get32(w, at + 8) << 32;
	dsn->blank = dsn->value == 0 || dsn->value == UINT64_MAX;
	for (int i = 0; i < 8; i++)
		snprintf(dsn->text + i * 3, 4, "%02x%s",
			 (unsigned int)(dsn->value >> (56 - 8 * i) & 0xff), i < 7 ? "-" : "");
}

static struct pcipt_acs acs_bits(unsigned int bits)
{
	return (struct pcipt_acs){
		.source_validation = bits & PCI_ACS_SV,
		.translation_blocking = bits & PCI_ACS_TB,
		.request_redirect = bits & PCI_ACS_RR,
		.completion_redirect = bits & PCI_ACS_CR,
		.upstream_forwarding = bits & PCI_ACS_UF,
		.egress_control = bits & PCI_ACS_EC,
		.direct_translated = bits & PCI_ACS_DT,
	};
}

static void take_acs(struct walk *w, size_t at)
{
	w->space->acs.capable = acs_bits(get16(w, at + PCI_ACS_CAP));
	w->space->acs.enabled = acs_bits(get16(w, at + PCI_ACS_CTRL));
}

static void take_sriov(struct walk *w, size_t at)
{
	struct pcipt_cap_sriov *sriov = &w->space->sriov;

	sriov->enabled = get16(w, at + PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
	sriov->initial = get16(w, at + PCI_SRIOV_INITIAL_VF);
	sriov->total = get16(w, at + PCI_SRIOV_TOTAL_VF);
	sriov->num = get16(w, at + PCI_SRIOV_NUM_VF);
	sriov->offset = get16(w, at + PCI_SRIOV_VF_OFFSET);
	sriov->stride = get16(w, at + PCI_SRIOV_VF_STRIDE);
	sriov->vf_device = get16(w, at + PCI_SRIOV_VF_DID);
}

/* Pairs of registers; how many says the first pair's control register (7.8.6.3). */
static void take_rebar(struct walk *w, size_t at)
{
	struct pcipt_cap_rebar *rebar = &w->space->rebar;
	size_t n = (get32(w, at + PCI_REBAR_CTRL) & PCI_REBAR_CTRL_NBAR_MASK) >>
		   PCI_REBAR_CTRL_NBAR_SHIFT;

	if (n == 0 || n > PCIPT_REBAR_MAX || !room_for(w, at, 4 + n * 8)) {
		w->space->damaged |= n == 0 || n > PCIPT_REBAR_MAX;
		rebar->present = -1;
		return;
	}
	for (; n > 0; n--, at += 8) {
		uint32_t ctrl = get32(w, at + PCI_REBAR_CTRL);
		struct pcipt_rebar entry = {
			.bar = ctrl & PCI_REBAR_CTRL_BAR_IDX,
			.size = REBAR_CTRL_SIZE(ctrl),
			.sizes = get32(w, at + PCI_REBAR_CAP) >> 4 | REBAR_CTRL_SIZES(ctrl),
		};

		if (entry.bar < PCIPT_REBAR_MAX && entry.size < 44)
			rebar->bars[rebar->n++] = entry;
		else
			damaged(w);
	}
}

static void take_aer(struct walk *w, size_t at)
{
	struct pcipt_cap_aer *aer = &w->space->aer;

	aer->uncorrectable = get32(w, at + PCI_ERR_UNCOR_STATUS);
	aer->correctable = get32(w, at + PCI_ERR_COR_STATUS);
	aer->first_error = PCI_ERR_CAP_FEP(get32(w, at + PCI_ERR_CAP));
}

static const struct capability capabilities[] = {
	{ false, PCI_CAP_ID_PM, 6, STATE(pm.present), take_pm },
	{ false, PCI_CAP_ID_VPD, 4, STATE(vpd), NULL },
	{ false, PCI_CAP_ID_MSI, 4, STATE(msi.present), take_msi },
	{ false, PCI_CAP_ID_SSVID, 8, STATE(ssvid.present), take_ssvid },
	{ false, PCI_CAP_ID_EXP, 8, STATE(express.present), take_express },
	{ false, PCI_CAP_ID_MSIX, 4, STATE(msix.present), take_msix },
	{ false, PCI_CAP_ID_AF, 4, STATE(af.present), take_af },
	{ true, PCI_EXT_CAP_ID_ERR, PCI_ERR_CAP + 4, STATE(aer.present), take_aer },
	{ true, PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_DSN_SIZEOF, STATE(dsn.present), take_dsn },
	{ true, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL + 2, STATE(acs.present), take_acs },
	{ true, PCI_EXT_CAP_ID_ARI, PCI_EXT_CAP_ARI_SIZEOF, STATE(ari), NULL },
	{ true, PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ATS_SIZEOF, STATE(ats), NULL },
	{ true, PCI_EXT_CAP_ID_SRIOV, PCI_SRIOV_VF_DID + 2, STATE(sriov.present), take_sriov },
	{ true, PCI_EXT_CAP_ID_REBAR, PCI_REBAR_CTRL + 4, STATE(rebar.present), take_rebar },
	{ true, PCI_EXT_CAP_ID_PASID, PCI_EXT_CAP_PASID_SIZEOF, STATE(pasid), NULL },
};

static int8_t *state_of(struct pcipt_config_space *space, const struct capability *capability)
{
	return (int8_t *)space + capability->state;
}

/* The first of a kind counts, as in the kernel. */
static void take(struct walk *w, bool extended, unsigned int id, size_t at)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		const struct capability *c = &capabilities[i];
		int8_t *state = state_of(w->space, c);

		if (c->extended != extended || c->id != id || *state != 0)
			continue;
		*state = room_for(w, at, c->size) ? 1 : -1;
		if (*state == 1 && c->take)
			c->take(w, at);
	}
}

/* Marks a place as seen; true when it was already. */
static bool seen_before(uint64_t *seen, size_t at)
{
	uint64_t bit = (uint64_t)1 << (at / 4 % 64), *word = &seen[at / 4 / 64];
	bool before = *word & bit;

	*word |= bit;
	return before;
}

/* True when the list was followed to its end. The lowest two bits of a pointer are reserved. */
static bool walk_list(struct walk *w)
{
	uint64_t seen[PCI_CFG_SPACE_SIZE / 4 / 64] = { 0 };
	bool cardbus = w->space->header_type == PCI_HEADER_TYPE_CARDBUS;
	size_t at = w->bytes[cardbus ? PCI_CB_CAPABILITY_LIST : PCI_CAPABILITY_LIST] & ~3U;

	for (; at != 0; at = w->bytes[at + PCI_CAP_LIST_NEXT] & ~3U) {
		if (at < PCI_STD_HEADER_SIZEOF || seen_before(seen, at))
			return damaged(w);
		if (!room_for(w, at, 2))
			return false;
		if (w->bytes[at] == 0xff)
			return damaged(w);
		take(w, false, w->bytes[at], at);
		w->pcix |= w->bytes[at] == PCI_CAP_ID_PCIX;
	}
	return true;
}

/* A header of zeros at 0x100 is an empty list. */
static bool walk_extended(struct walk *w)
{
	uint64_t seen[PCI_CFG_SPACE_EXP_SIZE / 4 / 64] = { 0 };
	uint32_t header;

	for (size_t at = PCI_CFG_SPACE_SIZE; at != 0; at = PCI_EXT_CAP_NEXT(header)) {
		if (at < PCI_CFG_SPACE_SIZE || seen_before(seen, at))
			return damaged(w);
		if (!room_for(w, at, 4))
			return false;
		header = get32(w, at);
		if (header == UINT32_MAX)
			return damaged(w);
		take(w, true, PCI_EXT_CAP_ID(header), at);
	}
	return true;
}

/* What wasn't found in a list that could not be followed may be there all the same. */
static void leave_unknown(struct pcipt_config_space *space, bool extended)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		int8_t *state = state_of(space, &capabilities[i]);

		if (capabilities[i].extended == extended && *state == 0)
			*state = -1;
	}
}

static bool list_is_known(struct walk *w)
{
	return w->space->header_type >= 0 &&
	       (!(get16(w, PCI_STATUS) & PCI_STATUS_CAP_LIST) || walk_list(w));
}

static bool extended_is_known(struct walk *w, bool list_known)
{
	if (w->length > PCI_CFG_SPACE_SIZE)
		return w->space->header_type >= 0 && walk_extended(w);
	return w->length == PCI_CFG_SPACE_SIZE && list_known && w->space->express.present == 0 &&
	       !w->pcix;
}

/* What the host reads when nothing answers (2.3.2); a VF has ones in its ids only. */
static bool all_ones(const uint8_t *bytes, size_t n)
{
	return bytes[0] == 0xff && memcmp(bytes, bytes + 1, n - 1) == 0;
}

static void read_header(struct walk *w)
{
	struct pcipt_config_space *space = w->space;
	unsigned int type;

	space->header_type = space->multifunction = -1;
	space->truncated = w->length < PCI_STD_HEADER_SIZEOF;
	space->gone = !space->truncated && all_ones(w->bytes, PCI_STD_HEADER_SIZEOF);
	if (space->truncated || space->gone)
		return;
	type = w->bytes[PCI_HEADER_TYPE];
	space->multifunction = (type & HEADER_MULTIFUNCTION) != 0;
	if ((type & PCI_HEADER_TYPE_MASK) <= PCI_HEADER_TYPE_CARDBUS)
		space->header_type = (int8_t)(type & PCI_HEADER_TYPE_MASK);
	else
		damaged(w);
}

void pcipt_config_space_parse(const uint8_t *bytes, size_t length,
			      struct pcipt_config_space *space)
{
	struct walk w = { .bytes = bytes, .length = length, .space = space };
	bool known;

	if (length > PCI_CFG_SPACE_EXP_SIZE)
		w.length = PCI_CFG_SPACE_EXP_SIZE;
	memset(space, 0, sizeof(*space));
	read_header(&w);
	known = list_is_known(&w);
	if (!known)
		leave_unknown(space, false);
	if (!extended_is_known(&w, known))
		leave_unknown(space, true);
	if (space->express.present < 0)
		space->express.slot = space->express.link.present = -1;
}
