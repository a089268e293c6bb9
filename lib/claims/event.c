/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event object. */
#include "claims/event.h"

#include <errno.h>

#include "base/error.h"
#include "base/json.h"

static void event_destroy(struct pcipt_event *event)
{
	free(event->address);
	free(event->claim);
	free(event->before);
	free(event->after);
	free(event->reason);
	free(event->message);
	free(event);
}

PCIPT_DEFINE_REFS(event, event_destroy)

struct pcipt_event *pcipt_event_new(const struct pcipt_event_facts *facts)
{
	struct pcipt_event *event = calloc(1, sizeof(*event));
	bool ok = true;

	if (!event)
		return NULL;
	pcipt_refs_init(&event->refs);
	event->type = facts->type;
	event->address = pcipt_dup(facts->address, &ok);
	event->claim = pcipt_dup(facts->claim, &ok);
	event->before = pcipt_dup(facts->before, &ok);
	event->after = pcipt_dup(facts->after, &ok);
	event->reason = pcipt_dup(facts->reason, &ok);
	event->message = pcipt_dup(facts->message, &ok);
	if (!ok) {
		event_destroy(event);
		return NULL;
	}
	return event;
}

int pcipt_event_get_type(const struct pcipt_event *event)
{
	return event ? event->type : -1;
}

const char *pcipt_event_get_address(const struct pcipt_event *event)
{
	return event ? event->address : NULL;
}

const char *pcipt_event_get_claim(const struct pcipt_event *event)
{
	return event ? event->claim : NULL;
}

const char *pcipt_event_get_before(const struct pcipt_event *event)
{
	return event ? event->before : NULL;
}

const char *pcipt_event_get_after(const struct pcipt_event *event)
{
	return event ? event->after : NULL;
}

const char *pcipt_event_get_reason(const struct pcipt_event *event)
{
	return event ? event->reason : NULL;
}

const char *pcipt_event_get_message(const struct pcipt_event *event)
{
	return event ? event->message : NULL;
}

int pcipt_event_to_json(const struct pcipt_event *event, char **json, struct pcipt_error **error)
{
	struct json_object *o;

	if (!event || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	o = pcipt_json_object();
	pcipt_json_text(o, "event", pcipt_event_type_name(event->type));
	pcipt_json_text(o, "address", event->address);
	pcipt_json_text(o, "claim", event->claim);
	pcipt_json_text(o, "before", event->before);
	pcipt_json_text(o, "after", event->after);
	pcipt_json_text(o, "reason", event->reason);
	pcipt_json_text(o, "message", event->message);
	*json = pcipt_json_print(o);
	return *json ? 0 : pcipt_fail_memory(error);
}
