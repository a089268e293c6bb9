/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated kernel's helper, locks and clock. Lanes run one after the other, in the
 * jobs' order, so that every run is the same; a write that blocks is out until the test
 * lets it return.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "model.h"

struct pcipt_writer {
	struct sim *sim;
	size_t number;
};

/* ---- time ---- */

double sim_now(struct pcipt_kernel *k)
{
	return sim_of(k)->now;
}

static bool is_readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&poller, 1, 0) > 0;
}

int sim_wait(struct pcipt_kernel *k, int fd, double ms)
{
	struct sim *sim = sim_of(k);

	sim_next(sim, SIM_WAIT, "wait");
	if (ms > 0)
		sim->now += ms;
	return is_readable(fd);
}

/* ---- locks ---- */

static struct sim_lock *find_lock(struct sim *sim, const char *name)
{
	for (size_t i = 0; i < sim->n_locks; i++)
		if (strcmp(sim->locks[i].name, name) == 0)
			return &sim->locks[i];
	if (sim->n_locks == SIM_MAX_LOCKS)
		abort();
	snprintf(sim->locks[sim->n_locks].name, sizeof(sim->locks->name), "%s", name);
	return &sim->locks[sim->n_locks++];
}

int sim_lock(struct pcipt_kernel *k, const char *folder, const char *name, const char *text,
	     char *holder, size_t size)
{
	struct sim *sim = sim_of(k);
	char *what = pcipt_format("lock %s", name);
	struct sim_verdict verdict = sim_next(sim, SIM_LOCK, what);
	struct sim_lock *lock = find_lock(sim, name);
	int r = verdict.answer ? verdict.answer : lock->held ? -EAGAIN : (int)(lock - sim->locks);

	(void)folder;
	if (r >= 0) {
		lock->held = true;
		snprintf(lock->text, sizeof(lock->text), "%s", text);
	} else if (r == -EAGAIN) {
		snprintf(holder, size, "%s", lock->text);
	}
	sim_note(sim, what, r < 0 ? r : 0);
	free(what);
	return r;
}

void sim_unlock(struct pcipt_kernel *k, int lock, bool left_behind)
{
	if (left_behind)
		sim_of(k)->locks[lock].left = true;
	else
		sim_of(k)->locks[lock].held = false;
}

void sim_lock_elsewhere(struct sim *sim, const char *address, const char *text)
{
	struct sim_lock *lock = find_lock(sim, address);

	lock->held = text != NULL;
	snprintf(lock->text, sizeof(lock->text), "%s", text ? text : "");
}

bool sim_lock_is_held(struct sim *sim, const char *name)
{
	return find_lock(sim, name)->held;
}

size_t sim_locks_held(const struct sim *sim)
{
	size_t n = 0;

	for (size_t i = 0; i < sim->n_locks; i++)
		n += sim->locks[i].held;
	return n;
}

/* ---- the helper ---- */

int sim_writer_start(struct pcipt_kernel *k, size_t n_lanes, const int *locks, size_t n_locks,
		     struct pcipt_writer **out)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict = sim_next(sim, SIM_START, "start-helper");
	struct pcipt_writer *writer;

	(void)n_lanes;
	sim_note(sim, "start-helper", verdict.answer);
	if (verdict.answer)
		return verdict.answer;
	for (size_t i = 0; i < n_locks; i++)
		if (!sim->locks[locks[i]].held)
			abort();
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		abort();
	writer->sim = sim;
	writer->number = ++sim->n_writers;
	*out = writer;
	return 0;
}

void sim_block(struct sim *sim, const char *contains)
{
	sim->blocks = contains;
}

static bool is_out(const struct pcipt_writer *writer, size_t lane)
{
	for (size_t i = 0; i < writer->sim->n_out; i++)
		if (writer->sim->out[i].writer == writer->number &&
		    writer->sim->out[i].lane == lane)
			return true;
	return false;
}

