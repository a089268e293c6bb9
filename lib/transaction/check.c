/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* May this process change these devices at all? Asked before anything else. */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

static int fail_permission(const char *address, const char *path, int errnum,
			   struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_PERMISSION,
			  &(struct pcipt_error_facts){
				  .step = "check",
				  .address = address,
				  .path = path,
				  .errnum = errnum,
				  .remedy = errnum == EROFS ?
						    "Mount /sys writable; in a container, mount the "
						    "host's /sys read-write" :
						    "Run as root" },
			  "%s can't be changed by this process: %s", address,
			  errnum == EROFS ? "/sys is read-only" : pcipt_errno_text(errnum));
}

int pcipt_transaction_check(struct pcipt_context *ctx, const char *const *addresses, size_t n,
			    struct pcipt_error **error)
{
	struct pcipt_kernel *k;
	char path[64];
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	if (!k->ops->is_real(k))
		return pcipt_fail(error, PCIPT_E_NOT_REAL,
				  &(struct pcipt_error_facts){
					  .step = "check",
					  .path = ctx->root,
					  .remedy = "Leave the root out to act on this machine, or use "
						    "--dry-run" },
				  "the tree %s is not a real sysfs: nothing is changed there",
				  ctx->root);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
			 addresses[i]);
		r = k->ops->may_write(k, PCIPT_AT_SYS, path + sizeof("/sys/") - 1);
		if (r == -EACCES || r == -EROFS || r == -EPERM)
			return fail_permission(addresses[i], path, -r, error);
	}
	return 0;
}

int pcipt_transaction_check_plan(struct pcipt_context *ctx, const struct pcipt_plan *plan,
				 struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(plan->n_devices + 1, sizeof(*addresses));
	size_t n = 0;

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].asked)
			addresses[n++] = plan->devices[i].address;
	return pcipt_transaction_check(ctx, addresses, n, error);
}
