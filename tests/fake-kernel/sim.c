/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel's own life: contexts, faults, the log. */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "model.h"

static bool sim_is_real(struct pcipt_kernel *k)
{
	return sim_of(k)->real;
}

static int sim_module_state(struct pcipt_kernel *k, const char *name)
{
	struct sim_driver *driver = sim_find_driver(sim_of(k), name);
	char *text = pcipt_format("module-state %s", name);
	struct sim_verdict verdict = sim_next(sim_of(k), SIM_MODULE_STATE, text);

	sim_note(sim_of(k), text, verdict.answer);
	free(text);
	if (verdict.answer)
		return verdict.answer;
	return !driver		  ? PCIPT_MODULE_ABSENT :
	       driver->registered ? PCIPT_MODULE_READY :
				    PCIPT_MODULE_LOADABLE;
}

int sim_module_load(struct pcipt_kernel *k, const char *name)
{
	char *text = pcipt_format("module-load %s", name);
	struct sim_verdict verdict = sim_next(sim_of(k), SIM_MODULE_LOAD, text);
	int r = verdict.happens ? sim_load(sim_of(k), name) : 0;

	r = verdict.answer ? verdict.answer : r;
	sim_note(sim_of(k), text, r);
	free(text);
	return r;
}

static void sim_destroy(struct pcipt_kernel *k)
{
	struct sim *sim = sim_of(k);

	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i])
			sim_device_free(sim->devices[i]);
	for (size_t i = 0; i < sim->n_unplugged; i++)
		sim_device_free(sim->unplugged[i]);
	for (size_t i = 0; i < sim->n_drivers; i++)
		free(sim->drivers[i].name), free(sim->drivers[i].module);
	for (size_t i = 0; i < sim->n_records; i++) {
		free(sim->records[i].folder);
		free(sim->records[i].name);
		free(sim->records[i].text);
	}
	for (size_t i = 0; i < sim->n_out; i++) {
		free(sim->out[i].path);
		free(sim->out[i].value);
	}
	for (size_t i = 0; i < sim->n_nodes; i++) {
		free(sim->nodes[i].subsystem);
		free(sim->nodes[i].name);
		free(sim->nodes[i].numbers);
	}
	for (size_t i = 0; i < sim->n_files; i++) {
		free(sim->files[i].path);
		free(sim->files[i].text);
	}
	sim_log_clear(sim);
	free(sim->log);
	for (size_t i = 0; i < SIM_MAX_COVERED; i++)
		free(sim->covered[i]);
	free(sim);
}

static const struct pcipt_kernel_ops ops = {
	.read = sim_read,
	.read_bytes = sim_read_bytes,
	.read_link = sim_read_link,
	.list = sim_list,
	.list_folders = sim_list, /* its devices have none */
	.exists = sim_exists,
	.may_write = sim_may_write,
	.read_guarded = sim_read_guarded,
	.find_holders = sim_find_holders,
	.is_real = sim_is_real,
	.module_state = sim_module_state,
	.writer_start = sim_writer_start,
	.writer_run = sim_writer_run,
	.writer_busy = sim_writer_busy,
	.writer_end = sim_writer_end,
	.lock = sim_lock,
	.unlock = sim_unlock,
	.now = sim_now,
	.wait = sim_wait,
	.record_write = sim_record_write,
	.record_read = sim_record_read,
	.record_remove = sim_record_remove,
	.record_each = sim_record_each,
	.watch = sim_watch,
	.destroy = sim_destroy,
};

struct sim *sim_new(void)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		abort();
	pcipt_refs_init(&sim->base.refs);
	sim->base.ops = &ops;
	sim->real = true;
	return sim;
}

void sim_free(struct sim *sim)
{
	pcipt_kernel_unref(&sim->base);
}

struct pcipt_context *sim_context(struct sim *sim)
{
	struct pcipt_context *ctx = NULL;