/* The device that a write is about: the one named in it, or the one whose attribute it is. */
static struct sim_device *device_of(const struct sim *sim, const char *path, const char *value)
{
	static const char folder[] = "/sys/bus/pci/devices/";
	char address[32];

	if (strncmp(path, folder, sizeof(folder) - 1) != 0)
		return sim_find(sim, value);
	snprintf(address, sizeof(address), "%.*s",
		 (int)strcspn(path + sizeof(folder) - 1, "/"), path + sizeof(folder) - 1);
	return sim_find(sim, address);
}

bool sim_is_stuck(const struct sim *sim, const struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_out; i++) {
		const struct sim_out *out = &sim->out[i];

		/* Ending VFs waits with the lock of the one that is open, too. */
		if (!out->waits && (out->device == device ||
				    (device->open && device->physfn && out->device == device->physfn)))
			return true;
	}
	return false;
}

static bool ends_with(const char *path, const char *end)
{
	return strlen(path) > strlen(end) && strcmp(path + strlen(path) - strlen(end), end) == 0;
}

/* Whether a write takes the lock of the device that it is about. */
static bool takes_lock(const struct sim *sim, const struct sim_device *device, const char *path)
{
	static const char *const names[] = { "/drivers_probe", "/power/control", "/sriov_numvfs",
					     "/remove" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ends_with(path, names[i]))
			return true;
	if (sim->override_takes_lock && ends_with(path, "/driver_override"))
		return true;
	/* What doesn't match is told first. */
	if (ends_with(path, "/bind"))
		return sim_path_matches(sim, device, path);
	/* unbind looks at the driver first, which is the device's until it returns. */
	for (size_t i = 0; i < sim->n_out; i++)
		if (strcmp(sim->out[i].path, path) == 0 && ends_with(path, "/unbind"))
			return true;
	return false;
}

/* The kernel takes the driver's link away first, and then waits for who uses the device. */
static void begin_blocked(struct pcipt_writer *writer, const struct pcipt_job *job)
{
	struct sim *sim = writer->sim;
	struct sim_device *device = device_of(sim, job->path, job->value);
	bool waits = device && sim_is_stuck(sim, device);

	if (sim->n_out == SIM_MAX_OUT)
		abort();
	sim->out[sim->n_out++] = (struct sim_out){ writer->number, job->lane, strdup(job->path),
						   strdup(job->value), device, waits };
	if (device && strstr(job->path, "/unbind") && !waits)
		device->driver = NULL;
	for (size_t i = 0; i < sim->n_devices && strstr(job->path, "/sriov_numvfs"); i++)
		if (sim->devices[i] && sim->devices[i]->physfn == device && !waits)
			sim->devices[i]->driver = NULL;
}

/* The lock's owner goes on where it waited, the others begin now. */
static void finish(struct sim *sim, struct sim_out *out)
{
	struct sim_device *device = sim_find(sim, out->value);

	/* vfio forbids runtime power management when it lets a device go. */
	if (strstr(out->path, "vfio-pci/unbind") && device && !out->waits)
		sim_force_power(sim, device->address, "on");
	else if (!strstr(out->path, "/unbind"))
		sim_write_now(sim, out->path, out->value);
	free(out->path);
	free(out->value);
}

/* The helpers that were left behind end, and with them what they held. */
static void end_left(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_locks; i++) {
		if (sim->locks[i].left)
			sim->locks[i].held = false;
		sim->locks[i].left = false;
	}
}

void sim_let_go(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_out; i++)
		finish(sim, &sim->out[i]);
	sim->n_out = 0;
	sim->blocks = NULL;
	end_left(sim);
}

void sim_let_go_of(struct sim *sim, const struct sim_device *device)
{
	const struct sim_device *pf = device->physfn;
	size_t kept = 0;

	for (size_t i = 0; i < sim->n_out; i++) {
		struct sim_out out = sim->out[i];

		if (out.device != device && (!pf || out.device != pf))
			sim->out[kept++] = out;
		else
			finish(sim, &out);
	}
	sim->n_out = kept;
	if (kept == 0)
		end_left(sim);
}

