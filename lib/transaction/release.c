/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A release, which only goes forward: a device that its driver refuses stays without one,
 * with a warning. One that is still on the claim's driver, or whose state can't be read,
 * isn't given back: that is an error, and the claim stays.
 */
#include <errno.h>

#include "transaction/transaction.h"

static void warn(struct pcipt_transaction *t, const char *what, const char *address,
		 struct pcipt_error *why)
{
	struct pcipt_error *warning = NULL;

	pcipt_fail(&warning, PCIPT_E_ROLLBACK_INCOMPLETE,
		   &(struct pcipt_error_facts){ .step = pcipt_error_get_step(why),
						.address = address,
						.path = pcipt_error_get_path(why),
						.errnum = pcipt_error_get_errno(why),
						.remedy = pcipt_error_get_remedy(why) },
		   "%s: %s", what, pcipt_error_get_message(why));
	pcipt_error_add_cause(warning, why);
	pcipt_result_note_warning(t->result, warning);
}

/* Whether the device still is what the claim took, and as the claim could have left it. */
static void check_ours(struct pcipt_transaction *t, struct pcipt_reading *reading)
{
	const struct pcipt_plan_device *device = &t->plan->devices[reading->device];
	const char *driver = reading->state.driver, *override = reading->state.override;

	if (reading->error || pcipt_transaction_compare_ids(t, device, &reading->error) < 0)
		return;
	/* Back already, or never come to: there is nothing to do, and nothing to say. */
	if (pcipt_state_is_back(&reading->state, &device->before) ||
	    pcipt_plan_may_restore(t->plan, device, &reading->state))
		return;
	pcipt_fail(&reading->error, PCIPT_E_STALE,
		   &(struct pcipt_error_facts){ .step = "release", .address = device->address },
		   "%s is on %s, its driver_override %s, by somebody else's doing: it was left alone",
		   device->address, driver ? driver : "no driver", override ? override : "none");
}

/*
 * Whether all was done for the device that a claim can do: it is off the claim's driver,
 * with the override that it had, and what it lacks is what its own driver or its power
 * control refused. Anything else can be tried again as long as there is a claim.
 */
static bool is_given_back(const struct pcipt_transaction *t, const struct pcipt_reading *reading,
			  const struct pcipt_error *error)
{
	const struct pcipt_device_state *before = &t->plan->devices[reading->device].before;
	const char *driver = reading->state.driver, *step = pcipt_error_get_step(error);

	if (!pcipt_is_kernels_answer(-pcipt_error_get_errno(error)) ||
	    !pcipt_streq(reading->state.override, before->override))
		return false;
	if (pcipt_streq(driver, before->driver))
		return pcipt_streq(step, pcipt_op_name(PCIPT_OP_POWER));
	return !pcipt_streq(driver, t->plan->driver) &&
	       (pcipt_streq(step, pcipt_op_name(PCIPT_OP_BIND)) ||
		pcipt_streq(step, pcipt_op_name(PCIPT_OP_VERIFY)));
}

/* Why the first device was given no step for want of time or by wish, or NULL. */
static const struct pcipt_error *unfinished(const struct pcipt_error *error)
{
	int code = pcipt_error_get_code(error);

	if (code == PCIPT_E_STUCK || code == PCIPT_E_CANCELLED || code == PCIPT_E_TIMEOUT)
		return error;
	for (size_t i = 0; i < pcipt_error_cause_count(error); i++) {
		const struct pcipt_error *found = unfinished(pcipt_error_cause_at(error, i));

		if (found)
			return found;
	}
	return NULL;
}

/* Takes the error over, as a warning or as what the release fails with; NULL for the first. */
static struct pcipt_error *settle(struct pcipt_transaction *t, struct pcipt_reading *reading)
{
	struct pcipt_error *error = steal(&reading->error);
	const struct pcipt_error *stopped = unfinished(error);
	int code = pcipt_error_get_code(error);

	if (stopped) {
		struct pcipt_error *kept = pcipt_error_ref((struct pcipt_error *)stopped);

		pcipt_error_unref(error);
		return kept;
	}
	/* Somebody else's by now, or gone: left alone, and said. */
	if (code == PCIPT_E_STALE || code == PCIPT_E_GONE) {
		pcipt_result_note_warning(t->result, error);
		return NULL;
	}
	if (code != PCIPT_E_ROLLBACK_INCOMPLETE || !is_given_back(t, reading, error))
		return error;
	warn(t, "restore-failed", t->plan->devices[reading->device].address, error);
	return NULL;
}

/* The error that tells most stands first: stuck, then the first one. The others are warnings. */
static void keep_worst(struct pcipt_transaction *t, struct pcipt_error **worst,
		       struct pcipt_error *error)
{
	bool graver = *worst && pcipt_error_get_code(error) == PCIPT_E_STUCK &&
		      pcipt_error_get_code(*worst) != PCIPT_E_STUCK;

	if (!*worst || graver) {
		if (*worst)
			pcipt_result_note_warning(t->result, *worst);
		*worst = error;
	} else {
		pcipt_result_note_warning(t->result, error);
	}
}

int pcipt_transaction_release(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_reading *readings =
		calloc(t->plan->n_devices + 1, sizeof(*readings));
	struct pcipt_error *worst = NULL;
	size_t n = 0;

	if (!readings)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->plan->n_devices; i++)
		if (t->plan->devices[i].asked)
			readings[n++].device = i;
	pcipt_states_read(t, readings, n);
	for (size_t i = 0; i < n; i++)
		check_ours(t, &readings[i]);
	pcipt_transaction_restore(t, readings, n);
	for (size_t i = 0; i < n; i++) {
		struct pcipt_error *failed = readings[i].error ? settle(t, &readings[i]) : NULL;

		if (failed)
			keep_worst(t, &worst, failed);
	}
	pcipt_states_clear(readings, n);
	if (!worst)
		return 0;
	t->result->outcome = pcipt_error_get_code(worst) == PCIPT_E_STUCK ? PCIPT_OUTCOME_STUCK :
									  PCIPT_OUTCOME_FAILED;
	return pcipt_error_pass(error, worst);
}
