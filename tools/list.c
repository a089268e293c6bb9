/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt list: every device, a line each. */
#include <string.h>

#include "common.h"

struct widths {
	int address, ids, driver, group, name;
};

static const char *group_text(const struct pcipt_device *device, char text[16])
{
	const struct pcipt_group *group = pcipt_device_get_group(device);

	if (!group)
		return "-";
	(void)snprintf(text, 16, "%d", pcipt_group_get_number(group));
	return text;
}

static int longer(int width, const char *text)
{
	int need = columns(text);

	return need > width ? need : width;
}

static void measure(struct pcipt_snapshot *snap, struct widths *w)
{
	int all = terminal_columns();
	char text[16];

	*w = (struct widths){ 7, 9, 6, 5, -1 };
	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++) {
		const struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);

		w->address = longer(w->address, pcipt_device_get_address(device));
		w->driver = longer(w->driver, pcipt_device_get_driver(device));
		w->group = longer(w->group, group_text(device, text));
	}
	/* Only a terminal cuts: what is piped goes to somebody who wants all of it. */
	if (all > 0) {
		w->name = all - (w->address + w->ids + w->driver + w->group + 8);
		w->name = w->name < 16 ? 16 : w->name;
	}
}

static void print_name(struct pcipt_device *device, const char *claim, int width)
{
	const char *class = pcipt_device_get_class_name(device);
	const char *vendor = pcipt_device_get_vendor_name(device);
	const char *name = pcipt_device_get_device_name(device);
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return;
	if (claim)
		fprintf(file, "[claim %s] ", claim);
	fprintf(file, "%s%s%s%s%s", class ? class : "", class && (vendor || name) ? ": " : "",
		vendor ? vendor : "", vendor && name ? " " : "", name ? name : "");
	if (fclose(file) == 0)
		say(stdout, "%.*s\n", width, *text ? text : NULL);
}

static void print_list(struct pcipt_snapshot *snap, const struct pcipt_claim_list *claims)
{
	char ids[12], group[16];
	struct widths w;

	measure(snap, &w);
	if (w.name >= 0)
		say(stdout, "%-*s  %-*s  %-*s  %-*s  %s\n", w.address, "ADDRESS", w.ids, "IDS",
		    w.driver, "DRIVER", w.group, "GROUP", "NAME");
	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++) {
		struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);
		const char *address = pcipt_device_get_address(device);

		say(stdout, "%-*s  %-*s  %-*s  %-*s  ", w.address, address, w.ids,
		    ids_text(device, ids), w.driver, pcipt_device_get_driver(device), w.group,
		    group_text(device, group));
		print_name(device, claim_of(claims, address), w.name);
	}
	if (pcipt_snapshot_device_count(snap) == 0)
		say(stderr, "pcipt: this machine has no PCI device\n");
}

/* The library's object is the whole answer but for the claims, which it doesn't know of. */
static int list_json(struct tool *t, struct pcipt_snapshot *snap,
		     const struct pcipt_claim_list *claims)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct json_object *devices = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_snapshot_to_json(snap, t->given & OPT_FULL ? PCIPT_JSON_FULL : 0, &text,
				   &error) != 0)
		return fail(t, error);
	object = take_json(text);
	if (!object || !json_object_object_get_ex(object, "devices", &devices))
		return fail_memory(t);
	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *device = json_object_array_get_idx(devices, i), *address = NULL;
		const char *claim;

		(void)json_object_object_get_ex(device, "address", &address);
		claim = address ? claim_of(claims, json_object_get_string(address)) : NULL;
		if (claim)
			json_object_object_add(device, "claim", json_text(claim));
	}
	out_merge(t, object);
	return 0;
}

int verb_list(struct tool *t)
{
	_cleanup_(cleanup_snapshot) struct pcipt_snapshot *snap = NULL;
	_cleanup_(cleanup_claims) struct pcipt_claim_list *claims = NULL;
	int status = take_snapshot(t, &snap);

	if (status)
		return status;
	claims = try_claims(t);
	if (t->out)
		return list_json(t, snap, claims);
	print_list(snap, claims);
	tell_problems(t, snap, NULL, 0);
	return EXIT_DONE;
}
