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
	__typeof__(kmod_module_get_path) *kmod_module_get_path;
	__typeof__(kmod_module_get_name) *kmod_module_get_name;
	__typeof__(kmod_module_get_install_commands) *kmod_module_get_install_commands;
	__typeof__(kmod_module_apply_filter) *kmod_module_apply_filter;
	__typeof__(kmod_module_unref) *kmod_module_unref;
	__typeof__(kmod_module_unref_list) *kmod_module_unref_list;
	struct kmod_ctx *kmod;
	struct kmod_list *list;	   /* what was looked up, or NULL */
	struct kmod_list *allowed; /* what of that no blacklist names, or NULL */
};

static void close_modules(struct modules *m)
{
	if (m->list)
		m->kmod_module_unref_list(m->list);
	if (m->allowed)
		m->kmod_module_unref_list(m->allowed);
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
		PCIPT_SYMBOL(m, kmod_module_get_path),
		PCIPT_SYMBOL(m, kmod_module_get_name),
		PCIPT_SYMBOL(m, kmod_module_get_install_commands),
		PCIPT_SYMBOL(m, kmod_module_apply_filter),
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

struct needs {
	const struct modules *modules;
	pcipt_need_fn fn;
	void *data;
	int result;
};

/* libkmod's callback of a dry run has no argument of ours. */
static _Thread_local struct needs *asking;

/* "$CMDLINE_OPTS" in an "install" line of modprobe.d stands for the module's options. */
static char *fill_in_options(const char *command, const char *options)
{
	static const char word[] = "$CMDLINE_OPTS";
	const char *at = strstr(command, word);

	return at ? pcipt_format("%.*s%s%s", (int)(at - command), command, options,
				 at + sizeof(word) - 1) :
		    strdup(command);
}

/* Called for each module that would be loaded, dependencies and soft ones included, in order. */
static void need(struct kmod_module *module, bool install, const char *options)
{
	const struct modules *m = asking->modules;
	const char *path = m->kmod_module_get_path(module);
	_cleanup_free_ char *command = NULL;

	if (asking->result < 0)
		return;
	if (install)
		command = fill_in_options(m->kmod_module_get_install_commands(module), options);
	asking->result = install && !command ?
				 -ENOMEM :
				 asking->fn(asking->data, path ? path : m->kmod_module_get_name(module),
					    command, options);
}

/* Finding out what has to be loaded reads files only; loading itself can block for ever. */
int pcipt_real_module_needs(struct real_kernel *real, const char *name, pcipt_need_fn fn,
			    void *data)
{
	_cleanup_(close_modules) struct modules m = { 0 };
	struct needs needs = { &m, fn, data, 0 };
	int r;

	if (!real->real)
		return -EPERM;
	r = look_up(real, name, &m);
	if (r < 0 || !m.list)
		return r < 0 ? r : -ENOENT;
	r = m.kmod_module_apply_filter(m.kmod, KMOD_FILTER_BLACKLIST, m.list, &m.allowed);
	if (r < 0 || !m.allowed)
		return r < 0 ? r : -EKEYREJECTED;
	asking = &needs;
	for (struct kmod_list *item = m.allowed; item; item = m.kmod_list_next(m.allowed, item)) {
		struct kmod_module *module = m.kmod_module_get_module(item);

		r = m.kmod_module_probe_insert_module(module, KMOD_PROBE_DRY_RUN, NULL, NULL, NULL,
						      need);
		m.kmod_module_unref(module);
		if (r < 0 && needs.result == 0)
			needs.result = r;
	}
	asking = NULL;
	return needs.result;
}

int pcipt_real_module_loaded(struct real_kernel *real, const char *name)
{
	return driver_is_registered(&real->base, name) ? 0 : -ENOENT;
}
