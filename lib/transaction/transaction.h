/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the transaction share. */
#ifndef PCIPT_TRANSACTION_TRANSACTION_H
#define PCIPT_TRANSACTION_TRANSACTION_H

#include <libpcipt/report.h>
#include <libpcipt/transaction.h>

#include "base/options.h"
#include "safety/plan.h"
#include "usage/nodes.h"

/* Why a record is stuck where its writes aren't at their end: recovery's business. */
#define PCIPT_REASON_WRITE_OUT "write-outstanding"
#define PCIPT_REASON_LOCKED "locked"

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

/* A lock that is held; of the plan's devices in its order, then of what else is concerned. */
struct pcipt_held {
	struct pcipt_address at;
	int lock; /* the kernel's handle, -1 when not taken */
};

/* Whether a device has a write out, and what for. */
enum pcipt_out {
	PCIPT_OUT_NONE,
	PCIPT_OUT_WRITE,
	PCIPT_OUT_IN_USE, /* the plan's driver doesn't let it go: user space has its group */
};

/*
 * One transaction: begun (locked, and compared with what is there), run, ended. In
 * between, its devices are nobody else's, so a claim's record is written there.
 */
struct pcipt_transaction {
	struct pcipt_context *ctx;
	struct pcipt_kernel *kernel;
	struct pcipt_plan *plan; /* a reference; another plan where it had to be made again */
	const struct pcipt_options *options;
	struct pcipt_result *result;
	struct pcipt_held *held;
	size_t n_held;
	struct pcipt_writer *writer;
	/* The machine before the first write of a bind, and its devices' nodes: a driver takes them away. */
	struct pcipt_snapshot *first;
	struct pcipt_nodes nodes;
	struct pcipt_snapshot *after; /* the machine after the last write, where it was looked at */
	uint8_t *stuck;	 /* enum pcipt_out of each device, and behind them of modules */
	double deadline; /* on the kernel's clock; the options' unless set before the begin */
	double lock_deadline; /* the same, for the locks alone */
	double timeout;
	bool checked;  /* that this process may write was asked by who begins it */
	bool waited;   /* for a lock, or for another's work to be finished: what was seen is old */
	bool recovers; /* it leads back what another one left */
	bool undoing; /* which can't be cancelled, and has a deadline of its own */
};

/*
 * apply.c: what begins is empty but for its deadlines. After a begin that failed, too, the
 * transaction must be ended.
 */
int pcipt_transaction_begin(struct pcipt_transaction *t, struct pcipt_context *ctx,
			    struct pcipt_plan *plan, const struct pcipt_options *options,
			    struct pcipt_error **error);
int pcipt_transaction_run(struct pcipt_transaction *t, struct pcipt_error **error);
/* What each device is now goes into the result; then everything is let go. */
void pcipt_transaction_end(struct pcipt_transaction *t);
/* When a call with these options must return. */
double pcipt_transaction_deadline(struct pcipt_context *ctx, struct pcipt_kernel *k,
				  const struct pcipt_options *options);

/* check.c: whether this process could carry a plan out at all: NOT_REAL, PERMISSION. */
int pcipt_transaction_check(struct pcipt_context *ctx, const char *const *addresses, size_t n,
			    struct pcipt_error **error);
int pcipt_transaction_check_plan(struct pcipt_context *ctx, const struct pcipt_plan *plan,
				 struct pcipt_error **error);

/* compare.c: whether all is as the plan saw it; else it is made again, or STALE. */
int pcipt_transaction_revalidate(struct pcipt_transaction *t, struct pcipt_error **error);
/* Whether the card is the one that the plan is for: STALE, GONE, IO. */
int pcipt_transaction_compare_ids(struct pcipt_transaction *t,
				  const struct pcipt_plan_device *device,
				  struct pcipt_error **error);
/* The plan's devices and their groups, as they are now. */
int pcipt_transaction_snapshot(struct pcipt_transaction *t, struct pcipt_snapshot **snap,
			       struct pcipt_error **error);
