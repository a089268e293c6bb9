/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel modules through libkmod, the only file that knows it. */
#include <errno.h>
#include <libkmod.h>
#include <stdarg.h>
#include <sys/utsname.h>

#include "kernel/real.h"

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
		   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static void kmod_unrefp(struct kmod_ctx **kmod)
{
	kmod_unref(*kmod);
}

static void module_list_unrefp(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

/* The modules of the running kernel, which may lie below another root (a container's /host). */
static struct kmod_ctx *open_kmod(struct real_kernel *real)
{
	_cleanup_free_ char *folder = NULL;
	struct kmod_ctx *kmod;
	struct utsname name;

	if (uname(&name) < 0)
		return NULL;
	folder = pcipt_format("%s/lib/modules/%s", real->at_slash ? "" : real->root, name.release);
	kmod = folder ? kmod_new(folder, NULL) : NULL;
	/* Its own log goes to stderr, which belongs to the program. */
	if (kmod)
		kmod_set_log_fn(kmod, no_log, NULL);
	return kmod;
}

/* A driver that is registered needs no module, however it came there. */
static bool driver_is_registered(struct pcipt_kernel *k, const char *name)
{
	return k->ops->exists(k, PCIPT_AT_PCI_DRIVERS, name) == 1;
}

int pcipt_real_module_state(struct pcipt_kernel *k, const char *name)
{
	_cleanup_(module_list_unrefp) struct kmod_list *list = NULL;
	_cleanup_(kmod_unrefp) struct kmod_ctx *kmod = NULL;

	if (driver_is_registered(k, name))
		return PCIPT_MODULE_READY;
	/* The running kernel's modules say nothing about a recorded tree. */
	if (!real_kernel(k)->real)
		return PCIPT_MODULE_ABSENT;
	kmod = open_kmod(real_kernel(k));
	if (!kmod)
		return -ENOMEM;
	if (kmod_module_new_from_lookup(kmod, name, &list) < 0 || !list)
		return PCIPT_MODULE_ABSENT;
	return PCIPT_MODULE_LOADABLE;
}

int pcipt_real_module_load(struct pcipt_kernel *k, const char *name)
{
	_cleanup_(module_list_unrefp) struct kmod_list *list = NULL;
	_cleanup_(kmod_unrefp) struct kmod_ctx *kmod = NULL;
	struct kmod_list *item;
	int r;

	if (!real_kernel(k)->real)
		return -EPERM;
	kmod = open_kmod(real_kernel(k));
	if (!kmod)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(kmod, name, &list);
	if (r < 0)
		return r;
	if (!list)
		return -ENOENT;
	kmod_list_foreach(item, list) {
		struct kmod_module *module = kmod_module_get_module(item);

		r = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_LOADED, NULL, NULL,
						    NULL, NULL);
		kmod_module_unref(module);
		if (r < 0)
			return r;
	}
	return driver_is_registered(k, name) ? 0 : -ENOENT;
}
