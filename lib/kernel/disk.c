/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at disks: is one open exclusively by somebody, and what is on it. Opening or
 * reading a disk that is dying can take for ever, so a process of its own does it for all
 * of them, one after the other. It is left behind if it gets stuck (process.h), and another
 * goes on with the next disk. It copies the places where marks are into memory; what they
 * mean is found out in the caller, where nothing can hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/real.h"
#include "kernel/signature.h"

/*
 * Where libblkid looks: most marks are in the first 1.25 MiB (UDF's last at 256 blocks of
 * 4 KiB), VMFS's behind 2 MiB; RAID's, GPT's and ZFS's copies in the last 2 MiB.
 */
#define KIB ((uint64_t)1024)
#define HEAD (1280 * KIB)
#define MIDDLE (2048 * KIB)
#define MIDDLE_SIZE (64 * KIB)
#define TAIL (2048 * KIB)

struct answer {
	uint32_t index;
	int32_t exclusive, content;
	uint32_t sector_size;
};

/* One place: 0, or -errno. Safe after a fork. */
static int copy(int from, int to, uint64_t start, uint64_t end)
{
	char buf[64 * 1024];

	while (start < end) {
		size_t want = end - start < sizeof(buf) ? (size_t)(end - start) : sizeof(buf);
		ssize_t n = pread(from, buf, want, (off_t)start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (pwrite(to, buf, (size_t)n, (off_t)start) != n)
			return -EIO;
		start += (uint64_t)n;
	}
	return 0;
}

static int copy_places(int disk, int to, uint32_t *sector_size)
{
	uint64_t size = 0, tail;
	int sector = 0, r;

	if (ioctl(disk, BLKGETSIZE64, &size) < 0 || ioctl(disk, BLKSSZGET, &sector) < 0)
		return -errno;
	*sector_size = (uint32_t)sector;
	/* Nothing of the disk before. */
	if (ftruncate(to, 0) < 0 || ftruncate(to, (off_t)size) < 0)
		return -errno;
	tail = size > HEAD + TAIL ? size - TAIL : HEAD;
	r = copy(disk, to, 0, size < HEAD ? size : HEAD);
	if (r == 0 && tail > MIDDLE)
		r = copy(disk, to, MIDDLE,
			 tail < MIDDLE + MIDDLE_SIZE ? tail : MIDDLE + MIDDLE_SIZE);
	if (r == 0)
		r = copy(disk, to, tail, size);
	return r;
}

static bool is_node(int fd, const struct pcipt_disk *disk)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == makedev(disk->major, disk->minor);
}

/* Nothing is opened but the very device: opening some others (a tape) has effects. */
static int open_node(struct real_kernel *real, const char *path, const struct pcipt_disk *disk,
		     int flags)
{
	_cleanup_close_ int fd = pcipt_real_open(real, PCIPT_AT_ROOT, path, O_PATH);

	if (fd < 0 || !is_node(fd, disk))
		return fd < 0 ? fd : -ENOENT;
	pcipt_closep(&fd);
	fd = pcipt_real_open(real, PCIPT_AT_ROOT, path, flags);
	if (fd >= 0 && !is_node(fd, disk))
		return -ENOENT;
	return steal_fd(&fd);
}

/* By the link that udev makes out of the number, or by the kernel's own name. */
static int open_disk(struct real_kernel *real, const struct pcipt_disk *disk, int flags)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "dev/block/%u:%u", disk->major, disk->minor);
	fd = open_node(real, path, disk, flags);
	if (fd != -ENOENT)
		return fd;
	snprintf(path, sizeof(path), "dev/%s", disk->name);
	/* A slash in a name is a '!' in sysfs: cciss!c0d0. */
	for (char *p = path; *p; p++)
		*p = *p == '!' ? '/' : *p;
	return open_node(real, path, disk, flags);
}

/* Others ask in this way too (LVM, mdadm, another of us), and let go at once. */
#define TRIES 4
#define TRY_MS 20

static int open_exclusively(struct real_kernel *real, const struct pcipt_disk *disk)
{
	int fd = open_disk(real, disk, O_RDONLY | O_EXCL);

	for (int i = 1; i < TRIES && fd == -EBUSY; i++) {
		poll(NULL, 0, TRY_MS);
		fd = open_disk(real, disk, O_RDONLY | O_EXCL);
	}
	return fd;
}

/* One process that looks, as the caller has it. */
struct looker {
	struct real_kernel *real;
	struct pcipt_disk *const *disks;
	size_t n;
	pid_t pid;
	int talk;   /* both ways: its answers, and our leave to use the memory again */
	int memory; /* what is on the disk that it looked at last; -1 where nobody asks that */
};

static void look(const struct looker *looker, size_t i, int out)
{
	const struct pcipt_disk *disk = looker->disks[i];
	int memory = disk->read ? looker->memory : -1, fd;
	struct answer answer = { .index = (uint32_t)i };
	char leave;

	/* Never for writing: udev looks anew at what was. And only as long as it takes to ask. */
	fd = open_exclusively(looker->real, disk);
	answer.exclusive = fd < 0 ? fd : 0;
	pcipt_closep(&fd);
	if (memory >= 0 && (fd >= 0 || fd == -EBUSY)) {
		fd = open_disk(looker->real, disk, O_RDONLY);
		answer.content = fd < 0 ? fd : copy_places(fd, memory, &answer.sector_size);
		/* Before the answer: the last close of a removable disk talks to it, too. */
		pcipt_closep(&fd);
	} else if (memory >= 0) {
		answer.content = fd;
	}
	pcipt_pipe_send(out, &answer, sizeof(answer));
	if (memory >= 0 && answer.content == 0 && read(out, &leave, 1) != 1)
		_exit(1);
}

