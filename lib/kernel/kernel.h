/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam: everything that the library asks of the kernel and of the file
 * system goes through these operations, and through nothing else. Two makers
 * exist: the real one (real.c) and a simulated one in the tests.
 *
 * Operations return 0 or more, or a negative errno. They know nothing of PCI.
 */
#ifndef PCIPT_KERNEL_KERNEL_H
#define PCIPT_KERNEL_KERNEL_H

#include <sys/types.h>

#include "base/context.h"
#include "kernel/networks.h"

/*
 * Where a path begins. Names below SYS_DEVICES are physical ("pci0000:00/…"):
 * no link is followed on the way, so nothing leads out of the tree.
 */
enum pcipt_place {
	PCIPT_AT_ROOT,
	PCIPT_AT_SYS,
	PCIPT_AT_SYS_DEVICES,
	PCIPT_AT_PCI,
	PCIPT_AT_PCI_DEVICES,
	PCIPT_AT_PCI_DRIVERS,
	PCIPT_AT_IOMMU_GROUPS,
	PCIPT_N_PLACES
};

/* One attribute of many to be read at once. */
struct pcipt_read {
	const char *path;
	char *buf;
	size_t size;
	/* As read(). Guarded: -EBUSY when it's stuck, -ETIMEDOUT when the machine is too busy. */
	ssize_t result;
	bool link;	/* it is a link, and its text is wanted (read_set only) */
};

/*
 * A file that somebody may have open, told by what it is: a container has other paths
 * for the same device.
 */
struct pcipt_node {
	unsigned int major, minor;
	bool any_minor;	  /* every device of that major number */
	bool block;	  /* or a character device */
	bool never_mapped; /* it can't be: no process's mappings need be read for it */
	const char *path; /* "/dev/dri/card0", or NULL */
	const char *anon; /* instead of numbers: "anon_inode:[vfio-device]", or NULL */
};

enum pcipt_hold {
	PCIPT_HOLD_OPEN,   /* by a descriptor */
	PCIPT_HOLD_MAPPED, /* by a mapping; the descriptor may be closed */
	/* Not known: descriptors, or only mappings, could not be looked at. */
	PCIPT_HOLD_UNKNOWN,
	PCIPT_HOLD_UNKNOWN_MAPPINGS,
};

/* What was found in one process. `node` is an index, -1 where it isn't known. */
struct pcipt_holding {
	pid_t pid;
	int how; /* enum pcipt_hold */
	int node, fd;
	int errnum; /* why it isn't known; EBUSY when the process didn't answer */
};

/* Called for each; not 0 ends the search. */
typedef int (*pcipt_holding_fn)(void *data, const struct pcipt_holding *holding);

/* One whole file of many. */
struct pcipt_file {
	const char *path;
	char *text;	/* in new memory, NUL-terminated; or NULL */
	ssize_t result; /* its length, or -errno as for a guarded read */
};

/* A disk or partition, and what was found out about it. */
struct pcipt_disk {
	const char *name; /* the kernel's: "nvme0n1p2" */
	unsigned int major, minor;
	bool read;     /* look for data, too */
	int exclusive; /* 0: nobody has it exclusively; -EBUSY: somebody has; or why not known */
	int content;   /* 0: it was looked for data; or why not */
	char type[64], label[256], table[16]; /* "ext4", "data", "gpt"; empty for none */
	char uuid[64];
};

/*
 * A piece of work that may never return, for the helper process. Jobs of one lane run
 * one after the other, lanes run side by side.
 */
enum pcipt_job_kind {
	PCIPT_JOB_WRITE, /* the value, in one write() */
	PCIPT_JOB_READ,	 /* an attribute's text, as read() */
	PCIPT_JOB_LOAD,	 /* the module called by the value */
};

struct pcipt_job {
	enum pcipt_job_kind kind;
	size_t lane;
	const char *path; /* whole, as a person would write it: "/sys/…" */
	const char *value;
	const char *driver; /* for a load: what it must bring; NULL when it's called like the module */
	char *buf;	    /* for a read */
	size_t size;
	ssize_t result; /* 0 or a length, or -errno: see writer_run */
	double ms;	/* how long it took */
};

/* How long to wait for jobs, and whom to tell on the way (on the calling thread). */
struct pcipt_wait {
	double deadline; /* on now()'s clock: begin no more jobs */
	double grace;	 /* so many ms longer for those that have begun */
	int cancel_fd;	 /* readable: begin no more jobs; -1 for none */
	/* NULL, or called when a job was handed over (-EINPROGRESS) and when it is through. */
	void (*tell)(void *data, const struct pcipt_job *job);
	void *data;
};

