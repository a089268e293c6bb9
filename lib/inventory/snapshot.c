/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshot: its life, its problems, and finding a device by its address. */
#include <errno.h>
#include <stdio.h>

#include "inventory/inventory.h"

static void snapshot_destroy(struct pcipt_snapshot *snap)
{
	for (size_t i = 0; i < snap->n_problems; i++)
		pcipt_error_unref(snap->problems[i]);
	free(snap->problems);
	free(snap->devices);
	free(snap->groups);
	free(snap->drivers);
	pcipt_arena_free(&snap->arena);
	pthread_mutex_destroy(&snap->lock);
	pcipt_kernel_unref(snap->kernel);
	pcipt_context_unref(snap->ctx);
	free(snap);
}

PCIPT_DEFINE_REFS(snapshot, snapshot_destroy)

void pcipt_snapshot_add_problem(struct pcipt_snapshot *snap, const struct pcipt_device *device,
				const char *name, const char *attribute, int code, int errnum,
				const char *what)
{
	const char *subject = device ? device->address : name;
	_cleanup_free_ char *path = pcipt_format("%s/%s%s%s",
						 pcipt_place_path(PCIPT_AT_PCI_DEVICES), subject,
						 attribute ? "/" : "", attribute ? attribute : "");
	struct pcipt_error *problem = NULL;

	/* The list is a courtesy: without memory for it the snapshot still stands. */
	if (!path || !pcipt_grow(&snap->problems, snap->n_problems))
		return;
	pcipt_fail(&problem, code,
		   &(struct pcipt_error_facts){ .address = device ? device->address : NULL,
						.path = path,
						.errnum = errnum },
		   "%s: %s %s%s%s", subject, attribute ? attribute : "the device", what,
		   errnum ? ": " : "", errnum ? pcipt_errno_text(errnum) : "");
	snap->problems[snap->n_problems++] = problem;
}

bool pcipt_device_print_path(const struct pcipt_device *device, const char *name, char *buf,
			     size_t size)
{
	size_t n = strlen(device->address), m = strlen(name);

	if (n + m + 2 > size)
		return false;
	/* By hand: this is done for every attribute of every device. */
	memcpy(buf, device->address, n);
	buf[n] = '/';
	memcpy(buf + n + 1, name, m + 1);
	return true;
}

ssize_t pcipt_device_read(const struct pcipt_device *device, const char *attribute, char *buf,
			  size_t size)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];

	if (!pcipt_device_print_path(device, attribute, path, sizeof(path)))
		return -ENAMETOOLONG;
	return k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, buf, size);
}

ssize_t pcipt_device_read_link(const struct pcipt_device *device, const char *name, char *buf,
			       size_t size)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];

	if (!pcipt_device_print_path(device, name, path, sizeof(path)))
		return -ENAMETOOLONG;
	return k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, buf, size);
}

struct pcipt_device *pcipt_snapshot_at(const struct pcipt_snapshot *snap,
				       struct pcipt_address address)
{
	uint64_t key = pcipt_address_key(address);
	size_t low = 0, high = snap->n_devices;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint64_t there = pcipt_address_key(snap->devices[mid].at);

		if (there == key)
			return &snap->devices[mid];
		if (there < key)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int make_empty(struct pcipt_context *ctx, struct pcipt_snapshot **out,
		      struct pcipt_error **error)
{
	struct pcipt_snapshot *snap;
	struct pcipt_kernel *kernel;
	int r = pcipt_kernel_get(ctx, &kernel, error);

	if (r < 0)
		return r;
	snap = calloc(1, sizeof(*snap));
	if (!snap)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&snap->refs);
	pthread_mutex_init(&snap->lock, NULL);
	snap->ctx = pcipt_context_ref(ctx);
	snap->kernel = pcipt_kernel_ref(kernel);
	*out = snap;
	return 0;
}

int pcipt_snapshot_new(struct pcipt_context *ctx, struct pcipt_snapshot **out,
		       struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	int r;

	if (!ctx || !out)
		return pcipt_fail_argument(error, __func__, "no context or no place for the snapshot");
	r = make_empty(ctx, &snap, error);
	if (r == 0)
		r = pcipt_scan_all(snap, error);
	if (r < 0)
		return r;
	*out = steal(&snap);
	return 0;
}

static int new_of_some(struct pcipt_context *ctx, const char *const *addresses, size_t n,
		       bool groups_only, struct pcipt_snapshot **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	_cleanup_free_ struct pcipt_address *at = calloc(n + 1, sizeof(*at));
	int r = 0;

	if (!ctx || !out || (n > 0 && !addresses))
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	if (!at)
		return pcipt_fail_memory(error);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = addresses[i] ? pcipt_address_parse(addresses[i], &at[i], error) :
				   pcipt_fail_argument(error, __func__, "an address is NULL");
	if (r == 0)
		r = make_empty(ctx, &snap, error);
	if (r == 0)
		r = pcipt_scan_scoped(snap, at, n, groups_only, error);
	if (r < 0)
		return r;
	*out = steal(&snap);
	return 0;
}

int pcipt_snapshot_new_scoped(struct pcipt_context *ctx, const char *const *addresses, size_t n,
			      struct pcipt_snapshot **out, struct pcipt_error **error)
{
	return new_of_some(ctx, addresses, n, false, out, error);
}

int pcipt_snapshot_new_of_groups(struct pcipt_context *ctx, const char *const *addresses, size_t n,
				 struct pcipt_snapshot **out, struct pcipt_error **error)
{
	return new_of_some(ctx, addresses, n, true, out, error);
}

size_t pcipt_snapshot_device_count(const struct pcipt_snapshot *snap)
{
	return snap ? snap->n_devices : 0;
}

struct pcipt_device *pcipt_snapshot_device_at(const struct pcipt_snapshot *snap, size_t i)
{
	return snap && i < snap->n_devices ? &snap->devices[i] : NULL;
}

size_t pcipt_snapshot_group_count(const struct pcipt_snapshot *snap)
{
	return snap ? snap->n_groups : 0;
}

struct pcipt_group *pcipt_snapshot_group_at(const struct pcipt_snapshot *snap, size_t i)
{
	return snap && i < snap->n_groups ? &snap->groups[i] : NULL;
}

size_t pcipt_snapshot_problem_count(const struct pcipt_snapshot *snap)
{
	pthread_mutex_t *lock;
	size_t n;

	if (!snap)
		return 0;
	lock = (pthread_mutex_t *)&snap->lock;
	pthread_mutex_lock(lock);
	n = snap->n_problems;
	pthread_mutex_unlock(lock);
	return n;
}

const struct pcipt_error *pcipt_snapshot_problem_at(const struct pcipt_snapshot *snap, size_t i)
{
	const struct pcipt_error *problem;
	pthread_mutex_t *lock;

	if (!snap)
		return NULL;
	lock = (pthread_mutex_t *)&snap->lock;
	pthread_mutex_lock(lock);
	problem = i < snap->n_problems ? snap->problems[i] : NULL;
	pthread_mutex_unlock(lock);
	return problem;
}
