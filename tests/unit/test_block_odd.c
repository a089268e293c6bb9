/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must not go unnoticed about disks: everything that can't be read, tables that
 * are damaged, holders in a circle, and what asking the disk itself finds (which here
 * is a test's answer, not a disk's).
 */
#include "failing.h"
#include "storage.h"

#define MOUNTED "30 1 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n"

static bool is_told(const char *what)
{
	const struct pcipt_use *use = storage_use(PCIPT_USE_UNKNOWN, ONE);

	return use && strstr(use->evidence, what);
}

/* ---- trees ---- */

/* A recorded tree without processes: nothing can be changed there, so it is but a warning. */
START_TEST(no_proc_at_all)
{
	char *proc = tree_path(storage.tree, "proc");

	storage_two_disks();
	test_remove(proc);
	if (_i == 1)
		tree_file(storage.tree, "proc/cmdline", "quiet");
	storage_ask(ONE, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_UNKNOWN_HARMLESS, ONE, "whether its disks are in use",
		   "/proc/1/mountinfo was not recorded");
	/* What was recorded counts all the same. */
	tree_file(storage.tree, "proc/swaps", "Filename x\n/dev/nvme0n1p2 partition 1 2 3");
	storage_ask(ONE, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_SWAP, ONE));
	/* Of processes that are there the first must be. */
	tree_file(storage.tree, "proc/1/comm", "init");
	storage_ask(ONE, NULL);
	ck_assert(is_told("/proc/1/mountinfo can't be read"));
	free(proc);
}
END_TEST

/* A recorded tree without block devices: a disk controller may have had some. */
START_TEST(no_block_devices_recorded)
{
	char *path = tree_path(storage.tree, "sys/class/block");

	test_remove(path);
	storage_ask(ONE, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_UNKNOWN_HARMLESS, ONE, "whether its disks are in use",
		   "/sys/class/block was not recorded");
	free(path);
}
END_TEST

START_TEST(files_that_are_none)
{
	static const char *const files[] = { "proc/1/mountinfo", "proc/swaps" };
	char *path = tree_path(storage.tree, files[_i]);

	storage_two_disks();
	test_remove(path);
	tree_folder(storage.tree, files[_i]);
	storage_ask(ONE, NULL);
	ck_assert(is_told(files[_i]));
	free(path);
}
END_TEST

START_TEST(damaged_tables)
{
	static const char *const tables[] = {
		"nonsense\n", "1 2 3\n", "1 2 x:y / / rw - ext4 a b\n", "\n" MOUNTED,
		"30 1 259:1 / /srv rw ext4 /dev/nvme0n1p1 rw\n", "30 1 259:1 / /srv rw -\n",
		"30 1 259:999999999999 / /srv rw - ext4 a b\n", "30 1 259:1x / /srv rw - ext4 a b\n",
	};

	storage_two_disks();
	storage_process(1, 1, tables[_i]);
	storage_ask(ONE, NULL);
	ck_assert(is_told("/proc/1/mountinfo isn't as it should be"));
	storage_process(1, 1, "");
	storage_process(50, 2, tables[_i]);
	storage_ask(ONE, NULL);
	ck_assert(is_told("/proc/50/mountinfo isn't as it should be"));
	storage_process(50, 2, "");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

START_TEST(damaged_swaps)
{
	storage_two_disks();
	tree_file(storage.tree, "proc/swaps", "Filename Type\n/dev/nvme0n1p1");
	storage_ask(ONE, NULL);
	ck_assert(is_told("/proc/swaps can't be read (it isn't as it should be)"));
}
END_TEST

/* A process that is gone, or is about to go, has no table: the next of its namespace has. */
START_TEST(processes_come_and_go)
{
	char *path;

	storage_two_disks();
	storage_process(50, 2, "");
	path = tree_path(storage.tree, "proc/50/mountinfo");
	test_remove(path);
	tree_folder(storage.tree, "proc/51");
	tree_folder(storage.tree, "proc/self");
	tree_folder(storage.tree, "proc/60x");
	/* Gone, too, though the folder may list it before the others. */
	storage_process(8, 2, "");
	free(path);
	path = tree_path(storage.tree, "proc/8/mountinfo");
	test_remove(path);
	storage_process(52, 2, MOUNTED);
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_MOUNT, ONE));
	free(path);
}
END_TEST

START_TEST(holders_in_a_circle)
{
	storage_two_disks();
	storage_on_top("dm-0", "253:0", "nvme0n1p1", NULL);
	storage_on_top("dm-1", "253:1", "dm-0", NULL);
	storage_on_top("dm-0", "253:0", "dm-1", "dm-0", NULL);
	storage_on_top("dm-2", "253:2", "dm-1", NULL);
	tree_link(storage.tree, "sys/class/block/dm-2/holders/nvme0n1p1", "../nowhere");
	storage_process(1, 1, "30 1 253:2 / / rw - ext4 x rw\n");
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/", "/ is on dm-2 on dm-1 on dm-0 on nvme0n1p1 = " ONE);
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, TWO));
}
END_TEST

