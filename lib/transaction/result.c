/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The result object: what was done, and what each device is now. */
#include <errno.h>

#include "base/json.h"
#include "transaction/transaction.h"

static void result_destroy(struct pcipt_result *result)
{
	for (size_t i = 0; i < result->n_devices; i++) {
		free(result->devices[i].address);
		free(result->devices[i].driver_before);
		free(result->devices[i].driver_after);
		free(result->devices[i].vfio_device);
	}
	for (size_t i = 0; i < result->n_steps; i++) {
		free(result->steps[i].address);
		free(result->steps[i].path);
		free(result->steps[i].value);
		free(result->steps[i].shell);
	}
	for (size_t i = 0; i < result->n_warnings; i++)
		pcipt_error_unref(result->warnings[i]);
	free(result->devices);
	free(result->steps);
	free(result->warnings);
	free(result);
}

PCIPT_DEFINE_REFS(result, result_destroy)

struct pcipt_result *pcipt_result_new(int outcome)
{
	struct pcipt_result *result = calloc(1, sizeof(*result));

	if (result) {
		pcipt_refs_init(&result->refs);
		result->outcome = outcome;
	}
	return result;
}

void pcipt_result_note_step(struct pcipt_result *result, const struct pcipt_step *step,
			    const char *address, double ms, int errnum, bool undo)
{
	struct pcipt_result_step *noted;
	bool ok = true;

	if (!pcipt_grow(&result->steps, result->n_steps))
		return;
	noted = &result->steps[result->n_steps++];
	*noted = (struct pcipt_result_step){ .op = step->op, .ms = ms, .errnum = errnum,
					     .undo = undo };
	noted->address = pcipt_dup(address, &ok);
	noted->path = pcipt_dup(step->path, &ok);
	noted->value = pcipt_dup(step->value, &ok);
	noted->shell = pcipt_dup(step->shell, &ok);
}

void pcipt_result_note_device(struct pcipt_result *result, const char *address,
			      const char *before, const char *after, const char *vfio_device)
{
	struct pcipt_result_device *noted;
	bool ok = true;

	if (!pcipt_grow(&result->devices, result->n_devices))
		return;
	noted = &result->devices[result->n_devices++];
	noted->address = pcipt_dup(address, &ok);
	noted->driver_before = pcipt_dup(before, &ok);
	noted->driver_after = pcipt_dup(after, &ok);
	noted->vfio_device = pcipt_dup(vfio_device, &ok);
}

void pcipt_result_note_warning(struct pcipt_result *result, struct pcipt_error *warning)
{
	if (!warning || !pcipt_grow(&result->warnings, result->n_warnings))
		pcipt_error_unref(warning);
	else
		result->warnings[result->n_warnings++] = warning;
}

int pcipt_result_get_outcome(const struct pcipt_result *result)
{
	return result ? result->outcome : PCIPT_OUTCOME_FAILED;
}

size_t pcipt_result_device_count(const struct pcipt_result *result)
{
	return result ? result->n_devices : 0;
}

static const struct pcipt_result_device *device_at(const struct pcipt_result *result, size_t i)
{
	static const struct pcipt_result_device none;

	return result && i < result->n_devices ? &result->devices[i] : &none;
}

const char *pcipt_result_device_address(const struct pcipt_result *result, size_t i)
{
	return device_at(result, i)->address;
}

const char *pcipt_result_device_driver_before(const struct pcipt_result *result, size_t i)
{
	return device_at(result, i)->driver_before;
}

const char *pcipt_result_device_driver_after(const struct pcipt_result *result, size_t i)
{
	return device_at(result, i)->driver_after;
}

const char *pcipt_result_device_vfio_device(const struct pcipt_result *result, size_t i)
{
	return device_at(result, i)->vfio_device;
}

size_t pcipt_result_step_count(const struct pcipt_result *result)
{
	return result ? result->n_steps : 0;
}

static const struct pcipt_result_step *step_at(const struct pcipt_result *result, size_t i)
{
	static const struct pcipt_result_step none = { .op = -1 };

	return result && i < result->n_steps ? &result->steps[i] : &none;
}

int pcipt_result_step_op(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->op;
}

const char *pcipt_result_step_address(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->address;
}

const char *pcipt_result_step_path(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->path;
}

const char *pcipt_result_step_value(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->value;
}

double pcipt_result_step_ms(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->ms;
}

int pcipt_result_step_errno(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->errnum;
}

bool pcipt_result_step_is_undo(const struct pcipt_result *result, size_t i)
{
	return step_at(result, i)->undo;
}

size_t pcipt_result_warning_count(const struct pcipt_result *result)
{
	return result ? result->n_warnings : 0;
}

const struct pcipt_error *pcipt_result_warning_at(const struct pcipt_result *result, size_t i)
{
	return result && i < result->n_warnings ? result->warnings[i] : NULL;
}

static struct json_object *device_json(const struct pcipt_result_device *device)
{
	struct json_object *o = pcipt_json_object();

	pcipt_json_text(o, "address", device->address);
	pcipt_json_text(o, "driver_before", device->driver_before);
	pcipt_json_text(o, "driver_after", device->driver_after);
	pcipt_json_text(o, "vfio_device", device->vfio_device);
	return o;
}

static struct json_object *step_json(const struct pcipt_result_step *step)
{
	struct json_object *o = pcipt_json_object();

	pcipt_json_text(o, "op", pcipt_op_name(step->op));
	pcipt_json_text(o, "address", step->address);
	pcipt_json_text(o, "path", step->path);
	pcipt_json_text(o, "value", step->value);
	pcipt_json_text(o, "shell", step->shell);
	pcipt_json_real(o, "ms", step->ms);
	pcipt_json_text(o, "errno", pcipt_errno_name(step->errnum));
	pcipt_json_bool(o, "undo", step->undo);
	return o;
}

int pcipt_result_to_json(const struct pcipt_result *result, char **json,
			 struct pcipt_error **error)
{
	struct json_object *o, *array;

	if (!result || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	o = pcipt_json_object();
	pcipt_json_text(o, "result", pcipt_outcome_name(result->outcome));
	array = pcipt_json_array(o, "devices");
	for (size_t i = 0; i < result->n_devices; i++)
		pcipt_json_append(array, device_json(&result->devices[i]));
	array = pcipt_json_array(o, "steps");
	for (size_t i = 0; i < result->n_steps; i++)
		pcipt_json_append(array, step_json(&result->steps[i]));
	array = pcipt_json_array(o, "warnings");
	for (size_t i = 0; i < result->n_warnings; i++)
		pcipt_json_append(array, pcipt_error_json(result->warnings[i]));
	*json = pcipt_json_print(o);
	return *json ? 0 : pcipt_fail_memory(error);
}
