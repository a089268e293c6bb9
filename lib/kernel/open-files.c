/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has a file open: the descriptors and the mappings of every process, out of /proc.
 *
 * Looking into a process can block for ever: /proc/PID/maps takes the lock of its memory,
 * which a process that is stuck in the kernel may hold, and a descriptor may lead to a file
 * system whose server is gone. So a process of its own looks (see process.h); where it gets
 * stuck it is left behind, and another goes on with the next process. Where there are many
 * processes, several look side by side, each at its share of them.
 *
 * What can't be found: descriptors that are under way over a socket, those registered with
 * io_uring, and tables of descriptors that a thread doesn't share with its process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/real.h"

/* After so many processes that didn't answer, the rest isn't asked. */
#define STUCK_MAX 8
/* So many processes are worth a searcher more; and so many searchers are enough. */
#define SHARE 64
#define SHARES_MAX 8
#define BUFFER_SIZE 16384
/* A process with more devices of one anonymous kind open than this has said enough. */
#define ANON_MAX 64
/* include/linux/sched.h: the ninth field of /proc/PID/stat tells of kernel threads. */
#define PF_KTHREAD 0x00200000u

/* Where the searching process is, in memory that it shares with the caller. */
struct progress {
	atomic_int pid;
	atomic_bool at_maps;
};

/* What it says: what it found, and at the end that it is through. */
struct message {
	bool through;
	bool visible; /* when through: process 1 was among the names */
	struct pcipt_holding holding;
};

struct search {
	int proc, out;
	pid_t own;   /* a copy of the caller has its mappings, and isn't meant */
	struct progress *progress;
	pid_t after; /* processes up to this one were looked at before */
	pid_t share, n_shares; /* of the processes: those whose number leaves this remainder */
	const pid_t *passed_over;
	size_t n_passed_over;
	const struct pcipt_node *nodes;
	size_t n;
	bool *found; /* for each node, in the process that is looked at */
	bool wants_anon, wants_maps;
	int n_stuck;
	char names[BUFFER_SIZE], fds[BUFFER_SIZE], text[BUFFER_SIZE];
};

/* Ends the searcher where nobody listens any more. */
static void say(struct search *s, pid_t pid, int how, int node, int fd, int errnum)
{
	struct message message = { .holding = { pid, how, node, fd, errnum } };

	pcipt_pipe_send(s->out, &message, sizeof(message));
}

/* A name that is a number, or -1. */
static int number_of(const char *name)
{
	int number = 0;

	for (; *name >= '0' && *name <= '9' && number < 100000000; name++)
		number = number * 10 + (*name - '0');
	return *name ? -1 : number;
}

/* ---- one file ---- */

static bool is_node(const struct pcipt_node *node, const struct statx *st)
{
	if (node->anon || (node->block ? !S_ISBLK(st->stx_mode) : !S_ISCHR(st->stx_mode)) ||
	    st->stx_rdev_major != node->major)
		return false;
	return node->any_minor || st->stx_rdev_minor == node->minor;
}

/* Says which nodes a file is; those found in this process before aren't said again. */
static void compare_numbers(struct search *s, pid_t pid, const struct statx *st, int how, int fd)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->found[i] || !is_node(&s->nodes[i], st))
			continue;
		s->found[i] = true;
		say(s, pid, how, (int)i, fd, 0);
	}
}

/* The same by a file's name: an anonymous one, or a path in /dev. */
static void compare_text(struct search *s, pid_t pid, const char *text, int how, int fd)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->nodes[i].anon ? s->nodes[i].anon : s->nodes[i].path;

		/* Several anonymous files of one name are several devices. */
		if (!name || strcmp(name, text) != 0 ||
		    (s->found[i] && !(s->nodes[i].anon && how == PCIPT_HOLD_OPEN)))
			continue;
		s->found[i] = true;
		say(s, pid, how, (int)i, fd, 0);
	}
}

/*
 * What is known without asking a server is enough: a device's numbers are never asked of
 * one. 0, or a negative errno.
 */
static int look(int folder, const char *name, struct statx *st)
{
	return statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, st) < 0 ?
		       -errno :
		       0;
}

/* ---- descriptors ---- */

static void look_at_fd(struct search *s, pid_t pid, int folder, const char *name, int *n_anon)
{
	int fd = number_of(name);
	char text[64];
	struct statx st;
	ssize_t length;

	if (look(folder, name, &st) < 0)
		return; /* closed meanwhile */
	if (S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode)) {
		compare_numbers(s, pid, &st, PCIPT_HOLD_OPEN, fd);
		return;
	}
	if (!s->wants_anon || S_ISSOCK(st.stx_mode) || S_ISFIFO(st.stx_mode) ||
	    S_ISDIR(st.stx_mode) || *n_anon >= ANON_MAX)
		return;
	length = readlinkat(folder, name, text, sizeof(text));
	if (length < 0 || length >= (ssize_t)sizeof(text) || text[0] == '/')
		return;
	text[length] = '\0';
	++*n_anon;
	compare_text(s, pid, text, PCIPT_HOLD_OPEN, fd);
}

