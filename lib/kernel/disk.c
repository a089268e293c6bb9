/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at a disk: is it open exclusively by somebody, and what is on it. Opening or
 * reading a disk that is dying can take for ever, so a process of its own does it,
 * which is left behind if it gets stuck (process.h). It copies the places where marks
 * are into memory; what they mean is found out in the caller, where nothing can hang.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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
	if (ftruncate(to, (off_t)size) < 0)
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

static void look(struct real_kernel *real, const struct pcipt_disk *disk, int memory, int out)
{
	int keep[] = { real->folder[PCIPT_AT_ROOT], memory, out };
	struct answer answer = { 0 };
	int fd;

	pcipt_real_sort3(keep);
	if (!pcipt_process_isolate(keep, 3, NULL))
		_exit(1);
	/* Never for writing: udev looks anew at what was. And only as long as it takes to ask. */
	fd = open_exclusively(real, disk);
	answer.exclusive = fd < 0 ? fd : 0;
	pcipt_closep(&fd);
	if (memory >= 0 && (fd >= 0 || fd == -EBUSY)) {
		fd = open_disk(real, disk, O_RDONLY);
		answer.content = fd < 0 ? fd : copy_places(fd, memory, &answer.sector_size);
		/* Before the answer: the last close of a removable disk talks to it, too. */
		pcipt_closep(&fd);
	} else if (memory >= 0) {
		answer.content = fd;
	}
	_exit(write(out, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
}

/* 0, -ETIMEDOUT, or -errno. So short an answer is there whole or not at all. */
static int receive(int in, struct answer *answer, unsigned int ms)
{
	struct pollfd poller = { .fd = in, .events = POLLIN };
	double deadline = pcipt_now_ms() + ms;
	int ready;

	do {
		double left = deadline - pcipt_now_ms();

		ready = poll(&poller, 1, left > 0 ? (int)left + 1 : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	return read(in, answer, sizeof(*answer)) == sizeof(*answer) ? 0 : -EIO;
}

static int ask(struct real_kernel *real, const struct pcipt_disk *disk, int memory,
	       unsigned int ms, struct answer *answer)
{
	_cleanup_close_ int in = -1;
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in = ends[0];
	pid = pcipt_process_copy(NULL);
	if (pid == 0)
		look(real, disk, memory, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return (int)pid;
	r = receive(in, answer, ms);
	pcipt_real_part_with(real, pid, r == -ETIMEDOUT ? disk->name : NULL);
	return r;
}

void pcipt_real_look_at_disk(struct pcipt_kernel *k, struct pcipt_disk *disk, unsigned int ms)
{
	struct real_kernel *real = real_kernel(k);
	_cleanup_close_ int memory = -1;
	struct answer answer;
	int r = 0;

	*disk->type = *disk->label = *disk->table = *disk->uuid = '\0';
	pcipt_real_reap(real);
	if (pcipt_real_is_stuck(real, disk->name))
		r = -ETIMEDOUT;
	if (r == 0 && disk->read) {
		memory = memfd_create("disk", MFD_CLOEXEC);
		r = memory < 0 ? -errno : 0;
	}
	if (r == 0)
		r = ask(real, disk, memory, ms, &answer);
	disk->exclusive = r < 0 ? r : answer.exclusive;
	disk->content = r < 0 ? r : answer.content;
	if (disk->read && disk->content == 0)
		disk->content = pcipt_signature_find(memory, answer.sector_size, disk);
}
