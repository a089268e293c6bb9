/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel modules through libkmod, the only file that knows it; opened when it is needed. */
#include <errno.h>
#include <libkmod.h>
#include <stdarg.h>
#include <sys/utsname.h>

#include "kernel/library.h"
#include "kernel/real.h"

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
		   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

/* libkmod, open: its calls, and the modules of the running kernel. */
struct modules {
	__typeof__(kmod_new) *kmod_new;
	__typeof__(kmod_unref) *kmod_unref;
	__typeof__(kmod_set_log_fn) *kmod_set_log_fn;
	__typeof__(kmod_list_next) *kmod_list_next;
	__typeof__(kmod_module_new_from_lookup) *kmod_module_new_from_lookup;
	__typeof__(kmod_module_get_module) *kmod_module_get_module;
	__typeof__(kmod_module_probe_insert_module) *kmod_module_probe_insert_module;
	__typeof__(kmod_module_unref) *kmod_module_unref;
	__typeof__(kmod_module_unref_list) *kmod_module_unref_list;
	struct kmod_ctx *kmod;
	struct kmod_list *list; /* what was looked up, or NULL */
};

static void close_modules(struct modules *m)
{
	if (m->list)
		m->kmod_module_unref_list(m->list);
	if (m->kmod)
		m->kmod_unref(m->kmod);
}

static bool open_library(struct modules *m)
{
	const struct pcipt_symbol symbols[] = {
		PCIPT_SYMBOL(m, kmod_new),
		PCIPT_SYMBOL(m, kmod_unref),
		PCIPT_SYMBOL(m, kmod_set_log_fn),
		PCIPT_SYMBOL(m, kmod_list_next),
		PCIPT_SYMBOL(m, kmod_module_new_from_lookup),
		PCIPT_SYMBOL(m, kmod_module_get_module),
		PCIPT_SYMBOL(m, kmod_module_probe_insert_module),
		PCIPT_SYMBOL(m, kmod_module_unref),
		PCIPT_SYMBOL(m, kmod_module_unref_list),
	};

	return pcipt_library_open("libkmod.so.2", symbols, ARRAY_SIZE(symbols));
}

/* The modules of the running kernel, which may lie below another root (a container's /host). */
static int open_modules(struct real_kernel *real, struct modules *m)
{
	_cleanup_free_ char *folder = NULL;
	struct utsname name;

	if (!open_library(m))
		return -ELIBACC;
	if (uname(&name) < 0)
		return -errno;
	folder = pcipt_format("%s/lib/modules/%s", real->at_slash ? "" : real->root, name.release);
	m->kmod = folder ? m->kmod_new(folder, NULL) : NULL;
	if (!m->kmod)
		return -ENOMEM;
	/* Its own log goes to stderr, which belongs to the program. */
	m->kmod_set_log_fn(m->kmod, no_log, NULL);
	return 0;
}

/* Finds the module, or those that an alias stands for: m->list, which may be empty. */
static int look_up(struct real_kernel *real, const char *name, struct modules *m)
{
	int r = open_modules(real, m);

	return r < 0 ? r : m->kmod_module_new_from_lookup(m->kmod, name, &m->list);
}

/* A driver that is registered needs no module, however it came there. */
static bool driver_is_registered(struct pcipt_kernel *k, const char *name)
{
	return k->ops->exists(k, PCIPT_AT_PCI_DRIVERS, name) == 1;
}

int pcipt_real_module_state(struct pcipt_kernel *k, const char *name)
{
	_cleanup_(close_modules) struct modules m = { 0 };
	int r;

	if (driver_is_registered(k, name))
		return PCIPT_MODULE_READY;
	/* The running kernel's modules say nothing about a recorded tree. */
	if (!real_kernel(k)->real)
		return PCIPT_MODULE_ABSENT;
	r = look_up(real_kernel(k), name, &m);
	if (r == -ELIBACC || r == -ENOMEM)
		return r;
	return r < 0 || !m.list ? PCIPT_MODULE_ABSENT : PCIPT_MODULE_LOADABLE;
}

int pcipt_real_module_load(struct pcipt_kernel *k, const char *name)
{
	_cleanup_(close_modules) struct modules m = { 0 };
	int r;

	if (!real_kernel(k)->real)
		return -EPERM;
	r = look_up(real_kernel(k), name, &m);
	if (r < 0)
		return r;
	if (!m.list)
		return -ENOENT;
	for (struct kmod_list *item = m.list; item; item = m.kmod_list_next(m.list, item)) {
		struct kmod_module *module = m.kmod_module_get_module(item);

		r = m.kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_LOADED, NULL, NULL,
						      NULL, NULL);
		m.kmod_module_unref(module);
		if (r < 0)
			return r;
	}
	return driver_is_registered(k, name) ? 0 : -ENOENT;
}