	if (pcipt_context_new(&ctx, NULL) < 0)
		abort();
	pcipt_kernel_put(ctx, pcipt_kernel_ref(&sim->base));
	return ctx;
}

void sim_set_real(struct sim *sim, bool real)
{
	sim->real = real;
}

void sim_set_may_write(struct sim *sim, int errnum)
{
	sim->may_write = -errnum;
}

void sim_set_override_takes_lock(struct sim *sim, bool yes)
{
	sim->override_takes_lock = yes;
}

bool sim_is_covered(const struct sim *sim, const char *path)
{
	for (size_t i = 0; i < SIM_MAX_COVERED; i++)
		if (pcipt_streq(sim->covered[i], path))
			return true;
	return false;
}

void sim_cover(struct sim *sim, const char *path, bool yes)
{
	size_t i = 0;

	while (!pcipt_streq(sim->covered[i], yes ? NULL : path))
		if (++i == SIM_MAX_COVERED)
			abort();
	sim_replace(&sim->covered[i], yes ? path : NULL);
}

/* ---- faults ---- */

void sim_fail(struct sim *sim, const struct sim_fault *fault)
{
	if (sim->n_faults == SIM_MAX_FAULTS)
		abort();
	sim->faults[sim->n_faults++] = (struct sim_armed){ .fault = *fault };
}

void sim_mend(struct sim *sim)
{
	sim->n_faults = 0;
	sim->hook = NULL;
}

void sim_hook(struct sim *sim, unsigned int hook_ops,
	      void (*fn)(struct sim *sim, void *data, unsigned int number), void *data)
{
	sim->hook_ops = hook_ops;
	sim->hook_seen = 0;
	sim->hook = fn;
	sim->hook_data = data;
}

static bool is_hit(struct sim_armed *armed, unsigned int op, const char *text)
{
	const struct sim_fault *fault = &armed->fault;

	if (!(fault->ops & op) || (fault->contains && !strstr(text, fault->contains)))
		return false;
	armed->seen++;
	return armed->seen >= fault->first && (fault->last == 0 || armed->seen <= fault->last);
}

struct sim_verdict sim_next(struct sim *sim, unsigned int op, const char *text)
{
	struct sim_verdict verdict = { .happens = true };

	if (sim->hook && (sim->hook_ops & op))
		sim->hook(sim, sim->hook_data, ++sim->hook_seen);
	for (size_t i = 0; i < sim->n_faults; i++) {
		if (!is_hit(&sim->faults[i], op, text) || !verdict.happens || verdict.answer)
			continue;
		verdict.happens = sim->faults[i].fault.how == SIM_FAILS_LATE;
		verdict.answer =
			sim->faults[i].fault.how == SIM_LIES ? 0 : -sim->faults[i].fault.errnum;
	}
	return verdict;
}

/* ---- the log ---- */

void sim_note(struct sim *sim, const char *text, int result)
{
	if (!pcipt_grow(&sim->log, sim->n_log))
		abort();
	sim->log[sim->n_log++] = result < 0 ? pcipt_format("%s = %s", text,
							   pcipt_errno_name(-result)) :
					      strdup(text);
}

size_t sim_log_count(const struct sim *sim)
{
	return sim->n_log;
}

const char *sim_log_at(const struct sim *sim, size_t i)
{
	return i < sim->n_log ? sim->log[i] : NULL;
}

void sim_log_clear(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_log; i++)
		free(sim->log[i]);
	sim->n_log = 0;
}

size_t sim_log_find(const struct sim *sim, size_t from, const char *begin)
{
	for (size_t i = from; i < sim->n_log; i++)
		if (strncmp(sim->log[i], begin, strlen(begin)) == 0)
			return i;
	return SIZE_MAX;
}

size_t sim_log_matches(const struct sim *sim, const char *begin)
{
	size_t n = 0;

	for (size_t i = 0; i < sim->n_log; i++)
		n += strncmp(sim->log[i], begin, strlen(begin)) == 0;
	return n;
}
