/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths that must not lead out of a root: the kernel's own openat2() against the walk
 * by hand, on the same folders. The walk is taken in a process for which a seccomp
 * filter answers that there is no openat2(), as old container runtimes do.
 */
#include "unit.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/real.h"

static char *folder;
static int root;
static ino_t outside;

static void make(const char *name, const char *link)
{
	char *path = test_format("%s/%s", folder, name);

	if (link)
		ck_assert_int_eq(symlink(link, path), 0);
	else
		ck_assert_int_eq(mkdir(path, 0755), 0);
	free(path);
}

static void make_file(const char *name)
{
	char *path = test_format("%s/%s", folder, name);

	test_write(path, name, strlen(name));
	free(path);
}

static void setup(void)
{
	static const char *const links[][2] = {
		{ "root/a/up", ".." },		       { "root/a/up-up", "../../.." },
		{ "root/a/file-link", "b/file" },      { "root/a/b/dir-link", "../b" },
		{ "root/absolute", "/a/b/file" },      { "root/absolute-out", "/secret" },
		{ "root/out", "../secret" },	       { "root/out-far", "../../../../../../etc" },
		{ "root/loop", "loop" },	       { "root/loop-a", "loop-b" },
		{ "root/loop-b", "loop-a" },	       { "root/dangling", "nothing/here" },
		{ "root/chain", "a/chain" },	       { "root/a/chain", "b/chain" },
		{ "root/a/b/chain", "../../a/b/file" }, { "root/slash", "a/b/" },
		{ "root/file-slash", "a/b/file/" },    { "root/dot", "." },
	};
	char *path;
	struct stat st;

	folder = test_path("confined");
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	make("root", NULL);
	make("root/a", NULL);
	make("root/a/b", NULL);
	make_file("secret");
	make_file("root/a/b/file");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		make(links[i][0], links[i][1]);
	path = test_format("%s/secret", folder);
	ck_assert_int_eq(stat(path, &st), 0);
	outside = st.st_ino;
	free(path);
	path = test_format("%s/root", folder);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(root, 0);
	free(path);
}

static void teardown(void)
{
	close(root);
	free(folder);
}

/* What a caller or a link may say: both ways must agree to the letter. */
static const char *const paths[] = {
	"a", "a/b", "a/b/file", "./a/./b/file", "..", "../..", "../../secret", ".", "./", "a/",
	"a/b/file/x", "nothing", "nothing/x", "nothing/..", "a/nothing", "a/up/a/b/file",
	"a/up-up/a/b/file", "a/up-up/secret", "a/file-link", "a/b/dir-link/dir-link/file",
	"absolute", "absolute-out", "out", "out/x", "out-far/passwd", "loop", "loop/x", "loop-a",
	"dangling", "dangling/x", "chain", "slash", "slash/file", "dot/a/b/file", "dot/..",
};

/* What nobody says: the ways may differ in the error, not in where they lead. */
static const char *const odd_paths[] = {
	"", "/", "/..", "/a/b/file", "//a///b//file", "/../secret", "/absolute-out", "a/b/../b/file",
	"a/b/file/", "a/b/file/..", "a/b/file/../../../secret", "a/file-link/", "a/b/chain/..",
	"a/b/chain/../../../secret", "file-slash", "out/../secret", "loop/../../secret",
};

static const int modes[] = { O_RDONLY, O_RDONLY | O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW,
			     O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY };

/* "errno 2" or "inode 4711". */
static char *describe(int fd)
{
	struct stat st;

	if (fd < 0)
		return test_format("%s", strerrorname_np(-fd));
	/* Also called where Check can't stop the test: a wrong one ends the process. */
	if (fstat(fd, &st) < 0 || st.st_ino == outside || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		abort();
	close(fd);
	return test_format("inode %lu", (unsigned long)st.st_ino);
}

/* From here on openat2() fails with this errno, for this process alone. */
static bool forbid_openat2(unsigned int errnum)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(rules) / sizeof(*rules), rules };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* What each way of opening a path gives, as lines of text. */
static char *try_all(const char *path)
{
	char *all = test_format("%s", "");

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		for (int links = 0; links < 2; links++) {
			char *one = describe(pcipt_real_open_confined(root, path,
								      modes[i] | O_CLOEXEC, links));
			char *more = test_format("%sflags 0%o, %s: %s\n", all,
						 (unsigned int)modes[i],
						 links ? "with links" : "without", one);

			free(one);
			free(all);
			all = more;
		}
	return all;
}

static void walk_all(const char *path, unsigned int errnum, int out)
{
	char *all;

	if (!forbid_openat2(errnum))
		_exit(1);
	all = try_all(path);
	_exit(write(out, all, strlen(all)) == (ssize_t)strlen(all) ? 0 : 1);
}

static char *walk_elsewhere(const char *path, unsigned int errnum)
{
	char text[4096] = "";
	size_t n = 0;
	ssize_t r;
	int ends[2], status = 0;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		walk_all(path, errnum, ends[1]);
	close(ends[1]);
	while ((r = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "\"%.80s\": the walk ended with %d", path, status);
	return test_format("%s", text);
}

static void assert_agree(const char *path)
{
	static const unsigned int answers[] = { ENOSYS, EPERM };
	char *kernel = try_all(path);

	for (size_t i = 0; i < 2; i++) {
		char *walk = walk_elsewhere(path, answers[i]);

		ck_assert_msg(strcmp(kernel, walk) == 0,
			      "\"%.80s\": the kernel gives\n%sthe walk\n%s",
			      path, kernel, walk);
		free(walk);
	}
	free(kernel);
}

START_TEST(as_the_kernel_does)
{
	assert_agree(paths[_i]);
}
END_TEST

/* describe() looks at each descriptor: none is what lies outside. */
START_TEST(stays_inside)
{
	free(try_all(odd_paths[_i]));
	free(walk_elsewhere(odd_paths[_i], ENOSYS));
}
END_TEST

/* Names and paths that are longer than they may be. */
START_TEST(very_long)
{
	static const struct {
		const char *before;
		size_t n;
		const char *behind;
	} table[] = { { "", 255, "" },	  { "", 256, "" },   { "a/", 256, "" }, { "a/", 300, "/.." },
		      { "a/b/", 300, "/file" }, { "", 4090, "/a" }, { "", 5000, "" } };
	char *name = calloc(1, table[_i].n + 1), *path;

	memset(name, 'x', table[_i].n);
	path = test_format("%s%s%s", table[_i].before, name, table[_i].behind);
	assert_agree(path);
	free(name);
	free(path);
}
END_TEST

/* Nothing stays open, whichever way it ends. */
START_TEST(leaves_nothing_open)
{
	int before = dup(root), after;

	close(before);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = pcipt_real_open_confined(root, paths[i], O_PATH, true);

		if (fd >= 0)
			close(fd);
	}
	after = dup(root);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

Suite *suite_confined(void)
{
	Suite *suite = suite_create("confined");
	TCase *tc = tcase_create("paths");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, as_the_kernel_does, 0, sizeof(paths) / sizeof(*paths));
	tcase_add_loop_test(tc, stays_inside, 0, sizeof(odd_paths) / sizeof(*odd_paths));
	tcase_add_loop_test(tc, very_long, 0, 7);
	tcase_add_test(tc, leaves_nothing_open);
	suite_add_tcase(suite, tc);
	return suite;
}