/* The looking process. Those that have an answer already (a negative one) are passed over. */
static void look_at_all(const struct looker *looker, size_t first, int out)
{
	int keep[] = { looker->real->folder[PCIPT_AT_ROOT], looker->memory, out };

	pcipt_real_sort3(keep);
	if (!pcipt_process_isolate(keep, 3, NULL))
		_exit(1);
	for (size_t i = first; i < looker->n; i++)
		if (looker->disks[i]->exclusive >= 0)
			look(looker, i, out);
	_exit(0);
}

static void set_result(struct pcipt_disk *disk, int r)
{
	disk->exclusive = disk->content = r;
}

static int start(struct looker *looker, size_t first, bool read)
{
	int ends[2];

	looker->talk = looker->memory = -1;
	/* Anew for each process: one that was left behind may still write to its own. */
	if (read)
		looker->memory = memfd_create("disk", MFD_CLOEXEC);
	if (read && looker->memory < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	looker->talk = ends[0];
	looker->pid = pcipt_process_copy(NULL);
	if (looker->pid == 0)
		look_at_all(looker, first, ends[1]);
	close(ends[1]);
	return looker->pid < 0 ? (int)looker->pid : 0;
}

/* One disk's answer: 0, -ETIMEDOUT when it doesn't come, or -errno. */
static int take_answer(const struct looker *looker, size_t i, unsigned int ms)
{
	struct pcipt_disk *disk = looker->disks[i];
	struct answer answer;
	int r = pcipt_pipe_receive(looker->talk, &answer, sizeof(answer), ms);

	if (r != 1)
		return r == -EBUSY ? -ETIMEDOUT : r == 0 ? -EIO : r;
	if (answer.index != i)
		return -EIO;
	disk->exclusive = answer.exclusive;
	disk->content = answer.content;
	if (!disk->read || disk->content != 0)
		return 0;
	disk->content = pcipt_signature_find(looker->memory, answer.sector_size, disk);
	/* Where it has ended meanwhile the next answer is missing. */
	send(looker->talk, "", 1, MSG_NOSIGNAL);
	return 0;
}

/* As long as one disk may take, and not past the end of all. */
static unsigned int patience(double deadline, unsigned int ms)
{
	double left = deadline - pcipt_now_ms();

	return left >= ms ? ms : left > 0 ? (unsigned int)left + 1 : 0;
}

/* Takes answers until all are there, or until one isn't: which one, and why. */
static size_t take_answers(const struct looker *looker, size_t first, unsigned int ms,
			   double deadline, int *why)
{
	*why = 0;
	for (size_t i = first; i < looker->n; i++) {
		if (looker->disks[i]->exclusive < 0)
			continue;
		*why = take_answer(looker, i, patience(deadline, ms));
		if (*why < 0)
			return i;
	}
	return looker->n;
}

/* Asks from the first on until a disk doesn't answer: which one; n when all have. */
static size_t ask_some(struct looker *looker, size_t first, bool read, unsigned int ms,
		       double deadline)
{
	int r = start(looker, first, read), why = r;
	size_t stopped = r < 0 ? first : take_answers(looker, first, ms, deadline, &why);

	pcipt_closep(&looker->talk);
	pcipt_closep(&looker->memory);
	if (r == 0)
		pcipt_real_part_with(looker->real, looker->pid,
				     why == -ETIMEDOUT ? looker->disks[stopped]->name : NULL);
	if (stopped < looker->n)
		set_result(looker->disks[stopped], why);
	/* It could not begin, or ended before its time: so would the next one. */
	for (size_t i = stopped; why < 0 && why != -ETIMEDOUT && i < looker->n; i++)
		if (looker->disks[i]->exclusive >= 0)
			set_result(looker->disks[i], why);
	return why == -ETIMEDOUT ? stopped : looker->n;
}

void pcipt_real_look_at_disks(struct pcipt_kernel *k, struct pcipt_disk *const *disks, size_t n,
			      unsigned int ms, unsigned int all_ms)
{
	struct looker looker = { .real = real_kernel(k), .disks = disks, .n = n };
	double deadline = pcipt_now_ms() + all_ms;
	bool read = false;

	pcipt_real_reap(looker.real);
	for (size_t i = 0; i < n; i++) {
		*disks[i]->type = *disks[i]->label = *disks[i]->table = *disks[i]->uuid = '\0';
		set_result(disks[i],
			   pcipt_real_is_stuck(looker.real, disks[i]->name) ? -ETIMEDOUT : 0);
		read |= disks[i]->read;
	}
	/* One process as a rule; one more for each disk that it gets stuck on. */
	for (size_t i = 0; i < n; i++) {
		if (disks[i]->exclusive < 0)
			continue;
		if (patience(deadline, ms) > 0)
			i = ask_some(&looker, i, read, ms, deadline);
		else
			set_result(disks[i], -ETIMEDOUT);
	}
}