/* A file on the very file system that is in it. */
START_TEST(a_loop_in_itself)
{
	storage_two_disks();
	storage_on_top("loop0", "7:0", NULL);
	storage_attribute("loop0", "loop/backing_file", "/srv/x");
	storage_process(1, 1, MOUNTED "31 1 7:0 / /srv rw - ext4 /dev/loop0 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_gt(storage.uses.n, 0);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_MOUNT, ONE));
}
END_TEST

/* Higher than anybody builds: still found, and told in a bearable length. */
START_TEST(a_very_high_stack)
{
	char name[16], below[16], number[16];

	storage_two_disks();
	storage_on_top("dm-0", "253:0", "nvme0n1p1", NULL);
	for (int i = 1; i < 200; i++) {
		snprintf(name, sizeof(name), "dm-%d", i);
		snprintf(below, sizeof(below), "dm-%d", i - 1);
		snprintf(number, sizeof(number), "253:%d", i);
		storage_on_top(name, number, below, NULL);
	}
	storage_process(1, 1, "30 1 253:199 / / rw - ext4 x rw\n");
	storage_ask(ONE, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, ONE));
	ck_assert_uint_lt(strlen(storage_use(PCIPT_USE_ROOT, ONE)->evidence), 400);
	ck_assert_ptr_nonnull(strstr(storage_use(PCIPT_USE_STACKED, ONE)->evidence, "and 195 more"));
}
END_TEST

START_TEST(hostile_names)
{
	storage_disk("pci0000:03/" ONE "/block/a b%s%n\033[2J", "259:0");
	storage_on_top("x\ny", "253:0", "a b%s%n\033[2J", NULL);
	storage_dm("x\ny", "%s%s%s-%n", "LVM-");
	storage_process(1, 1, "30 1 253:0 / /%s%n\\033[2J\\012x rw - ext4 %s rw\n");
	tree_folder(storage.tree, "sys/class/nvme-subsystem/%s%n");
	storage_disk("pci0000:03/" ONE "/nvme/nvme0c0n", NULL);
	storage_disk("pci0000:03/" ONE "/nvme0c0n1", NULL);
	storage_ask(ONE, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_MOUNT, ONE));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_STACKED, ONE));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_UNKNOWN, ONE));
}
END_TEST

START_TEST(holders_that_are_nothing)
{
	storage_two_disks();
	tree_link(storage.tree, "sys/class/block/nvme0n1p1/holders/ghost", "../nowhere");
	storage_ask(ONE, NULL);
	ck_assert(is_told("nvme0n1p1 is held by ghost"));
}
END_TEST

START_TEST(numbers_that_are_none)
{
	static const char *const numbers[] = { "", "259", "259:1 x", "-1:2", "x", "259:99999999999" };

	storage_two_disks();
	storage_attribute("nvme0n1p1", "dev", numbers[_i]);
	storage_ask(ONE, NULL);
	ck_assert(is_told("/sys/class/block/nvme0n1p1/dev"));
}
END_TEST

/* A link out of the tree, or none at all where one should be. */
START_TEST(entries_that_are_no_links)
{
	tree_folder(storage.tree, "sys/class/block/sda");
	storage_ask(ONE, USB, NULL);
	ck_assert(is_told("/sys/class/block/sda can't be read"));
	ck_assert_ptr_null(storage_use(PCIPT_USE_UNKNOWN, USB));
}
END_TEST

/* ---- whichever read fails, it isn't safe ---- */

static void use_odd_reads(void)
{
	storage_ask(ONE, NULL);
	storage.own_ops = true;
	failing_wrap(&storage.real_ops, &storage.ops);
}

/* Something that stands against it: a blocker or worse. */
static bool is_refused(void)
{
	for (size_t i = 0; i < storage.uses.n; i++)
		if (storage.uses.items[i].kind != PCIPT_USE_SIGNATURE &&
		    storage.uses.items[i].kind != PCIPT_USE_UNKNOWN_HARMLESS)
			return true;
	return false;
}

static void build(int which)
{
	if (which == 0) { /* in a namespace of its own */
		storage_two_disks();
		storage_process(77, 5, MOUNTED);
	} else if (which == 1) { /* an NVMe head */
		storage_disk("pci0000:03/" ONE "/nvme/nvme1/nvme0c1n2", NULL);
		storage_disk("virtual/nvme-subsystem/nvme-subsys0/nvme0n2", "259:1");
		tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys0/nvme1");
		tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys0/nvme0n2");
		storage_process(1, 1, MOUNTED);
	} else if (which == 2) { /* one of a btrfs file system's devices, which isn't its source */
		storage_two_disks();
		tree_link(storage.tree, "sys/fs/btrfs/12345678-1234-1234-1234-123456789abc/devices/nvme0n1p2",
			  "x");
	} else if (which == 3) { /* swap by a name of the device mapper, without a holder's help */
		storage_two_disks();
		tree_file(storage.tree, "proc/swaps", "Filename x\n/dev/nvme0n1p2 partition 1 2 3");
	} else { /* held only */
		storage_two_disks();
		storage_on_top("dm-0", "253:0", "nvme0n1p1", NULL);
	}
}