/* The n-th word from here on, counted from 1; where there are fewer, an empty one. */
static const char *word_at(const char *text, int n)
{
	for (; *text == ' '; text++)
		;
	while (--n > 0) {
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	return text;
}

/* Kernel threads have no descriptors; only root may know that by looking. */
static bool is_kernel_thread(struct search *s, pid_t pid)
{
	const char *bracket = NULL;
	char path[32];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = pcipt_real_read_fd(fd, s->text, sizeof(s->text));
		close(fd);
	}
	/* The second field is the command in brackets, which may hold anything. */
	bracket = n > 0 ? strrchr(s->text, ')') : NULL;
	return bracket && (strtoul(word_at(bracket + 1, 7), NULL, 10) & PF_KTHREAD);
}

/* False when the process has gone, has nothing, or can't be looked into. */
static bool look_at_fds(struct search *s, pid_t pid)
{
	char path[32];
	int folder, n_anon = 0;
	long n;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	folder = openat(s->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		int errnum = errno;

		if (errnum != ENOENT && errnum != ESRCH && !is_kernel_thread(s, pid))
			say(s, pid, PCIPT_HOLD_UNKNOWN, -1, -1, errnum);
		return false;
	}
	while ((n = syscall(SYS_getdents64, folder, s->fds, sizeof(s->fds))) > 0)
		for (long at = 0; at < n;) {
			const struct pcipt_entry *entry = (const void *)(s->fds + at);

			if (entry->name[0] != '.')
				look_at_fd(s, pid, folder, entry->name, &n_anon);
			at += entry->length;
		}
	close(folder);
	return true;
}

/* ---- mappings ---- */

/*
 * A line of maps: "7f12c000-7f12d000 rw-s 00000000 00:06 315   /dev/snd/pcmC0D0p". It names
 * the file's inode, not the device's numbers; those come from map_files, for whoever may
 * follow its links (CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN), else the path must do.
 */
static void look_at_mapping(struct search *s, pid_t pid, int files, char *line)
{
	const char *mode = word_at(line, 2), *path = word_at(line, 6);
	const char *from = line + strspn(line, "0"), *to = strchr(line, '-');
	char name[64];
	struct statx st;

	if (!to || !*path)
		return;
	if (*path != '/') {
		if (s->wants_anon && *path == 'a')
			compare_text(s, pid, path, PCIPT_HOLD_MAPPED, -1);
		return;
	}
	/* Devices are mapped shared as a rule; most private mappings are of libraries. */
	if (strnlen(mode, 4) < 4 || (mode[3] != 's' && strncmp(path, "/dev/", 5) != 0))
		return;
	/* map_files prints the same addresses without zeros in front. */
	to += 1 + strspn(to + 1, "0");
	snprintf(name, sizeof(name), "%.*s-%.*s", (int)strcspn(from, "-"), from,
		 (int)strcspn(to, " "), to);
	if (files < 0 || look(files, name, &st) < 0)
		compare_text(s, pid, path, PCIPT_HOLD_MAPPED, -1);
	else
		compare_numbers(s, pid, &st, PCIPT_HOLD_MAPPED, -1);
}

/* Cuts what was read into lines; gives the length of what remains at the beginning. */
static void look_at_lines(struct search *s, pid_t pid, int files, size_t *n)
{
	char *line = s->text, *end;

	s->text[*n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		look_at_mapping(s, pid, files, line);
		line = end + 1;
	}
	*n -= (size_t)(line - s->text);
	memmove(s->text, line, *n);
	/* A line as long as all the room isn't one of a device's. */
	if (*n == sizeof(s->text) - 1)
		*n = 0;
}

static void look_at_maps(struct search *s, pid_t pid)
{
	char path[32];
	size_t have = 0;
	int fd, files;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/maps", (int)pid);
	fd = openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT && errno != ESRCH)
			say(s, pid, PCIPT_HOLD_UNKNOWN_MAPPINGS, -1, -1, errno);
		return;
	}
	snprintf(path, sizeof(path), "%d/map_files", (int)pid);
	files = openat(s->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	while ((n = read(fd, s->text + have, sizeof(s->text) - 1 - have)) > 0) {
		have += (size_t)n;
		look_at_lines(s, pid, files, &have);
	}
	if (files >= 0)
		close(files);
	close(fd);
}

/* ---- all processes ---- */

static bool is_passed_over(const struct search *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_passed_over; i++)
		if (s->passed_over[i] == pid)
			return true;
	return false;
}