int pcipt_fail_stale(const struct pcipt_plan_device *device, const char *what, const char *seen,
		     const char *now, struct pcipt_error **error);

/* locks.c: LOCKED, PERMISSION, DAMAGED, CANCELLED, IO. */
int pcipt_transaction_lock(struct pcipt_transaction *t, struct pcipt_error **error);
void pcipt_transaction_unlock(struct pcipt_transaction *t, bool left_behind);

/* from-record.c: what is taken down of a plan's devices: all but names and states. */
int pcipt_record_from_plan(const struct pcipt_plan *plan, struct pcipt_record *record,
			   struct pcipt_error **error);
/* What the plan goes on in spite of: the record says so from then on. */
bool pcipt_record_allow(struct pcipt_record *record, const struct pcipt_plan *plan);
/* A record's devices, and their groups, as they are now. */
int pcipt_record_snapshot(struct pcipt_context *ctx, const struct pcipt_record *record,
			  struct pcipt_snapshot **snap, struct pcipt_error **error);
/*
 * The plan that leads a record's devices back, those that are still what was taken down. Its
 * steps are for whoever wants to see them: a release finds its own, under the locks.
 */
int pcipt_plan_from_record(struct pcipt_snapshot *snap, const struct pcipt_record *record,
			   bool with_steps, struct pcipt_plan **plan, struct pcipt_error **error);
/* Says which of its devices such a plan doesn't know, since they are gone or others. */
void pcipt_warn_left_alone(struct pcipt_snapshot *snap, const struct pcipt_record *record,
			   struct pcipt_result *result);

/*
 * journal.c: the intent of a transaction that no claim's record tells of, in a record of
 * the same form. Kept unless all is done, or undone.
 */
int pcipt_journal_begin(struct pcipt_transaction *t, struct pcipt_record *record,
			struct pcipt_error **error);
/* After a success; a bind whose intent can't be removed is undone, and fails. */
int pcipt_journal_commit(struct pcipt_transaction *t, const struct pcipt_record *record,
			 struct pcipt_error **error);
/* After a failure: it goes when all is before or after; what is half way stays for the next. */
void pcipt_journal_end(struct pcipt_transaction *t, const struct pcipt_record *record);
/*
 * Whether there is an intent for any device of the plan or the set (each may be NULL): 1 or
 * 0, or an error's code.
 */
int pcipt_journal_touches(struct pcipt_context *ctx, const struct pcipt_plan *plan,
			  const struct pcipt_set *set, struct pcipt_error **error);
/* Leads back what was left half way of these devices; with neither plan nor set, all of it. */
int pcipt_journal_recover(struct pcipt_context *ctx, const struct pcipt_plan *plan,
			  const struct pcipt_set *set, const struct pcipt_options *options,
			  double lock_deadline, double deadline, struct pcipt_report *report,
			  struct pcipt_error **error);

/* recover.c: one interrupted record, of either kind, told in the report (or NULL). */
struct pcipt_recovery {
	const struct pcipt_record *record;
	/* Under the locks: is it still there, and as it was? 1 or 0, or an error's code. */
	int (*is_current)(struct pcipt_context *ctx, const struct pcipt_record *record,
			  struct pcipt_error **error);
	/* Under the locks, when its devices are back: the record goes. */
	int (*end)(struct pcipt_context *ctx, const struct pcipt_record *record,
		   struct pcipt_error **error);
	double lock_deadline, deadline;
	/* It goes as well when a bind could not be undone: nobody else could ever end it. */
	bool ends_incomplete;
};

int pcipt_recover_record(struct pcipt_context *ctx, const struct pcipt_recovery *recovery,
			 const struct pcipt_options *options, struct pcipt_report *report,
			 struct pcipt_error **error);

/* report.c */
struct pcipt_report *pcipt_report_new(void);
/* A report's next line; what memory has no room for is left out. */
void pcipt_report_note(struct pcipt_report *report, const char *claim, const char *from,
		       const char *to, const char *reason, const char *message);
