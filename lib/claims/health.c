/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking at bound devices: their nodes, their power, and their own counters of errors. */
#include "claims/health.h"

#include <libpcipt/set.h>
#include <stdio.h>

static const struct {
	const char *name, *sentence, *remedy;
} ailments[PCIPT_N_AILMENTS] = {
#define HEALTH(id, name, meaning, sentence, remedy) { name, sentence, remedy },
#include "claims/health.def"
#undef HEALTH
};

const char *pcipt_ailment_name(enum pcipt_ailment ailment)
{
	return ailments[ailment].name;
}

char *pcipt_ailment_text(enum pcipt_ailment ailment, const char *address)
{
	return pcipt_format("%s %s. %s", address, ailments[ailment].sentence,
			    ailments[ailment].remedy);
}

/*
 * The kernel has a node for it; and it can be opened where we are. A container without
 * /dev/vfio doesn't see any, which says nothing of the device.
 */
static bool lacks_node(struct pcipt_device *device)
{
	struct pcipt_kernel *k = device->snap->kernel;
	const char *node;

	if (!pcipt_device_has_vfio_driver(device))
		return false;
	node = pcipt_device_get_vfio_device(device);
	if (!node)
		return true;
	return k->ops->exists(k, PCIPT_AT_ROOT, "dev/vfio") == 1 &&
	       k->ops->exists(k, PCIPT_AT_ROOT, node + 1) == 0;
}

/* Documentation/ABI/testing/sysfs-devices-power: "error" when a resume or suspend has failed. */
static bool fails_to_resume(struct pcipt_device *device)
{
	char text[32];

	return pcipt_device_read(device, "power/runtime_status", text, sizeof(text)) > 0 &&
	       strcmp(text, "error") == 0;
}

/* What is wrong with one device that is where it should be; PCIPT_N_AILMENTS for nothing. */
static enum pcipt_ailment examine(struct pcipt_device *device)
{
	if (lacks_node(device))
		return PCIPT_AILMENT_NODE_MISSING;
	return fails_to_resume(device) ? PCIPT_AILMENT_RESUME_FAILED : PCIPT_N_AILMENTS;
}

static int diagnose_devices(const struct pcipt_record *record, struct pcipt_snapshot *snap,
			    struct pcipt_diagnosis *diagnosis, struct pcipt_error **error)
{
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_device *device = pcipt_snapshot_at(snap, record->devices[i].at);
		enum pcipt_ailment ailment = PCIPT_N_AILMENTS;

		if (device && record->devices[i].action != PCIPT_ACTION_PIN)
			ailment = examine(device);
		if (ailment == PCIPT_N_AILMENTS)
			continue;
		diagnosis->reason = ailments[ailment].name;
		diagnosis->device = i;
		diagnosis->message = pcipt_ailment_text(ailment, record->devices[i].address);
		return diagnosis->message ? 0 : pcipt_fail_memory(error);
	}
	return 0;
}

int pcipt_diagnose(const struct pcipt_record *record, struct pcipt_snapshot *snap,
		   struct pcipt_diagnosis *diagnosis, struct pcipt_error **error)
{
	struct pcipt_observation seen;
	int r = pcipt_observe(record, snap, PCIPT_MODULE_READY, &seen, error);

	memset(diagnosis, 0, sizeof(*diagnosis));
	if (r < 0)
		return r;
	diagnosis->reason = pcipt_situation_row(seen.situation)->name;
	diagnosis->device = seen.device;
	if (seen.situation == PCIPT_SITUATION_HELD)
		r = diagnose_devices(record, snap, diagnosis, error);
	if (r == 0 && !diagnosis->message) {
		diagnosis->message = pcipt_observation_text(record, &seen);
		r = diagnosis->message ? 0 : pcipt_fail_memory(error);
	}
	pcipt_observation_clear(&seen);
	return r;
}

/* The line "TOTAL_ERR_FATAL 3" (Documentation/ABI/testing/sysfs-bus-pci-devices-aer, since 4.19). */
static int64_t read_total(struct pcipt_kernel *k, const char *address, const char *file,
			  const char *key)
{
	char path[64], text[2048];
	const char *line;
	long long total;

	snprintf(path, sizeof(path), "%s/%s", address, file);
	if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) <= 0)
		return -1;
	line = strstr(text, key);
	return line && sscanf(line + strlen(key), " %lld", &total) == 1 && total >= 0 ? total : -1;
}

void pcipt_error_counts_read(struct pcipt_kernel *k, struct pcipt_address at,
			     struct pcipt_error_counts *counts)
{
	char address[PCIPT_ADDRESS_SIZE];

	pcipt_address_print(at, address);
	counts->at = at;
	counts->fatal = read_total(k, address, "aer_dev_fatal", "TOTAL_ERR_FATAL");
	counts->nonfatal = read_total(k, address, "aer_dev_nonfatal", "TOTAL_ERR_NONFATAL");
}
