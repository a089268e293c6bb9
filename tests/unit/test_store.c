/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as files: written whole or not at all, and only read where nobody else could write. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "usage/record.h"

static char *root, *folder;
static struct pcipt_context *ctx;
static struct pcipt_kernel *k;

static void setup(void)
{
	struct pcipt_error *error = NULL;

	root = test_path("root");
	ck_assert_int_eq(mkdir(root, 0755), 0);
	ctx = test_context(root);
	folder = test_format("%s/run/libpcipt/claims", root);
	assert_ok(pcipt_kernel_get(ctx, &k, &error), error);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	free(folder);
	free(root);
}

static char *in_folder(const char *name)
{
	return test_format("%s/%s", folder, name);
}

static int put(const char *name, const char *text, bool exclusive)
{
	return k->ops->record_write(k, folder, name, text, exclusive);
}

/* A record's text, or NULL and the errno in *r. */
static char *get(const char *name, int *r)
{
	char *text = NULL;
	size_t n = 0;

	*r = k->ops->record_read(k, folder, name, &text, &n);
	ck_assert(*r < 0 || strlen(text) == n);
	ck_assert(*r == 0 || !text);
	return text;
}

static void assert_holds(const char *name, const char *expected)
{
	int r;
	char *text = get(name, &r);

	ck_assert_int_eq(r, 0);
	ck_assert_str_eq(text, expected);
	free(text);
}

static size_t count_files(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	return n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_msg(lstat(path, &st) == 0, "%s", path);
	return st.st_mode & 07777;
}

START_TEST(write_read_remove)
{
	int r;

	ck_assert_ptr_null(get("a.json", &r));
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_int_eq(put("a.json", "one", true), 0);
	assert_holds("a.json", "one");
	ck_assert_int_eq(put("a.json", "a longer text than before", false), 0);
	assert_holds("a.json", "a longer text than before");
	ck_assert_int_eq(put("a.json", "", false), 0);
	assert_holds("a.json", "");
	ck_assert_uint_eq(count_files(), 1);
	ck_assert_int_eq(k->ops->record_remove(k, folder, "a.json"), 0);
	ck_assert_int_eq(k->ops->record_remove(k, folder, "a.json"), -ENOENT);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(exclusive_keeps_what_is_there)
{
	ck_assert_int_eq(put("a.json", "first", true), 0);
	ck_assert_int_eq(put("a.json", "second", true), -EEXIST);
	assert_holds("a.json", "first");
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

/* The file is replaced, not written over: who has the old one open reads the old one. */
START_TEST(replaced_as_a_whole)
{
	char *path = in_folder("a.json"), buf[16] = "";
	int fd;

	ck_assert_int_eq(put("a.json", "old", true), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(put("a.json", "new", false), 0);
	ck_assert_int_eq((int)read(fd, buf, sizeof(buf)), 3);
	ck_assert_str_eq(buf, "old");
	assert_holds("a.json", "new");
	close(fd);
	free(path);
}
END_TEST

/* Modes don't depend on the program's umask, and nobody else may write. */
START_TEST(modes_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 022, 027, 077, 0777 };
	mode_t before = umask(masks[_i]);
	int r = put("a.json", "x", true);
	char *path = in_folder("a.json"), *above = test_format("%s/run/libpcipt", root);

	ck_assert_uint_eq(umask(before), masks[_i]);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(mode_of(path), 0644);
	ck_assert_uint_eq(mode_of(folder), 0755);
	ck_assert_uint_eq(mode_of(above), 0755);
	free(path);
	free(above);
}
END_TEST

/* What a killed process left neither blocks a write nor counts as a record. */
START_TEST(leftover_temporary_files)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	char *left, *older;

	ck_assert_int_eq(put("a.json", "{", true), 0);
	left = test_format("%s/.a.json.%d.tmp", folder, (int)getpid());
	older = test_format("%s/.b.json.0123456789abcdef.tmp", folder);
	test_write(left, "torn", 4);
	test_write(older, "torn", 4);
	ck_assert_int_eq(put("a.json", "{}", false), 0);
	ck_assert_int_eq(put("b.json", "{}", true), 0);
	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_count(claims), 0);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 2);
	pcipt_claim_list_unref(claims);
	free(left);
	free(older);
}
END_TEST