static void look_at_process(struct search *s, pid_t pid)
{
	if (pid <= s->after || pid == s->own || pid % s->n_shares != s->share)
		return;
	/* A process that an earlier search is stuck on still would be. */
	if (is_passed_over(s, pid)) {
		say(s, pid, PCIPT_HOLD_UNKNOWN, -1, -1, EBUSY);
		return;
	}
	memset(s->found, 0, s->n);
	s->progress->at_maps = false;
	s->progress->pid = pid;
	if (!look_at_fds(s, pid) || !s->wants_maps)
		return;
	s->progress->at_maps = true;
	look_at_maps(s, pid);
}

/* /proc lists processes by number, so a later searcher can go on. */
static void look_at_all(struct search *s)
{
	struct message through = { .through = true };
	int folder = openat(s->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t length = readlinkat(s->proc, "self", s->text, sizeof(s->text) - 1);
	long n;

	if (folder < 0)
		return;
	s->text[length > 0 ? length : 0] = '\0';
	s->own = number_of(s->text);
	while ((n = syscall(SYS_getdents64, folder, s->names, sizeof(s->names))) > 0)
		for (long at = 0; at < n;) {
			const struct pcipt_entry *entry = (const void *)(s->names + at);
			int pid = number_of(entry->name);

			at += entry->length;
			through.visible |= pid == 1;
			if (pid > 0)
				look_at_process(s, pid);
		}
	if (n == 0)
		pcipt_pipe_send(s->out, &through, sizeof(through));
}

/* The searching process. */
static void be_searcher(struct search *s)
{
	int keep[] = { s->proc < s->out ? s->proc : s->out, s->proc < s->out ? s->out : s->proc };

	if (!pcipt_process_isolate(keep, 2, s->progress))
		_exit(1);
	look_at_all(s);
	_exit(0);
}

/* ---- the caller's side ---- */

/* How long to wait for one process, and until when for all. */
struct patience {
	unsigned int ms;
	double deadline;
};

/* A message: as pcipt_pipe_receive(), and -ETIMEDOUT when the time for all is up. */
static int receive(int in, struct message *message, const struct patience *patience)
{
	double left = patience->deadline - pcipt_now_ms();
	bool last = left < patience->ms;
	int r = pcipt_pipe_receive(in, message, sizeof(*message),
				   !last ? patience->ms : left > 0 ? (unsigned int)left + 1 : 0);

	return r == -EBUSY && last ? -ETIMEDOUT : r;
}

/*
 * Passes on what a searcher says: 1 when it is through, 0 when it has been at one place for
 * too long, or -errno.
 */
static int take_messages(int in, const struct search *s, const struct patience *patience,
			 struct pcipt_holding *stuck, pcipt_holding_fn fn, void *data)
{
	int pid = -1;
	bool at_maps = false;

	for (;;) {
		struct message message;
		int r = receive(in, &message, patience);

		if (r == -EBUSY) {
			if (s->progress->pid == pid && s->progress->at_maps == at_maps) {
				/* As it was seen twice: it may go on any time, and what it says is lost. */
				stuck->pid = pid;
				stuck->how = at_maps ? PCIPT_HOLD_UNKNOWN_MAPPINGS : PCIPT_HOLD_UNKNOWN;
				return 0;
			}
			pid = s->progress->pid;
			at_maps = s->progress->at_maps;
			continue;
		}
		if (r != 1)
			return r < 0 ? r : -EIO;
		if (message.through)
			return message.visible ? 1 : -EACCES;
		if (fn(data, &message.holding) != 0)
			return -ECANCELED;
	}
}

/* A share of the processes, and who looks at it. */
struct share {
	struct progress *progress;
	pid_t pid, after;
	int in;
};

/* Anew for each searcher: one that was left behind may still write to its own. */
static int start(struct search *s, struct share *share, pid_t number)
{
	int ends[2];

	share->progress = mmap(NULL, sizeof(*share->progress), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (share->progress == MAP_FAILED) {
		share->progress = NULL;
		return -ENOMEM;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	s->out = ends[1];
	s->progress = share->progress;
	s->after = share->after;
	s->share = number;
	share->pid = pcipt_process_copy(NULL);
	if (share->pid == 0)
		be_searcher(s);
	close(ends[1]);
	share->in = ends[0];
	return share->pid < 0 ? share->pid : 0;
}

/*
 * Lets go of a searcher; one that isn't known to be through may be stuck: nobody waits for it.
 * Of one that but had too little time (-ETIMEDOUT) the process isn't to blame.
 */
static void part_with(struct real_kernel *real, struct share *share, int r)
{
	char stuck_on[64];

	pcipt_closep(&share->in);
	share->in = -1;
	if (share->pid > 0) {
		snprintf(stuck_on, sizeof(stuck_on), "proc/%d", (int)share->progress->pid);
		pcipt_real_part_with(real, share->pid,
				     r == 1 ? NULL : r == -ETIMEDOUT ? "" : stuck_on);
	}
	share->pid = 0;
	if (share->progress)
		munmap(share->progress, sizeof(*share->progress));
	share->progress = NULL;
}

/* What one searcher has to say; 1 when all was seen, 0 when it got stuck, or -errno. */
static int listen_to(struct real_kernel *real, struct search *s, struct share *share,
		     const struct patience *patience, pcipt_holding_fn fn, void *data)
{
	struct pcipt_holding stuck = { .node = -1, .fd = -1, .errnum = EBUSY };
	int r;

	s->progress = share->progress;
	r = take_messages(share->in, s, patience, &stuck, fn, data);
	/* One that didn't even begin, on a busy machine, says nothing of any process. */
	if (r == 0 && stuck.pid > 0) {
		r = fn(data, &stuck) != 0 ? -ECANCELED : 0;
		share->after = stuck.pid;
	}
	part_with(real, share, r);
	return r;
}

/* One share to its end: 1, 0 when too many got stuck, or -errno. */
static int search_share(struct real_kernel *real, struct search *s, struct share *share,
			pid_t number, const struct patience *patience, pcipt_holding_fn fn,
			void *data)
{
	int r = listen_to(real, s, share, patience, fn, data);

	while (r == 0 && ++s->n_stuck < STUCK_MAX) {
		r = start(s, share, number);
		if (r == 0)
			r = listen_to(real, s, share, patience, fn, data);
	}
	return r;
}

/* /proc has a link for each process. */
static pid_t choose_shares(int proc)
{
	struct stat st;
	cpu_set_t set;
	pid_t n = 1, most = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		most = CPU_COUNT(&set);
	if (fstat(proc, &st) == 0)
		n += (pid_t)(st.st_nlink / SHARE);
	n = n < most ? n : most;
	return n < SHARES_MAX ? n : SHARES_MAX;
}

static int search_all(struct real_kernel *real, struct search *s, const struct patience *patience,
		      pcipt_holding_fn fn, void *data)
{
	struct share shares[SHARES_MAX] = { 0 };
	int r = 0;

	s->n_shares = choose_shares(s->proc);
	for (pid_t i = 0; i < s->n_shares; i++)
		shares[i].in = -1;
	for (pid_t i = 0; r >= 0 && i < s->n_shares; i++)
		r = start(s, &shares[i], i);
	r = r < 0 ? r : 1;
	for (pid_t i = 0; r > 0 && i < s->n_shares; i++)
		r = search_share(real, s, &shares[i], i, patience, fn, data);
	for (pid_t i = 0; i < s->n_shares; i++)
		part_with(real, &shares[i], r < 0 ? r : 0);
	return r;
}

/* Those that earlier searches are stuck on; NULL without memory or for none. */
static pid_t *stuck_processes(struct real_kernel *real, size_t *n)
{
	pid_t *stuck;
	int pid;

	*n = 0;
	pthread_mutex_lock(&real->lock);
	stuck = calloc(real->n_left_behind + 1, sizeof(*stuck));
	for (size_t i = 0; stuck && i < real->n_left_behind; i++)
		if (sscanf(real->left_behind[i].path, "proc/%d", &pid) == 1)
			stuck[(*n)++] = pid;
	pthread_mutex_unlock(&real->lock);
	return stuck;
}

int pcipt_real_find_holders(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n,
			    unsigned int ms, unsigned int all_ms, pcipt_holding_fn fn, void *data)
{
	const struct patience patience = { ms, pcipt_now_ms() + all_ms };
	struct real_kernel *real = real_kernel(k);
	_cleanup_close_ int proc = pcipt_real_open(real, PCIPT_AT_ROOT, "proc",
						   O_PATH | O_DIRECTORY);
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	_cleanup_free_ bool *found = calloc(n + 1, sizeof(*found));
	_cleanup_free_ pid_t *stuck = NULL;
	int r;

	if (proc < 0)
		return proc;
	pcipt_real_reap(real);
	if (s)
		stuck = stuck_processes(real, &s->n_passed_over);
	if (!s || !found || !stuck)
		return -ENOMEM;
	s->proc = proc;
	s->passed_over = stuck;
	s->nodes = nodes;
	s->n = n;
	s->found = found;
	for (size_t i = 0; i < n; i++) {
		s->wants_anon |= nodes[i].anon != NULL;
		s->wants_maps |= !nodes[i].never_mapped;
	}
	r = search_all(real, s, &patience, fn, data);
	return r == 1 ? 0 : r == 0 ? -EBUSY : r;
}
