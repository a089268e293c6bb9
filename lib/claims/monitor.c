/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor: keeps what it knew, looks again where something is said to have
 * happened, and tells the difference. So an event can't be wrong, however late it comes,
 * and lost ones cost a look at everything instead of the truth.
 */
#include <errno.h>
#include <libpcipt/claim.h>

#include "claims/compare.h"
#include "claims/event.h"
#include "kernel/watch.h"
#include "transaction/transaction.h"

/* A device as it was when it was last looked at. */
struct known_device {
	struct pcipt_address at;
	char *driver; /* NULL for none */
};

struct pcipt_monitor {
	struct pcipt_refs refs;
	struct pcipt_context *ctx;
	struct pcipt_kernel *kernel;
	struct pcipt_watch *watch;
	struct known_device *devices; /* ordered by address */
	size_t n_devices;
	struct pcipt_records claims;
	enum pcipt_situation *health; /* of each claim */
	struct pcipt_event **queue;   /* from `first` on */
	size_t n_queue, first;
	bool no_memory;
};

static void clear_devices(struct known_device *devices, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(devices[i].driver);
	free(devices);
}

static void monitor_destroy(struct pcipt_monitor *m)
{
	if (m->watch)
		m->watch->ops->destroy(m->watch);
	for (size_t i = m->first; i < m->n_queue; i++)
		pcipt_event_unref(m->queue[i]);
	free(m->queue);
	clear_devices(m->devices, m->n_devices);
	pcipt_records_clear(&m->claims);
	free(m->health);
	pcipt_context_unref(m->ctx);
	free(m);
}

PCIPT_DEFINE_REFS(monitor, monitor_destroy)
PCIPT_DEFINE_CLEANUP(struct pcipt_monitor, pcipt_monitor_unref)

static void tell(struct pcipt_monitor *m, const struct pcipt_event_facts *facts)
{
	struct pcipt_event *event = pcipt_event_new(facts);

	if (event && pcipt_grow(&m->queue, m->n_queue)) {
		m->queue[m->n_queue++] = event;
		return;
	}
	pcipt_event_unref(event);
	m->no_memory = true;
}

/* ---- devices ---- */

static void tell_device(struct pcipt_monitor *m, int type, struct pcipt_address at,
			const char *before, const char *after)
{
	char address[PCIPT_ADDRESS_SIZE];

	pcipt_address_print(at, address);
	tell(m, &(struct pcipt_event_facts){
			.type = type, .address = address, .before = before, .after = after });
}