/* A write that fails leaves what was there, and nothing beside it. */
START_TEST(failed_write)
{
	char *path = in_folder("a.json");

	ck_assert_int_eq(put("b.json", "kept", true), 0);
	/* A folder in the record's place can't be replaced by a file. */
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_lt(put("a.json", "x", false), 0);
	ck_assert_int_lt(put("a.json", "x", true), 0);
	ck_assert_uint_eq(count_files(), 2);
	assert_holds("b.json", "kept");
	free(path);
}
END_TEST

START_TEST(folder_that_cannot_be_made)
{
	char *run = test_format("%s/run", root);

	test_write(run, "", 0);
	ck_assert_int_lt(put("a.json", "x", true), 0);
	free(run);
}
END_TEST

/* A program may name its folders as seen from its own. */
START_TEST(folder_by_a_relative_path)
{
	ck_assert_int_eq(chdir(root), 0);
	free(folder);
	folder = strdup("claims");
	ck_assert_int_eq(put("a.json", "x", true), 0);
	assert_holds("a.json", "x");
	free(folder);
	folder = strdup("var/lib/claims/");
	ck_assert_int_eq(put("b.json", "y", true), 0);
	assert_holds("b.json", "y");
}
END_TEST

/* ---- what isn't read ---- */

static void make_folder(void)
{
	ck_assert_int_eq(put("good.json", "good", true), 0);
}

static void assert_not_read(const char *name, int errnum)
{
	int r;
	char *text = get(name, &r);

	ck_assert_ptr_null(text);
	ck_assert_int_eq(r, -errnum);
	assert_holds("good.json", "good");
}

START_TEST(links_are_not_followed)
{
	char *target = test_format("%s/target", root), *path = in_folder("a.json");

	make_folder();
	test_write(target, "x", 1);
	ck_assert_int_eq(symlink(target, path), 0);
	assert_not_read("a.json", ELOOP);
	free(target);
	free(path);
}
END_TEST

/* A write replaces a link, it doesn't write through it. */
START_TEST(links_are_not_written_through)
{
	char *target = test_format("%s/target", root), *path = in_folder("a.json"), *text;

	make_folder();
	test_write(target, "untouched", 9);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(put("a.json", "x", false), 0);
	assert_holds("a.json", "x");
	text = test_read(target, NULL);
	ck_assert_str_eq(text, "untouched");
	free(text);
	free(target);
	free(path);
}
END_TEST

START_TEST(files_that_others_may_write)
{
	static const mode_t modes[] = { 0666, 0646, 0664, 0622, 0777 };
	char *path = in_folder("a.json");

	make_folder();
	test_write(path, "x", 1);
	ck_assert_int_eq(chmod(path, modes[_i]), 0);
	assert_not_read("a.json", EBADMSG);
	free(path);
}
END_TEST

START_TEST(other_kinds_of_files)
{
	char *fifo = in_folder("fifo.json"), *sub = in_folder("sub.json");

	make_folder();
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(mkdir(sub, 0755), 0);
	assert_not_read("fifo.json", EBADMSG);
	assert_not_read("sub.json", EBADMSG);
	free(fifo);
	free(sub);
}
END_TEST

START_TEST(huge_file)
{
	char *path = in_folder("a.json");
	int r;

	make_folder();
	test_write(path, "", 0);
	/* A hole costs no room on the disk. */
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
	ck_assert_ptr_null(get("a.json", &r));
	ck_assert_int_lt(r, 0);
	free(path);
}
END_TEST

/* Only root can give a file away; an ordinary user's run has nobody to give it to. */
START_TEST(files_of_somebody_else)
{
	char *path = in_folder("a.json");

	make_folder();
	test_write(path, "x", 1);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
		assert_not_read("a.json", EBADMSG);
	} else {
		assert_holds("a.json", "x");
	}
	free(path);
}
END_TEST

static const struct {
	mode_t mode;
	int errnum;
} folder_modes[] = { { 0777, EBADMSG }, { 0775, EBADMSG }, { 01777, EBADMSG }, { 0757, EBADMSG },
		     { 0755, 0 },	{ 0700, 0 } };