START_TEST(any_read_may_fail)
{
	size_t total;

	build(_i);
	use_odd_reads();
	ck_assert(is_refused());
	failing_begin(0);
	storage_ask(ONE, NULL);
	total = failing_count();
	ck_assert_uint_gt(total, 10);
	for (size_t i = 1; i <= total; i++) {
		failing_begin(i);
		storage_ask(ONE, NULL);
		ck_assert_msg(is_refused(), "the read %zu of %zu failed, and it is safe", i, total);
	}
}
END_TEST

/* ---- asking the disk ---- */

/* What the disks answer: by name; those that aren't here are free and empty. */
static struct answer {
	const char *name;
	int exclusive, content;
	const char *type, *label, *table, *uuid;
} answers[4];
static unsigned int asked, rounds, waited;

static bool is_real(struct pcipt_kernel *k)
{
	(void)k;
	return true;
}

static void answer(struct pcipt_disk *disk)
{
	asked++;
	disk->exclusive = disk->content = 0;
	for (size_t i = 0; i < 4; i++) {
		if (!answers[i].name || strcmp(answers[i].name, disk->name) != 0)
			continue;
		disk->exclusive = answers[i].exclusive;
		disk->content = answers[i].content;
		if (!disk->read)
			continue;
		snprintf(disk->type, sizeof(disk->type), "%s", answers[i].type ? answers[i].type : "");
		snprintf(disk->label, sizeof(disk->label), "%s",
			 answers[i].label ? answers[i].label : "");
		snprintf(disk->table, sizeof(disk->table), "%s",
			 answers[i].table ? answers[i].table : "");
		snprintf(disk->uuid, sizeof(disk->uuid), "%s", answers[i].uuid ? answers[i].uuid : "");
	}
}

static void answer_all(struct pcipt_kernel *k, struct pcipt_disk *const *disks, size_t n,
		       unsigned int ms, unsigned int all_ms)
{
	(void)k;
	rounds++;
	ck_assert_uint_gt(ms, 0);
	ck_assert_uint_gt(all_ms, 0);
	for (size_t i = 0; i < n; i++)
		answer(disks[i]);
}

/* Tables whose file system doesn't answer: nothing is known then, and nothing waits. */
static void no_tables(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_file *files,
		      size_t n, unsigned int ms)
{
	(void)k, (void)at;
	ck_assert_uint_gt(ms, 0);
	waited = ms;
	for (size_t i = 0; i < n; i++)
		files[i].result = -EBUSY;
}

static void begin_real(void)
{
	storage_begin();
	memset(answers, 0, sizeof(answers));
	asked = rounds = 0;
	storage_two_disks();
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(asked, 0);
	storage.own_ops = true;
	storage.ops.is_real = is_real;
	storage.ops.look_at_disks = answer_all;
}

/* ---- names that are looked up, not listed ---- */

static unsigned int listed;

static int count_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
		      pcipt_list_fn fn, void *data)
{
	listed += at == PCIPT_AT_SYS && strcmp(path, "class/block") == 0;
	return storage.real_ops.list(k, at, path, fn, data);
}

static int no_folders(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
		      pcipt_list_fn fn, void *data)
{
	(void)k, (void)at, (void)path, (void)fn, (void)data;
	return -EACCES;
}

static void begin_counted(void)
{
	begin_real();
	listed = 0;
	storage.ops.list = count_list;
}

