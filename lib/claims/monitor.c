/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor: keeps what it knew, looks again where something is said to have
 * happened, and tells the difference. So an event can't be wrong, however late it comes,
 * and lost ones cost a look at everything instead of the truth.
 */
#include "claims/monitor.h"

#include <errno.h>

static void monitor_destroy(struct pcipt_monitor *m)
{
	if (m->watch)
		m->watch->ops->destroy(m->watch);
	for (size_t i = m->first; i < m->n_queue; i++)
		pcipt_event_unref(m->queue[i]);
	free(m->queue);
	pcipt_monitor_clear_devices(m);
	pcipt_monitor_clear_claims(m);
	pcipt_context_unref(m->ctx);
	free(m);
}

PCIPT_DEFINE_REFS(monitor, monitor_destroy)
PCIPT_DEFINE_CLEANUP(struct pcipt_monitor, pcipt_monitor_unref)

void pcipt_monitor_tell(struct pcipt_monitor *m, const struct pcipt_event_facts *facts)
{
	struct pcipt_event *event = pcipt_event_new(facts);

	if (event && pcipt_grow(&m->queue, m->n_queue)) {
		m->queue[m->n_queue++] = event;
		return;
	}
	pcipt_event_unref(event);
	m->no_memory = true;
}

/* ---- events ---- */

static int look_at_everything(struct pcipt_monitor *m, struct pcipt_error **error)
{
	int r = pcipt_monitor_look_at_devices(m, error);

	return r == 0 ? pcipt_monitor_look_at_claims(m, error) : r;
}

static int take(struct pcipt_monitor *m, const struct pcipt_watch_event *event,
		struct pcipt_error **error)
{
	struct pcipt_address at;

	if (event->what == PCIPT_WATCHED_FILES)
		return pcipt_monitor_look_at_records(m, error);
	if (event->what == PCIPT_WATCHED_LOST)
		return look_at_everything(m, error);
	if (!pcipt_address_scan(event->name, &at, NULL))
		return 0;
	pcipt_monitor_look_at_device(m, at);
	if (event->failed)
		pcipt_monitor_tell_failed(m, at);
	m->changed = at;
	m->is_changed = true;
	return 0;
}

static int fail_watch(int r, struct pcipt_error **error)
{
	if (r == -ENOMEM)
		return pcipt_fail_memory(error);
	return pcipt_fail(error, PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "watch",
				  .errnum = -r,
				  .remedy = r == -EMFILE || r == -ENFILE || r == -ENOSPC ?
						    "Raise the limit of open files or of inotify "
						    "watches (fs.inotify.max_user_watches)" :
						    NULL },
			  "devices and claims can't be watched: %s", pcipt_errno_text(-r));
}

/* One step further: the claims of the last device, or what is said next; 0, or 1 when there is nothing. */
static int go_on(struct pcipt_monitor *m, struct pcipt_error **error)
{
	struct pcipt_watch_event event;
	int r;

	if (m->is_changed) {
		m->is_changed = false;
		return pcipt_monitor_look_at_claims_of(m, m->changed, error);
	}
	r = m->watch->ops->next(m->watch, &event);
	if (r < 0)
		return fail_watch(r, error);
	return event.what == PCIPT_WATCHED_NOTHING ? 1 : take(m, &event, error);
}

static void forget_events(struct pcipt_monitor *m)
{
	while (m->first < m->n_queue)
		pcipt_event_unref(m->queue[m->first++]);
	m->first = m->n_queue = 0;
}

int pcipt_monitor_next(struct pcipt_monitor *m, struct pcipt_event **out,
		       struct pcipt_error **error)
{
	int r;

	if (!m || !out)
		return pcipt_fail_argument(error, __func__, "no monitor or no place");
	*out = NULL;
	while (m->first == m->n_queue) {
		m->first = m->n_queue = 0;
		r = go_on(m, error);
		if (r != 0)
			return r < 0 ? r : 0;
		if (m->no_memory) {
			m->no_memory = false;
			return pcipt_fail_memory(error);
		}
	}
	*out = m->queue[m->first++];
	return 0;
}

int pcipt_monitor_look(struct pcipt_monitor *m, struct pcipt_error **error)
{
	int r;

	if (!m)
		return pcipt_fail_argument(error, __func__, "no monitor");
	r = look_at_everything(m, error);
	if (r == 0 && m->no_memory) {
		m->no_memory = false;
		return pcipt_fail_memory(error);
	}
	return r;
}

int pcipt_monitor_fd(const struct pcipt_monitor *m)
{
	return m ? m->watch->ops->fd(m->watch) : -1;
}

static int start(struct pcipt_monitor *m, struct pcipt_error **error)
{
	_cleanup_free_ char *runtime = pcipt_records_folder(m->ctx, false);
	_cleanup_free_ char *state = pcipt_records_folder(m->ctx, true);
	const char *folders[] = { runtime, state };
	int r = pcipt_kernel_get(m->ctx, &m->kernel, error);

	if (r < 0)
		return r;
	if (!runtime || !state)
		return pcipt_fail_memory(error);
	/* Watching comes first: what happens while all is looked at is not missed. */
	r = m->kernel->ops->watch(m->kernel, folders, ARRAY_SIZE(folders), &m->watch);
	if (r < 0)
		return fail_watch(r, error);
	r = look_at_everything(m, error);
	/* What was there before is known to whoever asks, and no event. */
	forget_events(m);
	return r == 0 && m->no_memory ? pcipt_fail_memory(error) : r;
}

int pcipt_monitor_new(struct pcipt_context *ctx, struct pcipt_monitor **out,
		      struct pcipt_error **error)
{
	_cleanup_(pcipt_monitor_unrefp) struct pcipt_monitor *m = NULL;
	int r;

	if (!ctx || !out)
		return pcipt_fail_argument(error, __func__, "no context or no place");
	m = calloc(1, sizeof(*m));
	if (!m)
		return pcipt_fail_memory(error);
	pcipt_refs_init(&m->refs);
	m->ctx = pcipt_context_ref(ctx);
	r = start(m, error);
	if (r == 0)
		*out = steal(&m);
	return r;
}
