/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the real maker share. */
#ifndef PCIPT_KERNEL_REAL_H
#define PCIPT_KERNEL_REAL_H

#include <unistd.h>

#include "kernel/kernel.h"

/* What getdents64() gives (man 2 getdents64). */
struct pcipt_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

struct real_kernel {
	struct pcipt_kernel base;
	char *root;
	bool at_slash;		    /* the root is "/" itself */
	bool real;		    /* sys/ is a sysfs */
	bool pretend;		    /* for tests of the helper: take any folder for one */
	int folder[PCIPT_N_PLACES]; /* descriptors, -1 where the folder is missing */
	/* Readers that got stuck: they are reaped when the kernel has let them go. */
	pthread_mutex_t lock;
	struct left_behind {
		pid_t pid;
		char path[256]; /* what it is stuck on: not read again while it is */
	} *left_behind;
	size_t n_left_behind;
};

static inline struct real_kernel *real_kernel(struct pcipt_kernel *k)
{
	return (struct real_kernel *)k;
}

static inline void pcipt_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_close_ _cleanup_(pcipt_closep)

/* Gives a descriptor away, so that its cleanup attribute finds -1. */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* Opens a path below a place, never leaving the root; a descriptor or -errno. */
int pcipt_real_open(struct real_kernel *real, enum pcipt_place at, const char *path, int flags);
/*
 * confined.c: opens a path that doesn't lead out of the folder, following links as if
 * that were "/", or no link at all. Flags as for open(). A descriptor or -errno.
 */
int pcipt_real_open_confined(int folder, const char *path, int flags, bool follow);
/* Calls fn for each name in an open folder. */
int pcipt_real_list_fd(int fd, pcipt_list_fn fn, void *data);
/* Reads until the buffer is full or the end; takes the newline off. Safe after a fork. */
ssize_t pcipt_real_read_fd(int fd, char *buf, size_t size);

/* records.c: a folder by its whole path, never leaving another root; a descriptor or -errno. */
int pcipt_real_open_path(struct real_kernel *real, const char *folder, int flags);
/* watch.c */
int pcipt_real_watch(struct pcipt_kernel *k, const char *const *folders, size_t n,
		     struct pcipt_watch **watch);
/* guarded.c */
int pcipt_real_read_guarded(struct pcipt_kernel *k, enum pcipt_place at,
			    struct pcipt_read *reads, size_t n, unsigned int ms);
/* Three descriptors, ascending. */
void pcipt_real_sort3(int *fds);
/* guarded-files.c */
void pcipt_real_read_files(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_file *files,
			   size_t n, unsigned int ms);
/* Takes leave of those left behind that have ended meanwhile. */
void pcipt_real_reap(struct real_kernel *real);
/* Waits a little for a process that is through (NULL); remembers one that is stuck, for later. */
void pcipt_real_part_with(struct real_kernel *real, pid_t pid, const char *stuck_on);
/* Whether one left behind is still stuck on it. */
bool pcipt_real_is_stuck(struct real_kernel *real, const char *path);
/* disk.c */
void pcipt_real_look_at_disks(struct pcipt_kernel *k, struct pcipt_disk *const *disks, size_t n,
			      unsigned int ms, unsigned int all_ms);
/* netlink.c */
int pcipt_real_ask_networks(struct pcipt_kernel *k, struct pcipt_networks *networks,
			    unsigned int ms);
/* open-files.c */
int pcipt_real_find_holders(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n,
			    unsigned int ms, unsigned int all_ms, pcipt_holding_fn fn, void *data);
/* modules.c */
int pcipt_real_module_state(struct pcipt_kernel *k, const char *name);
/*
 * Calls fn for each file that has to be inserted for a module, or command to be run for it,
 * in order; not 0 ends that. -ENOENT when there is no such module, -EKEYREJECTED when it is
 * on a blacklist.
 */
typedef int (*pcipt_need_fn)(void *data, const char *path, const char *command,
			     const char *options);
int pcipt_real_module_needs(struct real_kernel *real, const char *name, pcipt_need_fn fn,
			    void *data);
/* 0 when the driver is there now, after all that was loaded for it. */
int pcipt_real_module_loaded(struct real_kernel *real, const char *name);
/* writer.c */
int pcipt_real_writer_start(struct pcipt_kernel *k, size_t n_lanes, const int *locks,
			    size_t n_locks, struct pcipt_writer **writer);
void pcipt_real_writer_run(struct pcipt_writer *writer, struct pcipt_job *jobs, size_t n,
			   const struct pcipt_wait *wait);
bool pcipt_real_writer_busy(struct pcipt_writer *writer, size_t lane, double deadline);
bool pcipt_real_writer_end(struct pcipt_writer *writer);
/* locks.c */
int pcipt_real_lock(struct pcipt_kernel *k, const char *folder, const char *name,
		    const char *text, char *holder, size_t size);
void pcipt_real_unlock(struct pcipt_kernel *k, int lock, bool left_behind);
double pcipt_real_now(struct pcipt_kernel *k);
int pcipt_real_wait(struct pcipt_kernel *k, int fd, double ms);
/* records.c */
/* Makes a folder and those above it, writable by us alone; the last one gets the mode. */
int pcipt_real_make_folders(const char *folder, mode_t mode);
/* A folder's descriptor, when only root or we could have filled it; or -errno. */
int pcipt_real_open_folder(struct pcipt_kernel *k, const char *folder);
/* The same; made with this mode where it is missing. */
int pcipt_real_open_or_make_folder(struct pcipt_kernel *k, const char *folder, mode_t mode);
int pcipt_real_record_write(struct pcipt_kernel *k, const char *folder, const char *name,
			    const char *text, bool exclusive);
int pcipt_real_record_read(struct pcipt_kernel *k, const char *folder, const char *name,
			   char **text, size_t *length);
int pcipt_real_record_remove(struct pcipt_kernel *k, const char *folder, const char *name);
void pcipt_real_record_sweep(struct pcipt_kernel *k, const char *folder, const char *of);
int pcipt_real_record_each(struct pcipt_kernel *k, const char *folder, pcipt_record_fn fn,
			   void *data);

#endif
