/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One step: what proves it (only the driver link, and only when the probe has come to
 * its end), and its failure in words.
 */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"
#include "usage/holders.h"

static const char *step_address(const struct pcipt_transaction *t, const struct pcipt_step *step)
{
	return step->device == PCIPT_NO_STEP_DEVICE ? NULL : t->plan->devices[step->device].address;
}

const char *pcipt_path_driver(const char *path, char *name, size_t size)
{
	const char *begin = path + sizeof("/sys/bus/pci/drivers/") - 1;

	snprintf(name, size, "%.*s", (int)strcspn(begin, "/"), begin);
	return name;
}

int pcipt_has_driver(struct pcipt_kernel *k, const char *address, const char *driver)
{
	char path[64], link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", address);
	n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n == -ENOENT)
		return driver == NULL;
	if (n < 0)
		return (int)n;
	return driver && strcmp(pcipt_base_name(link), driver) == 0;
}

/* ---- drivers whose probe goes on after bind has answered ---- */

/* How long between two looks at a controller that is still being set up, in milliseconds. */
#define LOOK_AFTER 10

struct controller {
	struct pcipt_kernel *kernel;
	const char *folder;
};

/* 1 for a controller that is neither up nor given up. */
static int is_being_set_up(void *data, const char *name)
{
	const struct controller *controller = data;
	struct pcipt_kernel *k = controller->kernel;
	char path[128], state[32];

	snprintf(path, sizeof(path), "%s/%.32s/state", controller->folder, name);
	if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, state, sizeof(state)) <= 0)
		return 0;
	return strcmp(state, "new") == 0 || strcmp(state, "connecting") == 0 ||
	       strcmp(state, "resetting") == 0;
}

/*
 * nvme's probe ends when the controller has a name; that it can't be talked to comes out
 * later, and then the driver leaves the device (seen on 6.1 and 6.12). False where there
 * was nothing to wait for.
 */
static bool wait_for_probe(struct pcipt_transaction *t, const char *address, const char *driver)
{
	struct pcipt_kernel *k = t->kernel;
	char folder[64];
	struct controller controller = { k, folder };

	if (strcmp(driver, "nvme") != 0)
		return false;
	snprintf(folder, sizeof(folder), "%s/nvme", address);
	while (k->ops->now(k) < t->deadline &&
	       k->ops->list(k, PCIPT_AT_PCI_DEVICES, folder, is_being_set_up, &controller) == 1)
		k->ops->wait(k, -1, LOOK_AFTER);
	return true;
}

ssize_t pcipt_step_verify(struct pcipt_transaction *t, const struct pcipt_step *step)
{
	const char *address = step_address(t, step), *driver = *step->value ? step->value : NULL;
	int r = pcipt_has_driver(t->kernel, address, driver);

	if (r == 1 && driver && wait_for_probe(t, address, driver))
		r = pcipt_has_driver(t->kernel, address, driver);
	return r < 0 ? r : r == 1 ? 0 : -ENODEV;
}

/* ---- failures ---- */

bool pcipt_is_kernels_answer(ssize_t result)
{
	return result != -EINPROGRESS && result != -ECANCELED && result != -EOWNERDEAD &&
	       result != -ENOMEM && result != -EAGAIN && result != -ENOBUFS;
}

