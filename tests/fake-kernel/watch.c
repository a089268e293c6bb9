/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel's watches: each hears what the test says has happened. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model.h"

struct sim_watch {
	struct pcipt_watch base;
	struct sim *sim;
	int fd;
	struct pcipt_watch_event *events;
	size_t n, first;
};

static int watch_fd(struct pcipt_watch *watch)
{
	return ((struct sim_watch *)watch)->fd;
}

static int watch_next(struct pcipt_watch *watch, struct pcipt_watch_event *event)
{
	struct sim_watch *w = (struct sim_watch *)watch;
	eventfd_t count;

	if (w->sim->watch_errnum)
		return -w->sim->watch_errnum;
	event->what = PCIPT_WATCHED_NOTHING;
	if (w->first < w->n)
		*event = w->events[w->first++];
	else
		(void)eventfd_read(w->fd, &count);
	return 0;
}

static void watch_destroy(struct pcipt_watch *watch)
{
	struct sim_watch *w = (struct sim_watch *)watch;

	for (size_t i = 0; i < w->sim->n_watches; i++)
		if (w->sim->watches[i] == w)
			w->sim->watches[i] = w->sim->watches[--w->sim->n_watches];
	close(w->fd);
	free(w->events);
	free(w);
}

int sim_watch(struct pcipt_kernel *k, const char *const *folders, size_t n,
	      struct pcipt_watch **watch)
{
	static const struct pcipt_watch_ops ops = { watch_fd, watch_next, watch_destroy };
	struct sim *sim = sim_of(k);
	struct sim_watch *w;

	(void)folders, (void)n;
	if (sim->watch_errnum)
		return -sim->watch_errnum;
	if (sim->n_watches == SIM_MAX_WATCHES)
		abort();
	w = calloc(1, sizeof(*w));
	w->base.ops = &ops;
	w->sim = sim;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sim->watches[sim->n_watches++] = w;
	*watch = &w->base;
	return 0;
}

static void say(struct sim *sim, enum pcipt_watched what, const char *name, bool failed)
{
	for (size_t i = 0; i < sim->n_watches; i++) {
		struct sim_watch *w = sim->watches[i];
		struct pcipt_watch_event *event;

		if (!pcipt_grow(&w->events, w->n))
			abort();
		event = &w->events[w->n++];
		event->what = what;
		event->failed = failed;
		snprintf(event->name, sizeof(event->name), "%s", name ? name : "");
		eventfd_write(w->fd, 1);
	}
}

void sim_say_device(struct sim *sim, const char *name)
{
	say(sim, PCIPT_WATCHED_DEVICE, name, false);
}

void sim_say_failed(struct sim *sim, const char *name)
{
	say(sim, PCIPT_WATCHED_DEVICE, name, true);
}

void sim_say_files(struct sim *sim)
{
	say(sim, PCIPT_WATCHED_FILES, NULL, false);
}

void sim_say_lost(struct sim *sim)
{
	say(sim, PCIPT_WATCHED_LOST, NULL, false);
}

void sim_set_watch(struct sim *sim, int errnum)
{
	sim->watch_errnum = errnum;
}