START_TEST(folder_that_others_may_write)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;
	size_t n;
	int r;

	make_folder();
	ck_assert_int_eq(chmod(folder, folder_modes[_i].mode), 0);
	r = k->ops->record_read(k, folder, "good.json", &text, &n);
	free(text);
	ck_assert_int_eq(r, -folder_modes[_i].errnum);
	ck_assert_int_eq(put("new.json", "x", true), -folder_modes[_i].errnum);
	r = pcipt_claim_list(ctx, &claims, &error);
	ck_assert_int_eq(r, folder_modes[_i].errnum ? PCIPT_E_DAMAGED : 0);
	if (r < 0) {
		ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
		ck_assert_str_eq(pcipt_error_get_path(error), folder);
	}
	pcipt_error_unref(error);
	pcipt_claim_list_unref(claims);
}
END_TEST

START_TEST(folder_that_is_a_link)
{
	char *elsewhere = test_format("%s/elsewhere", root);
	char *text = NULL;
	size_t n;

	make_folder();
	ck_assert_int_eq(rename(folder, elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, folder), 0);
	ck_assert_int_lt(k->ops->record_read(k, folder, "good.json", &text, &n), 0);
	ck_assert_int_lt(put("new.json", "x", true), 0);
	ck_assert_ptr_null(text);
	free(elsewhere);
}
END_TEST

START_TEST(folder_of_somebody_else)
{
	char *text = NULL;
	size_t n;
	int r;

	make_folder();
	if (geteuid() == 0)
		ck_assert_int_eq(chown(folder, 65534, 65534), 0);
	r = k->ops->record_read(k, folder, "good.json", &text, &n);
	ck_assert_int_eq(r, geteuid() == 0 ? -EBADMSG : 0);
	free(text);
}
END_TEST

/* ---- claims on top of it ---- */

static char *record_text(const char *name)
{
	return test_format("{ \"schema\": \"libpcipt-claim/1\", \"name\": \"%s\", \"state\": "
			   "\"bound\", \"driver\": \"vfio-pci\", \"devices\": [ { \"address\": "
			   "\"0000:01:00.0\", \"role\": \"requested\", \"action\": \"bind\" } ] }",
			   name);
}

/* Everything odd at once: the good ones are listed, each odd one is a problem. */
START_TEST(good_among_odd_ones)
{
	static const char *const names[] = { "first", "second", "third" };
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	char *path, *text;

	for (size_t i = 0; i < 3; i++) {
		char *file = test_format("%s.json", names[i]);

		text = record_text(names[i]);
		ck_assert_int_eq(put(file, text, true), 0);
		free(text);
		free(file);
	}
	ck_assert_int_eq(put("torn.json", "{ \"schema\": \"libpc", true), 0);
	text = record_text("first");
	ck_assert_int_eq(put("another-name.json", text, true), 0);
	ck_assert_int_eq(put("open.json", text, true), 0);
	free(text);
	path = in_folder("open.json");
	ck_assert_int_eq(chmod(path, 0666), 0);
	free(path);
	path = in_folder("link.json");
	ck_assert_int_eq(symlink("first.json", path), 0);
	free(path);
	path = in_folder("fifo.json");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	free(path);
	text = malloc(2000001);
	memset(text, ' ', 2000000);
	text[2000000] = '\0';
	ck_assert_int_eq(put("huge.json", text, true), 0);
	free(text);
	path = in_folder("no-record.txt");
	test_write(path, "x", 1);
	free(path);
	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_count(claims), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(pcipt_claim_get_name(pcipt_claim_list_at(claims, i)), names[i]);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 6);
	for (size_t i = 0; i < 6; i++) {
		const struct pcipt_error *problem = pcipt_claim_list_problem_at(claims, i);

		ck_assert_ptr_nonnull(pcipt_error_get_path(problem));
		/* None of them could ever be a record, so none stands against other claims. */
		ck_assert_int_eq(pcipt_error_get_code(problem), PCIPT_E_DAMAGED);
	}
	/* They are set aside, not deleted. */
	ck_assert_uint_eq(count_files(), 10);
	pcipt_claim_list_unref(claims);
}
END_TEST

START_TEST(no_folder_is_no_claim)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_count(claims), 0);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 0);
	/* Looking makes nothing. */
	ck_assert_int_lt(access(folder, F_OK), 0);
	pcipt_claim_list_unref(claims);
}
END_TEST

/* ---- several at once ---- */

#define N_WRITERS 8

struct writer {
	char text[4096];
	bool exclusive;
	int result;
};

static void *write_often(void *data)
{
	struct writer *writer = data;

	for (int i = 0; i < 30 && writer->result == 0; i++)
		writer->result = put("a.json", writer->text, false);
	return NULL;
}

