/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Having steps done by the helper: those of one device in order, devices side by side. */
#include <errno.h>

#include "transaction/transaction.h"

/* The lane of what belongs to no device: loading a module. */
static size_t lane_of(const struct pcipt_transaction *t, const struct pcipt_step *step)
{
	return step->device == PCIPT_NO_STEP_DEVICE ? t->plan->n_devices : step->device;
}

static const char *address_of(const struct pcipt_transaction *t, const struct pcipt_step *step)
{
	return step->device == PCIPT_NO_STEP_DEVICE ? NULL : t->plan->devices[step->device].address;
}

struct telling {
	const struct pcipt_transaction *t;
	const struct pcipt_done *done;
	const struct pcipt_job *jobs;
};

static void tell(void *data, const struct pcipt_job *job)
{
	const struct telling *telling = data;
	const struct pcipt_step *step = telling->done[job - telling->jobs].step;
	const struct pcipt_options *options = telling->t->options;

	options->progress(options->progress_data, step->op, address_of(telling->t, step),
			  job->result == -EINPROGRESS ? PCIPT_PROGRESS_BEGUN :
			  job->result < 0	      ? PCIPT_PROGRESS_FAILED :
							PCIPT_PROGRESS_DONE);
}

/* What came of a write isn't always what the write said. */
static ssize_t excuse(struct pcipt_transaction *t, const struct pcipt_step *step, ssize_t r)
{
	const char *address = address_of(t, step);
	char driver[256];

	/* Somebody was quicker, and with the same driver: that is what was wanted. */
	if (step->op == PCIPT_OP_BIND && r == -EBUSY &&
	    pcipt_has_driver(t->kernel, address,
			     pcipt_path_driver(step->path, driver, sizeof(driver))) == 1)
		return 0;
	/* It left its driver by itself meanwhile. */
	if (step->op == PCIPT_OP_UNBIND && r == -ENODEV &&
	    pcipt_has_driver(t->kernel, address, NULL) == 1)
		return 0;
	return r;
}

static void note(struct pcipt_transaction *t, const struct pcipt_step *step, ssize_t r, double ms)
{
	if (r == -ECANCELED) /* never begun */
		return;
	pcipt_result_note_step(t->result, step, address_of(t, step), ms, r < 0 ? (int)-r : 0,
			       t->undoing);
	pcipt_log(t->ctx, r < 0 ? PCIPT_LOG_WARNING : PCIPT_LOG_DEBUG, "%s%s: %s (%.1f ms)",
		  t->undoing ? "undo: " : "", step->shell,
		  r < 0 ? pcipt_errno_name((int)-r) : "done", ms);
}

/* Comparisons write nothing: they are ours, when the writes before them are through. */
static void verify_all(struct pcipt_transaction *t, struct pcipt_done *done, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double begin = t->kernel->ops->now(t->kernel);

		if (done[i].step->op != PCIPT_OP_VERIFY)
			continue;
		done[i].result = -ECANCELED;
		if (t->stuck[lane_of(t, done[i].step)])
			continue;
		done[i].result = pcipt_step_verify(t, done[i].step);
		note(t, done[i].step, done[i].result, t->kernel->ops->now(t->kernel) - begin);
	}
}

static void run_jobs(struct pcipt_transaction *t, struct pcipt_done *done, struct pcipt_job *jobs,
		     size_t n)
{
	const struct pcipt_options *options = t->options;
	struct telling telling = { t, done, jobs };
	struct pcipt_wait wait = {
		.deadline = t->deadline,
		.grace = PCIPT_GRACE_MS,
		.cancel_fd = options && !t->undoing ? options->cancel_fd : -1,
		.tell = options && options->progress ? tell : NULL,
		.data = &telling,
	};

	t->kernel->ops->writer_run(t->writer, jobs, n, &wait);
}

static void note_stuck(struct pcipt_transaction *t, const struct pcipt_job *job,
		       const struct pcipt_step *step)
{
	char driver[256];

	if (job->result != -EINPROGRESS || t->stuck[job->lane])
		return;
	t->stuck[job->lane] =
		step->op == PCIPT_OP_UNBIND &&
				pcipt_streq(pcipt_path_driver(step->path, driver, sizeof(driver)),
					    t->plan->driver) ?
			PCIPT_OUT_IN_USE :
			PCIPT_OUT_WRITE;
}

void pcipt_transaction_steps(struct pcipt_transaction *t, struct pcipt_done *done, size_t n)
{
	_cleanup_free_ struct pcipt_job *jobs = calloc(n + 1, sizeof(*jobs));
	_cleanup_free_ struct pcipt_done *written = calloc(n + 1, sizeof(*written));
	size_t n_jobs = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pcipt_step *step = done[i].step;

		done[i].result = -ENOMEM;
		if (!jobs || !written || step->op == PCIPT_OP_VERIFY)
			continue;
		written[n_jobs].step = step;
		jobs[n_jobs++] = (struct pcipt_job){
			.kind = step->op == PCIPT_OP_LOAD ? PCIPT_JOB_LOAD : PCIPT_JOB_WRITE,
			.lane = lane_of(t, step),
			.path = step->path,
			.value = step->value,
			.driver = done[i].driver };
	}
	if (!jobs || !written)
		return;
	if (n_jobs > 0)
		run_jobs(t, written, jobs, n_jobs);
	for (size_t i = 0, k = 0; i < n; i++) {
		if (done[i].step->op == PCIPT_OP_VERIFY)
			continue;
		done[i].result = excuse(t, done[i].step, jobs[k].result);
		note_stuck(t, &jobs[k], done[i].step);
		note(t, done[i].step, done[i].result, jobs[k++].ms);
	}
	verify_all(t, done, n);
}