struct pcipt_writer;

/* What a module is, seen from "can this driver be had". */
enum pcipt_module_state {
	PCIPT_MODULE_ABSENT,
	PCIPT_MODULE_LOADABLE,
	PCIPT_MODULE_READY, /* loaded or built in */
};

/* Called for each record of a folder: its text, or why it can't be read. Not 0 ends it. */
typedef int (*pcipt_record_fn)(void *data, const char *name, int result, const char *text,
			       size_t length);

/* Called for each name in a folder, "." and ".." left out; not 0 ends the listing. */
typedef int (*pcipt_list_fn)(void *data, const char *name);

struct pcipt_watch;

struct pcipt_kernel_ops {
	/* An attribute's text, without the newline at its end, NUL-terminated. */
	ssize_t (*read)(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
			size_t size);
	/* Several attributes and links of one folder; NULL where reading one by one is as good. */
	void (*read_set)(struct pcipt_kernel *k, enum pcipt_place at, const char *folder,
			 struct pcipt_read *reads, size_t n);
	/* A file's bytes as they are, up to `size`. */
	ssize_t (*read_bytes)(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			      void *buf, size_t size);
	/* A link's text, NUL-terminated. */
	ssize_t (*read_link)(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			     char *buf, size_t size);
	int (*list)(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
		    pcipt_list_fn fn, void *data);
	/* The same for the folders in it alone: no files, no links. */
	int (*list_folders)(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			    pcipt_list_fn fn, void *data);
	/* 1 when it is there, 0 when not. */
	int (*exists)(struct pcipt_kernel *k, enum pcipt_place at, const char *path);
	/* 0 when this process may write it, -EACCES or -EROFS when not, -ENOENT. */
	int (*may_write)(struct pcipt_kernel *k, enum pcipt_place at, const char *path);
	/* Reads attributes that may never return (a device's lock), each for at most ms. */
	int (*read_guarded)(struct pcipt_kernel *k, enum pcipt_place at,
			    struct pcipt_read *reads, size_t n, unsigned int ms);
	/*
	 * Reads whole files that may never be told to the end, each for at most ms without
	 * a word; after one that is stuck no other is tried. NULL where nothing gets stuck.
	 */
	void (*read_files)(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_file *files,
			   size_t n, unsigned int ms);
	/*
	 * Asks disks by their nodes in /dev, one after the other, without changing anything:
	 * each for at most ms, all for at most all_ms. -ETIMEDOUT for one that doesn't answer
	 * (the others still do), -ENOENT where there is no node.
	 */
	void (*look_at_disks)(struct pcipt_kernel *k, struct pcipt_disk *const *disks, size_t n,
			      unsigned int ms, unsigned int all_ms);
	/*
	 * Asks every network namespace that can be seen, each for at most ms, for all that
	 * networks.h says. -EOPNOTSUPP where a tree isn't this machine's own. The networks
	 * begin empty; they are the caller's, also on failure.
	 */
	int (*ask_networks)(struct pcipt_kernel *k, struct pcipt_networks *networks,
			    unsigned int ms);
	/*
	 * Who has one of these files open: every process of the tree's /proc is looked at,
	 * each for at most ms, all for at most all_ms. -EACCES when not even their names are all
	 * to be seen, -ETIMEDOUT when the time was up before all had been looked at.
	 */
	int (*find_holders)(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n,
			    unsigned int ms, unsigned int all_ms, pcipt_holding_fn fn, void *data);
	/*
	 * The helper: the one process that makes a transaction's writes, since any of them
	 * may block for ever. It holds the locks, given in the lanes' order (more may
	 * follow), beside the caller, and notes each write in its lane's lock file.
	 */
	int (*writer_start)(struct pcipt_kernel *k, size_t n_lanes, const int *locks,
			    size_t n_locks, struct pcipt_writer **writer);
	/*
	 * Has jobs done and waits for them, until the deadline and its grace. Each job's result is its
	 * errno, or -EINPROGRESS (it has not returned), -ECANCELED (never begun),
	 * -EOWNERDEAD (somebody ended the helper: whether it was done isn't known). A job
	 * for a lane where an earlier one has not returned is -EINPROGRESS at once.
	 */
	void (*writer_run)(struct pcipt_writer *writer, struct pcipt_job *jobs, size_t n,
			   const struct pcipt_wait *wait);
	/* Waits until nothing of a lane is out any more; true when it still is at the deadline. */
	bool (*writer_busy)(struct pcipt_writer *writer, size_t lane, double deadline);
	/* Ends the helper; true when it had to be left behind, with a job that hasn't returned. */
	bool (*writer_end)(struct pcipt_writer *writer);
	/*
	 * Takes a lock: a file of a folder that is ours alone, held by flock(). `text` then
	 * stands in it. A handle, or -EAGAIN when somebody else holds it, with what he wrote
	 * in `holder`; -EBADMSG where others could have made or read the file or its folder.
	 */
	int (*lock)(struct pcipt_kernel *k, const char *folder, const char *name,
		    const char *text, char *holder, size_t size);
	/* Lets go; what a helper left behind holds stays locked until that ends. */
	void (*unlock)(struct pcipt_kernel *k, int lock, bool left_behind);
	/* Milliseconds on a clock that only goes forward. */
	double (*now)(struct pcipt_kernel *k);
	/* Waits; 1 when the descriptor (-1 for none) became readable, else 0. */
	int (*wait)(struct pcipt_kernel *k, int fd, double ms);
	/* Whether sys/ is a real sysfs: nothing is written otherwise. */
	bool (*is_real)(struct pcipt_kernel *k);
	int (*module_state)(struct pcipt_kernel *k, const char *name);
	/*
	 * Records: small files in a folder given by its whole path. Writing is
	 * all or nothing, and on the disk when it returns. `exclusive` fails with
	 * -EEXIST where the name is there.
	 */
	int (*record_write)(struct pcipt_kernel *k, const char *folder, const char *name,
			    const char *text, bool exclusive);
	int (*record_read)(struct pcipt_kernel *k, const char *folder, const char *name,
			   char **text, size_t *length);
	int (*record_remove)(struct pcipt_kernel *k, const char *folder, const char *name);
	/* All of a folder that have a record's name, in any order. */
	int (*record_each)(struct pcipt_kernel *k, const char *folder, pcipt_record_fn fn,
			   void *data);
	/*
	 * Removes what writers left in a folder that were killed while they wrote the file `of`, or
	 * one whose name ends in `of`, which begins with a dot then; NULL where nothing is left.
	 */
	void (*record_sweep)(struct pcipt_kernel *k, const char *folder, const char *of);
	/* Watches devices, and folders given by their whole paths, there or not yet. */
	int (*watch)(struct pcipt_kernel *k, const char *const *folders, size_t n,
		     struct pcipt_watch **watch);
	void (*destroy)(struct pcipt_kernel *k);
};

