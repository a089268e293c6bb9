/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices are at this moment: driver, override, power control. */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

/* How long the device's lock may be held by somebody else before we give up. */
#define LOCK_WAIT_MS 1000

static int fail_read(struct pcipt_error **error, const char *address, const char *path, int r)
{
	if (r == -ENOENT || r == -ENODEV)
		return pcipt_fail(error, PCIPT_E_GONE,
				  &(struct pcipt_error_facts){ .step = "read",
							       .address = address,
							       .path = path,
							       .errnum = ENOENT },
				  "%s is not there any more", address);
	if (r == -ECANCELED)
		return pcipt_fail(error, PCIPT_E_TIMEOUT,
				  &(struct pcipt_error_facts){ .step = "read",
							       .address = address,
							       .path = path,
							       .errnum = ETIMEDOUT,
							       .remedy = "Try again with more time" },
				  "the deadline passed before %s was read", path);
	if (r == -EOWNERDEAD)
		return pcipt_fail(error, PCIPT_E_IO,
				  &(struct pcipt_error_facts){
					  .step = "read",
					  .address = address,
					  .path = path,
					  .errnum = EOWNERDEAD,
					  .remedy = "Find out who ended the helper process (the "
						    "kernel's log tells of memory that ran out), then "
						    "retry" },
				  "%s: %s can't be read: the process that reads it was ended",
				  address, path);
	if (r == -EINPROGRESS)
		r = -EBUSY;
	return pcipt_fail(error, r == -EBUSY ? PCIPT_E_BUSY : PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "read",
				  .address = address,
				  .path = path,
				  .errnum = -r,
				  .remedy = "Wait until the driver lets the device go, then try "
					    "again" },
			  "%s: %s can't be read: %s", address, path,
			  r == -EBUSY ? "the device's lock is held" : pcipt_errno_text(-r));
}

static int read_driver(struct pcipt_kernel *k, const char *address, char **driver)
{
	char path[64], link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", address);
	n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return (int)n;
	*driver = strdup(pcipt_base_name(link));
	return *driver ? 0 : -ENOMEM;
}

/* The job's text: the override, when it is one. */
static int take_override(const struct pcipt_job *job, char **override)
{
	if (job->result < 0)
		return (int)job->result;
	if (job->result == 0 || !*job->buf || strcmp(job->buf, "(null)") == 0)
		return 0;
	*override = strdup(job->buf);
	return *override ? 0 : -ENOMEM;
}

static void read_rest(struct pcipt_transaction *t, struct pcipt_reading *reading,
		      const struct pcipt_job *job)
{
	const char *address = t->plan->devices[reading->device].address;
	struct pcipt_kernel *k = t->kernel;
	char path[64], text[64];
	int r = take_override(job, &reading->state.override);

	snprintf(path, sizeof(path), "%s", job->path);
	if (r == 0) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
		r = read_driver(k, address, &reading->state.driver);
	}
	if (r < 0) {
		pcipt_device_state_clear(&reading->state);
		if (r == -ENOMEM)
			pcipt_fail_memory(&reading->error);
		else
			fail_read(&reading->error, address, path, r);
		return;
	}
	snprintf(path, sizeof(path), "%s/power/control", address);
	if (k->ops->read(k, PCIPT_AT_PCI_DEVICES, path, text, sizeof(text)) > 0) {
		reading->state.power_control = strdup(text);
	} else if (k->ops->exists(k, PCIPT_AT_PCI_DEVICES, address) == 0) {
		/* What was read before it went is no state of anything. */
		pcipt_device_state_clear(&reading->state);
		fail_read(&reading->error, address, path, -ENOENT);
	}
}

/* Linux 6.1 takes the device's lock to tell its override, so the helper asks. */
static void read_overrides(struct pcipt_transaction *t, struct pcipt_job *jobs, size_t n)
{
	double soon = t->kernel->ops->now(t->kernel) + LOCK_WAIT_MS;
	struct pcipt_wait wait = { .cancel_fd = -1,
				   .deadline = soon < t->deadline ? soon : t->deadline };

	t->kernel->ops->writer_run(t->writer, jobs, n, &wait);
}

struct text {
	char path[64], buf[PCIPT_ATTRIBUTE_MAX];
};

void pcipt_states_read(struct pcipt_transaction *t, struct pcipt_reading *readings, size_t n)
{
	_cleanup_free_ struct pcipt_job *jobs = calloc(n + 1, sizeof(*jobs));
	_cleanup_free_ struct text *texts = calloc(n + 1, sizeof(*texts));

	for (size_t i = 0; i < n; i++) {
		memset(&readings[i].state, 0, sizeof(readings[i].state));
		readings[i].error = NULL;
		if (!jobs || !texts) {
			pcipt_fail_memory(&readings[i].error);
			continue;
		}
		snprintf(texts[i].path, sizeof(texts[i].path),
			 "/sys/bus/pci/devices/%s/driver_override",
			 t->plan->devices[readings[i].device].address);
		jobs[i] = (struct pcipt_job){ .kind = PCIPT_JOB_READ,
					      .lane = readings[i].device,
					      .path = texts[i].path,
					      .buf = texts[i].buf,
					      .size = sizeof(texts[i].buf) };
	}
	if (!jobs || !texts)
		return;
	read_overrides(t, jobs, n);
	for (size_t i = 0; i < n; i++)
		read_rest(t, &readings[i], &jobs[i]);
}

void pcipt_states_clear(struct pcipt_reading *readings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pcipt_device_state_clear(&readings[i].state);
		readings[i].error = pcipt_error_unref(readings[i].error);
	}
}

bool pcipt_state_is_back(const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before)
{
	return pcipt_streq(now->driver, before->driver) &&
	       pcipt_streq(now->override, before->override) &&
	       (!before->power_control ||
		pcipt_streq(now->power_control, before->power_control));
}

char *pcipt_state_text(const struct pcipt_device_state *state)
{
	return pcipt_format("driver %s, override %s, power %s",
			    state->driver ? state->driver : "none",
			    state->override ? state->override : "none",
			    state->power_control ? state->power_control : "unknown");
}
