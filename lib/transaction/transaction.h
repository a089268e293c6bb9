/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the transaction share. */
#ifndef PCIPT_TRANSACTION_TRANSACTION_H
#define PCIPT_TRANSACTION_TRANSACTION_H

#include <libpcipt/transaction.h>

#include "safety/plan.h"

struct pcipt_result_step {
	int op;
	char *address, *path, *value, *shell;
	double ms;
	int errnum;
	bool undo;
};

struct pcipt_result_device {
	char *address, *driver_before, *driver_after, *vfio_device;
};

struct pcipt_result {
	struct pcipt_refs refs;
	int outcome;
	struct pcipt_result_device *devices;
	size_t n_devices;
	struct pcipt_result_step *steps;
	size_t n_steps;
	struct pcipt_error **warnings;
	size_t n_warnings;
};

/* result.c. What can't be noted for want of memory is left out: the work goes on. */
struct pcipt_result *pcipt_result_new(int outcome);
void pcipt_result_note_step(struct pcipt_result *result, const struct pcipt_step *step,
			    const char *address, double ms, int errnum, bool undo);
void pcipt_result_note_device(struct pcipt_result *result, const char *address,
			      const char *before, const char *after, const char *vfio_device);
/* Takes the warning over. */
void pcipt_result_note_warning(struct pcipt_result *result, struct pcipt_error *warning);

/* One transaction while it runs. */
struct pcipt_transaction {
	struct pcipt_context *ctx;
	struct pcipt_kernel *kernel;
	const struct pcipt_plan *plan;
	struct pcipt_result *result;
};

/* state.c: what a device is at this moment, asked of the kernel. */
int pcipt_state_read(struct pcipt_kernel *kernel, const char *address,
		     struct pcipt_device_state *state, struct pcipt_error **error);
/* Whether a device is what it was; what was not known before isn't compared. */
bool pcipt_state_is_back(const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before);
/* "snd_hda_intel, override none, power auto", for messages; a new string or NULL. */
char *pcipt_state_text(const struct pcipt_device_state *state);

/* steps.c: carries one step out and notes it. */
int pcipt_transaction_step(struct pcipt_transaction *t, const struct pcipt_step *step, bool undo,
			   struct pcipt_error **error);

/*
 * undo.c: leads the i-th device back to what it was before; 0 when it is there
 * (or gone), else why it is not.
 */
int pcipt_transaction_restore(struct pcipt_transaction *t, size_t i, bool undo,
			      struct pcipt_error **error);

/* Whether this process could carry a plan out at all: NOT_REAL, PERMISSION. */
int pcipt_transaction_check(struct pcipt_context *ctx, const char *const *addresses, size_t n,
			    struct pcipt_error **error);

PCIPT_DEFINE_CLEANUP(struct pcipt_result, pcipt_result_unref)

#endif
