/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds a device open: what is found, what isn't known, and that a release of what is
 * held is refused before anything is written. The real maker's search is tried on this very
 * process; what a VFIO device looks like on the simulated machine.
 */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/real.h"
#include "machine.h"
#include "usage/holders.h"

static struct sim *sim;
static struct pcipt_context *ctx;
static struct pcipt_snapshot *snap;
static struct pcipt_uses uses;

static void begin(void)
{
	sim = machine_new();
	sim_add_node(sim, GPU, "drm", "card0", "226:0");
	sim_add_node(sim, GPU, "drm", "renderD128", "226:128");
	sim_add_node(sim, GPU, "drm", "card0-HDMI-A-1", "");
	sim_add_node(sim, AUDIO, "sound", "controlC0", "116:2");
	sim_add_node(sim, AUDIO, "input", "event3", "13:67");
	sim_add_node(sim, NIC, "block", "nvme0n1", "259:0");
	ctx = sim_context(sim);
}

static void end(void)
{
	pcipt_uses_clear(&uses);
	snap = pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static void find_on(const char *const *addresses, size_t n)
{
	struct pcipt_device *devices[4];
	struct pcipt_error *error = NULL;

	pcipt_snapshot_unref(snap);
	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	for (size_t i = 0; i < n; i++)
		assert_ok(pcipt_snapshot_find(snap, addresses[i], &devices[i], &error), error);
	pcipt_uses_clear(&uses);
	pcipt_holders_find(snap, devices, n, 0, &uses);
	ck_assert(!uses.no_memory);
}

static void find_all(void)
{
	find_on((const char *const[]){ GPU, AUDIO, NIC }, 3);
}

static void assert_use(size_t i, const char *address, int kind, const char *what,
		       const char *evidence)
{
	ck_assert_uint_lt(i, uses.n);
	ck_assert_str_eq(uses.items[i].device->address, address);
	ck_assert_int_eq(uses.items[i].kind, kind);
	ck_assert_msg(strstr(uses.items[i].what, what) != NULL, "%s", uses.items[i].what);
	ck_assert_msg(strstr(uses.items[i].evidence, evidence) != NULL, "%s",
		      uses.items[i].evidence);
}

START_TEST(nobody)
{
	find_all();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

/* A device without nodes costs no look at the processes. */
START_TEST(no_nodes_no_search)
{
	sim_force_driver(sim, NIC, NULL);
	find_on((const char *const[]){ NIC }, 1);
	ck_assert_uint_eq(sim_log_matches(sim, "find-holders"), 0);
	find_on((const char *const[]){ GPU }, 1);
	ck_assert_uint_eq(sim_log_matches(sim, "find-holders"), 1);
}
END_TEST

static unsigned int given_ms;

static int no_time(struct pcipt_kernel *k, const struct pcipt_node *nodes, size_t n, unsigned int ms,
		   unsigned int all_ms, pcipt_holding_fn fn, void *data)
{
	(void)k, (void)nodes, (void)n, (void)ms, (void)fn, (void)data;
	given_ms = all_ms;
	return -ETIMEDOUT;
}

/* A caller who stops waiting isn't kept, and what wasn't looked at by then isn't known. */
START_TEST(no_longer_than_the_caller)
{
	static const double lefts[] = { 2500, 300, -5 };
	const struct pcipt_kernel_ops *before;
	struct pcipt_kernel_ops ops;
	struct pcipt_device *device;

	find_on((const char *const[]){ GPU }, 1);
	ck_assert_uint_eq(uses.n, 0);
	ck_assert_int_eq(pcipt_snapshot_find(snap, GPU, &device, NULL), 0);
	before = snap->kernel->ops;
	ops = *before;
	ops.find_holders = no_time;
	snap->kernel->ops = &ops;
	for (size_t i = 0; i < ARRAY_SIZE(lefts); i++) {
		pcipt_uses_clear(&uses);
		pcipt_holders_find(snap, &device, 1, ops.now(snap->kernel) + lefts[i], &uses);
		ck_assert_uint_ge(given_ms, 1);
		ck_assert_double_le(given_ms, lefts[i] < 1 ? 1 : lefts[i]);
		ck_assert_uint_eq(uses.n, 1);
		assert_use(0, GPU, PCIPT_USE_UNKNOWN, "which processes hold it open", "the time was up");
	}
	snap->kernel->ops = before;
}
END_TEST

/* ---- NVIDIA's driver, which says in /proc which node is a card's ---- */

static const char *information;
static ssize_t information_result;
static const struct pcipt_kernel_ops *sim_ops;

#define INFORMATION "proc/driver/nvidia/gpus/" GPU "/information"

static int nvidia_exists(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	return strcmp(path, INFORMATION) == 0 ? information != NULL : sim_ops->exists(k, at, path);
}

static void nvidia_read_files(struct pcipt_kernel *k, enum pcipt_place at, struct pcipt_file *files,
			      size_t n, unsigned int ms)
{
	(void)k, (void)at;
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_gt(ms, 0);
	ck_assert_str_eq(files[0].path, INFORMATION);
	files[0].result = information_result;
	if (information_result > 0)
		files[0].text = strdup(information);
}

START_TEST(nvidia)
{
	static const struct {
		const char *text;
		ssize_t result;
		int kind;
		const char *what, *evidence;
	} table[] = { { "Model: x\nDevice Minor: \t 3\n", 1, PCIPT_USE_HELD, "process 7 (cuda)",
			"process 7 (cuda) has /dev/nvidia3 open" },
		      { "Device Minor: 4\n", 1, -1, NULL, NULL },
		      { "nonsense", 1, -1, NULL, NULL },
		      { NULL, 0, -1, NULL, NULL },
		      { "", -ENOENT, -1, NULL, NULL }, /* gone meanwhile */
		      { "", -EBUSY, PCIPT_USE_UNKNOWN, "which processes hold it open",
			"which node in /dev is the device's (it doesn't answer)" },
		      { "", -EACCES, PCIPT_USE_UNKNOWN, "which processes hold it open", "(Permission denied)" } };
	struct pcipt_driver driver = { 0 };
	struct pcipt_device *device;
	struct pcipt_kernel_ops ops;
	const struct pcipt_driver *before;

	information = table[_i].text;
	information_result = table[_i].result;
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "cuda", .numbers = "195:3" });
	find_on((const char *const[]){ GPU }, 1);
	ck_assert_int_eq(pcipt_snapshot_find(snap, GPU, &device, NULL), 0);
	before = device->driver;
	driver = *before;
	driver.name = "nvidia";
	device->driver = &driver;
	sim_ops = snap->kernel->ops;
	ops = *sim_ops;
	ops.exists = nvidia_exists;
	ops.read_files = nvidia_read_files;
	snap->kernel->ops = &ops;
	pcipt_uses_clear(&uses);
	pcipt_holders_find(snap, &device, 1, 0, &uses);
	snap->kernel->ops = sim_ops;
	device->driver = before;
	ck_assert_uint_eq(uses.n, table[_i].kind >= 0);
	if (uses.n)
		assert_use(0, GPU, table[_i].kind, table[_i].what, table[_i].evidence);
}
END_TEST