static int code_for(int op, int errnum)
{
	if (errnum == EROFS || errnum == EACCES || errnum == EPERM)
		return PCIPT_E_PERMISSION;
	switch (op) {
	case PCIPT_OP_LOAD:
		return errnum == EKEYREJECTED ? PCIPT_E_BLACKLISTED :
		       errnum == ENOENT	      ? PCIPT_E_NO_DRIVER :
						PCIPT_E_LOAD;
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
	if (errnum == EOWNERDEAD)
		return "Find out who ended the helper process (the kernel's log tells of memory that "
		       "ran out), then retry";
	if (op == PCIPT_OP_LOAD && errnum == EKEYREJECTED)
		return "Load the module by hand, or take it from the blacklist in /etc/modprobe.d";
	if (op == PCIPT_OP_LOAD && errnum == ENOENT)
		return "Install the module for the running kernel";
	if (op == PCIPT_OP_LOAD)
		return "See the kernel's log (dmesg), and its \"install\" lines in /etc/modprobe.d; try "
		       "modprobe by hand";
	if (op == PCIPT_OP_BIND && errnum == ENODEV)
		return "Check that the driver supports the device, and that no other driver_override "
		       "stands";
	if (op == PCIPT_OP_BIND && errnum == EINVAL)
		return "See the kernel's log: the IOMMU may be off, or the device can't be given away";
	if (op == PCIPT_OP_BIND && errnum == ENOENT)
		return "Its driver isn't loaded any more: load the module (modprobe), then bind the "
		       "device by hand";
	if (op == PCIPT_OP_BIND && errnum == EBUSY)
		return "Find out which driver took the device meanwhile (`pcipt show`), then retry";
	if (op == PCIPT_OP_BIND || op == PCIPT_OP_VERIFY)
		return "See the kernel's log (dmesg) for what the driver says of the device";
	if (errnum == ENOSPC || errnum == EIO)
		return "Look at what is mounted over the attribute, and at the kernel's log";
	return "See the kernel's log (dmesg)";
}

/*
 * How long past its deadline a caller waits to be told because of whom it passed: long enough
 * for a few processes that don't answer, each of which takes a second of it (usage/holders.c).
 */
#define NAMES_MS 3000

/* By the nodes that it had on its driver, and by those that it has now. */
static void find_holders(const struct pcipt_transaction *t, struct pcipt_address at,
			 struct pcipt_uses *uses)
{
	/* Who gave the call less than that doesn't wait twice as long for a name. */
	double most = t->timeout < NAMES_MS ? t->timeout : NAMES_MS;
	double now = t->kernel->ops->now(t->kernel);
	double until = t->deadline + PCIPT_GRACE_MS + most;
	struct pcipt_device *device = t->first ? pcipt_snapshot_at(t->first, at) : NULL;

	/* So long past the deadline and its grace for all devices together. */
	if (until > now + most)
		until = now + most;
	else if (until <= now)
		until = now + 1;
	if (device)
		pcipt_holders_of(device, &t->nodes, until, uses);
	for (size_t i = 0; i < uses->n; i++)
		if (uses->items[i].kind == PCIPT_USE_HELD ||
		    uses->items[i].kind == PCIPT_USE_DISK_OPEN)
			return;
	device = t->plan->snap ? pcipt_snapshot_at(t->plan->snap, at) : NULL;
	if (device)
		pcipt_holders_find(t->plan->snap, &device, 1, until, uses);
}

/* Who has the device open, "process 4711 (qemu-system-x86)"; a new string, or NULL. */
static char *name_holders(const struct pcipt_transaction *t, const struct pcipt_step *step)
{
	struct pcipt_uses uses = { 0 };
	char *names = NULL;

	if (step->device != PCIPT_NO_STEP_DEVICE)
		find_holders(t, t->plan->devices[step->device].at, &uses);
	for (size_t i = 0; i < uses.n; i++) {
		char *longer;

		if (uses.items[i].kind != PCIPT_USE_HELD && uses.items[i].kind != PCIPT_USE_DISK_OPEN)
			continue;
		longer = pcipt_format("%s%s%s", names ? names : "", names ? ", " : "",
				      uses.items[i].what);
		free(names);
		names = longer;
	}
	pcipt_uses_clear(&uses);
	return names;
}

/* A write that doesn't return, and as far as can be seen, because of whom. */
static int fail_stuck(const struct pcipt_transaction *t, const struct pcipt_step *step,
		      const char *address, struct pcipt_error **error)
{
	_cleanup_free_ char *holders = name_holders(t, step);
	_cleanup_free_ char *remedy =
		pcipt_format("End %s; then `pcipt recover` finishes the job", holders ? holders : "");

	return pcipt_fail(error, PCIPT_E_STUCK,
			  &(struct pcipt_error_facts){
				  .step = pcipt_op_name(step->op),
				  .address = address,
				  .path = step->path,
				  .errnum = EINPROGRESS,
				  .remedy = holders && remedy ?
						    remedy :
						    "Find out who holds the device open and end that; "
						    "then `pcipt recover` finishes the job" },
			  "%s: the kernel has not returned from the step %s (%s), and goes on with "
			  "it%s%s",
			  address ? address : step->value, pcipt_op_name(step->op), step->shell,
			  holders ? "; it is held open by " : "", holders ? holders : "");
}

static bool is_cancelled(const struct pcipt_transaction *t)
{
	int fd = t->options && !t->undoing ? t->options->cancel_fd : -1;

	return fd >= 0 && t->kernel->ops->wait(t->kernel, fd, -1) == 1;
}

/* A step that was not begun, because there was no time or no wish for it. */
static int fail_not_begun(struct pcipt_transaction *t, const struct pcipt_step *step,
			  const char *address, struct pcipt_error **error)
{
	bool cancelled = is_cancelled(t);

	return pcipt_fail(error, cancelled ? PCIPT_E_CANCELLED : PCIPT_E_TIMEOUT,
			  &(struct pcipt_error_facts){ .step = pcipt_op_name(step->op),
						       .address = address,
						       .path = step->path,
						       .errnum = cancelled ? ECANCELED : ETIMEDOUT,
						       .remedy = cancelled ? "Try again" :
									     "Try again with more time" },
			  "%s before the step %s of %s", cancelled ? "cancelled" : "the deadline passed",
			  pcipt_op_name(step->op), address ? address : step->value);
}

static int fail_behind(const struct pcipt_done *done, const char *address,
		       struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_BUSY,
			  &(struct pcipt_error_facts){
				  .step = pcipt_op_name(done->step->op),
				  .address = address,
				  .path = done->step->path,
				  .errnum = EAGAIN,
				  .remedy = "Have whoever uses that device let go of it; then "
					    "`pcipt recover` or a release finishes the job" },
			  "%s can't go back to its driver before %s of its IOMMU group is free",
			  address, done->behind);
}

