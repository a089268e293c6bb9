/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rounds ROOT N: makes one of everything, fails once, and gives all back, N times. Prints the
 * memory that is resident after a tenth of the rounds, half of them and all, in KiB.
 * rounds.py and rounds.go do the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <libpcipt/libpcipt.h>

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void check(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "rounds: a call failed\n");
	exit(1);
}

static void one(const char *root, const char *address)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_options *options = NULL;
	struct pcipt_set *set = NULL;
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_monitor *monitor = NULL;
	struct pcipt_event *event = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan = NULL;
	char *json = NULL;

	check(!pcipt_context_new(&ctx, NULL) && !pcipt_context_set_root(ctx, root, NULL) &&
	      !pcipt_monitor_new(ctx, &monitor, NULL) &&
	      !pcipt_snapshot_new_scoped(ctx, &address, 1, &snap, NULL) &&
	      !pcipt_snapshot_find(snap, address, &device, NULL) &&
	      !pcipt_options_new(&options, NULL) &&
	      !pcipt_set_new(snap, &device, 1, options, &set, NULL) &&
	      pcipt_plan_bind(set, NULL, &plan, &error) == PCIPT_E_REFUSED &&
	      !pcipt_set_to_json(set, &json, NULL) &&
	      !pcipt_claim_list(ctx, &claims, NULL) && !pcipt_monitor_next(monitor, &event, NULL));
	pcipt_free(json);
	pcipt_event_unref(event);
	pcipt_claim_list_unref(claims);
	pcipt_error_unref(error);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	pcipt_snapshot_unref(snap);
	pcipt_monitor_unref(monitor);
	pcipt_context_unref(ctx);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (n < 10)
		return 2;
	for (int i = 1; i <= n; i++) {
		one(argv[1], "0000:00:03.0");
		if (i == n / 10 || i == n / 2 || i == n)
			printf("%ld ", resident());
	}
	printf("\n");
	return 0;
}