struct pcipt_kernel {
	struct pcipt_refs refs;
	const struct pcipt_kernel_ops *ops;
};

/* Records end in ".json"; what is being written begins with a dot. */
bool pcipt_is_record_name(const char *file);

/* The context's kernel, opened when first asked for; borrowed from the context. */
int pcipt_kernel_get(struct pcipt_context *ctx, struct pcipt_kernel **kernel,
		     struct pcipt_error **error);
/* Several attributes of one folder, with or without the kernel's read_set. */
void pcipt_kernel_read_set(struct pcipt_kernel *kernel, enum pcipt_place at, const char *folder,
			   struct pcipt_read *reads, size_t n);
/*
 * A whole file as text, NUL-terminated, in new memory (tables of /proc, configuration
 * files): its length, or a negative errno; -EFBIG beyond PCIPT_FILE_MAX.
 */
ssize_t pcipt_kernel_read_file(struct pcipt_kernel *kernel, enum pcipt_place at, const char *path,
			       char **text);
/* The same for files that may never be told to the end; see read_files. */
void pcipt_kernel_read_files(struct pcipt_kernel *kernel, enum pcipt_place at,
			     struct pcipt_file *files, size_t n, unsigned int ms);
#define PCIPT_FILE_MAX ((size_t)16 * 1024 * 1024)
/* Puts another maker's kernel into a context that has none yet; takes it over. */
void pcipt_kernel_put(struct pcipt_context *ctx, struct pcipt_kernel *kernel);
struct pcipt_kernel *pcipt_kernel_ref(struct pcipt_kernel *kernel);
void pcipt_kernel_unref(struct pcipt_kernel *kernel);

/* The real maker: a tree whose root is `root`. */
int pcipt_kernel_real_new(const char *root, struct pcipt_kernel **kernel,
			  struct pcipt_error **error);

/* The path of a place in the tree, for messages: "/sys/bus/pci/devices". */
const char *pcipt_place_path(enum pcipt_place at);

/* Nothing that the kernel prints into an attribute is longer than a page. */
#define PCIPT_ATTRIBUTE_MAX 4096

#endif
