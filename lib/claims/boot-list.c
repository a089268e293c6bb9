/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The boot list's text: read, made from records, written beside them. */
#include <ctype.h>
#include <errno.h>
#include <libpcipt/claim.h>
#include <libpcipt/set.h>

#include "claims/boot.h"

/* No more than what a record's file may have, since it is read as one. */
#define LIST_MAX (1024 * 1024 - 1)

static const char heading[] =
	"# Devices that are kept from their drivers at boot. Written by libpcipt, from its claims.\n"
	"# OVERRIDE IDENTITY SERIAL DRIVER CLAIM; see doc/boot.md.\n";

/* ---- reading ---- */

/* A field without a blank in it, so that a line has as many as it should. */
static bool is_word(const char *s)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

/* It is written into driver_override, by a udev rule. */
static bool is_driver(const char *s)
{
	size_t n = s ? strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") : 0;

	return n > 0 && n < 64 && !s[n] && strcmp(s, "-") != 0;
}

static const char *or_none(const char *field)
{
	return strcmp(field, "-") == 0 ? NULL : field;
}

static bool parse_line(char *text, struct pcipt_boot_line *line)
{
	char *fields[5], *rest = text;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!is_word(fields[i]))
			return false;
	}
	*line = (struct pcipt_boot_line){ .override = fields[0],
					  .identity = fields[1],
					  .serial = or_none(fields[2]),
					  .driver = or_none(fields[3]),
					  .claim = fields[4] };
	return !rest && is_driver(line->override) &&
	       (!line->driver || is_driver(line->driver)) && pcipt_record_name_is_valid(line->claim);
}

static int parse(struct pcipt_boot_list *list)
{
	char *text = list->text, *fields = list->fields, *line;

	while ((line = strsep(&fields, "\n"))) {
		const char *whole = text + (line - list->fields);

		if (!pcipt_grow(&list->lines, list->n))
			return -ENOMEM;
		if (!parse_line(line, &list->lines[list->n]))
			continue;
		list->lines[list->n++].text = whole;
	}
	return 0;
}

int pcipt_boot_list_read(struct pcipt_context *ctx, struct pcipt_boot_list *list)
{
	struct pcipt_kernel *k;
	size_t length;
	int r;

	memset(list, 0, sizeof(*list));
	if (pcipt_kernel_get(ctx, &k, NULL) < 0)
		return -EIO;
	r = k->ops->record_read(k, ctx->config_dir, PCIPT_BOOT_LIST, &list->text, &length);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	list->fields = strdup(list->text);
	r = list->fields ? parse(list) : -ENOMEM;
	if (r < 0)
		pcipt_boot_list_clear(list);
	return r;
}

void pcipt_boot_list_clear(struct pcipt_boot_list *list)
{
	free(list->text);
	free(list->fields);
	free(list->lines);
	memset(list, 0, sizeof(*list));
}

bool pcipt_boot_line_is(const struct pcipt_boot_line *line, struct pcipt_device *device)
{
	if (!pcipt_streq(pcipt_device_get_identity(device), line->identity))
		return false;
	/* A serial number that can't be read proves nothing. */
	return !line->serial || pcipt_streq(pcipt_device_get_serial(device), line->serial);
}

/* ---- what records want ---- */

/*
 * What is refused, taken by somebody else, or failed isn't kept from the host at the
 * next boot, too: it may live on that device by now. What isn't there, or is another card,
 * is told by its identity and serial number then.
 */
bool pcipt_boot_keeps(const struct pcipt_record *record)
{
	static const char *const elsewhere[] = { "absent", "replaced", "ambiguous", "identity-unproven",
						 "pf-lost", "unreadable" };

	if (!record->persistent)
		return false;
	if (record->state == PCIPT_CLAIM_BOUND || record->state == PCIPT_CLAIM_PENDING)
		return true;
	for (size_t i = 0; record->state == PCIPT_CLAIM_WAITING && i < ARRAY_SIZE(elsewhere); i++)
		if (pcipt_streq(record->reason, elsewhere[i]))
			return true;
	return false;
}

/* "00-11-22-…": in the configuration space, quick to read. The VPD is too slow for a rule. */
static bool is_dsn(const char *serial)
{
	size_t i;

	for (i = 0; serial[i]; i++)
		if (i % 3 == 2 ? serial[i] != '-' : !isxdigit((unsigned char)serial[i]))
			return false;
	return i == 23;
}

static bool is_listed(const struct pcipt_record *record, const struct pcipt_record_device *device)
{
	const char *driver = device->before.driver;

	if (device->action == PCIPT_ACTION_KEEP || !is_word(device->identity) ||
	    (device->serial && !is_dsn(device->serial)) || (driver && !is_driver(driver)))
		return false;
	/* A pin that found an override already there wrote nothing. */
	return device->action == PCIPT_ACTION_PIN ? !device->before.override :
						    is_driver(record->driver);
}