/* What stands on a disk has a partition, and a loop device in a file, which count as well. */
START_TEST(all_is_found_without_a_listing)
{
	storage_on_top("dm-0", "253:0", "nvme0n1p2", NULL);
	storage_dm("dm-0", "data", "CRYPT-LUKS2-x");
	storage_disk("virtual/block/dm-0/dm-0p1", "253:1");
	storage_disk("virtual/block/loop7", "7:7");
	storage_attribute("loop7", "loop/backing_file", "/srv/image");
	tree_folder(storage.tree, "sys/block/loop7");
	storage_process(1, 1,
			"20 1 253:1 / /srv rw - ext4 /dev/mapper/data1 rw\n"
			"21 1 7:7 / /image rw - ext4 /dev/loop7 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(listed, 0);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_STACKED, ONE));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_MOUNT, ONE));
	ck_assert_str_eq(storage_use(PCIPT_USE_MOUNT, ONE)->what, "/srv");
	ck_assert_uint_eq(storage_count(PCIPT_USE_MOUNT), 2);
	ck_assert_ptr_null(storage_use(PCIPT_USE_MOUNT, TWO));
}
END_TEST

START_TEST(no_disk_no_look_at_others)
{
	storage_ask(USB, NULL);
	ck_assert_uint_eq(listed, 0);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* Where what hangs below the device can't be gone through, every disk's own way tells. */
START_TEST(listed_where_the_way_down_is_barred)
{
	storage.ops.list_folders = no_folders;
	storage_process(1, 1, "20 1 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(listed, 1);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_MOUNT, ONE));
}
END_TEST

START_TEST(an_empty_disk_is_free)
{
	storage_ask(ONE, TWO, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
	ck_assert_uint_eq(asked, 4);
	/* All at once: a process costs more than what it has to do. */
	ck_assert_uint_eq(rounds, 1);
}
END_TEST

START_TEST(tables_that_do_not_answer)
{
	storage_process(77, 5, MOUNTED);
	storage.ops.read_files = no_tables;
	storage_ask(ONE, NULL);
	ck_assert(is_told("/proc/1/mountinfo can't be read"));
	ck_assert(is_told("what process 77 has mounted can't be read"));
}
END_TEST

/* Reading a variable calls the firmware, which may never come back; not there costs nothing. */
START_TEST(firmware_that_does_not_answer)
{
	static const char path[] = "sys/firmware/efi/efivars/BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c";

	storage.ops.read_files = no_tables;
	storage_ask(ONE, NULL);
	ck_assert(!is_told("the firmware"));
	tree_file(storage.tree, path, "....x");
	storage.patience_ms = 3000;
	storage_ask(ONE, NULL);
	ck_assert(is_told("can't be read of the firmware (it doesn't answer)"));
	ck_assert_uint_le(waited, 3000);
}
END_TEST

/* Somebody who waits for two seconds at most doesn't wait for ten, for whatever it is. */
START_TEST(no_longer_than_the_caller)
{
	storage.ops.read_files = no_tables;
	storage.patience_ms = 2000;
	storage_ask(ONE, NULL);
	ck_assert_uint_le(waited, 2000);
	ck_assert_uint_gt(waited, 0);
	storage.patience_ms = 0;
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(waited, 10000);
	/* When the time is up, what is there at once still counts. */
	storage.patience_ms = 1;
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(waited, 1);
}
END_TEST

/* What is in use is left in peace; what is beside it is only asked whether it's open. */
START_TEST(used_disks_are_not_asked)
{
	storage_process(1, 1, MOUNTED "31 1 260:0 / /x rw - ext4 x rw\n");
	answers[0] = (struct answer){ "nvme0n1p2", 0, 0, "ext4", "data", NULL, NULL };
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(storage.uses.n, 2);
}
END_TEST

START_TEST(data_that_is_not_in_use)
{
	answers[0] = (struct answer){ "nvme0n1", 0, 0, NULL, NULL, "gpt", NULL };
	answers[1] = (struct answer){ "nvme0n1p2", 0, 0, "ext4", "my data", NULL, NULL };
	answers[2] = (struct answer){ "nvme1n1", 0, 0, "LVM2_member", NULL, NULL, NULL };
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 2);
	assert_use(PCIPT_USE_SIGNATURE, ONE,
		   "a partition table (gpt) on nvme0n1, ext4 \"my data\" on nvme0n1p2",
		   "blkid finds it on nvme0n1 = " ONE ", and nothing uses it");
	assert_use(PCIPT_USE_SIGNATURE, TWO, "LVM2_member on nvme1n1",
		   "blkid finds it on nvme1n1 = " TWO ", and nothing uses it");
}
END_TEST

/* ---- over the network: TWO stands for a card with an address ---- */

/* From 192.0.2.7 to 198.51.100.1, which is in another network. */
#define CONNECTION "  0: 070200C0:B1F2 016433C6:0CBC 01 00000000:00000000 00:00000000 00000000 0 0 0 1\n"

static void network(const char *tcp)
{
	storage.way = "192.0.2.7";
	tree_file(storage.tree, "proc/1/net/tcp", tcp);
}

START_TEST(root_over_iscsi)
{
	static const struct {
		const char *tcp, *peer;
		bool by_it;
	} table[] = { { CONNECTION, "198.51.100.1", true },
		      { "", "198.51.100.1", false }, /* by another card, as far as can be told */
		      { "", "192.0.2.1", true },     /* in its network */
		      { CONNECTION, "192.0.2.1", true },
		      { CONNECTION, "", false },
		      { CONNECTION, "fe80::1", false } };
	char *evidence = test_format("/ is on sda1 on sda (iSCSI, from %s by eth0) = " TWO, table[_i].peer);

	network(table[_i].tcp);
	storage_disk("platform/host2/session4/target2:0:0/2:0:0:0/block/sda", "8:0");
	storage_disk("platform/host2/session4/target2:0:0/2:0:0:0/block/sda/sda1", "8:1");
	tree_folder(storage.tree, "sys/block/sda");
	tree_file(storage.tree, "sys/class/iscsi_connection/connection3:0/address", "192.0.2.9");
	tree_file(storage.tree, "sys/class/iscsi_connection/connection4:0/address", table[_i].peer);
	storage_process(1, 1, "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, table[_i].by_it);
	if (table[_i].by_it)
		assert_use(PCIPT_USE_ROOT, TWO, "/", evidence);
	/* A disk that nobody uses isn't asked either: it may not answer. */
	asked = 0;
	storage_process(1, 1, "");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
	ck_assert_uint_eq(asked, 1);
	storage.way = NULL;
	storage_process(1, 1, "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
	free(evidence);
}
END_TEST

/* A table that is too long or can't be read is no empty one. */
static ssize_t no_table_result;
static const char *no_table_path;

static ssize_t no_table(struct pcipt_kernel *k, enum pcipt_place at, const char *path, void *buf,
			size_t size)
{
	if (strcmp(path, no_table_path) != 0)
		return storage.real_ops.read_bytes(k, at, path, buf, size);
	/* Whatever is asked for is there: it never ends. */
	return no_table_result ? no_table_result : (ssize_t)size;
}

START_TEST(connections_that_cannot_be_read)
{
	static const struct {
		const char *path, *told;
		ssize_t result;
	} table[] = { { "proc/1/net/tcp", "/proc/1/net/tcp can't be read (File too large)", 0 },
		      { "proc/1/net/tcp", "/proc/1/net/tcp can't be read (Permission denied)", -EACCES },
		      { "proc/1/net/tcp", "/proc/1/net/tcp can't be read (No such file or directory)", -ENOENT },
		      { "proc/1/net/tcp6", "/proc/1/net/tcp6 can't be read (File too large)", 0 },
		      { "proc/1/net/tcp6", NULL, -ENOENT } };

	no_table_result = table[_i].result;
	no_table_path = table[_i].path;
	network("");
	storage_disk("platform/host2/session4/target2:0:0/2:0:0:0/block/sda", "8:0");
	tree_folder(storage.tree, "sys/block/sda");
	tree_file(storage.tree, "sys/class/iscsi_connection/connection4:0/address", "198.51.100.1");
	storage.ops.read_bytes = no_table;
	storage_ask(USB, TWO, NULL);
	ck_assert_ptr_null(storage_use(PCIPT_USE_UNKNOWN, USB));
	ck_assert_int_eq(storage_use(PCIPT_USE_UNKNOWN, TWO) != NULL, table[_i].told != NULL);
	if (table[_i].told)
		ck_assert_ptr_nonnull(strstr(storage_use(PCIPT_USE_UNKNOWN, TWO)->evidence,
					     table[_i].told));
	/* Where nothing is reached over a network it doesn't matter. */
	tree_file(storage.tree, "sys/class/iscsi_connection/connection4:0/address", "");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* With and without NVMe multipath; the stack above is told with it. */
START_TEST(swap_over_nvme_fabrics)
{
	network(CONNECTION);
	tree_folder(storage.tree, "sys/class/nvme-fabrics");
	tree_folder(storage.tree, _i == 0 ? "sys/block/nvme3n1" : "sys/block/nvme3c3n1");
	if (_i == 0) {
		storage_disk("virtual/nvme-fabrics/ctl/nvme3/nvme3n1", "259:9");
	} else {
		storage_disk("virtual/nvme-fabrics/ctl/nvme3/nvme3c3n1", NULL);
		storage_disk("virtual/nvme-subsystem/nvme-subsys3/nvme3n1", "259:9");
		tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys3/nvme3");
		tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys3/nvme3n1");
	}
	tree_file(storage.tree, "sys/class/nvme/nvme3/address",
		  "traddr=198.51.100.1,trsvcid=4420,src_addr=192.0.2.7");
	storage_on_top("dm-0", "253:0", "nvme3n1", NULL);
	storage_dm("dm-0", "vg-swap", "LVM-x");
	tree_file(storage.tree, "proc/swaps", "Filename x\n/dev/dm-0 partition 1 2 3");
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_SWAP, TWO, "/dev/dm-0",
		   "/dev/dm-0 is on vg-swap (LVM) on nvme3n1 (NVMe over fabrics, from 198.51.100.1 "
		   "by eth0) = " TWO);
	ck_assert_uint_eq(storage.uses.n, 2);
	tree_file(storage.tree, "sys/class/nvme/nvme3/address", "nonsense");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

START_TEST(root_over_nfs)
{
	network(CONNECTION);
	storage_process(1, 1,
			"30 1 0:50 / / rw - nfs4 server:/root rw,vers=4.2,clientaddr=192.0.2.7,addr=198.51.100.1\n"
			"31 1 0:51 / /home rw - nfs server:/home rw,vers=3,addr=203.0.113.1\n"
			"32 1 0:52 / /opt rw - nfs server:/opt rw,vers=3\n");
	storage_ask(USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 0); /* no share was ever mounted, says the kernel */
	tree_file(storage.tree, "proc/fs/nfsfs/servers", "NV SERVER");
	storage_ask(ONE, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_ROOT, USB, "/",
		   "/ is on server:/root (NFS, from 198.51.100.1 by eth0) = " USB);
	storage.way = NULL;
	storage_ask(USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* Without udev's links the data itself tells, also beside a file system that is mounted. */
START_TEST(a_boot_partition_by_what_is_on_it)
{
	answers[0] = (struct answer){ "nvme0n1p2", 0, 0, "vfat", "EFI", NULL, "AB-12" };
	storage_ask(ONE, NULL);
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, ONE));
	tree_file(storage.tree, "etc/fstab",
		  _i & 1 ? "LABEL=EFI /boot/efi vfat noauto" : "UUID=ab-12 /boot/efi vfat noauto");
	if (_i & 2)
		storage_process(1, 1, MOUNTED);
	storage_ask(ONE, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/boot/efi",
		   _i & 1 ? "/boot/efi is on nvme0n1p2 = " ONE
			    ", and isn't mounted now: /etc/fstab names it by LABEL=EFI" :
			    "/boot/efi is on nvme0n1p2 = " ONE
			    ", and isn't mounted now: /etc/fstab names it by UUID=ab-12");
	ck_assert_int_eq(storage_use(PCIPT_USE_MOUNT, ONE) != NULL, _i >> 1);
}
END_TEST

/* Intel's VMD has a whole tree of PCI devices below itself, and the disks are at its end. */
START_TEST(root_behind_a_vmd)
{
	storage_disk("pci0000:03/" ONE "/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme5/nvme5n1", "262:0");
	storage_process(1, 1, "30 1 262:0 / / rw - ext4 /dev/nvme5n1 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, ONE));
}
END_TEST

/* A copy of the root's file system has its UUID, too; udev's link says which of them is meant. */
START_TEST(a_copy_of_root)
{
	tree_file(storage.tree, "etc/fstab", "UUID=1111-aaaa / ext4 defaults 0 1");
	tree_link(storage.tree, "dev/disk/by-uuid/1111-aaaa", "../../nvme0n1p1");
	storage_process(1, 1, "30 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n");
	answers[0] = (struct answer){ .name = "nvme1n1", .type = "ext4", .uuid = "1111-aaaa" };
	storage_ask(TWO, NULL);
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, TWO));
}
END_TEST

START_TEST(an_open_disk)
{
	answers[0] = (struct answer){ "nvme1n1", -EBUSY, 0, "ext4", NULL, NULL, NULL };
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_DISK_OPEN, TWO, "nvme1n1, exclusively",
		   "an exclusive open of /dev/nvme1n1 is refused as busy, and no mount, swap or "
		   "holder that can be seen from here explains it (nvme1n1 = " TWO "); it holds ext4");
}
END_TEST

/* One partition open makes the whole disk busy; the whole disk open, every partition. */
START_TEST(an_open_partition)
{
	answers[0] = (struct answer){ "nvme0n1", -EBUSY, 0, NULL, NULL, "gpt", NULL };
	answers[1] = (struct answer){ "nvme0n1p2", -EBUSY, 0, NULL, NULL, NULL, NULL };
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_str_eq(storage_use(PCIPT_USE_DISK_OPEN, ONE)->what, "nvme0n1p2, exclusively");
	answers[2] = (struct answer){ "nvme0n1p1", -EBUSY, 0, NULL, NULL, NULL, NULL };
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_str_eq(storage_use(PCIPT_USE_DISK_OPEN, ONE)->what, "nvme0n1, exclusively");
}
END_TEST

START_TEST(an_open_partition_beside_a_mounted_one)
{
	storage_process(1, 1, MOUNTED);
	answers[0] = (struct answer){ "nvme0n1p2", -EBUSY, 0, "xfs", NULL, NULL, NULL };
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 2);
	ck_assert_ptr_nonnull(strstr(storage_use(PCIPT_USE_DISK_OPEN, ONE)->evidence, "it holds xfs"));
}
END_TEST

START_TEST(a_zfs_pool)
{
	answers[0] = (struct answer){ "nvme0n1p1", -EBUSY, 0, "zfs_member", "rpool", NULL, NULL };
	answers[1] = (struct answer){ "nvme1n1", -EBUSY, 0, "zfs_member", "rpool", NULL, NULL };
	answers[2] = (struct answer){ "nvme0n1", -EBUSY, 0, NULL, NULL, "gpt", NULL };
	storage_process(1, 1, "30 1 0:30 / / rw - zfs rpool/ROOT/debian rw\n"
			      "31 1 0:31 / /x rw - zfs rpool2/x rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 4);
	assert_use(PCIPT_USE_ROOT, ONE, "/", "/ is on the ZFS pool rpool on nvme0n1p1 = " ONE);
	assert_use(PCIPT_USE_ROOT, TWO, "/", "/ is on the ZFS pool rpool on nvme1n1 = " TWO);
	assert_use(PCIPT_USE_STACKED, ONE, "the ZFS pool rpool",
		   "the ZFS pool rpool is on nvme0n1p1 = " ONE);
}
END_TEST

#define ZFS_ROOT "30 1 0:25 / / rw - zfs rpool/ROOT/debian rw\n"

/* A pool on a logical volume or the like: only that knows that it is held. */
START_TEST(a_zfs_pool_higher_up)
{
	storage_on_top("dm-0", "253:0", "nvme1n1", NULL);
	storage_dm("dm-0", "secret", "CRYPT-LUKS2-x");
	answers[0] = (struct answer){ "dm-0", -EBUSY, 0, "zfs_member", "rpool", NULL, NULL };
	storage_ask(TWO, NULL);
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, TWO));
	ck_assert_uint_eq(asked, 0);
	storage_process(1, 1, ZFS_ROOT);
	storage_ask(TWO, NULL);
	assert_use(PCIPT_USE_ROOT, TWO, "/",
		   "/ is on the ZFS pool rpool on secret (dm-crypt) on nvme1n1 = " TWO);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_STACKED, TWO));
}
END_TEST

