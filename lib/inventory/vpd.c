/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VPD is a row of items; the read-only item is a row of keywords. */
#include "inventory/vpd.h"

/* Appendix I.1: the first byte of the items that VPD is made of. */
#define ITEM_LARGE	0x80 /* two bytes of length follow; else bits 2:0 are the length */
#define ITEM_IDENTIFIER 0x82
#define ITEM_READ_ONLY	0x90 /* VPD-R */
#define ITEM_END	0x78 /* its length is 0, and nobody minds when it isn't */
#define ITEM_END_MASK	0xf8

struct span {
	const uint8_t *bytes;
	size_t length;
};

/* What lies beyond the bytes isn't in `data`; then the item isn't whole. */
struct item {
	uint8_t tag;
	bool whole;
	struct span data;
};

static bool is_filling(uint8_t c)
{
	return c == 0 || c == 0xff || c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span without_filling(struct span text)
{
	while (text.length > 0 && is_filling(text.bytes[text.length - 1]))
		text.length--;
	return text;
}

/* A NUL in the midst becomes a '?' as other control characters do. */
static void take_text(struct span from, char text[PCIPT_VPD_TEXT_SIZE])
{
	if (text[0])
		return;
	if (from.length > PCIPT_VPD_TEXT_SIZE - 1)
		from.length = PCIPT_VPD_TEXT_SIZE - 1;
	from = without_filling(from);
	for (size_t i = 0; i < from.length; i++)
		text[i] = from.bytes[i] ? (char)from.bytes[i] : '?';
	text[from.length] = '\0';
	pcipt_text_neutralise(text);
}

/* The value's place for V0 to VZ, made where it isn't there yet. */
static char *vendor_text(struct pcipt_vpd *vpd, char second)
{
	size_t i = 0;

	if (!(second >= '0' && second <= '9') && !(second >= 'A' && second <= 'Z'))
		return NULL;
	while (i < vpd->n_vendor && vpd->vendor[i].keyword[1] != second)
		i++;
	if (i == vpd->n_vendor)
		vpd->n_vendor++;
	vpd->vendor[i].keyword[0] = 'V';
	vpd->vendor[i].keyword[1] = second;
	return vpd->vendor[i].text;
}

/* Where a keyword's text goes; NULL for those that nobody asks for. */
static char *text_for(struct pcipt_vpd *vpd, const uint8_t *keyword)
{
	if (memcmp(keyword, "PN", 2) == 0)
		return vpd->part_number;
	if (memcmp(keyword, "SN", 2) == 0)
		return vpd->serial;
	if (memcmp(keyword, "EC", 2) == 0)
		return vpd->engineering_level;
	if (memcmp(keyword, "MN", 2) == 0)
		return vpd->manufacturer;
	return keyword[0] == 'V' ? vendor_text(vpd, (char)keyword[1]) : NULL;
}

/* I.3.1.1, RV: the sum of all bytes from address 0 to the keyword's first data byte is 0. */
static void verify(struct pcipt_vpd *vpd, const uint8_t *begin, struct span value)
{
	uint8_t sum = 0;

	if (vpd->checksum >= 0)
		return;
	for (const uint8_t *p = begin; p <= value.bytes; p++)
		sum = (uint8_t)(sum + *p);
	vpd->checksum = sum == 0;
}

static void take_keyword(struct pcipt_vpd *vpd, const uint8_t *keyword, struct span value)
{
	char *text = without_filling(value).length > 0 ? text_for(vpd, keyword) : NULL;

	if (text)
		take_text(value, text);
}

/* Each keyword is two letters and a byte of length. `begin` is address 0 of the VPD. */
static void take_keywords(struct pcipt_vpd *vpd, const uint8_t *begin, struct span item)
{
	while (item.length >= 3) {
		const uint8_t *keyword = item.bytes;
		struct span value = { keyword + 3, keyword[2] };

		if (value.length > item.length - 3)
			break;
		item.bytes += 3 + value.length;
		item.length -= 3 + value.length;
		if (memcmp(keyword, "RV", 2) != 0)
			take_keyword(vpd, keyword, value);
		else if (value.length > 0)
			verify(vpd, begin, value);
	}
	if (item.length > 0)
		vpd->damaged = true;
}

/* Cuts the next item off; false at the end tag, and where nothing sensible follows. */
static bool next_item(struct pcipt_vpd *vpd, struct span *rest, struct item *item)
{
	size_t header = rest->length > 0 && (rest->bytes[0] & ITEM_LARGE) ? 3 : 1;
	size_t length;

	/* What was never written reads as all zeros or ones. */
	if (rest->length < header || rest->bytes[0] == 0 || rest->bytes[0] == 0xff) {
		vpd->damaged = true;
		return false;
	}
	item->tag = rest->bytes[0];
	if ((item->tag & ITEM_END_MASK) == ITEM_END)
		return false;
	length = header == 3 ? (size_t)(rest->bytes[1] | rest->bytes[2] << 8) : item->tag & 7U;
	rest->bytes += header;
	rest->length -= header;
	item->whole = length <= rest->length;
	item->data = (struct span){ rest->bytes, item->whole ? length : rest->length };
	rest->bytes += item->data.length;
	rest->length -= item->data.length;
	return true;
}

void pcipt_vpd_parse(const uint8_t *bytes, size_t length, struct pcipt_vpd *vpd)
{
	struct span rest = { bytes, length };
	struct item item;

	memset(vpd, 0, sizeof(*vpd));
	vpd->checksum = -1;
	if (length == 0)
		return;
	while (next_item(vpd, &rest, &item)) {
		if (item.tag == ITEM_READ_ONLY)
			take_keywords(vpd, bytes, item.data);
		else if (item.tag == ITEM_IDENTIFIER && item.whole)
			take_text(item.data, vpd->identifier);
	}
	/* The checksum is required (I.3.1.1). */
	vpd->damaged |= vpd->checksum != 1;
}
