/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Selectors: how a person names devices. One parser for the library and the
 * command line. An address, "vendor:device", or KEY=VALUE.
 */
#include "inventory/selector.h"

#include <ctype.h>

#include "inventory/inventory.h"

static const char remedy[] = "Give an address (0000:01:00.0), vendor:device (10de:2484), or one of "
			     "slot=, serial=, class=, group=, identity=";

static bool parse_hex(const char *p, size_t min, size_t max, uint32_t *value, size_t *length)
{
	size_t n = 0;

	*value = 0;
	for (int digit; n < max && (digit = pcipt_hex_digit(p[n])) >= 0; n++)
		*value = *value << 4 | (uint32_t)digit;
	*length = n;
	return n >= min;
}

/* "10de:2484", each with four digits: anything else with a colon is meant as an address. */
static bool scan_ids(const char *text, struct pcipt_selector *selector)
{
	uint32_t vendor, device;
	size_t n;

	if (!parse_hex(text, 4, 4, &vendor, &n) || text[4] != ':' ||
	    !parse_hex(text + 5, 4, 4, &device, &n) || text[9])
		return false;
	selector->kind = PCIPT_SELECT_IDS;
	selector->vendor = (int32_t)vendor;
	selector->device = (int32_t)device;
	return true;
}

/* "03", "0300", "030000", with or without 0x: a class, a subclass, or all of it. */
static bool scan_class(const char *text, size_t at, struct pcipt_selector *selector,
		       struct pcipt_text_fault *fault)
{
	const char *p = text + at;
	size_t n;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	if (!parse_hex(p, 1, 6, &selector->class_id, &n) || p[n] || n % 2) {
		*fault = (struct pcipt_text_fault){ (size_t)(p - text) + n,
						    "2, 4 or 6 hex digits of a class" };
		return false;
	}
	selector->kind = PCIPT_SELECT_CLASS;
	selector->class_shift = (unsigned int)(6 - n) * 4;
	return true;
}

static bool scan_group(const char *text, size_t at, struct pcipt_selector *selector,
		       struct pcipt_text_fault *fault)
{
	size_t n = at;
	long value = 0;

	for (; isdigit((unsigned char)text[n]) && value <= INT32_MAX / 10; n++)
		value = value * 10 + (text[n] - '0');
	if (n == at || text[n] || value > INT32_MAX) {
		*fault = (struct pcipt_text_fault){ n, "a group's number" };
		return false;
	}
	selector->kind = PCIPT_SELECT_GROUP;
	selector->group = (int)value;
	return true;
}

static bool scan_text(const char *text, size_t at, enum pcipt_selector_kind kind,
		      struct pcipt_selector *selector, struct pcipt_text_fault *fault)
{
	selector->kind = kind;
	selector->text = text + at;
	if (text[at])
		return true;
	*fault = (struct pcipt_text_fault){ at, "a value" };
	return false;
}

static bool scan_key(const char *text, const char *equals, struct pcipt_selector *selector,
		     struct pcipt_text_fault *fault)
{
	size_t length = (size_t)(equals - text), at = length + 1;

#define KEY_IS(s) (length == sizeof(s) - 1 && memcmp(text, s, length) == 0)
	if (KEY_IS("class"))
		return scan_class(text, at, selector, fault);
	if (KEY_IS("group"))
		return scan_group(text, at, selector, fault);
	if (KEY_IS("slot"))
		return scan_text(text, at, PCIPT_SELECT_SLOT, selector, fault);
	if (KEY_IS("identity"))
		return scan_text(text, at, PCIPT_SELECT_IDENTITY, selector, fault);
	if (KEY_IS("serial"))
		return scan_text(text, at, PCIPT_SELECT_SERIAL, selector, fault);
#undef KEY_IS
	*fault = (struct pcipt_text_fault){ 0, "one of slot, serial, class, group, identity" };
	return false;
}

bool pcipt_selector_scan(const char *text, struct pcipt_selector *selector,
			 struct pcipt_text_fault *fault)
{
	const char *equals = strchr(text, '=');
	struct pcipt_text_fault ignored;

	memset(selector, 0, sizeof(*selector));
	if (!fault)
		fault = &ignored;
	if (equals)
		return scan_key(text, equals, selector, fault);
	if (scan_ids(text, selector))
		return true;
	selector->kind = PCIPT_SELECT_ADDRESS;
	return pcipt_address_scan(text, &selector->address, fault);
}

bool pcipt_selector_matches(const struct pcipt_selector *s, struct pcipt_device *device)
{
	switch (s->kind) {
	case PCIPT_SELECT_ADDRESS:
		return pcipt_address_key(s->address) == pcipt_address_key(device->at);
	case PCIPT_SELECT_IDS:
		return device->ids[0] == s->vendor && device->ids[1] == s->device;
	case PCIPT_SELECT_CLASS:
		return device->class_id >= 0 &&
		       (uint32_t)device->class_id >> s->class_shift == s->class_id;
	case PCIPT_SELECT_GROUP:
		return pcipt_group_get_number(device->group) == s->group;
	case PCIPT_SELECT_SLOT:
		return pcipt_streq(pcipt_device_get_slot(device), s->text);
	case PCIPT_SELECT_IDENTITY:
		return pcipt_streq(pcipt_device_get_identity(device), s->text);
	case PCIPT_SELECT_SERIAL:
		return pcipt_streq(pcipt_device_get_serial(device), s->text);
	}
	return false;
}

int pcipt_snapshot_find_all(struct pcipt_snapshot *snap, const char *text,
			    struct pcipt_device ***devices, size_t *n, struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_device **found = NULL;
	struct pcipt_selector selector;
	struct pcipt_text_fault fault;
	size_t count = 0;

	if (!snap || !text || !devices || !n)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	if (!pcipt_selector_scan(text, &selector, &fault))
		return pcipt_fail_syntax(error, text, &fault, remedy);
	for (size_t i = 0; i < snap->n_devices; i++) {
		if (!pcipt_selector_matches(&selector, &snap->devices[i]))
			continue;
		if (!pcipt_grow(&found, count))
			return pcipt_fail_memory(error);
		found[count++] = &snap->devices[i];
	}
	if (count == 0)
		return pcipt_fail(error, PCIPT_E_NO_DEVICE,
				  &(struct pcipt_error_facts){
					  .remedy = "See `pcipt list` for the devices there are" },
				  "no PCI device here matches %s", text);
	*devices = steal(&found);
	*n = count;
	return 0;
}

/* The first few candidates, for the message. */
static char *name_some(struct pcipt_device **devices, size_t n)
{
	char *text = strdup("");

	for (size_t i = 0; text && i < n && i < 8; i++) {
		char *more = pcipt_format("%s%s%s", text, i ? ", " : "", devices[i]->address);

		free(text);
		text = more;
	}
	return text;
}

int pcipt_snapshot_find(struct pcipt_snapshot *snap, const char *text, struct pcipt_device **device,
			struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_device **found = NULL;
	_cleanup_free_ char *names = NULL;
	size_t n;
	int r;

	/* Here already, so that the message names the call that was made. */
	if (!snap || !text || !device)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	r = pcipt_snapshot_find_all(snap, text, &found, &n, error);
	if (r < 0)
		return r;
	if (n == 1) {
		*device = found[0];
		return 0;
	}
	names = name_some(found, n);
	return pcipt_fail(error, PCIPT_E_AMBIGUOUS,
			  &(struct pcipt_error_facts){ .remedy = "Name one of them by its address" },
			  "%s matches %zu devices: %s%s", text, n, names ? names : "",
			  n > 8 ? ", …" : "");
}
