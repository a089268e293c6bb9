/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes through the seam's helper: a new one for each write, since any may stay out. */
#include <errno.h>

#include "run.h"

/*
 * A write that hasn't returned by then stays out. Where nobody holds a device all return,
 * if not at once: igb takes seconds to end its VFs.
 */
#define OUT_AFTER_MS 1500
#define ALWAYS_MS 60000

static char *run_job(struct run *run, struct pcipt_job *job, double ms)
{
	struct pcipt_kernel *k = run->k;
	struct pcipt_wait wait = { .deadline = k->ops->now(k) + ms, .cancel_fd = -1 };
	struct pcipt_writer *writer;
	int r = k->ops->writer_start(k, 1, NULL, 0, &writer);

	if (r < 0)
		return words("no helper: %zd", (ssize_t)r);
	k->ops->writer_run(writer, job, 1, &wait);
	if (job->result == -EINPROGRESS && run->n_out < MAX_OUT)
		run->out[run->n_out++] = writer;
	else
		k->ops->writer_end(writer);
	return result_word(job->result);
}

char *do_write(struct run *run, const char *text, const char *value_text)
{
	char path[MAX_PATH], whole[MAX_PATH + 8];
	struct pcipt_job job = { .kind = PCIPT_JOB_WRITE, .path = whole };
	char *value = value_of(run, value_text), *result;

	resolve(run, text, path, sizeof(path));
	snprintf(whole, sizeof(whole), "/sys/%s", path);
	job.value = value;
	result = run_job(run, &job, run->n_held ? OUT_AFTER_MS : ALWAYS_MS);
	free(value);
	return result;
}

char *do_load(struct run *run, const char *module)
{
	struct pcipt_job job = { .kind = PCIPT_JOB_LOAD, .value = module };

	return run_job(run, &job, ALWAYS_MS);
}

char *let_go(struct run *run, const char *address)
{
	struct pcipt_kernel *k = run->k;
	size_t n_out = 0;
	double ms;

	drop_device(run, address);
	run->n_held -= run->n_held > 0;
	ms = run->n_held ? OUT_AFTER_MS : ALWAYS_MS;
	for (size_t i = 0; i < run->n_out; i++) {
		if (k->ops->writer_busy(run->out[i], 0, k->ops->now(k) + ms))
			run->out[n_out++] = run->out[i];
		else
			k->ops->writer_end(run->out[i]);
	}
	run->n_out = n_out;
	return words("%zu writes are out", n_out);
}