/* Where a device is in the list, or would be. */
static size_t place_of(const struct pcipt_monitor *m, struct pcipt_address at)
{
	size_t low = 0, high = m->n_devices;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pcipt_address_key(m->devices[middle].at) < pcipt_address_key(at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_device(struct pcipt_monitor *m, size_t place, struct pcipt_address at,
		       const char *driver)
{
	bool ok = pcipt_grow(&m->devices, m->n_devices);
	struct known_device added = { at, pcipt_dup(driver, &ok) };

	if (!ok) {
		free(added.driver);
		m->no_memory = true;
		return;
	}
	memmove(&m->devices[place + 1], &m->devices[place],
		(m->n_devices - place) * sizeof(*m->devices));
	m->devices[place] = added;
	m->n_devices++;
	tell_device(m, PCIPT_EVENT_DEVICE_ADDED, at, NULL, driver);
}

static void remove_device(struct pcipt_monitor *m, size_t place)
{
	struct known_device gone = m->devices[place];

	m->n_devices--;
	memmove(&m->devices[place], &m->devices[place + 1],
		(m->n_devices - place) * sizeof(*m->devices));
	tell_device(m, PCIPT_EVENT_DEVICE_REMOVED, gone.at, gone.driver, NULL);
	free(gone.driver);
}

static void change_device(struct pcipt_monitor *m, size_t place, const char *driver)
{
	struct known_device *known = &m->devices[place];
	char *old = known->driver;
	bool ok = true;

	if (pcipt_streq(old, driver))
		return;
	tell_device(m, PCIPT_EVENT_DEVICE_CHANGED, known->at, old, driver);
	known->driver = pcipt_dup(driver, &ok);
	m->no_memory |= !ok;
	free(old);
}

/* What became of a device; takes no device's lock, so it can't get stuck. */
static void look_at_device(struct pcipt_monitor *m, struct pcipt_address at)
{
	struct pcipt_kernel *k = m->kernel;
	char path[PCIPT_ADDRESS_SIZE + 8], link[PCIPT_ATTRIBUTE_MAX];
	size_t place = place_of(m, at), n;
	bool known = place < m->n_devices &&
		     pcipt_address_key(m->devices[place].at) == pcipt_address_key(at);
	ssize_t length;
	int there;

	pcipt_address_print(at, path);
	n = strlen(path);
	there = k->ops->exists(k, PCIPT_AT_PCI_DEVICES, path);
	strcpy(path + n, "/driver");
	length = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (there == 0 && known)
		remove_device(m, place);
	/* What can't be read now is told when it can. */
	if (there != 1 || (length < 0 && length != -ENOENT))
		return;
	if (known)
		change_device(m, place, length > 0 ? pcipt_base_name(link) : NULL);
	else
		add_device(m, place, at, length > 0 ? pcipt_base_name(link) : NULL);
}

static int look_at_all_devices(struct pcipt_monitor *m, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	size_t place = 0;
	int r = pcipt_snapshot_new(m->ctx, &snap, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < snap->n_devices; i++) {
		struct pcipt_device *device = &snap->devices[i];
		const char *driver = pcipt_device_get_driver(device);

		while (place < m->n_devices && pcipt_address_key(m->devices[place].at) <
						       pcipt_address_key(device->at))
			remove_device(m, place);
		if (place < m->n_devices && pcipt_address_key(m->devices[place].at) ==
						    pcipt_address_key(device->at))
			change_device(m, place, driver);
		else
			add_device(m, place, device->at, driver);
		place++;
	}
	while (place < m->n_devices)
		remove_device(m, place);
	return 0;
}

/* ---- claims ---- */

static void tell_claim(struct pcipt_monitor *m, const struct pcipt_record *before,
		       const struct pcipt_record *after)
{
	tell(m, &(struct pcipt_event_facts){
			.type = PCIPT_EVENT_CLAIM_CHANGED,
			.claim = after ? after->name : before->name,
			.before = before ? pcipt_claim_state_name(before->state) : NULL,
			.after = after ? pcipt_claim_state_name(after->state) : NULL,
			.reason = after ? after->reason : NULL,
			.message = after ? after->message : NULL });
}

/* The situation of a bound claim; what can't be found out now counts as before. */
static void look_at_health(struct pcipt_monitor *m, size_t i)
{
	const struct pcipt_record *record = &m->claims.items[i];
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	_cleanup_free_ char *message = NULL;
	struct pcipt_observation seen;

	if (record->state != PCIPT_CLAIM_BOUND ||
	    pcipt_record_snapshot(m->ctx, record, &snap, NULL) < 0 ||
	    pcipt_observe(record, snap, PCIPT_MODULE_READY, &seen, NULL) < 0)
		return;
	message = pcipt_observation_text(record, &seen);
	if (seen.situation != m->health[i])
		tell(m, &(struct pcipt_event_facts){
				.type = PCIPT_EVENT_HEALTH,
				.claim = record->name,
				.address = record->devices[seen.device].address,
				.reason = pcipt_situation_row(seen.situation)->name,
				.message = message });
	m->health[i] = seen.situation;
	pcipt_observation_clear(&seen);
}

static bool is_changed(const struct pcipt_record *a, const struct pcipt_record *b)
{
	return a->state != b->state || !pcipt_streq(a->id, b->id) ||
	       !pcipt_streq(a->reason, b->reason);
}

/* Both lists are ordered by name. The health of a claim that goes on is kept. */
static void compare_claims(struct pcipt_monitor *m, const struct pcipt_records *now,
			   enum pcipt_situation *health)
{
	const struct pcipt_records *old = &m->claims;
	size_t i = 0, j = 0;

	while (i < old->n || j < now->n) {
		int order = i == old->n ? 1 :
			    j == now->n ? -1 :
					  strcmp(old->items[i].name, now->items[j].name);

		if (order < 0) {
			tell_claim(m, &old->items[i++], NULL);
		} else if (order > 0) {
			health[j] = PCIPT_SITUATION_HELD;
			tell_claim(m, NULL, &now->items[j++]);
		} else {
			bool changed = is_changed(&old->items[i], &now->items[j]);

			health[j] = changed ? PCIPT_SITUATION_HELD : m->health[i];
			if (changed)
				tell_claim(m, &old->items[i], &now->items[j]);
			i++, j++;
		}
	}
}

static int look_at_claims(struct pcipt_monitor *m, struct pcipt_error **error)
{
	_cleanup_free_ enum pcipt_situation *health = NULL;
	struct pcipt_records now;
	int r = pcipt_records_read(m->ctx, &now, error);

	if (r < 0)
		return r;
	health = calloc(now.n + 1, sizeof(*health));
	if (!health) {
		pcipt_records_clear(&now);
		return pcipt_fail_memory(error);
	}
	compare_claims(m, &now, health);
	pcipt_records_clear(&m->claims);
	free(m->health);
	m->claims = now;
	m->health = steal(&health);
	return 0;
}

static bool concerns(const struct pcipt_record *record, const struct pcipt_address *at)
{
	for (size_t i = 0; at && i < record->n_devices; i++)
		if (pcipt_address_key(record->devices[i].at) == pcipt_address_key(*at))
			return true;
	return !at;
}

/* The health of the claims that a device belongs to, or of all. */
static int look_at_claims_of(struct pcipt_monitor *m, const struct pcipt_address *at,
			     struct pcipt_error **error)
{
	bool any = !at;
	int r;

	for (size_t i = 0; i < m->claims.n; i++)
		any |= concerns(&m->claims.items[i], at);
	/* It may be on its way back by now: then its record says so. */
	r = any ? look_at_claims(m, error) : 0;
	for (size_t i = 0; r == 0 && any && i < m->claims.n; i++)
		if (concerns(&m->claims.items[i], at))
			look_at_health(m, i);
	return r;
}

/* ---- events ---- */

static int take(struct pcipt_monitor *m, const struct pcipt_watch_event *event,
		struct pcipt_error **error)
{
	struct pcipt_address at;
	int r;

	if (event->what == PCIPT_WATCHED_FILES)
		return look_at_claims(m, error);
	if (event->what == PCIPT_WATCHED_LOST) {
		r = look_at_all_devices(m, error);
		return r == 0 ? look_at_claims_of(m, NULL, error) : r;
	}
	if (!pcipt_address_scan(event->name, &at, NULL))
		return 0;
	look_at_device(m, at);
	return look_at_claims_of(m, &at, error);
}

static void forget_events(struct pcipt_monitor *m)
{
	while (m->first < m->n_queue)
		pcipt_event_unref(m->queue[m->first++]);
	m->first = m->n_queue = 0;
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

int pcipt_monitor_next(struct pcipt_monitor *m, struct pcipt_event **out,
		       struct pcipt_error **error)
{
	struct pcipt_watch_event event;
	int r;

	if (!m || !out)
		return pcipt_fail_argument(error, __func__, "no monitor or no place");
	*out = NULL;
	while (m->first == m->n_queue) {
		m->first = m->n_queue = 0;
		r = m->watch->ops->next(m->watch, &event);
		if (r < 0)
			return fail_watch(r, error);
		if (event.what == PCIPT_WATCHED_NOTHING)
			return 0;
		r = take(m, &event, error);
		if (r < 0)
			return r;
		if (m->no_memory) {
			m->no_memory = false;
			return pcipt_fail_memory(error);
		}
	}
	*out = m->queue[m->first++];
	return 0;
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
	r = look_at_all_devices(m, error);
	if (r == 0)
		r = look_at_claims_of(m, NULL, error);
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