START_TEST(class_devices)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 4711, .command = "Xorg", .numbers = "226:0",
					    .cgroup = "0::/user.slice/session-2.scope\n" });
	sim_hold(sim, &(struct sim_holder){ .pid = 4711, .command = "Xorg", .numbers = "226:128" });
	sim_hold(sim, &(struct sim_holder){ .pid = 9900, .command = "pipewire", .numbers = "116:2",
					    .mapped = true });
	sim_hold(sim, &(struct sim_holder){ .pid = 4711, .command = "Xorg", .numbers = "13:67" });
	sim_hold(sim, &(struct sim_holder){ .pid = 5, .command = "cat", .numbers = "1:3" });
	sim_hold(sim, &(struct sim_holder){ .pid = 6, .command = "x", .numbers = "226:0",
					    .block = true });
	find_all();
	ck_assert_uint_eq(uses.n, 2);
	assert_use(0, GPU, PCIPT_USE_HELD, "process 4711 (Xorg)", "/user.slice/session-2.scope");
	assert_use(0, GPU, PCIPT_USE_HELD, "Xorg", "has /dev/dri/card0, /dev/dri/renderD128 open");
	assert_use(1, AUDIO, PCIPT_USE_HELD, "process 9900 (pipewire)",
		   "/dev/snd/controlC0 mapped into its memory");
	ck_assert_ptr_nonnull(strstr(uses.items[0].remedy, "4711 (Xorg)"));
}
END_TEST

