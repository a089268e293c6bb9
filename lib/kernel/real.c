/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real maker: reads and writes sysfs below a root folder. Every path is
 * opened relative to a folder descriptor and may not lead out of it.
 */
#include "kernel/real.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* openat2() refuses flags that mean nothing for O_PATH. */
static int full_flags(int flags)
{
	/* A fifo in a hostile tree must not make the open wait. */
	return flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
}

/* Links in the path are followed as if the folder were "/", or none at all. */
static int open_confined(int folder, const char *path, int flags, bool follow)
{
	return pcipt_real_open_confined(folder, path, full_flags(flags), follow);
}

static int open_plainly(int folder, const char *path, int flags)
{
	int fd;

	do
		fd = openat(folder, path, full_flags(flags));
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/*
 * Below "/" nothing can lead out: the process's own root is the border. Below
 * another root every path is resolved as if that were "/", so links work and
 * can't lead out. Paths below sys/devices are physical: there none is followed,
 * which also saves the long way from the root.
 */
int pcipt_real_open(struct real_kernel *real, enum pcipt_place at, const char *path, int flags)
{
	int folder = real->folder[at];
	char whole[PCIPT_ATTRIBUTE_MAX];

	if (folder < 0)
		return -ENOENT;
	if (real->at_slash)
		return open_plainly(folder, path, flags);
	if (at == PCIPT_AT_SYS_DEVICES)
		return open_confined(folder, path, flags, false);
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", pcipt_place_path(at), path) >=
	    sizeof(whole))
		return -ENAMETOOLONG;
	return open_confined(real->folder[PCIPT_AT_ROOT], whole, flags, true);
}

