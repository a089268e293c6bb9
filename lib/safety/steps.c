/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps: the writes of a plan, in order, and the pure rule that leads a device
 * back to what it was.
 */
#include "safety/plan.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

static char *step_path(int op, const char *address, const char *value, const char *driver_now)
{
	switch (op) {
	case PCIPT_OP_PIN:
	case PCIPT_OP_OVERRIDE:
		return pcipt_format(DEVICES "/%s/driver_override", address);
	case PCIPT_OP_UNBIND:
		return pcipt_format(DRIVERS "/%s/unbind", driver_now);
	case PCIPT_OP_BIND:
		return pcipt_format(DRIVERS "/%s/bind", value);
	case PCIPT_OP_VERIFY:
		return pcipt_format(DEVICES "/%s/driver", address);
	case PCIPT_OP_POWER:
		return pcipt_format(DEVICES "/%s/power/control", address);
	default:
		return NULL;
	}
}

static bool needs_quotes(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			   "_-./:,+@%")] != '\0';
}

/* A word as the shell takes it: names of drivers and overrides are other people's text. */
static char *quote(const char *s)
{
	size_t n = 3;
	char *quoted, *p;

	if (!needs_quotes(s))
		return strdup(s);
	for (const char *c = s; *c; c++)
		n += *c == '\'' ? 4 : 1;
	p = quoted = malloc(n);
	if (!p)
		return NULL;
	*p++ = '\'';
	for (; *s; s++)
		if (*s == '\'')
			p = stpcpy(p, "'\\''");
		else
			*p++ = *s;
	strcpy(p, "'");
	return quoted;
}

/* What a person would type. */
static char *step_shell(int op, const char *raw_path, const char *raw_value)
{
	_cleanup_free_ char *path = quote(raw_path ? raw_path : ""), *value = quote(raw_value);

	if (!path || !value)
		return NULL;
	switch (op) {
	case PCIPT_OP_LOAD:
		return pcipt_format("modprobe %s", value);
	case PCIPT_OP_VERIFY:
		return *value ? pcipt_format("test \"$(basename \"$(readlink %s)\")\" = %s", path,
					     value) :
				pcipt_format("test ! -e %s", path);
	default:
		return *value ? pcipt_format("echo %s > %s", value, path) :
				pcipt_format("echo > %s", path);
	}
}

void pcipt_steps_add(struct pcipt_steps *steps, int op, size_t index, const char *address,
		     const char *value, const char *driver_now)
{
	struct pcipt_step step = { .op = op, .device = index };
	/* Binding and unbinding write the address; the driver is part of the path. */
	const char *written = op == PCIPT_OP_BIND || op == PCIPT_OP_UNBIND ? address : value;

	step.path = step_path(op, address, value, driver_now);
	step.value = strdup(written ? written : "");
	step.shell = step.value && (step.path || op == PCIPT_OP_LOAD) ?
			     step_shell(op, step.path, step.value) :
			     NULL;
	if (!step.shell || !pcipt_grow(&steps->items, steps->n)) {
		free(step.path);
		free(step.value);
		free(step.shell);
		steps->no_memory = true;
		return;
	}
	steps->items[steps->n++] = step;
}

void pcipt_steps_clear(struct pcipt_steps *steps)
{
	for (size_t i = 0; i < steps->n; i++) {
		free(steps->items[i].path);
		free(steps->items[i].value);
		free(steps->items[i].shell);
	}
	free(steps->items);
	memset(steps, 0, sizeof(*steps));
}

/*
 * Back to a driver D: the override must name D while D is bound, since an
 * override for another driver makes the bind fail (ENODEV); the prior override
 * comes last. Back to no driver: the prior override first, so that no driver
 * takes the device in between.
 */
void pcipt_restore_steps(struct pcipt_steps *steps, size_t index, const char *address,
			 const struct pcipt_device_state *now,
			 const struct pcipt_device_state *before)
{
	const char *override = now->override;
	bool moves = !pcipt_streq(now->driver, before->driver);

	if (moves && before->driver) {
		if (!pcipt_streq(override, before->driver))
			pcipt_steps_add(steps, PCIPT_OP_OVERRIDE, index, address, before->driver,
					NULL);
		override = before->driver;
		if (now->driver)
			pcipt_steps_add(steps, PCIPT_OP_UNBIND, index, address, NULL, now->driver);
		pcipt_steps_add(steps, PCIPT_OP_BIND, index, address, before->driver, NULL);
		pcipt_steps_add(steps, PCIPT_OP_VERIFY, index, address, before->driver, NULL);
	}
	if (!pcipt_streq(override, before->override))
		pcipt_steps_add(steps, PCIPT_OP_OVERRIDE, index, address, before->override, NULL);
	if (moves && !before->driver) {
		pcipt_steps_add(steps, PCIPT_OP_UNBIND, index, address, NULL, now->driver);
		pcipt_steps_add(steps, PCIPT_OP_VERIFY, index, address, NULL, NULL);
	}
	/*
	 * vfio allows runtime power management when it takes a device and forbids it when it
	 * lets go; so do many of the host's (snd_hda_intel, nouveau, xhci_hcd).
	 */
	if (before->power_control &&
	    (!pcipt_streq(now->power_control, before->power_control) ||
	     (moves && (before->driver || strcmp(before->power_control, "auto") == 0))))
		pcipt_steps_add(steps, PCIPT_OP_POWER, index, address, before->power_control,
				NULL);
}