/* What an exclusive open could not explain, the holder does: told once, by who it is. */
START_TEST(a_busy_disk_is_told_once)
{
	static const struct {
		const char *busy;
		bool told;
	} table[] = { { "nvme0n1", true }, { "nvme0n10", false }, { "nvme0n1p1", false },
		      { "sda", false } };
	struct pcipt_device *device;
	struct pcipt_error *error = NULL;

	sim_hold(sim, &(struct sim_holder){ .pid = 42, .command = "mkfs", .numbers = "259:0",
					    .block = true });
	assert_ok(pcipt_snapshot_new(ctx, &snap, &error), error);
	assert_ok(pcipt_snapshot_find(snap, NIC, &device, &error), error);
	pcipt_uses_add(&uses, device, PCIPT_USE_DISK_OPEN, strdup("busy"), strdup("busy"), NULL);
	pcipt_uses_mark_busy(&uses, table[_i].busy);
	pcipt_holders_find(snap, &device, 1, 0, &uses);
	ck_assert_uint_eq(uses.n, table[_i].told ? 1 : 2);
	assert_use(uses.n - 1, NIC, PCIPT_USE_DISK_OPEN, "nvme0n1, by 42 (mkfs)",
		   table[_i].told ? "open, and an exclusive open is refused as busy" :
				    "process 42 (mkfs) has /dev/nvme0n1 open");
}
END_TEST

START_TEST(disks)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 8, .command = "dd", .numbers = "259:0",
					    .block = true });
	find_all();
	ck_assert_uint_eq(uses.n, 1);
	assert_use(0, NIC, PCIPT_USE_DISK_OPEN, "nvme0n1, by 8 (dd)", "process 8 (dd)");
}
END_TEST

START_TEST(containers)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char *cgroup = test_format("0::/kubepods.slice/cri-containerd-%s.scope\n", id);

	sim_hold(sim, &(struct sim_holder){ .pid = 8, .command = "a\033[2J\n", .numbers = "226:0",
					    .cgroup = cgroup });
	find_all();
	assert_use(0, GPU, PCIPT_USE_HELD, "process 8 (a", "in the container 0123456789ab");
	ck_assert_ptr_null(strchr(uses.items[0].what, '\033'));
	free(cgroup);
}
END_TEST

/* A process whose command can't be read is named by its number. */
START_TEST(nameless)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 8, .numbers = "226:0" });
	find_all();
	ck_assert_str_eq(uses.items[0].what, "process 8");
}
END_TEST

START_TEST(many_holders)
{
	for (int i = 0; i < 20; i++)
		sim_hold(sim, &(struct sim_holder){ .pid = 100 + i, .numbers = "226:0" });
	find_all();
	ck_assert_uint_eq(uses.n, 9);
	assert_use(8, GPU, PCIPT_USE_HELD, "12 more processes", "108");
}
END_TEST

/* ---- VFIO ---- */

static void bind_pair(void)
{
	sim_force_driver(sim, GPU, "vfio-pci");
	sim_force_driver(sim, AUDIO, "vfio-pci");
	sim_force_driver(sim, NIC, "vfio-pci");
}

/* The group's holder holds each device of the group, and no other. */
START_TEST(vfio_group)
{
	bind_pair();
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu" });
	find_all();
	ck_assert_uint_eq(uses.n, 2);
	assert_use(0, GPU, PCIPT_USE_HELD, "process 7 (qemu)", "/dev/vfio/2 open");
	assert_use(1, AUDIO, PCIPT_USE_HELD, "process 7 (qemu)", "/dev/vfio/2 open");
}
END_TEST

