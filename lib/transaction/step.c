/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying out one step: a write, or a comparison, and its error in words. Only
 * the driver link afterwards proves a bind or an unbind.
 */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

static const char *step_address(const struct pcipt_transaction *t, const struct pcipt_step *step)
{
	return step->device == PCIPT_NO_STEP_DEVICE ? NULL : t->plan->devices[step->device].address;
}

/* The name of the driver that a "…/drivers/NAME/bind" path is about. */
static const char *path_driver(const char *path, char *name, size_t size)
{
	const char *begin = path + sizeof("/sys/bus/pci/drivers/") - 1;

	snprintf(name, size, "%.*s", (int)strcspn(begin, "/"), begin);
	return name;
}

/* 1 when the device's driver link names `driver`, 0 when not, or -errno. NULL is none. */
static int has_driver(struct pcipt_kernel *k, const char *address, const char *driver)
{
	char path[64], link[PCIPT_ATTRIBUTE_MAX];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", address);
	n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n == -ENOENT)
		return driver == NULL;
	if (n < 0)
		return (int)n;
	slash = strrchr(link, '/');
	return driver && strcmp(slash ? slash + 1 : link, driver) == 0;
}

static int verify(struct pcipt_transaction *t, const struct pcipt_step *step, const char *address)
{
	int r = has_driver(t->kernel, address, *step->value ? step->value : NULL);

	return r < 0 ? r : r == 1 ? 0 : -ENODEV;
}

static int run(struct pcipt_transaction *t, const struct pcipt_step *step, const char *address)
{
	struct pcipt_kernel *k = t->kernel;
	char driver[256];
	int r;

	if (step->op == PCIPT_OP_LOAD)
		return k->ops->module_load(k, step->value);
	if (step->op == PCIPT_OP_VERIFY)
		return verify(t, step, address);
	r = k->ops->write(k, PCIPT_AT_SYS, step->path + sizeof("/sys/") - 1, step->value);
	/* Somebody was quicker, and with the same driver: that is what was wanted. */
	if (step->op == PCIPT_OP_BIND && r == -EBUSY &&
	    has_driver(k, address, path_driver(step->path, driver, sizeof(driver))) == 1)
		return 0;
	/* It left its driver by itself meanwhile. */
	if (step->op == PCIPT_OP_UNBIND && r == -ENODEV && has_driver(k, address, NULL) == 1)
		return 0;
	return r;
}

static int code_for(int op, int errnum)
{
	if (errnum == EROFS || errnum == EACCES || errnum == EPERM)
		return PCIPT_E_PERMISSION;
	switch (op) {
	case PCIPT_OP_LOAD:
		return PCIPT_E_NO_DRIVER;
	case PCIPT_OP_PIN:
	case PCIPT_OP_OVERRIDE:
		return PCIPT_E_OVERRIDE;
	case PCIPT_OP_UNBIND:
		return PCIPT_E_UNBIND;
	case PCIPT_OP_BIND:
		return PCIPT_E_BIND;
	case PCIPT_OP_VERIFY:
		return PCIPT_E_VERIFY;
	default:
		return PCIPT_E_IO;
	}
}

/* What an errno means at this step, and what to do about it. */
static const char *remedy_for(int op, int errnum)
{
	if (errnum == EROFS)
		return "Mount /sys writable; in a container, mount the host's /sys read-write";
	if (errnum == EACCES || errnum == EPERM)
		return "Run as root, with the right to write /sys";
	if (op == PCIPT_OP_LOAD)
		return "Install the module for the running kernel, and look for a blacklist in "
		       "/etc/modprobe.d";
	if (op == PCIPT_OP_BIND && errnum == ENODEV)
		return "Check that the driver supports the device, and that no other driver_override "
		       "stands";
	if (op == PCIPT_OP_BIND && errnum == EINVAL)
		return "See the kernel's log: the IOMMU may be off, or the device can't be given away";
	if (op == PCIPT_OP_BIND && errnum == EBUSY)
		return "Find out which driver took the device meanwhile (`pcipt show`), then retry";
	if (op == PCIPT_OP_BIND || op == PCIPT_OP_VERIFY)
		return "See the kernel's log (dmesg) for what the driver says of the device";
	if (errnum == ENOSPC || errnum == EIO)
		return "Look at what is mounted over the attribute, and at the kernel's log";
	return "See the kernel's log (dmesg)";
}

static int fail_step(struct pcipt_transaction *t, const struct pcipt_step *step,
		     const char *address, int errnum, struct pcipt_error **error)
{
	const struct pcipt_plan_device *device =
		address ? &t->plan->devices[step->device] : NULL;
	struct pcipt_error_facts facts = {
		.step = pcipt_op_name(step->op),
		.address = address,
		.path = step->path,
		.errnum = errnum,
		.remedy = remedy_for(step->op, errnum),
	};
	const char *why = pcipt_errno_text(errnum);
	char driver[256];

	(void)device;
	if (address && errnum == ENOENT &&
	    t->kernel->ops->exists(t->kernel, PCIPT_AT_PCI_DEVICES, address) == 0) {
		facts.remedy = "Put the device back, or leave it out";
		return pcipt_fail(error, PCIPT_E_GONE, &facts, "%s went away during the step %s",
				  address, facts.step);
	}
	switch (step->op) {
	case PCIPT_OP_LOAD:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "the driver %s can't be loaded: %s", step->value, why);
	case PCIPT_OP_BIND:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: the driver %s refused it: %s", address,
				  path_driver(step->path, driver, sizeof(driver)), why);
	case PCIPT_OP_UNBIND:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: the driver %s didn't let it go: %s", address,
				  path_driver(step->path, driver, sizeof(driver)), why);
	case PCIPT_OP_VERIFY:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: every write succeeded, yet it isn't on %s", address,
				  *step->value ? step->value : "no driver");
	default:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: writing \"%s\" to its %s failed: %s", address, step->value,
				  step->op == PCIPT_OP_POWER ? "power/control" : "driver_override",
				  why);
	}
}

int pcipt_transaction_step(struct pcipt_transaction *t, const struct pcipt_step *step, bool undo,
			   struct pcipt_error **error)
{
	const char *address = step_address(t, step);
	double begin = pcipt_now_ms(), ms;
	int r = run(t, step, address);

	ms = pcipt_now_ms() - begin;
	pcipt_result_note_step(t->result, step, address, ms, -r, undo);
	pcipt_log(t->ctx, r < 0 ? PCIPT_LOG_WARNING : PCIPT_LOG_DEBUG, "%s%s: %s (%.1f ms)",
		  undo ? "undo: " : "", step->shell, r < 0 ? pcipt_errno_name(-r) : "done", ms);
	return r < 0 ? fail_step(t, step, address, -r, error) : 0;
}