/* Where "/" is on ZFS and the pool isn't found, whatever is open may be a part of it. */
START_TEST(a_root_that_is_not_found)
{
	storage_process(1, 1, ZFS_ROOT);
	answers[0] = (struct answer){ "nvme1n1", -EBUSY, -EIO, NULL, NULL, NULL, NULL };
	answers[1] = (struct answer){ "dm-0", -EBUSY, 0, NULL, NULL, NULL, NULL };
	storage_on_top("dm-0", "253:0", "nvme0n1p1", NULL);
	storage_ask(ONE, TWO, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, ONE));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, TWO));
	answers[1].type = "ext4";
	storage_ask(ONE, TWO, NULL);
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, ONE));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, TWO));
	/* Found: then the others are only open. */
	answers[1] = (struct answer){ "dm-0", -EBUSY, 0, "zfs_member", "rpool", NULL, NULL };
	storage_ask(ONE, TWO, NULL);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_ROOT, ONE));
	ck_assert_ptr_null(storage_use(PCIPT_USE_ROOT, TWO));
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_DISK_OPEN, TWO));
}
END_TEST

/* A path that leads to no node; but one that is busy holds swap. */
START_TEST(swap_by_a_lost_path)
{
	tree_file(storage.tree, "proc/swaps", "Filename x\n/dev/disk/by-x/y partition 1 2 3");
	answers[0] = (struct answer){ "nvme1n1", -EBUSY, 0, "swap", NULL, NULL, NULL };
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_SWAP, TWO, "/dev/nvme1n1", "/dev/nvme1n1 is on nvme1n1 = " TWO);
}
END_TEST