/* Its devices are its groups'; a process with another group raises no doubt here. */
START_TEST(another_group)
{
	bind_pair();
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:77" });
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu" });
	find_all();
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

/* A device that was handed over without its group: nobody can tell which it is. */
START_TEST(device_without_group)
{
	bind_pair();
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "dpdk", .mapped = true });
	find_on((const char *const[]){ NIC }, 1);
	ck_assert_uint_eq(uses.n, 1);
	assert_use(0, NIC, PCIPT_USE_UNKNOWN, "whether process 7 (dpdk) holds it open", "VFIO");
}
END_TEST

/* Linux 6.18 says it. */
START_TEST(fdinfo)
{
	bind_pair();
	sim_hold(sim, &(struct sim_holder){
			      .pid = 7, .command = "dpdk",
			      .fdinfo = "pos:\t0\nvfio-device-syspath: "
					"/sys/devices/pci0000:00/0000:02:00.0\nino:\t5\n" });
	find_all();
	ck_assert_uint_eq(uses.n, 1);
	assert_use(0, NIC, PCIPT_USE_HELD, "process 7 (dpdk)", "/dev/vfio/3");
	find_on((const char *const[]){ GPU }, 1);
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

/* ---- what can't be known ---- */

START_TEST(unreadable)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .errnum = EACCES });
	sim_hold(sim, &(struct sim_holder){ .pid = 9, .errnum = EACCES });
	find_on((const char *const[]){ GPU, AUDIO }, 2);
	ck_assert_uint_eq(uses.n, 2);
	assert_use(0, GPU, PCIPT_USE_UNKNOWN, "which processes", "2 processes");
	assert_use(1, AUDIO, PCIPT_USE_UNKNOWN, "which processes", "the first is 7");
	ck_assert_ptr_nonnull(strstr(uses.items[0].remedy, "root"));
}
END_TEST

/* Descriptors were seen: a mapping without one is rare, so this is told, and no more. */
START_TEST(unreadable_mappings)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .errnum = EBUSY, .mapped = true });
	find_on((const char *const[]){ GPU }, 1);
	ck_assert_uint_eq(uses.n, 1);
	assert_use(0, GPU, PCIPT_USE_UNKNOWN_HARMLESS, "which processes", "mappings of 1 process");
}
END_TEST

START_TEST(failing_search)
{
	static const int errors[] = { EACCES, EBUSY, EIO, ENOENT };

	for (size_t i = 0; i < 4; i++) {
		sim_mend(sim);
		sim_fail(sim, &(struct sim_fault){ SIM_FIND_HOLDERS, NULL, 1, 0, errors[i],
						   SIM_FAILS });
		find_on((const char *const[]){ GPU }, 1);
		ck_assert_uint_eq(uses.n, 1);
		ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
		ck_assert_ptr_nonnull(uses.items[0].remedy);
	}
}
END_TEST

START_TEST(in_a_container)
{
	sim_set_in_container(sim, true);
	find_on((const char *const[]){ GPU }, 1);
	assert_use(0, GPU, PCIPT_USE_UNKNOWN, "which processes", "container");
}
END_TEST

START_TEST(another_machine)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .numbers = "226:0" });
	sim_set_real(sim, false);
	find_all();
	ck_assert_uint_eq(uses.n, 0);
	ck_assert_uint_eq(sim_log_matches(sim, "find-holders"), 0);
}
END_TEST

/* ---- release ---- */

static struct pcipt_claim *take_card(void)
{
	struct pcipt_set *set = machine_set(ctx, GPU);
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_bind(ctx, set, NULL, &claim, &error), error);
	pcipt_set_unref(set);
	return claim;
}