/* The folder that a name is in, and the name; for the calls that take no RESOLVE_ flags. */
static int open_parent(struct real_kernel *real, enum pcipt_place at, const char *path,
		       const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[PCIPT_ATTRIBUTE_MAX];

	*name = slash ? slash + 1 : path;
	if (slash && (size_t)(slash - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	return pcipt_real_open(real, at, parent, O_PATH | O_DIRECTORY);
}

ssize_t pcipt_real_read_fd(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size - 1) {
		ssize_t r = read(fd, buf + n, size - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		n += (size_t)r;
		/* An attribute ends with a newline: the read that says "no more" is saved. */
		if (r == 0 || buf[n - 1] == '\n')
			break;
	}
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return (ssize_t)n;
}

static ssize_t real_read(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
			 size_t size)
{
	_cleanup_close_ int fd = pcipt_real_open(real_kernel(k), at, path, O_RDONLY);

	return fd < 0 ? fd : pcipt_real_read_fd(fd, buf, size);
}

static ssize_t link_text(int folder, const char *name, char *buf, size_t size)
{
	ssize_t n = readlinkat(folder, name, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

/* One of a set: an attribute or a link below an open folder, through no other link. */
static ssize_t read_below(const struct real_kernel *real, int dir, const struct pcipt_read *read)
{
	int flags = read->link ? O_PATH | O_NOFOLLOW : O_RDONLY | O_NOFOLLOW;
	_cleanup_close_ int fd = -1;

	if (real->at_slash && read->link)
		return link_text(dir, read->path, read->buf, read->size);
	fd = real->at_slash ? open_plainly(dir, read->path, flags) :
			      open_confined(dir, read->path, flags, false);
	if (fd < 0)
		return fd;
	return read->link ? link_text(fd, "", read->buf, read->size) :
			    pcipt_real_read_fd(fd, read->buf, read->size);
}

/* The way to the folder is walked once; from about four attributes on that pays. */
static void real_read_set(struct pcipt_kernel *k, enum pcipt_place at, const char *folder,
			  struct pcipt_read *reads, size_t n)
{
	_cleanup_close_ int dir =
		pcipt_real_open(real_kernel(k), at, folder, O_PATH | O_DIRECTORY);

	for (size_t i = 0; i < n; i++)
		reads[i].result = dir < 0 ? dir : read_below(real_kernel(k), dir, &reads[i]);
}

static ssize_t real_read_bytes(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			       void *buf, size_t size)
{
	_cleanup_close_ int fd = pcipt_real_open(real_kernel(k), at, path, O_RDONLY);
	size_t n = 0;

	if (fd < 0)
		return fd;
	while (n < size) {
		ssize_t r = read(fd, (char *)buf + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static ssize_t real_read_link(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			      char *buf, size_t size)
{
	struct real_kernel *real = real_kernel(k);
	_cleanup_close_ int parent = -1;
	const char *name = path;

	if (real->folder[at] < 0)
		return -ENOENT;
	if (!real->at_slash) {
		parent = open_parent(real, at, path, &name);
		if (parent < 0)
			return parent;
	}
	return link_text(parent < 0 ? real->folder[at] : parent, name, buf, size);
}

#define ENTRIES_SIZE 32768

static bool is_folder(int fd, const struct pcipt_entry *entry)
{
	struct stat st;

	/* Some file systems don't say. */
	if (entry->type == DT_UNKNOWN)
		return fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISDIR(st.st_mode);
	return entry->type == DT_DIR;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int give_entries(int fd, const char *entries, ssize_t n, bool folders, pcipt_list_fn fn,
			void *data)
{
	int r = 0;

	for (ssize_t at = 0; r == 0 && at < n;) {
		const struct pcipt_entry *entry = (const void *)(entries + at);

		at += entry->length;
		if (!is_dot(entry->name) && (!folders || is_folder(fd, entry)))
			r = fn(data, entry->name);
	}
	return r;
}

/* Without readdir(), which asks the kernel three things more about each folder. */
static int list_fd(int folder, bool folders, pcipt_list_fn fn, void *data)
{
	_cleanup_close_ int fd = folder;
	_cleanup_free_ char *entries = malloc(ENTRIES_SIZE);
	ssize_t n;
	int r = entries ? 0 : -ENOMEM;

	while (r == 0) {
		n = syscall(SYS_getdents64, fd, entries, ENTRIES_SIZE);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = give_entries(fd, entries, n, folders, fn, data);
	}
	return r;
}

int pcipt_real_list_fd(int fd, pcipt_list_fn fn, void *data)
{
	return list_fd(fd, false, fn, data);
}

static int real_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
		     pcipt_list_fn fn, void *data)
{
	int fd = pcipt_real_open(real_kernel(k), at, path, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? fd : list_fd(fd, false, fn, data);
}

static int real_list_folders(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			     pcipt_list_fn fn, void *data)
{
	int fd = pcipt_real_open(real_kernel(k), at, path, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? fd : list_fd(fd, true, fn, data);
}

static int real_exists(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	struct real_kernel *real = real_kernel(k);
	_cleanup_close_ int fd = -1;
	struct statx st;

	if (real->at_slash && real->folder[at] >= 0) {
		/* What opening it as a path would tell, in one call. */
		if (statx(real->folder[at], path,
			  AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0)
			return 1;
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	}
	fd = pcipt_real_open(real, at, path, O_PATH | O_NOFOLLOW);
	if (fd >= 0)
		return 1;
	return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
}

static int real_may_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	_cleanup_close_ int fd = pcipt_real_open(real_kernel(k), at, path, O_PATH);

	if (fd < 0)
		return fd;
	/* Effective ids, and EROFS where /sys is mounted read-only, as in a container. */
	return faccessat(fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static bool real_is_real(struct pcipt_kernel *k)
{
	return real_kernel(k)->real;
}

static void real_destroy(struct pcipt_kernel *k)
{
	struct real_kernel *real = real_kernel(k);

	pcipt_real_reap(real);
	for (int i = 0; i < PCIPT_N_PLACES; i++)
		pcipt_closep(&real->folder[i]);
	pthread_mutex_destroy(&real->lock);
	free(real->left_behind);
	free(real->root);
	free(real);
}

static const struct pcipt_kernel_ops real_ops = {
	.read = real_read,
	.read_set = real_read_set,
	.read_bytes = real_read_bytes,
	.read_link = real_read_link,
	.list = real_list,
	.list_folders = real_list_folders,
	.exists = real_exists,
	.may_write = real_may_write,
	.read_guarded = pcipt_real_read_guarded,
	.read_files = pcipt_real_read_files,
	.look_at_disks = pcipt_real_look_at_disks,
	.ask_networks = pcipt_real_ask_networks,
	.find_holders = pcipt_real_find_holders,
	.is_real = real_is_real,
	.module_state = pcipt_real_module_state,
	.writer_start = pcipt_real_writer_start,
	.writer_run = pcipt_real_writer_run,
	.writer_busy = pcipt_real_writer_busy,
	.writer_end = pcipt_real_writer_end,
	.lock = pcipt_real_lock,
	.unlock = pcipt_real_unlock,
	.now = pcipt_real_now,
	.wait = pcipt_real_wait,
	.record_write = pcipt_real_record_write,
	.record_read = pcipt_real_record_read,
	.record_remove = pcipt_real_record_remove,
	.record_each = pcipt_real_record_each,
	.record_sweep = pcipt_real_record_sweep,
	.watch = pcipt_real_watch,
	.destroy = real_destroy,
};

static int bad_root(const char *root, int errnum, struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_BAD_ROOT,
			  &(struct pcipt_error_facts){
				  .path = root,
				  .errnum = errnum,
				  .remedy = "Give a folder that has sys/ below it, or leave the root "
					    "out for this machine" },
			  "the root %s can't be used: %s", root,
			  errnum == ENOTDIR ? "it is not a folder" : pcipt_errno_text(errnum));
}

/* Opens the folders that paths begin at. Only the root itself must be there. */
static int open_places(struct real_kernel *real, const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	real->folder[PCIPT_AT_ROOT] = fd;
	for (int at = PCIPT_AT_ROOT + 1; at < PCIPT_N_PLACES; at++) {
		fd = pcipt_real_open(real, PCIPT_AT_ROOT, pcipt_place_path(at) + 1,
				     O_PATH | O_DIRECTORY);
		if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
			return fd;
		real->folder[at] = fd < 0 ? -1 : fd;
	}
	return 0;
}

int pcipt_kernel_real_new(const char *root, struct pcipt_kernel **kernel,
			  struct pcipt_error **error)
{
	struct real_kernel *real = calloc(1, sizeof(*real));
	struct statfs fs;
	int r;

	if (!real)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&real->base.refs);
	real->base.ops = &real_ops;
	pthread_mutex_init(&real->lock, NULL);
	real->at_slash = pcipt_streq(root, "/");
	for (int i = 0; i < PCIPT_N_PLACES; i++)
		real->folder[i] = -1;
	real->root = strdup(root);
	r = real->root ? open_places(real, root) : -ENOMEM;
	if (r < 0) {
		real_destroy(&real->base);
		return bad_root(root, -r, error);
	}
	real->real = real->folder[PCIPT_AT_PCI_DEVICES] >= 0 &&
		     fstatfs(real->folder[PCIPT_AT_PCI_DEVICES], &fs) == 0 &&
		     fs.f_type == SYSFS_MAGIC;
	*kernel = &real->base;
	return 0;
}