START_TEST(swap_by_a_link)
{
	tree_file(storage.tree, "proc/swaps", "Filename x\n/dev/disk/by-x/y partition 1 2 3");
	tree_link(storage.tree, "dev/disk/by-x/y", "../../nvme1n1");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_SWAP, TWO, "/dev/disk/by-x/y", "/dev/disk/by-x/y is on nvme1n1 = " TWO);
}
END_TEST

START_TEST(disks_that_do_not_answer)
{
	static const struct {
		int errnum;
		const char *why; /* NULL for nothing to tell */
	} table[] = { { EACCES, "Permission denied" }, { ENOENT, "its node isn't in /dev" },
		      { ETIMEDOUT, "it doesn't answer" }, { EIO, "" }, { ENOMEDIUM, NULL } };

	answers[0] = (struct answer){ "nvme1n1", -table[_i].errnum, -table[_i].errnum, NULL, NULL, NULL, NULL };
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, table[_i].why != NULL);
	if (!table[_i].why)
		return;
	ck_assert_int_eq(storage.uses.items[0].kind, PCIPT_USE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(storage.uses.items[0].evidence, "/dev/nvme1n1 can't be opened"));
	ck_assert_ptr_nonnull(strstr(storage.uses.items[0].evidence, table[_i].why));
}
END_TEST