/* Refused before any write; freed, it goes. */
START_TEST(release_of_a_held_device)
{
	struct pcipt_claim *claim = take_card();
	struct pcipt_error *error = NULL;
	char *before = sim_state(sim), *record = NULL;

	record = strdup(sim_record(sim, "pci-0000-01-00.0.json"));
	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, &error), PCIPT_E_REFUSED);
	ck_assert_uint_eq(sim_log_matches(sim, "write"), 0);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	ck_assert_str_eq(sim_record(sim, "pci-0000-01-00.0.json"), record);
	ck_assert_uint_eq(pcipt_error_cause_count(error), 2);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(pcipt_error_cause_at(error, 0)),
				     "held-open"));
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "7 (qemu)"));
	assert_fails(PCIPT_E_REFUSED, error);
	assert_state(sim, before, "after the refusal");
	sim_end_holders(sim);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	assert_driver(sim, GPU, "nouveau");
	pcipt_claim_unref(claim);
	free(before);
	free(record);
}
END_TEST

/* What was allowed stands in the claim's record, with the device. */
START_TEST(allowing_is_recorded)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;
	const char *record;

	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "X", .numbers = "226:0" });
	assert_ok(pcipt_options_add_allow(options, "held-open", NULL, &error), error);
	assert_ok(pcipt_options_add_allow(options, "boot-vga", NULL, &error), error);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	record = sim_record(sim, "pci-0000-01-00.0.json");
	ck_assert_ptr_nonnull(strstr(record, "\"held-open\""));
	ck_assert_ptr_nonnull(strstr(strstr(record, "\"held-open\""), GPU));
	/* Nothing was raised that this would have allowed. */
	ck_assert_ptr_null(strstr(record, "boot-vga"));
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	pcipt_claim_unref(claim);
}
END_TEST

START_TEST(release_in_spite_of_it)
{
	struct pcipt_claim *claim = take_card();
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;

	sim_hold(sim, &(struct sim_holder){ .pid = 7, .command = "qemu", .numbers = "242:2" });
	assert_ok(pcipt_options_add_allow(options, "held-open", GPU, &error), error);
	ck_assert_int_eq(pcipt_release(ctx, claim, options, &error), PCIPT_E_REFUSED);
	assert_fails(PCIPT_E_REFUSED, error);
	assert_ok(pcipt_options_add_allow(options, "held-open", AUDIO, &error), error);
	assert_ok(pcipt_release(ctx, claim, options, &error), error);
	assert_driver(sim, GPU, "nouveau");
	pcipt_options_unref(options);
	pcipt_claim_unref(claim);
}
END_TEST

/* ---- the real maker, on this process and a child ---- */

struct tally {
	pid_t pid;
	size_t n, n_mapped, n_unknown, n_others;
	int fd;
};

static int count(void *data, const struct pcipt_holding *holding)
{
	struct tally *tally = data;

	if (holding->node < 0) {
		tally->n_unknown++;
	} else if (holding->pid != tally->pid) {
		tally->n_others++;
	} else {
		tally->n++;
		tally->n_mapped += holding->how == PCIPT_HOLD_MAPPED;
		tally->fd = holding->fd;
	}
	return 0;
}

static struct tally search_for(const struct pcipt_node *node, pid_t pid)
{
	struct tally tally = { .pid = pid, .fd = -1 };
	struct pcipt_kernel *kernel = NULL;
	struct pcipt_context *real = test_context("/");

	ck_assert_int_eq(pcipt_kernel_get(real, &kernel, NULL), 0);
	ck_assert_int_eq(kernel->ops->find_holders(kernel, node, 1, 5000, 60000, count, &tally), 0);
	pcipt_context_unref(real);
	return tally;
}

