/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a device is at this moment: driver, override, power control. */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

/* How long the device's lock may be held by somebody else before we give up. */
#define LOCK_WAIT_MS 1000

static int fail_read(struct pcipt_error **error, const char *address, const char *path, int r)
{
	if (r == -ENOENT)
		return pcipt_fail(error, PCIPT_E_GONE,
				  &(struct pcipt_error_facts){ .step = "read",
							       .address = address,
							       .path = path,
							       .errnum = ENOENT },
				  "%s is not there any more", address);
	return pcipt_fail(error, r == -EBUSY ? PCIPT_E_BUSY : PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "read",
				  .address = address,
				  .path = path,
				  .errnum = -r,
				  .remedy = "Wait until the driver lets the device go, then try "
					    "again" },
			  "%s: %s can't be read: %s", address, path,
			  r == -EBUSY ? "the device's lock is held" : pcipt_errno_text(-r));
}

static int read_driver(struct pcipt_kernel *k, const char *address, char **driver)
{
	char path[64], link[PCIPT_ATTRIBUTE_MAX];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", address);
	n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return (int)n;
	slash = strrchr(link, '/');
	*driver = strdup(slash ? slash + 1 : link);
	return *driver ? 0 : -ENOMEM;
}

static int read_override(struct pcipt_kernel *k, const char *address, char **override)
{
	char path[64], text[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_read read = { path, text, sizeof(text), -EIO, false };
	int r;

	snprintf(path, sizeof(path), "%s/driver_override", address);
	r = k->ops->read_guarded(k, PCIPT_AT_PCI_DEVICES, &read, 1, LOCK_WAIT_MS);
	if (r < 0 || read.result < 0)
		return r < 0 ? r : (int)read.result;
	if (read.result == 0 || !*text || strcmp(text, "(null)") == 0)
		return 0;
	*override = strdup(text);
	return *override ? 0 : -ENOMEM;
}

int pcipt_state_read(struct pcipt_kernel *k, const char *address, struct pcipt_device_state *state,
		     struct pcipt_error **error)
{
	char path[64], text[64];
	int r;

	memset(state, 0, sizeof(*state));
	r = read_override(k, address, &state->override);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	if (r == 0) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
		r = read_driver(k, address, &state->driver);
	}
	if (r < 0) {
		pcipt_device_state_clear(state);
		return r == -ENOMEM ? pcipt_fail_memory(error) :
				      fail_read(error, address, path, r);
	}
	snprintf(path, sizeof(path), "%s/power/control", address);
	if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) > 0)
		state->power_control = strdup(text);
	return 0;
}

bool pcipt_state_is_back(const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before)
{
	return pcipt_streq(now->driver, before->driver) &&
	       pcipt_streq(now->override, before->override) &&
	       (!before->power_control ||
		pcipt_streq(now->power_control, before->power_control));
}

char *pcipt_state_text(const struct pcipt_device_state *state)
{
	return pcipt_format("driver %s, override %s, power %s",
			    state->driver ? state->driver : "none",
			    state->override ? state->override : "none",
			    state->power_control ? state->power_control : "unknown");
}
