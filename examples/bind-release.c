/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes a device with everything that must move with it, and gives all of it back
 * again.
 *
 *     bind-release ADDRESS
 */
#include <stdio.h>
#include <libpcipt/libpcipt.h>

/* Says what went wrong and what to do, frees the error; 1, for the exit status. */
static int fail(struct pcipt_error *error)
{
	const char *remedy = pcipt_error_get_remedy(error);

	fprintf(stderr, "%s: %s\n", pcipt_error_get_name(error), pcipt_error_get_message(error));
	for (size_t i = 0; i < pcipt_error_cause_count(error); i++)
		fprintf(stderr, "  %s\n",
			pcipt_error_get_message(pcipt_error_cause_at(error, i)));
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	pcipt_error_unref(error);
	return 1;
}

/* What a claim holds; to learn where each device is now, look at the machine again. */
static void show(const struct pcipt_claim *claim)
{
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++) {
		const char *before = pcipt_claim_device_driver_before(claim, i);

		printf("%s: was on %s, is on %s\n", pcipt_claim_device_address(claim, i),
		       before ? before : "no driver", pcipt_claim_get_driver(claim));
	}
}

static int bind_and_release(struct pcipt_context *ctx, struct pcipt_snapshot *snap,
			    const char *address)
{
	struct pcipt_options *options = NULL;
	struct pcipt_device *device;
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set = NULL;
	int failed = 0;

	if (pcipt_snapshot_find(snap, address, &device, &error) ||
	    pcipt_options_new(&options, &error)) {
		failed = fail(error);
	} else {
		pcipt_options_set_with_set(options, true);
		/* The set can be looked at before it is bound; an unsafe one is refused. */
		if (pcipt_set_new(snap, &device, 1, options, &set, &error) ||
		    pcipt_bind(ctx, set, options, &claim, &error)) {
			failed = fail(error);
		} else {
			show(claim);
			/* Here a virtual machine would run. */
			if (pcipt_release(ctx, claim, NULL, &error))
				failed = fail(error);
			else
				printf("released\n");
		}
	}
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	return failed;
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: bind-release ADDRESS\n");
		return 2;
	}
	if (pcipt_context_new(&ctx, &error) || pcipt_snapshot_new(ctx, &snap, &error))
		failed = fail(error);
	else
		failed = bind_and_release(ctx, snap, argv[1]);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return failed;
}
