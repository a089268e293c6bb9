/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the unit tests share: the suites, a folder to write in, and a seeded random source. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpcipt/libpcipt.h>

/* One line for each suite; unit.c runs them in this order. */
#define TEST_SUITES(SUITE)                                                                        \
	SUITE(base)                                                                               \
	SUITE(error)                                                                              \
	SUITE(address)                                                                            \
	SUITE(selector)                                                                           \
	SUITE(snapshot)                                                                           \
	SUITE(scoped)                                                                             \
	SUITE(describe)                                                                           \
	SUITE(details)                                                                            \
	SUITE(hostile)                                                                            \
	SUITE(closure)                                                                            \
	SUITE(findings)                                                                           \
	SUITE(judge)                                                                              \
	SUITE(unreadable)                                                                         \
	SUITE(block)                                                                              \
	SUITE(block_odd)                                                                          \
	SUITE(net)                                                                                \
	SUITE(usb)                                                                                \
	SUITE(display)                                                                            \
	SUITE(foreign)                                                                            \
	SUITE(holders)                                                                            \
	SUITE(pins)                                                                               \
	SUITE(plan)                                                                               \
	SUITE(record)                                                                             \
	SUITE(confined)                                                                           \
	SUITE(store)                                                                              \
	SUITE(guarded)                                                                            \
	SUITE(helper)                                                                             \
	SUITE(boot)                                                                               \
	SUITE(apply)                                                                              \
	SUITE(apply_odd)                                                                          \
	SUITE(claim)                                                                              \
	SUITE(adopt)                                                                              \
	SUITE(compare)                                                                            \
	SUITE(strays)                                                                             \
	SUITE(monitor)                                                                            \
	SUITE(recheck)                                                                            \
	SUITE(reconcile)                                                                          \
	SUITE(cells)                                                                              \
	SUITE(rivals)                                                                             \
	SUITE(article)                                                                            \
	SUITE(persistent)                                                                         \
	SUITE(release)                                                                            \
	SUITE(recover)                                                                            \
	SUITE(exhaustive)                                                                         \
	SUITE(interrupted)

#define SUITE(name) Suite *suite_##name(void);
TEST_SUITES(SUITE)
#undef SUITE

/* A new path below the run's own folder, which is removed at the end. Freed by the caller. */
char *test_path(const char *name);
/* Writes a whole file, or stops the test. */
void test_write(const char *path, const void *data, size_t n);
/* A whole file with a NUL behind it, or stops the test. Freed by the caller. */
char *test_read(const char *path, size_t *n);
/* Removes a tree; links are not followed. */
void test_remove(const char *path);
/* A file of the source tree, such as "include/libpcipt/error.h". Freed by the caller. */
char *test_source(const char *name);
/* printf into a new string; never NULL. */
char *test_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A context whose root is a folder; a snapshot of it, which then holds the context alone. */
struct pcipt_context *test_context(const char *root);
struct pcipt_snapshot *test_snapshot(const char *root);
/* JSON forms; freed with pcipt_free(). */
char *test_snapshot_json(struct pcipt_snapshot *snap);
char *test_device_json(struct pcipt_device *device);

/*
 * A random source that gives the same numbers on every machine. The seed is
 * PCIPT_TEST_SEED, or a fixed one; `which` keeps the tests independent of each other.
 */
struct test_random {
	uint64_t state;
};

uint64_t test_seed(void);
struct test_random test_random_new(uint64_t which);
uint64_t test_random_next(struct test_random *random);
/* From 0 to n - 1. */
uint32_t test_random_below(struct test_random *random, uint32_t n);
/* True once in n times. */
bool test_random_once_in(struct test_random *random, uint32_t n);

/* The error of a call that must fail with `code`; then forgets it. */
#define assert_fails(code_, error_)                                                               \
	do {                                                                                      \
		ck_assert_ptr_nonnull(error_);                                                    \
		ck_assert_str_eq(pcipt_error_get_name(error_), #code_);                           \
		(error_) = pcipt_error_unref(error_);                                             \
	} while (0)

/* A call that must succeed; says why when it doesn't. */
#define assert_ok(call_, error_)                                                                  \
	do {                                                                                      \
		int ok_ = (call_);                                                                \
		ck_assert_msg(ok_ == 0, "%s: %s", #call_, pcipt_error_get_message(error_));       \
		ck_assert_msg((error_) == NULL, "%s succeeded and left an error", #call_);        \
	} while (0)

#endif