static bool does_block(const struct sim *sim, const struct pcipt_job *job)
{
	struct sim_device *device = device_of(sim, job->path, job->value);
	char *what = pcipt_format("%s %s", job->path, job->value);
	bool blocks = sim->blocks && strstr(what, sim->blocks);

	free(what);
	if (!device)
		return blocks;
	return blocks || sim_waits_for_holder(sim, device, job->path) ||
	       (sim_is_stuck(sim, device) && takes_lock(sim, device, job->path));
}

/* An `install` line or an initialisation that doesn't return: sim_block(sim, "load NAME"). */
static bool load_blocks(const struct sim *sim, const char *module)
{
	return sim->blocks && strncmp(sim->blocks, "load ", 5) == 0 &&
	       strcmp(sim->blocks + 5, module) == 0;
}

static ssize_t do_job(struct pcipt_writer *writer, const struct pcipt_job *job,
		      const struct pcipt_wait *wait)
{
	struct sim *sim = writer->sim;
	const char *below_sys = job->path ? job->path + sizeof("/sys/") - 1 : NULL;
	struct pcipt_read read = { below_sys, job->buf, job->size, 0, false };

	if (is_out(writer, job->lane))
		return -EINPROGRESS;
	if (is_readable(wait->cancel_fd) || sim->now >= wait->deadline)
		return -ECANCELED;
	sim->now += 1;
	if (job->kind == PCIPT_JOB_LOAD && load_blocks(sim, job->value)) {
		begin_blocked(writer, &(struct pcipt_job){ .kind = job->kind,
							   .lane = job->lane,
							   .path = "/sys/module",
							   .value = job->value });
		return -EINPROGRESS;
	}
	if (job->kind == PCIPT_JOB_LOAD)
		return sim_module_load(&sim->base, job->value);
	if (job->kind == PCIPT_JOB_READ) {
		sim_read_guarded(&sim->base, PCIPT_AT_SYS, &read, 1, 0);
		return read.result;
	}
	if (does_block(sim, job)) {
		begin_blocked(writer, job);
		return -EINPROGRESS;
	}
	return sim_write(&sim->base, PCIPT_AT_SYS, below_sys, job->value);
}

void sim_writer_run(struct pcipt_writer *writer, struct pcipt_job *jobs, size_t n,
		    const struct pcipt_wait *wait)
{
	size_t out = writer->sim->n_out;

	for (size_t i = 0; i < n; i++) {
		bool was_out = is_out(writer, jobs[i].lane);

		jobs[i].result = -EINPROGRESS;
		if (wait->tell)
			wait->tell(wait->data, &jobs[i]);
		jobs[i].result = do_job(writer, &jobs[i], wait);
		/* Behind the one that blocks, nothing is begun any more. */
		if (was_out && writer->sim->n_out > out)
			jobs[i].result = -ECANCELED;
		if (wait->tell && jobs[i].result != -EINPROGRESS)
			wait->tell(wait->data, &jobs[i]);
	}
	if (writer->sim->n_out > out && writer->sim->now < wait->deadline)
		writer->sim->now = wait->deadline + wait->grace;
}

bool sim_writer_busy(struct pcipt_writer *writer, size_t lane, double deadline)
{
	struct sim *sim = writer->sim;

	sim_next(sim, SIM_WAIT, "wait-for-lane");
	if (is_out(writer, lane) && sim->now < deadline)
		sim->now = deadline;
	return is_out(writer, lane);
}

bool sim_writer_end(struct pcipt_writer *writer)
{
	bool left = false;

	for (size_t i = 0; i < writer->sim->n_out; i++)
		left |= writer->sim->out[i].writer == writer->number;
	free(writer);
	return left;
}
