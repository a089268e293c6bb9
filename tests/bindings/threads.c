/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * threads ROOT ADDRESS: eight threads share a context and a snapshot, whose facts nobody has
 * asked for yet, and make their own beside. Run under ThreadSanitizer, which ends it on a race;
 * by itself it fails when two threads are told different things.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libpcipt/libpcipt.h>

#define THREADS 8
#define ROUNDS	10

struct shared {
	struct pcipt_context *ctx;
	struct pcipt_snapshot *snap;
	const char *address;
	pthread_barrier_t begin;
	char *json[THREADS];
	bool failed[THREADS];
};

struct worker {
	struct shared *shared;
	size_t number;
};

static bool ask_all(struct pcipt_snapshot *snap)
{
	for (size_t i = 0; i < pcipt_snapshot_device_count(snap); i++) {
		struct pcipt_device *device = pcipt_snapshot_device_at(snap, i);
		struct pcipt_group *group = pcipt_device_get_group(device);

		if (!pcipt_device_get_address(device) || !pcipt_device_get_identity(device))
			return false;
		(void)pcipt_device_get_driver_override(device);
		(void)pcipt_device_get_device_name(device);
		(void)pcipt_device_get_expected_driver(device);
		(void)pcipt_device_get_serial(device);
		(void)pcipt_device_child_count(device);
		(void)pcipt_device_get_link_speed(device);
		(void)pcipt_device_get_vfio_device(device);
		(void)pcipt_group_get_type(group);
		(void)pcipt_group_reserved_region_count(group);
	}
	(void)pcipt_snapshot_problem_count(snap);
	return true;
}

static bool judge(struct shared *shared, struct pcipt_snapshot *snap)
{
	struct pcipt_device *device = NULL;
	struct pcipt_set *set = NULL;
	struct pcipt_plan *plan = NULL;
	struct pcipt_error *error = NULL;
	bool ok = !pcipt_snapshot_find(snap, shared->address, &device, &error) &&
		  !pcipt_set_new(snap, &device, 1, NULL, &set, &error);

	if (ok && pcipt_plan_bind(set, NULL, &plan, &error))
		ok = pcipt_error_get_code(error) == PCIPT_E_REFUSED;
	if (!ok)
		fprintf(stderr, "threads: %s\n", pcipt_error_get_message(error));
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
	pcipt_set_unref(set);
	return ok;
}

static void *work(void *data)
{
	const struct worker *worker = data;
	struct shared *shared = worker->shared;
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_snapshot *own = NULL;
	bool ok = true;

	pthread_barrier_wait(&shared->begin);
	for (int i = 0; ok && i < ROUNDS; i++) {
		pcipt_free(shared->json[worker->number]);
		shared->json[worker->number] = NULL;
		ok = ask_all(shared->snap) && judge(shared, shared->snap) &&
		     !pcipt_snapshot_to_json(shared->snap, PCIPT_JSON_FULL,
					     &shared->json[worker->number], NULL) &&
		     !pcipt_snapshot_new(shared->ctx, &own, NULL) && ask_all(own) &&
		     judge(shared, own) && !pcipt_claim_list(shared->ctx, &claims, NULL);
		claims = pcipt_claim_list_unref(claims);
		own = pcipt_snapshot_unref(own);
	}
	shared->failed[worker->number] = !ok;
	return NULL;
}

static bool agree(const struct shared *shared)
{
	for (size_t i = 0; i < THREADS; i++)
		if (shared->failed[i] || !shared->json[i] ||
		    strcmp(shared->json[i], shared->json[0]) != 0) {
			fprintf(stderr, "threads: the %zuth %s\n", i + 1,
				shared->failed[i] ? "failed" : "was told something else");
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	struct shared shared = { 0 };
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	bool ok;

	if (argc != 3 || pcipt_context_new(&shared.ctx, NULL) ||
	    pcipt_context_set_root(shared.ctx, argv[1], NULL))
		return 2;
	pcipt_context_set_threads(shared.ctx, 2);
	if (pcipt_snapshot_new(shared.ctx, &shared.snap, NULL))
		return 2;
	shared.address = argv[2];
	pthread_barrier_init(&shared.begin, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .shared = &shared, .number = i };
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return 2;
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ok = agree(&shared);
	for (size_t i = 0; i < THREADS; i++)
		pcipt_free(shared.json[i]);
	pcipt_snapshot_unref(shared.snap);
	pcipt_context_unref(shared.ctx);
	if (ok)
		printf("%d threads, %d rounds each, were told the same\n", THREADS, ROUNDS);
	return ok ? 0 : 1;
}