/* /dev/full: a device that nobody else has open, and that anybody may. */
START_TEST(a_real_descriptor)
{
	struct pcipt_node node = { .major = 1, .minor = 7, .path = "/dev/full" };
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC), last;
	struct tally tally;

	ck_assert_int_ge(fd, 0);
	last = fcntl(fd, F_DUPFD_CLOEXEC, 700);
	tally = search_for(&node, getpid());
	ck_assert_uint_eq(tally.n, 1);
	ck_assert_int_eq(tally.fd, fd);
	close(fd);
	ck_assert_int_eq(search_for(&node, getpid()).fd, last);
	close(last);
	ck_assert_uint_eq(search_for(&node, getpid()).n, 0);
	node.block = true;
	fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	ck_assert_uint_eq(search_for(&node, getpid()).n, 0);
	node.block = false;
	node.minor = 4711;
	ck_assert_uint_eq(search_for(&node, getpid()).n, 0);
	node.any_minor = true;
	ck_assert_uint_ge(search_for(&node, getpid()).n, 1);
	close(fd);
}
END_TEST

/* A mapping whose descriptor is closed. (A shared one of /dev/zero is another file.) */
START_TEST(a_real_mapping)
{
	const struct pcipt_node node = { .major = 1, .minor = 5, .path = "/dev/zero" };
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct tally tally;
	void *memory;

	ck_assert_int_ge(fd, 0);
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(memory != MAP_FAILED);
	close(fd);
	tally = search_for(&node, getpid());
	ck_assert_uint_eq(tally.n, 1);
	ck_assert_uint_eq(tally.n_mapped, 1);
	munmap(memory, 4096);
	ck_assert_uint_eq(search_for(&node, getpid()).n, 0);
}
END_TEST

/* An anonymous file, by its name: each descriptor of it is told. */
START_TEST(a_real_anonymous_file)
{
	const struct pcipt_node node = { .anon = "anon_inode:[eventpoll]" };
	int a = epoll_create1(EPOLL_CLOEXEC), b = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(b, 0);
	ck_assert_uint_eq(search_for(&node, getpid()).n, 2);
	close(a);
	ck_assert_int_eq(search_for(&node, getpid()).fd, b);
	close(b);
	ck_assert_uint_eq(search_for(&node, getpid()).n, 0);
}
END_TEST

