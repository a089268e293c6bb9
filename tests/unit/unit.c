/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the suites. CK_FORK, CK_RUN_SUITE, CK_RUN_CASE and CK_VERBOSITY work as
 * Check documents them.
 */
#include "unit.h"
#include "leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SEED 20250101

/* Where tests write; made before the first test, so that forked tests share it. */
static char *folder;
static unsigned int paths;

char *test_format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	return s;
}

char *test_path(const char *name)
{
	/* Forked tests all begin with the same count: the process makes the path unique. */
	return test_format("%s/%d-%u-%s", folder, (int)getpid(), paths++, name);
}

char *test_source(const char *name)
{
	return test_format("%s/%s", PCIPT_SOURCE_FOLDER, name);
}

void test_write(const char *path, const void *data, size_t n)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	ck_assert_uint_eq(fwrite(data, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
}

char *test_read(const char *path, size_t *n)
{
	FILE *file = fopen(path, "re");
	size_t used = 0, room = 65536;
	char *text = malloc(room);

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	while (text && (used += fread(text + used, 1, room - 1 - used, file)) == room - 1)
		text = realloc(text, room *= 2);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(ferror(file), 0);
	fclose(file);
	text[used] = '\0';
	if (n)
		*n = used;
	return text;
}

static void remove_below(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (unlinkat(parent, name, 0) < 0)
			unlinkat(parent, name, AT_REMOVEDIR);
		return;
	}
	/* Tests take rights away. */
	fchmod(fd, 0700);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_below(fd, entry->d_name);
	closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void test_remove(const char *path)
{
	/* A folder without rights can't be opened by its owner, unless that is root. */
	fchmodat(AT_FDCWD, path, 0700, AT_SYMLINK_NOFOLLOW);
	remove_below(AT_FDCWD, path);
}

struct pcipt_context *test_context(const char *root)
{
	struct pcipt_error *error = NULL;
	struct pcipt_context *ctx = NULL;

	assert_ok(pcipt_context_new(&ctx, &error), error);
	assert_ok(pcipt_context_set_root(ctx, root, &error), error);
	return ctx;
}

struct pcipt_snapshot *test_snapshot(const char *root)
{
	struct pcipt_context *ctx = test_context(root);
	struct pcipt_error *error = NULL;
	struct pcipt_snapshot *snap = NULL;

	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	pcipt_context_unref(ctx);
	return snap;
}

char *test_snapshot_json(struct pcipt_snapshot *snap)
{
	struct pcipt_error *error = NULL;
	char *text = NULL;

	assert_ok(pcipt_snapshot_to_json(snap, 0, &text, &error), error);
	return text;
}

char *test_device_json(struct pcipt_device *device)
{
	struct pcipt_error *error = NULL;
	char *text = NULL;

	assert_ok(pcipt_device_to_json(device, 0, &text, &error), error);
	return text;
}

uint64_t test_seed(void)
{
	const char *given = getenv("PCIPT_TEST_SEED");

	return given ? strtoull(given, NULL, 0) : DEFAULT_SEED;
}

struct test_random test_random_new(uint64_t which)
{
	struct test_random random = { test_seed() * 0x9e3779b97f4a7c15u + which };

	test_random_next(&random);
	return random;
}

/* splitmix64: short, and good enough for choosing test cases. */
uint64_t test_random_next(struct test_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t test_random_below(struct test_random *random, uint32_t n)
{
	return (uint32_t)((test_random_next(random) >> 32) * n >> 32);
}

bool test_random_once_in(struct test_random *random, uint32_t n)
{
	return test_random_below(random, n) == 0;
}

static bool make_folder(void)
{
	const char *where = getenv("TMPDIR");

	folder = test_format("%s/pcipt-unit-XXXXXX", where && *where ? where : "/tmp");
	/* A test that gives up its privileges must still reach its files. */
	return mkdtemp(folder) && chmod(folder, 0755) == 0;
}

int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	/* A test that hangs fails in the end; one on a slow machine doesn't. */
	setenv("CK_DEFAULT_TIMEOUT", "120", 0);
	if (!make_folder()) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return 99;
	}
	printf("random tests: PCIPT_TEST_SEED=%" PRIu64 "\n", test_seed());
#define SUITE(name) srunner_add_suite(runner, suite_##name());
	TEST_SUITES(SUITE)
#undef SUITE
	leftovers_adopt();
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner) + leftovers_end();
	srunner_free(runner);
	test_remove(folder);
	free(folder);
	return failed == 0 ? 0 : 1;
}
