/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claims STATE_FOLDER ROUNDS: reconciles the claims of a folder so often, and prints for each
 * round what a snapshot costs and what the reconcile does, in ms of processor time: nothing of
 * it waits for anything, and other programs don't count. What is at /sys is taken for a real
 * one, which only code inside the library can say; nothing in it is to be done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libpcipt/libpcipt.h>

#include "kernel/kernel.h"

static void fail(const char *what, struct pcipt_error *error)
{
	fprintf(stderr, "claims: %s: %s\n", what, pcipt_error_get_message(error));
	exit(1);
}

static bool yes(struct pcipt_kernel *k)
{
	(void)k;
	return true;
}

/* The real maker, but for what it says of itself. */
static struct pcipt_context *open_tree(const char *state)
{
	static struct pcipt_kernel_ops ops;
	struct pcipt_context *ctx = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_kernel *k;

	if (pcipt_context_new(&ctx, &error) < 0 || pcipt_context_set_state_dir(ctx, state, &error) < 0 ||
	    pcipt_kernel_get(ctx, &k, &error) < 0)
		fail("the tree", error);
	ops = *k->ops;
	ops.is_real = yes;
	k->ops = &ops;
	return ctx;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double take_snapshot(struct pcipt_context *ctx)
{
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	double began = now_ms();

	if (pcipt_snapshot_new(ctx, &snap, &error) < 0)
		fail("the snapshot", error);
	pcipt_snapshot_unref(snap);
	return now_ms() - began;
}

static double reconcile(struct pcipt_context *ctx)
{
	struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;
	double began = now_ms(), ms;

	if (pcipt_reconcile(ctx, NULL, &report, &error) < 0)
		fail("the reconcile", error);
	ms = now_ms() - began;
	if (pcipt_report_action_count(report) > 0) {
		fprintf(stderr, "claims: %zu claims are not as they should be, the first: %s\n",
			pcipt_report_action_count(report), pcipt_report_action_message(report, 0));
		exit(1);
	}
	pcipt_report_unref(report);
	return ms;
}

static size_t count_claims(struct pcipt_context *ctx)
{
	struct pcipt_claim_list *list = NULL;
	struct pcipt_error *error = NULL;
	size_t n;

	if (pcipt_claim_list(ctx, &list, &error) < 0)
		fail("the claims", error);
	n = pcipt_claim_list_problem_count(list) ? 0 : pcipt_claim_list_count(list);
	pcipt_claim_list_unref(list);
	return n;
}

int main(int argc, char **argv)
{
	int rounds = argc == 3 ? atoi(argv[2]) : 0;
	struct pcipt_context *ctx;

	if (rounds < 1) {
		fprintf(stderr, "usage: claims STATE_FOLDER ROUNDS\n");
		return 2;
	}
	ctx = open_tree(argv[1]);
	printf("claims=%zu\n", count_claims(ctx));
	take_snapshot(ctx);
	for (int i = 0; i < rounds; i++) {
		double snapshot = take_snapshot(ctx);

		printf("snapshot=%.2f reconcile=%.2f\n", snapshot, reconcile(ctx));
	}
	pcipt_context_unref(ctx);
	return 0;
}
