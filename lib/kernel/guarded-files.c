/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole files that may never be told to the end: a table of mounts asks each file system
 * for its options, and btrfs looks for the name of a subvolume on its disk, which may be
 * dying. So a copy of this process reads them (guarded.c), and is left behind.
 */
#include <errno.h>
#include <fcntl.h>

#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/real.h"

/* `n` bytes follow; 0 ends a file; else -errno. BEGUN comes before all. */
struct piece {
	uint32_t index;
	int32_t n;
};

#define BEGUN INT32_MIN
#define PIECE_MAX (32 * 1024)

/* A piece and its bytes in one write. */
struct parcel {
	struct piece piece;
	char bytes[PIECE_MAX];
};

/*
 * Fills a parcel: /proc gives no more than a page at a time, and for each the caller would
 * have to wake up. 1, 0 at the file's end, or -errno; bytes read before are there with both.
 */
static int fill(int fd, struct parcel *parcel)
{
	parcel->piece.n = 0;
	while (parcel->piece.n < PIECE_MAX) {
		ssize_t n = read(fd, parcel->bytes + parcel->piece.n,
				 PIECE_MAX - (size_t)parcel->piece.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		parcel->piece.n += (int32_t)n;
	}
	return 1;
}

static void send_file(struct real_kernel *real, enum pcipt_place at, const char *path,
		      uint32_t index, int out)
{
	int fd = pcipt_real_open(real, at, path, O_RDONLY), r = fd < 0 ? fd : 1;
	struct parcel parcel = { .piece.index = index };

	while (r > 0) {
		r = fill(fd, &parcel);
		if (parcel.piece.n > 0)
			pcipt_pipe_send(out, &parcel, sizeof(parcel.piece) + (size_t)parcel.piece.n);
	}
	parcel.piece.n = r;
	pcipt_pipe_send(out, &parcel.piece, sizeof(parcel.piece));
	if (fd >= 0)
		close(fd);
}

static void send_all(struct real_kernel *real, enum pcipt_place at,
		     const struct pcipt_file *files, size_t n, int out)
{
	int keep[] = { real->folder[real->at_slash ? at : PCIPT_AT_ROOT], real->folder[at], out };

	pcipt_real_sort3(keep);
	if (!pcipt_process_isolate(keep, 3, NULL))
		_exit(1);
	pcipt_pipe_send(out, &(struct piece){ 0, BEGUN }, sizeof(struct piece));
	for (size_t i = 0; i < n; i++)
		send_file(real, at, files[i].path, (uint32_t)i, out);
	_exit(0);
}

/* Room for more bytes and a NUL behind them. */
static int make_room(struct pcipt_file *file, size_t *room, size_t more)
{
	size_t needed = (size_t)file->result + more + 1;
	char *longer;

	if (needed > PCIPT_FILE_MAX)
		return -EFBIG;
	if (needed <= *room)
		return 0;
	longer = realloc(file->text, needed * 2);
	if (!longer)
		return -ENOMEM;
	file->text = longer;
	*room = needed * 2;
	return 0;
}

/* The next piece's head, which must be of that file: 1, 0 when the copy ended, or -errno. */
static int take_piece(int in, pid_t pid, size_t index, unsigned int ms, struct piece *piece)
{
	int r = pcipt_pipe_await(in, pid, ms);

	if (r == 1)
		r = pcipt_pipe_receive(in, piece, sizeof(*piece), PCIPT_PATIENCE_MS);
	return r == 1 && (piece->index != index || piece->n > PIECE_MAX) ? -EBADMSG : r;
}

/* 1 when the copy goes on with the next file, 0 when it ended, or -errno. */
static int take_file(int in, pid_t pid, struct pcipt_file *file, size_t index, unsigned int ms)
{
	struct piece piece;
	size_t room = 0;
	int r;

	file->result = 0;
	for (;;) {
		r = take_piece(in, pid, index, ms, &piece);
		if (r != 1)
			return r;
		r = make_room(file, &room, piece.n > 0 ? (size_t)piece.n : 0);
		if (r < 0)
			return r;
		if (piece.n <= 0)
			break;
		r = pcipt_pipe_receive(in, file->text + file->result, (size_t)piece.n,
				       PCIPT_PATIENCE_MS);
		if (r != 1)
			return r;
		file->result += piece.n;
	}
	file->text[file->result] = '\0';
	if (piece.n < 0)
		file->result = piece.n;
	return 1;
}

/* Takes all; where it ends before, that and all that follows has the same reason. */
static int take_all(int in, pid_t pid, struct pcipt_file *files, size_t n, unsigned int ms,
		    size_t *stopped)
{
	struct piece begun;
	int r = take_piece(in, pid, 0, PCIPT_PATIENCE_MS, &begun);

	*stopped = 0;
	for (; r == 1 && *stopped < n; (*stopped)++) {
		r = take_file(in, pid, &files[*stopped], *stopped, ms);
		if (r != 1)
			break;
	}
	for (size_t i = *stopped; i < n; i++)
		files[i].result = r == 0 ? -EIO : r;
	return r;
}

static bool is_any_stuck(struct real_kernel *real, const struct pcipt_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pcipt_real_is_stuck(real, files[i].path))
			return true;
	return false;
}

void pcipt_real_read_files(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_file *files,
			   size_t n, unsigned int ms)
{
	struct real_kernel *real = real_kernel(k);
	int ends[2], r = 0;
	size_t stopped;
	pid_t pid = 0;

	if (n == 0)
		return;
	pcipt_real_reap(real);
	if (is_any_stuck(real, files, n))
		r = -EBUSY;
	else if (pipe2(ends, O_CLOEXEC) < 0)
		r = -errno;
	for (size_t i = 0; i < n; i++)
		files[i].result = r;
	if (r < 0)
		return;
	pid = pcipt_process_copy(NULL);
	if (pid == 0)
		send_all(real, at, files, n, ends[1]);
	close(ends[1]);
	if (pid > 0)
		r = take_all(ends[0], pid, files, n, ms, &stopped);
	close(ends[0]);
	for (size_t i = 0; pid < 0 && i < n; i++)
		files[i].result = pid;
	if (pid > 0)
		pcipt_real_part_with(real, pid, r == 1 || r == 0 ? NULL :
						r == -EBUSY	 ? files[stopped].path : "");
}