/* Nobody has it, so it may go; only whether there is data isn't known. */
START_TEST(a_disk_that_cannot_be_read)
{
	answers[0] = (struct answer){ "nvme1n1", 0, -EIO, NULL, NULL, NULL, NULL };
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_int_eq(storage.uses.items[0].kind, PCIPT_USE_UNKNOWN_HARMLESS);
	ck_assert_str_eq(storage.uses.items[0].what, "what data is on nvme1n1");
}
END_TEST

START_TEST(an_empty_drive)
{
	storage_attribute("nvme1n1", "size", "0");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(asked, 0);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* A CD drive says that it has a size, and lets itself be opened. */
START_TEST(an_empty_cd_drive)
{
	storage_disk("pci0000:05/" USB "/host1/sr0", "11:0");
	answers[0] = (struct answer){ "sr0", 0, _i == 0 ? -ENOMEDIUM : -EIO, NULL, NULL, NULL, NULL };
	storage_ask(USB, NULL);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* ---- the parser ---- */

START_TEST(lines_of_mountinfo)
{
	char text[] = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 propagate:2 - ext3 /dev/ro\\134ot rw,x=y\n"
		      "37 35 0:21 / /empty rw -  tmpfs  rw\n"
		      "38 35 0:22 / /last rw - proc proc rw";
	struct pcipt_mount mount;
	char *rest = text;

	ck_assert_int_eq(pcipt_mount_next(&rest, &mount), 1);
	ck_assert_uint_eq(mount.major, 98);
	ck_assert_str_eq(mount.point, "/mnt 2");
	ck_assert_str_eq(mount.type, "ext3");
	ck_assert_str_eq(mount.source, "/dev/ro\\ot");
	ck_assert_str_eq(mount.options, "rw,x=y");
	ck_assert_int_eq(pcipt_mount_next(&rest, &mount), 1);
	ck_assert_str_eq(mount.source, "");
	ck_assert_str_eq(mount.options, "rw");
	ck_assert_int_eq(pcipt_mount_next(&rest, &mount), 1);
	ck_assert_str_eq(mount.point, "/last");
	ck_assert_int_eq(pcipt_mount_next(&rest, &mount), 0);
}
END_TEST

/* Anything at all: no crash, and it ends. */
START_TEST(random_tables)
{
	static const char pieces[][8] = { " ", " ", " - ", "\n", "1", ":", "/", "\\040", "\\4", "x", "0:1 ", "\t" };
	struct test_random random = test_random_new(77);

	for (int i = 0; i < 20000; i++) {
		char text[200] = "", *rest = text, *other;
		struct pcipt_mount mount;
		struct pcipt_swap swap;
		int n = 0;

		while (strlen(text) < 180)
			strcat(text, pieces[test_random_below(&random, 12)]);
		other = strdup(text);
		while (pcipt_mount_next(&rest, &mount) != 0)
			ck_assert_int_lt(n++, 200);
		rest = other;
		while (pcipt_swap_next(&rest, &swap) != 0)
			ck_assert_int_lt(n++, 400);
		free(other);
	}
}
END_TEST

static void add_asking(Suite *suite)
{
	TCase *tc = tcase_create("asking");

	tcase_add_checked_fixture(tc, begin_real, storage_end);
	tcase_add_test(tc, an_empty_disk_is_free);
	tcase_add_test(tc, tables_that_do_not_answer);
	tcase_add_test(tc, firmware_that_does_not_answer);
	tcase_add_test(tc, no_longer_than_the_caller);
	tcase_add_test(tc, used_disks_are_not_asked);
	tcase_add_test(tc, data_that_is_not_in_use);
	tcase_add_loop_test(tc, root_over_iscsi, 0, 6);
	tcase_add_loop_test(tc, connections_that_cannot_be_read, 0, 5);
	tcase_add_loop_test(tc, swap_over_nvme_fabrics, 0, 2);
	tcase_add_test(tc, root_over_nfs);
	tcase_add_loop_test(tc, a_boot_partition_by_what_is_on_it, 0, 4);
	tcase_add_test(tc, root_behind_a_vmd);
	tcase_add_test(tc, a_copy_of_root);
	tcase_add_test(tc, an_open_disk);
	tcase_add_test(tc, an_open_partition);
	tcase_add_test(tc, an_open_partition_beside_a_mounted_one);
	tcase_add_test(tc, a_zfs_pool);
	tcase_add_test(tc, a_zfs_pool_higher_up);
	tcase_add_test(tc, a_root_that_is_not_found);
	tcase_add_test(tc, swap_by_a_lost_path);
	tcase_add_test(tc, swap_by_a_link);
	tcase_add_loop_test(tc, disks_that_do_not_answer, 0, 5);
	tcase_add_test(tc, a_disk_that_cannot_be_read);
	tcase_add_test(tc, an_empty_drive);
	tcase_add_loop_test(tc, an_empty_cd_drive, 0, 2);
	suite_add_tcase(suite, tc);
	tc = tcase_create("looked up");
	tcase_add_checked_fixture(tc, begin_counted, storage_end);
	tcase_add_test(tc, all_is_found_without_a_listing);
	tcase_add_test(tc, no_disk_no_look_at_others);
	tcase_add_test(tc, listed_where_the_way_down_is_barred);
	suite_add_tcase(suite, tc);
}

Suite *suite_block_odd(void)
{
	Suite *suite = suite_create("block_odd");
	TCase *tc = tcase_create("trees");

	tcase_add_checked_fixture(tc, storage_begin, storage_end);
	tcase_add_loop_test(tc, no_proc_at_all, 0, 2);
	tcase_add_test(tc, no_block_devices_recorded);
	tcase_add_loop_test(tc, files_that_are_none, 0, 2);
	tcase_add_loop_test(tc, damaged_tables, 0, 8);
	tcase_add_test(tc, damaged_swaps);
	tcase_add_test(tc, processes_come_and_go);
	tcase_add_test(tc, holders_in_a_circle);
	tcase_add_test(tc, a_loop_in_itself);
	tcase_add_test(tc, a_very_high_stack);
	tcase_add_test(tc, hostile_names);
	tcase_add_test(tc, holders_that_are_nothing);
	tcase_add_loop_test(tc, numbers_that_are_none, 0, 6);
	tcase_add_test(tc, entries_that_are_no_links);
	tcase_add_loop_test(tc, any_read_may_fail, 0, 5);
	tcase_add_test(tc, lines_of_mountinfo);
	tcase_add_test(tc, random_tables);
	suite_add_tcase(suite, tc);
	add_asking(suite);
	return suite;
}