struct buffer {
	char *text;
	size_t length, size;
	bool no_memory;
};

static void append(struct buffer *buffer, const char *text, size_t length)
{
	size_t needed = buffer->length + length + 1;

	if (needed > buffer->size && !buffer->no_memory) {
		char *larger = realloc(buffer->text, needed * 2);

		buffer->no_memory = !larger;
		buffer->text = larger ? larger : buffer->text;
		buffer->size = larger ? needed * 2 : buffer->size;
	}
	if (buffer->no_memory)
		return;
	memcpy(buffer->text + buffer->length, text, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

static void append_claim(struct buffer *buffer, const struct pcipt_record *record)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *device = &record->devices[i];
		_cleanup_free_ char *line = NULL;

		if (!is_listed(record, device))
			continue;
		line = pcipt_format("%s %s %s %s %s\n",
				    device->action == PCIPT_ACTION_PIN ? PCIPT_PIN : record->driver,
				    device->identity, device->serial ? device->serial : "-",
				    device->before.driver ? device->before.driver : "-",
				    record->name);
		if (line)
			append(buffer, line, strlen(line));
		else
			buffer->no_memory = true;
	}
}

/* The finished list; without lines it is none at all. */
static char *take(struct buffer *buffer)
{
	if (!buffer->no_memory && buffer->length == strlen(heading))
		*buffer->text = '\0';
	if (buffer->no_memory) {
		free(buffer->text);
		buffer->text = NULL;
	}
	return steal(&buffer->text);
}

char *pcipt_boot_list_of(const struct pcipt_records *records)
{
	struct buffer buffer = { 0 };

	append(&buffer, heading, strlen(heading));
	for (size_t i = 0; i < records->n; i++)
		if (pcipt_boot_keeps(&records->items[i]))
			append_claim(&buffer, &records->items[i]);
	return take(&buffer);
}

/* ---- writing ---- */

/* The same list with other lines for one claim, in the order of names as records are. */
static char *with_claim(const struct pcipt_boot_list *list, const struct pcipt_record *record,
			bool kept)
{
	struct buffer buffer = { 0 };

	append(&buffer, heading, strlen(heading));
	for (size_t i = 0; i < list->n; i++) {
		int order = strcmp(list->lines[i].claim, record->name);

		if (order > 0 && kept) {
			append_claim(&buffer, record);
			kept = false;
		}
		if (order != 0) {
			append(&buffer, list->lines[i].text, strcspn(list->lines[i].text, "\n"));
			append(&buffer, "\n", 1);
		}
	}
	if (kept)
		append_claim(&buffer, record);
	return take(&buffer);
}

static int write_list(struct pcipt_context *ctx, const struct pcipt_boot_list *list, const char *text)
{
	struct pcipt_kernel *k;
	int r;

	if (pcipt_kernel_get(ctx, &k, NULL) < 0)
		return -EIO;
	if (strlen(text) > LIST_MAX)
		return -EFBIG;
	if (pcipt_streq(list->text, text) || (!list->text && !*text))
		return 0;
	if (*text)
		return k->ops->record_write(k, ctx->config_dir, PCIPT_BOOT_LIST, text, false);
	r = k->ops->record_remove(k, ctx->config_dir, PCIPT_BOOT_LIST);
	return r == -ENOENT ? 0 : r;
}

void pcipt_boot_list_note(struct pcipt_context *ctx, const struct pcipt_record *record, bool kept)
{
	_cleanup_free_ char *text = NULL;
	struct pcipt_boot_list list;
	int r;

	if (!record->persistent || ctx->state_dir_given)
		return;
	r = pcipt_boot_list_read(ctx, &list);
	/* One that others could have written, or no memory for it: what is in it is lost. */
	if (r < 0 && r != -ENOMEM)
		pcipt_log(ctx, PCIPT_LOG_WARNING, "%s/%s is begun anew, since it can't be read: %s",
			  ctx->config_dir, PCIPT_BOOT_LIST, pcipt_errno_text(-r));
	if (r != -ENOMEM) {
		text = with_claim(&list, record, kept);
		r = text ? write_list(ctx, &list, text) : -ENOMEM;
	}
	pcipt_boot_list_clear(&list);
	if (r < 0)
		pcipt_log(ctx, PCIPT_LOG_WARNING,
			  "%s/%s can't be written: %s; at the next boot the claim %s may find its "
			  "devices on their native drivers",
			  ctx->config_dir, PCIPT_BOOT_LIST, pcipt_errno_text(-r), record->name);
}