static void *write_once(void *data)
{
	struct writer *writer = data;

	writer->result = put("a.json", writer->text, true);
	return NULL;
}

static void run_writers(struct writer *writers, void *(*fn)(void *))
{
	pthread_t threads[N_WRITERS];

	for (size_t i = 0; i < N_WRITERS; i++) {
		memset(writers[i].text, 'a' + (int)i, sizeof(writers[i].text) - 1);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fn, &writers[i]), 0);
	}
	for (size_t i = 0; i < N_WRITERS; i++)
		pthread_join(threads[i], NULL);
}

/* Threads of one process share the folder, the name and the process id. */
START_TEST(writers_at_once)
{
	struct writer *writers = calloc(N_WRITERS, sizeof(*writers));
	char *text;
	int r;

	run_writers(writers, write_often);
	for (size_t i = 0; i < N_WRITERS; i++)
		ck_assert_int_eq(writers[i].result, 0);
	text = get("a.json", &r);
	ck_assert_int_eq(r, 0);
	ck_assert_str_eq(text, writers[text[0] - 'a'].text);
	ck_assert_uint_eq(count_files(), 1);
	free(text);
	free(writers);
}
END_TEST

START_TEST(one_of_many_gets_the_name)
{
	struct writer *writers = calloc(N_WRITERS, sizeof(*writers));
	size_t winners = 0;

	run_writers(writers, write_once);
	for (size_t i = 0; i < N_WRITERS; i++) {
		ck_assert(writers[i].result == 0 || writers[i].result == -EEXIST);
		if (writers[i].result == 0) {
			winners++;
			assert_holds("a.json", writers[i].text);
		}
	}
	ck_assert_uint_eq(winners, 1);
	ck_assert_uint_eq(count_files(), 1);
	free(writers);
}
END_TEST

/* ---- links inside of another root ---- */

/* ROOT/run as in a recorded tree: a link to /run, which is this machine's no more. */
START_TEST(runtime_folder_stays_in_the_root)
{
	char *outside = test_path("outside"), *claims = test_format("%s/libpcipt/claims", outside);
	char *run = test_format("%s/run", root), *text = record_text("outside"), *path;
	struct pcipt_claim_list *list = NULL;

	for (char *p = claims + strlen(outside); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(claims, 0755);
		*p = '/';
	}
	mkdir(claims, 0755);
	path = test_format("%s/outside.json", claims);
	test_write(path, text, strlen(text));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(symlink(outside, run), 0);
	if (pcipt_claim_list(ctx, &list, NULL) == 0)
		ck_assert_uint_eq(pcipt_claim_list_count(list), 0);
	pcipt_claim_list_unref(list);
	free(outside);
	free(claims);
	free(run);
	free(text);
	free(path);
}
END_TEST

/* ---- what a killed writer leaves ---- */