/* A line for each record that can't be used. */
void pcipt_report_note_problems(struct pcipt_report *report, const struct pcipt_records *records);
/* The lines of a later look replace those of an earlier one at the same claims. */
void pcipt_report_append(struct pcipt_report *report, const struct pcipt_report *later);

/* state.c: what devices are at this moment; reading some of it can block. */
struct pcipt_reading {
	size_t device; /* index in the plan */
	struct pcipt_device_state state;
	struct pcipt_error *error; /* why it could not be read, or NULL */
};
void pcipt_states_read(struct pcipt_transaction *t, struct pcipt_reading *readings, size_t n);
void pcipt_states_clear(struct pcipt_reading *readings, size_t n);
/* Whether a device is what it was; what was not known before isn't compared. */
bool pcipt_state_is_back(const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before);
/* "snd_hda_intel, override none, power auto", for messages; a new string or NULL. */
char *pcipt_state_text(const struct pcipt_device_state *state);

/*
 * How much longer than its deadline a write may take that had begun before. Most return
 * soon, and then the undo is ours; one that doesn't is somebody's who holds the device.
 */
#define PCIPT_GRACE_MS 2000

/* batch.c: has steps done, side by side for different devices, and notes them. */
struct pcipt_done {
	const struct pcipt_step *step;
	ssize_t result; /* as a job's; a bind that somebody else made counts as ours */
	const char *behind; /* it waits for this device of its group; or NULL */
	const char *driver; /* what a load must bring, where the module is called otherwise */
};
void pcipt_transaction_steps(struct pcipt_transaction *t, struct pcipt_done *done, size_t n);

/* step.c: why a step failed, in words; STUCK, CANCELLED and TIMEOUT among them. */
int pcipt_fail_step(struct pcipt_transaction *t, const struct pcipt_done *done,
		    struct pcipt_error **error);
/*
 * Whether that is what the kernel or a driver says of the device; not so what a write that
 * has not returned or was not begun comes to, or one that lacked its helper, memory or room.
 */
bool pcipt_is_kernels_answer(ssize_t result);
/* 1 when the device's driver link names `driver`, 0 when not, or -errno. NULL is none. */
int pcipt_has_driver(struct pcipt_kernel *k, const char *address, const char *driver);
/* Compares the driver with what a verify step wants, when its probe has come to an end. */
ssize_t pcipt_step_verify(struct pcipt_transaction *t, const struct pcipt_step *step);
/* The name of the driver that a "…/drivers/NAME/bind" path is about. */
const char *pcipt_path_driver(const char *path, char *name, size_t size);

/*
 * load.c: what a registered driver came from, by which it can be had again; left alone where
 * that can't be told, as of one that is built in. False without memory.
 */
bool pcipt_driver_module(struct pcipt_kernel *k, const char *driver, char **module);
/* What a module took when it was loaded, beside the plan's devices, is told. */
void pcipt_transaction_warn_taken(struct pcipt_transaction *t, const char *driver);
/*
 * A module that was unloaded meanwhile comes back before any device of ours is free for it
 * to take. Where it can't be had, the bind that fails without it says so.
 */
void pcipt_transaction_load(struct pcipt_transaction *t, const struct pcipt_steps *steps);

/* bind.c and release.c */
int pcipt_transaction_bind(struct pcipt_transaction *t, struct pcipt_error **error);
int pcipt_transaction_release(struct pcipt_transaction *t, struct pcipt_error **error);
/* Undoes what a bind has done, since it failed: takes that error over, and fails with it or graver. */
int pcipt_transaction_undo(struct pcipt_transaction *t, struct pcipt_error *failed,
			   struct pcipt_error **error);

/*
 * undo.c: leads devices, whose states were read, back to what they were before, all at
 * once. Each has its own answer: its state in the end, and no error when that is what it
 * was. Those with an error already are left alone.
 */
void pcipt_transaction_restore(struct pcipt_transaction *t, struct pcipt_reading *readings,
			       size_t n);

PCIPT_DEFINE_CLEANUP(struct pcipt_result, pcipt_result_unref)
PCIPT_DEFINE_CLEANUP(struct pcipt_report, pcipt_report_unref)

#endif
