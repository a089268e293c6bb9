/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transaction from begin to end: checked, locked, compared with what is there, run by
 * one helper, told. Everything between begin and end is under the locks.
 */
#include <errno.h>

#include "transaction/transaction.h"

double pcipt_transaction_deadline(struct pcipt_context *ctx, struct pcipt_kernel *k,
				  const struct pcipt_options *options)
{
	return k->ops->now(k) +
	       (options && options->timeout_ms ? options->timeout_ms : ctx->timeout_ms);
}

static int fail_helper(int r, struct pcipt_error **error)
{
	return r == -ENOMEM ?
		       pcipt_fail_memory(error) :
		       pcipt_fail(error, PCIPT_E_IO,
				  &(struct pcipt_error_facts){
					  .step = "helper",
					  .errnum = -r,
					  .remedy = "Look at the limits on processes and open files, "
						    "and at seccomp filters" },
				  "the process that makes the writes can't be started: %s",
				  pcipt_errno_text(-r));
}

/* One lane for each device, and one for modules. */
static int start_helper(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ int *locks = calloc(t->n_held + 1, sizeof(*locks));
	int r;

	t->stuck = calloc(t->plan->n_devices + 1, sizeof(*t->stuck));
	if (!locks || !t->stuck)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->n_held; i++)
		locks[i] = t->held[i].lock;
	r = t->kernel->ops->writer_start(t->kernel, t->plan->n_devices + 1, locks, t->n_held,
					 &t->writer);
	return r < 0 ? fail_helper(r, error) : 0;
}

int pcipt_transaction_begin(struct pcipt_transaction *t, struct pcipt_context *ctx,
			    struct pcipt_plan *plan, const struct pcipt_options *options,
			    struct pcipt_error **error)
{
	int r;

	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	t->options = options;
	r = pcipt_kernel_get(ctx, &t->kernel, error);
	if (r < 0)
		return r;
	t->plan = pcipt_plan_ref(plan);
	t->deadline = pcipt_transaction_deadline(ctx, t->kernel, options);
	t->timeout = t->deadline - t->kernel->ops->now(t->kernel);
	t->result = pcipt_result_new(PCIPT_OUTCOME_FAILED);
	if (!t->result)
		return pcipt_fail_memory(error);
	r = pcipt_transaction_check_plan(ctx, plan, error);
	if (r == 0)
		r = pcipt_transaction_lock(t, error);
	if (r == 0)
		r = start_helper(t, error);
	if (r == 0)
		r = pcipt_transaction_revalidate(t, error);
	return r;
}

int pcipt_transaction_run(struct pcipt_transaction *t, struct pcipt_error **error)
{
	int r;

	t->result->outcome = PCIPT_OUTCOME_DONE;
	r = t->plan->kind == PCIPT_PLAN_BIND ? pcipt_transaction_bind(t, error) :
					       pcipt_transaction_release(t, error);
	if (r == 0 && t->result->n_steps == 0)
		t->result->outcome = PCIPT_OUTCOME_UNCHANGED;
	return r;
}

/* The machine as it is now, through the same eyes as everybody's. */
static void note_devices(struct pcipt_transaction *t)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;

	pcipt_transaction_snapshot(t, &snap, NULL);
	for (size_t i = 0; i < t->plan->n_devices; i++) {
		const struct pcipt_plan_device *device = &t->plan->devices[i];
		struct pcipt_device *now = snap ? pcipt_snapshot_at(snap, device->at) : NULL;

		pcipt_result_note_device(t->result, device->address, device->seen.driver,
					 pcipt_device_get_driver(now),
					 pcipt_device_get_vfio_device(now));
	}
}

void pcipt_transaction_end(struct pcipt_transaction *t)
{
	bool left = t->writer && t->kernel->ops->writer_end(t->writer);

	if (t->result)
		note_devices(t);
	pcipt_transaction_unlock(t, left);
	t->writer = NULL;
	free(t->stuck);
	t->stuck = NULL;
	pcipt_result_unref(t->result);
	t->result = NULL;
	t->plan = pcipt_plan_unref(t->plan);
}

int pcipt_apply(struct pcipt_context *ctx, struct pcipt_plan *plan,
		const struct pcipt_options *options, struct pcipt_result **result,
		struct pcipt_error **error)
{
	struct pcipt_transaction t;
	int r;

	if (!ctx || !plan)
		return pcipt_fail_argument(error, __func__, "no context or no plan");
	r = pcipt_transaction_begin(&t, ctx, plan, options, error);
	if (r == 0)
		r = pcipt_transaction_run(&t, error);
	if (result && t.result)
		*result = pcipt_result_ref(t.result);
	pcipt_transaction_end(&t);
	return r;
}