static int make_temp(const char *name)
{
	char *path = in_folder(name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	free(path);
	return fd;
}

static bool is_there(const char *name)
{
	char *path = in_folder(name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static bool yes(struct pcipt_kernel *kernel)
{
	(void)kernel;
	return true;
}

/* The real maker, but for what it says of its tree. */
static void call_it_real(void)
{
	static struct pcipt_kernel_ops ops;

	ops = *k->ops;
	ops.is_real = yes;
	k->ops = &ops;
}

/* What nobody has locked goes; a living writer's, and what isn't ours by its name, stays. */
START_TEST(sweeps_what_was_left)
{
	static const char *const others[] = { ".a.json", ".a.json.tmp", ".a.json.0123.tmp",
					      "a.json.0123456789abcdef.tmp",
					      ".a.json.0123456789abcdeX.tmp",
					      ".json.0123456789abcdef.tmp" };
	struct pcipt_error *error = NULL;
	int living;

	ck_assert_int_eq(put("a.json", "{}", true), 0);
	close(make_temp(".a.json.0123456789abcdef.tmp"));
	living = make_temp(".a.json.fedcba9876543210.tmp");
	ck_assert_int_eq(flock(living, LOCK_EX), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		close(make_temp(others[i]));
	call_it_real();
	assert_ok(pcipt_recover(ctx, NULL, NULL, &error), error);
	ck_assert(!is_there(".a.json.0123456789abcdef.tmp"));
	ck_assert(is_there(".a.json.fedcba9876543210.tmp"));
	ck_assert(is_there("a.json"));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(is_there(others[i]), "%s", others[i]);
	close(living);
	k->ops->record_sweep(k, folder, ".json");
	ck_assert(!is_there(".a.json.fedcba9876543210.tmp"));
}
END_TEST

/* The boot list's, beside other files of the administrator's. */
START_TEST(sweeps_beside_the_boot_list)
{
	static const char *const others[] = { "boot", ".boot.0123.tmp", ".boot.0123456789abcdeX.tmp",
					      ".reboot.0123456789abcdef.tmp",
					      "boot.0123456789abcdef.tmp" };
	char *records = folder;

	folder = test_format("%s/etc/libpcipt", root);
	ck_assert_int_eq(put("boot", "", true), 0);
	for (size_t i = 1; i < sizeof(others) / sizeof(*others); i++)
		close(make_temp(others[i]));
	close(make_temp(".boot.0123456789abcdef.tmp"));
	call_it_real();
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), 0);
	ck_assert(!is_there(".boot.0123456789abcdef.tmp"));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(is_there(others[i]), "%s", others[i]);
	free(records);
}
END_TEST

/* A tree that was recorded is evidence: nothing in it is put in order. */
START_TEST(sweeps_nothing_in_a_tree)
{
	struct pcipt_error *error = NULL;

	ck_assert_int_eq(put("a.json", "{}", true), 0);
	close(make_temp(".a.json.0123456789abcdef.tmp"));
	assert_ok(pcipt_recover(ctx, NULL, NULL, &error), error);
	ck_assert_int_ne(pcipt_reconcile(ctx, NULL, NULL, NULL), PCIPT_E_IO);
	ck_assert(is_there(".a.json.0123456789abcdef.tmp"));
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

static atomic_bool swept_enough;

static void *sweep_on(void *data)
{
	(void)data;
	while (!atomic_load(&swept_enough))
		k->ops->record_sweep(k, folder, ".json");
	return NULL;
}

/* No writer loses its file to one who sweeps beside it. */
START_TEST(sweeps_beside_a_writer)
{
	pthread_t thread;
	int r = put("a.json", "{}", false);

	ck_assert_int_eq(r, 0);
	atomic_store(&swept_enough, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, sweep_on, NULL), 0);
	for (int i = 0; i < 2000 && r == 0; i++)
		r = put("a.json", "{}", false);
	atomic_store(&swept_enough, true);
	pthread_join(thread, NULL);
	ck_assert_int_eq(r, 0);
}
END_TEST

Suite *suite_store(void)
{
	Suite *suite = suite_create("store");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, write_read_remove);
	tcase_add_test(tc, exclusive_keeps_what_is_there);
	tcase_add_test(tc, replaced_as_a_whole);
	tcase_add_test(tc, sweeps_what_was_left);
	tcase_add_test(tc, sweeps_beside_the_boot_list);
	tcase_add_test(tc, sweeps_nothing_in_a_tree);
	tcase_add_test(tc, sweeps_beside_a_writer);
	tcase_add_loop_test(tc, modes_whatever_the_umask, 0, 5);
	tcase_add_test(tc, leftover_temporary_files);
	tcase_add_test(tc, failed_write);
	tcase_add_test(tc, folder_that_cannot_be_made);
	tcase_add_test(tc, folder_by_a_relative_path);
	tcase_add_test(tc, links_are_not_followed);
	tcase_add_test(tc, links_are_not_written_through);
	tcase_add_loop_test(tc, files_that_others_may_write, 0, 5);
	tcase_add_test(tc, other_kinds_of_files);
	tcase_add_test(tc, huge_file);
	tcase_add_test(tc, files_of_somebody_else);
	tcase_add_loop_test(tc, folder_that_others_may_write, 0,
			    sizeof(folder_modes) / sizeof(*folder_modes));
	tcase_add_test(tc, folder_that_is_a_link);
	tcase_add_test(tc, folder_of_somebody_else);
	tcase_add_test(tc, good_among_odd_ones);
	tcase_add_test(tc, no_folder_is_no_claim);
	tcase_add_test(tc, writers_at_once);
	tcase_add_test(tc, one_of_many_gets_the_name);
	tcase_add_test(tc, runtime_folder_stays_in_the_root);
	suite_add_tcase(suite, tc);
	return suite;
}