static bool is_gone(struct pcipt_transaction *t, const char *address, int errnum)
{
	return address && (errnum == ENOENT || errnum == ENODEV) &&
	       t->kernel->ops->exists(t->kernel, PCIPT_AT_PCI_DEVICES, address) == 0;
}

int pcipt_fail_step(struct pcipt_transaction *t, const struct pcipt_done *done,
		    struct pcipt_error **error)
{
	const struct pcipt_step *step = done->step;
	const char *address = step_address(t, step);
	int errnum = (int)-done->result;
	struct pcipt_error_facts facts = {
		.step = pcipt_op_name(step->op),
		.address = address,
		.path = step->path,
		.errnum = errnum,
		.remedy = remedy_for(step->op, errnum),
	};
	const char *why = pcipt_errno_text(errnum);
	char driver[256];

	if (done->behind)
		return fail_behind(done, address, error);
	if (errnum == EINPROGRESS)
		return fail_stuck(t, step, address, error);
	if (errnum == ECANCELED)
		return fail_not_begun(t, step, address, error);
	if (is_gone(t, address, errnum)) {
		facts.remedy = "Put the device back, or leave it out";
		return pcipt_fail(error, PCIPT_E_GONE, &facts, "%s went away during the step %s",
				  address, facts.step);
	}
	switch (step->op) {
	case PCIPT_OP_LOAD:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "the driver %s can't be loaded: %s", step->value,
				  errnum == EKEYREJECTED ? "it is on a blacklist" :
				  errnum == ECHILD	 ? "its \"install\" line failed" :
							   why);
	case PCIPT_OP_BIND:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: the driver %s refused it: %s", address,
				  pcipt_path_driver(step->path, driver, sizeof(driver)), why);
	case PCIPT_OP_UNBIND:
		return pcipt_fail(error, code_for(step->op, errnum), &facts,
				  "%s: the driver %s didn't let it go: %s", address,
				  pcipt_path_driver(step->path, driver, sizeof(driver)), why);
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