/* Another process, of which nothing but its number is known here. */
START_TEST(a_real_child)
{
	const struct pcipt_node node = { .major = 1, .minor = 7, .path = "/dev/full" };
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (open("/dev/full", O_RDONLY) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_uint_eq(search_for(&node, pid).n, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_uint_eq(search_for(&node, pid).n, 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* A tree without /proc. */
START_TEST(no_proc)
{
	const struct pcipt_node node = { .major = 1, .minor = 7 };
	char *root = test_path("holders-root");
	struct pcipt_kernel *kernel = NULL;
	struct tally tally = { 0 };
	struct pcipt_context *other;

	ck_assert_int_eq(mkdir(root, 0755), 0);
	other = test_context(root);
	ck_assert_int_eq(pcipt_kernel_get(other, &kernel, NULL), 0);
	ck_assert_int_eq(kernel->ops->find_holders(kernel, &node, 1, 100, 60000, count, &tally), -ENOENT);
	pcipt_context_unref(other);
	free(root);
}
END_TEST

static void make_process(const char *root, int pid, bool stuck)
{
	char *folder = test_format("%s/proc/%d", root, pid), *path = NULL;

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	path = test_format("%s/fd", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	free(path);
	path = test_format("%s/maps", folder);
	if (stuck)
		ck_assert_int_eq(mkfifo(path, 0644), 0);
	else
		test_write(path, "", 0);
	free(path);
	free(folder);
}

/* One that never answers: a fifo that nobody writes. The search goes on behind it. */
START_TEST(a_stuck_process)
{
	const struct pcipt_node node = { .major = 1, .minor = 7 };
	char *root = test_path("holders-stuck"), *proc = test_format("%s/proc", root), *maps;
	struct pcipt_kernel *kernel = NULL;
	struct tally tally = { 0 };
	struct pcipt_context *other;
	int fd;

	ck_assert(mkdir(root, 0755) == 0 && mkdir(proc, 0755) == 0);
	make_process(root, 1, false);
	make_process(root, 20, true);
	make_process(root, 30, false);
	other = test_context(root);
	ck_assert_int_eq(pcipt_kernel_get(other, &kernel, NULL), 0);
	for (size_t i = 1; i < 3; i++) {
		ck_assert_int_eq(kernel->ops->find_holders(kernel, &node, 1, 1500, 60000, count, &tally), 0);
		ck_assert_uint_eq(tally.n_unknown, i);
		ck_assert_uint_eq(tally.n + tally.n_others, 0);
	}
	/* Nor longer than the caller has time: that is nobody's fault, and the rest isn't known. */
	make_process(root, 40, true);
	for (size_t i = 0; i < 2; i++) {
		double begin = pcipt_now_ms();

		ck_assert_int_eq(kernel->ops->find_holders(kernel, &node, 1, 30000, 200, count, &tally),
				 -ETIMEDOUT);
		ck_assert_double_lt(pcipt_now_ms() - begin, 10000);
		ck_assert(!pcipt_real_is_stuck(real_kernel(kernel), "proc/40"));
	}
	maps = test_format("%s/40/maps", proc);
	fd = open(maps, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(fd);
	free(maps);
	maps = test_format("%s/20/maps", proc);
	fd = open(maps, O_WRONLY | O_CLOEXEC); /* lets it go */
	ck_assert_int_ge(fd, 0);
	close(fd);
	pcipt_context_unref(other);
	free(maps);
	free(proc);
	free(root);
}
END_TEST

/* Names of other users' processes are hidden: process 1 isn't there. */
START_TEST(hidden_processes)
{
	const struct pcipt_node node = { .major = 1, .minor = 7 };
	char *root = test_path("holders-hidden"), *proc = test_format("%s/proc", root);
	struct pcipt_kernel *kernel = NULL;
	struct tally tally = { 0 };
	struct pcipt_context *other;

	ck_assert(mkdir(root, 0755) == 0 && mkdir(proc, 0755) == 0);
	make_process(root, 30, false);
	other = test_context(root);
	ck_assert_int_eq(pcipt_kernel_get(other, &kernel, NULL), 0);
	ck_assert_int_eq(kernel->ops->find_holders(kernel, &node, 1, 1500, 60000, count, &tally), -EACCES);
	pcipt_context_unref(other);
	free(proc);
	free(root);
}
END_TEST

Suite *suite_holders(void)
{
	Suite *suite = suite_create("holders");
	TCase *tc = tcase_create("simulated");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, nobody);
	tcase_add_test(tc, no_nodes_no_search);
	tcase_add_test(tc, no_longer_than_the_caller);
	tcase_add_loop_test(tc, nvidia, 0, 7);
	tcase_add_test(tc, class_devices);
	tcase_add_test(tc, disks);
	tcase_add_loop_test(tc, a_busy_disk_is_told_once, 0, 4);
	tcase_add_test(tc, containers);
	tcase_add_test(tc, nameless);
	tcase_add_test(tc, many_holders);
	tcase_add_test(tc, vfio_group);
	tcase_add_test(tc, another_group);
	tcase_add_test(tc, device_without_group);
	tcase_add_test(tc, fdinfo);
	tcase_add_test(tc, unreadable);
	tcase_add_test(tc, unreadable_mappings);
	tcase_add_test(tc, failing_search);
	tcase_add_test(tc, in_a_container);
	tcase_add_test(tc, another_machine);
	tcase_add_test(tc, release_of_a_held_device);
	tcase_add_test(tc, release_in_spite_of_it);
	tcase_add_test(tc, allowing_is_recorded);
	suite_add_tcase(suite, tc);
	tc = tcase_create("real");
	/* With AddressSanitizer the searching process can't let go of all shared mappings, and ends. */
	tcase_set_tags(tc, "not-with-asan");
	tcase_add_test(tc, a_real_descriptor);
	tcase_add_test(tc, a_real_mapping);
	tcase_add_test(tc, a_real_anonymous_file);
	tcase_add_test(tc, a_real_child);
	tcase_add_test(tc, no_proc);
	tcase_add_test(tc, a_stuck_process);
	tcase_add_test(tc, hidden_processes);
	suite_add_tcase(suite, tc);
	return suite;
}
