/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a device is, and what the whole machine is when a script begins. */
#include <errno.h>

#include "run.h"

#define READ_MS 500

static const char *read_text(struct run *run, const char *address, const char *name, char *text,
			     size_t size)
{
	char path[128];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", address, name);
	n = run->k->ops->read(run->k, PCIPT_AT_PCI_DEVICES, path, text, size);
	return n >= 0 ? text : NULL;
}

/* Where a link ends; NULL for none. */
static const char *read_end(struct run *run, const char *address, const char *name, char *link,
			    size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", address, name);
	return run->k->ops->read_link(run->k, PCIPT_AT_PCI_DEVICES, path, link, size) > 0 ?
		       pcipt_base_name(link) :
		       NULL;
}

/* What waits for the device's lock: driver_override on some kernels, sriov_numvfs on all. */
static const char *read_locked(struct run *run, const char *address, const char *name, char *text,
			       size_t size)
{
	char path[64];
	struct pcipt_read read = { path, text, size, 0, false };

	snprintf(path, sizeof(path), "%s/%s", address, name);
	run->k->ops->read_guarded(run->k, PCIPT_AT_PCI_DEVICES, &read, 1, READ_MS);
	return read.result >= 0 ? text : read.result == -EBUSY ? "stuck" : NULL;
}

static const char *group_label(struct run *run, int group)
{
	for (size_t i = 0; group >= 0 && i < run->n_names; i++)
		if (group_of(run, run->names[i].address) == group)
			return run->names[i].name;
	return "none";
}

static bool is_there(struct run *run, const char *address)
{
	return run->k->ops->exists(run->k, PCIPT_AT_PCI_DEVICES, address) == 1;
}

static bool has_node(struct run *run, int group)
{
	char path[64];

	snprintf(path, sizeof(path), "class/vfio/%d", group);
	return group >= 0 && run->k->ops->exists(run->k, PCIPT_AT_SYS, path) == 1;
}

char *state_of(struct run *run, const struct named *named)
{
	char driver[MAX_PATH], override[PCIPT_ATTRIBUTE_MAX], power[64], numvfs[64];
	const char *address = named->address, *vfs, *wish;
	int group;

	if (!is_there(run, address))
		return strdup("gone");
	group = group_of(run, address);
	vfs = read_locked(run, address, "sriov_numvfs", numvfs, sizeof(numvfs));
	wish = read_locked(run, address, "driver_override", override, sizeof(override));
	/* The order of the keys is that of the lines. */
	return words("driver=%s override=%.40s power=%s group=%s node=%s%s%s",
		     read_end(run, address, "driver", driver, sizeof(driver)) ?
			     pcipt_base_name(driver) :
			     "none",
		     wish ? wish : "?",
		     read_text(run, address, "power/control", power, sizeof(power)) ? power : "?",
		     group_label(run, group), has_node(run, group) ? "yes" : "no",
		     vfs ? " vfs=" : "", vfs ? vfs : "");
}

/* The words of `now` that don't stand in `before`. */
static void tell_new_words(const char *before, const char *now)
{
	const char *word = now;

	while (*word) {
		size_t n = strcspn(word, " ");
		const char *same = before;

		while (same && *same && !(strncmp(same, word, n) == 0 && strchr(" ", same[n])))
			same = strchr(same, ' ') ? strchr(same, ' ') + 1 : NULL;
		if (!same || !*same)
			printf(" %.*s", (int)n, word);
		word += n + strspn(word + n, " ");
	}
}

void tell_changes(struct run *run)
{
	for (size_t i = 0; i < run->n_names; i++) {
		struct named *named = &run->names[i];
		char *now = state_of(run, named);

		if (!pcipt_streq(now, named->state)) {
			printf("; %s", named->name);
			tell_new_words(named->state, now);
		}
		free(named->state);
		named->state = now;
	}
}

/* ---- the machine ---- */

static void tell_key(const char *key, const char *value)
{
	if (value)
		printf(" %s=%s", key, value);
}

static void tell_device(struct run *run, struct named *named)
{
	static const char *const texts[] = { "modalias",     "revision",      "boot_vga",
					     "sriov_totalvfs", "sriov_offset", "sriov_stride",
					     "sriov_vf_device", NULL };
	char text[PCIPT_ATTRIBUTE_MAX];
	const char *path;

	named->state = state_of(run, named);
	printf("device %s %s", named->name, named->address);
	if (run->k->ops->read_link(run->k, PCIPT_AT_PCI_DEVICES, named->address, text,
				   sizeof(text)) > 0) {
		path = strstr(text, "/devices/");
		tell_key("path", path ? path + 9 : text);
	}
	for (size_t i = 0; texts[i]; i++)
		tell_key(texts[i], read_text(run, named->address, texts[i], text, sizeof(text)));
	printf(" %s\n", named->state);
}

void tell_machine(struct run *run)
{
	static const char *const states[] = { "absent", "loadable", "ready" };

	printf("kernel %s\n", run->kernel);
	for (size_t i = 0; i < run->n_drivers; i++) {
		int state = run->k->ops->module_state(run->k, run->drivers[i]);

		printf("driver %s %s\n", run->drivers[i], state >= 0 && state < 3 ? states[state] : "?");
	}
	for (size_t i = 0; i < run->n_names; i++)
		tell_device(run, &run->names[i]);
}
