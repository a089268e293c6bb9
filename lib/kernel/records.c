/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small files that must be whole: written beside, synced, renamed, the folder
 * synced. A folder that somebody else could have put there is not used, and no
 * link is followed in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "kernel/real.h"

/* Larger than any record of ours; what is larger isn't one. */
#define RECORD_MAX (1024 * 1024)

/* A new folder, which outlives a power cut only when the one that it lies in was synced. */
static int make_folder(const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) :
					      strdup(".");
	_cleanup_close_ int fd = -1;

	if (!parent)
		return -ENOMEM;
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* The umask is the program's: modes are set, not hoped for. */
	chmod(path, mode);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int pcipt_real_make_folders(const char *folder, mode_t mode)
{
	_cleanup_free_ char *path = strdup(folder);
	int r;

	if (!path)
		return -ENOMEM;
	/* As a rule it is there. */
	r = make_folder(path, mode);
	if (r != -ENOENT)
		return r;
	for (char *p = strchr(path + 1, '/');; p = strchr(p + 1, '/')) {
		if (p)
			*p = '\0';
		r = make_folder(path, p ? 0755 : mode);
		if (r < 0 || !p)
			return r;
		*p = '/';
	}
}

int pcipt_real_open_path(struct real_kernel *real, const char *folder, int flags)
{
	size_t n = strlen(real->root);
	int fd;

	/* A folder below another root is looked for in that root, whatever links say. */
	if (!real->at_slash && strncmp(folder, real->root, n) == 0 && folder[n] == '/')
		return pcipt_real_open(real, PCIPT_AT_ROOT, folder + n + 1, flags);
	fd = open(folder, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A folder's descriptor, when only root or we could have filled it; or -errno. */
int pcipt_real_open_folder(struct pcipt_kernel *k, const char *folder)
{
	_cleanup_close_ int fd = pcipt_real_open_path(real_kernel(k), folder,
						      O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
		return -EBADMSG;
	return steal_fd(&fd);
}

int pcipt_real_open_or_make_folder(struct pcipt_kernel *k, const char *folder, mode_t mode)
{
	int fd = pcipt_real_open_folder(k, folder), r;

	/* As a rule it is there. */
	if (fd != -ENOENT)
		return fd;
	r = pcipt_real_make_folders(folder, mode);
	return r < 0 ? r : pcipt_real_open_folder(k, folder);
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Makes `name` out of the temporary file; `exclusive` keeps what is there. */
static int put_in_place(int folder, const char *temp, const char *name, bool exclusive)
{
	if (renameat2(folder, temp, folder, name, exclusive ? RENAME_NOREPLACE : 0) < 0)
		return -errno;
	return fsync(folder) < 0 ? -errno : 0;
}

/*
 * A new temporary file, locked as long as its writer lives: what isn't was left behind. One
 * that a sweep took away before it was locked is made again.
 */
static int make_temp(int dir, const char *name, char **temp)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		_cleanup_close_ int fd = -1;
		uint64_t random;
		struct stat st;

		/* A name that neither another thread nor a killed process can have used. */
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		free(*temp);
		*temp = pcipt_format(".%s.%016llx.tmp", name, (unsigned long long)random);
		if (!*temp)
			return -ENOMEM;
		fd = openat(dir, *temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		/* Where nothing can be locked, no sweep removes anything. */
		if ((flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
		    fstat(fd, &st) == 0 && st.st_nlink > 0)
			return steal_fd(&fd);
		unlinkat(dir, *temp, 0);
	}
	return -EBUSY;
}

int pcipt_real_record_write(struct pcipt_kernel *k, const char *folder, const char *name,
			    const char *text, bool exclusive)
{
	_cleanup_free_ char *temp = NULL;
	_cleanup_close_ int dir = -1, fd = -1;
	int r;

	dir = pcipt_real_open_or_make_folder(k, folder, 0755);
	if (dir < 0)
		return dir;
	fd = make_temp(dir, name, &temp);
	if (fd < 0)
		return fd;
	r = write_all(fd, text);
	if (r == 0)
		r = put_in_place(dir, temp, name, exclusive);
	if (r < 0)
		unlinkat(dir, temp, 0);
	return r;
}

/* A file's text in `buf`, of RECORD_MAX + 1 bytes; its length, or -errno. */
static ssize_t read_record(int dir, const char *name, char *buf)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* A record decides what is written to the kernel: only root's word counts. */
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & 022))
		return -EBADMSG;
	for (;;) {
		ssize_t r = read(fd, buf + n, RECORD_MAX + 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		n += (size_t)r;
		if (n > RECORD_MAX)
			return -EFBIG;
		/* A record is renamed into its place whole: at its size it has come to its end. */
		if (r == 0 || n == (size_t)st.st_size)
			break;
	}
	buf[n] = '\0';
	return (ssize_t)n;
}

int pcipt_real_record_read(struct pcipt_kernel *k, const char *folder, const char *name,
			   char **text, size_t *length)
{
	_cleanup_close_ int dir = pcipt_real_open_folder(k, folder);
	_cleanup_free_ char *buf = malloc(RECORD_MAX + 1);
	ssize_t n;

	if (dir < 0)
		return dir;
	if (!buf)
		return -ENOMEM;
	n = read_record(dir, name, buf);
	if (n < 0)
		return (int)n;
	*text = steal(&buf);
	*length = (size_t)n;
	return 0;
}

int pcipt_real_record_remove(struct pcipt_kernel *k, const char *folder, const char *name)
{
	_cleanup_close_ int dir = pcipt_real_open_folder(k, folder);

	if (dir < 0)
		return dir;
	if (unlinkat(dir, name, 0) < 0)
		return -errno;
	return fsync(dir) < 0 ? -errno : 0;
}

struct each {
	int dir;
	char *buf;
	pcipt_record_fn fn;
	void *data;
};

static int read_each(void *data, const char *name)
{
	struct each *each = data;
	ssize_t n;

	if (!pcipt_is_record_name(name))
		return 0;
	n = read_record(each->dir, name, each->buf);
	return each->fn(each->data, name, n < 0 ? (int)n : 0, n < 0 ? NULL : each->buf,
			n < 0 ? 0 : (size_t)n);
}

int pcipt_real_record_each(struct pcipt_kernel *k, const char *folder, pcipt_record_fn fn,
			   void *data)
{
	_cleanup_close_ int dir = pcipt_real_open_folder(k, folder);
	_cleanup_free_ char *buf = malloc(RECORD_MAX + 1);
	struct each each = { dir, buf, fn, data };
	int list;

	if (dir < 0)
		return dir;
	list = buf ? fcntl(dir, F_DUPFD_CLOEXEC, 0) : -1;
	if (list < 0)
		return buf ? -errno : -ENOMEM;
	/* Takes the descriptor over. */
	return pcipt_real_list_fd(list, read_each, &each);
}

/* ".NAME.0123456789abcdef.tmp", where `of` is the NAME, or begins with a dot and is its end. */
static bool is_temp_name(const char *name, const char *of)
{
	static const char tail[] = ".0123456789abcdef.tmp";
	size_t n = strlen(name), n_of = strlen(of), n_tail = sizeof(tail) - 1;
	const char *end;

	if (*name != '.' || n < 1 + n_of + n_tail)
		return false;
	end = name + n - n_tail;
	if (*end != '.' || strspn(end + 1, "0123456789abcdef") != 16 || strcmp(end + 17, ".tmp") != 0 ||
	    strncmp(end - n_of, of, n_of) != 0)
		return false;
	return *of == '.' ? end - n_of > name + 1 : end - n_of == name + 1;
}

struct sweeping {
	int dir;
	const char *of;
};

/* Removes one that no living writer has locked, and that only we or root can have made. */
static int sweep(void *data, const char *name)
{
	const struct sweeping *s = data;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!is_temp_name(name, s->of))
		return 0;
	fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(s->dir, name, 0);
	return 0;
}

void pcipt_real_record_sweep(struct pcipt_kernel *k, const char *folder, const char *of)
{
	_cleanup_close_ int dir = pcipt_real_open_folder(k, folder);
	int list = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);

	/* Takes the descriptor over. */
	if (list >= 0)
		pcipt_real_list_fd(list, sweep, &(struct sweeping){ dir, of });
}
