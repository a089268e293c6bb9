/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which nodes nobody has open, told without looking at a single process: opening one of
 * them, or keeping it mapped, holds a module, and nobody holds that module.
 *
 * Which module it is has to be known for each kind of node: the one whose file operations
 * are used (include/linux/fs.h, fops_get), or the one that its open() takes. Only kinds
 * that were looked at in the kernel and seen in tests/vm/cases/pins.sh are here, and only
 * modules of the kernel's own: others may forget to say whose their operations are. For
 * all else the processes are looked at. A descriptor that is under way over a socket, or
 * that only io_uring has, holds the module like any other.
 */
#include <stdio.h>

#include "usage/nodes.h"

/* Whether a class device hangs directly below the device, and so is its driver's own. */
static bool is_own(const struct pcipt_device *device, const char *path, const char *folder)
{
	size_t n = strlen(device->address), length = strlen(folder);

	return strncmp(path, device->address, n) == 0 && path[n] == '/' &&
	       strncmp(path + n + 1, folder, length) == 0 && path[n + 1 + length] == '/';
}

static bool begins_with_any(const char *name, const char *const *beginnings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

const char *pcipt_pin_of(const struct pcipt_device *device, const char *subsystem,
			 const char *name, const char *path)
{
	/* Each takes the card's module (sound/core: control.c, pcm_native.c, hwdep.c, rawmidi.c). */
	static const char *const sound[] = { "controlC", "pcmC", "hwC", "midiC" };

	/* The display is that of another driver, on the virtio bus (virtio_gpu_probe()). */
	if (strcmp(device->driver->name, "virtio-pci") == 0)
		return NULL;
	/* drm_stub_open() goes over to the driver's own operations. */
	if (strcmp(subsystem, "drm") == 0 && is_own(device, path, "drm"))
		return PCIPT_PIN_DRIVER;
	if (strcmp(subsystem, "sound") == 0 && is_own(device, path, "sound") &&
	    begins_with_any(name, sound, ARRAY_SIZE(sound)))
		return PCIPT_PIN_DRIVER;
	/* Controllers, disks and their paths: all have operations of the core's. */
	if (strcmp(device->driver->name, "nvme") == 0 && is_own(device, path, "nvme") &&
	    (strcmp(subsystem, "nvme") == 0 || strcmp(subsystem, "nvme-generic") == 0 ||
	     strcmp(subsystem, "block") == 0))
		return PCIPT_PIN_NVME;
	return strcmp(subsystem, "vfio") == 0 ? PCIPT_PIN_VFIO : NULL;
}

static int count(void *data, const char *name)
{
	(void)name;
	++*(unsigned int *)data;
	return 0;
}

/* How many modules need it: each holds it once. */
static bool count_holders(struct pcipt_kernel *k, const char *module, unsigned int *n)
{
	char path[300];

	*n = 0;
	snprintf(path, sizeof(path), "module/%s/holders", module);
	return k->ops->list(k, PCIPT_AT_SYS, path, count, n) >= 0;
}

static bool reads(struct pcipt_kernel *k, const char *module, const char *attribute, char *buf,
		  size_t size)
{
	char path[300];

	snprintf(path, sizeof(path), "module/%s/%s", module, attribute);
	return k->ops->read(k, PCIPT_AT_SYS, path, buf, size) >= 0;
}

/*
 * VFIO holds itself once from Linux 6.10 on, while it has any device. Who has a group or a
 * device's own node open holds it twice (chrdev_open() takes the node's owner and its
 * operations'), and whoever has a device of a group holds the group's file.
 */
static unsigned int held_by_itself(struct pcipt_kernel *k, const char *module)
{
	unsigned int major = 0, minor = 0;
	char release[128];

	if (strcmp(module, PCIPT_PIN_VFIO) != 0 ||
	    k->ops->read(k, PCIPT_AT_ROOT, "proc/sys/kernel/osrelease", release, sizeof(release)) <= 0 ||
	    sscanf(release, "%9u.%9u", &major, &minor) != 2)
		return 0;
	return major > 6 || (major == 6 && minor >= 10);
}

/*
 * Whether nothing holds a module but the modules that need it. What is built in, or can't
 * be unloaded, has no count. The holders are counted before and after: one that came or
 * went meanwhile would hide somebody else.
 */
static bool is_unheld(struct pcipt_kernel *k, const char *module, bool alone)
{
	unsigned int before, after;
	char refcnt[16], taint[16], *end;
	unsigned long held;

	if (!count_holders(k, module, &before) || !reads(k, module, "refcnt", refcnt, sizeof(refcnt)) ||
	    !count_holders(k, module, &after) || !reads(k, module, "taint", taint, sizeof(taint)))
		return false;
	held = strtoul(refcnt, &end, 10);
	return *refcnt >= '0' && *refcnt <= '9' && !*end && !*taint && before == after &&
	       !(alone && before > 0) &&
	       held >= before && held <= before + held_by_itself(k, module);
}

/*
 * By the driver's link: a module needn't be called like its driver. A module that needs it
 * may have put its own card below the device, and then it is that one which is held
 * (saa7134_alsa, ivtv-alsa, cx18-alsa): where there is any, nothing is known.
 */
static bool is_driver_unheld(struct pcipt_kernel *k, const struct pcipt_device *device)
{
	char path[300], link[PCIPT_ATTRIBUTE_MAX];

	snprintf(path, sizeof(path), "%s/module", device->driver->name);
	return k->ops->read_link(k, PCIPT_AT_PCI_DRIVERS, path, link, sizeof(link)) > 0 &&
	       is_unheld(k, pcipt_base_name(link), true);
}

static bool is_unopened(struct pcipt_kernel *k, const struct pcipt_device_node *node)
{
	if (!node->pin)
		return false;
	return *node->pin ? is_unheld(k, node->pin, false) : is_driver_unheld(k, node->device);
}

/* A node before this one that is held by the same module; or itself. */
static size_t same_pin(const struct pcipt_nodes *nodes, size_t i)
{
	const struct pcipt_device_node *node = &nodes->owners[i];

	for (size_t k = 0; k < i && node->pin; k++) {
		const struct pcipt_device_node *other = &nodes->owners[k];

		if (other->pin && strcmp(other->pin, node->pin) == 0 &&
		    (*node->pin || other->device->driver == node->device->driver))
			return k;
	}
	return i;
}

void pcipt_nodes_drop_unopened(struct pcipt_nodes *nodes, struct pcipt_kernel *k)
{
	_cleanup_free_ bool *unopened = calloc(nodes->n + 1, sizeof(*unopened));
	size_t kept = 0;

	/* What was cut off is told of the devices whose nodes are here. */
	if (!unopened || nodes->cut)
		return;
	for (size_t i = 0; i < nodes->n; i++) {
		size_t same = same_pin(nodes, i);

		unopened[i] = same < i ? unopened[same] : is_unopened(k, &nodes->owners[i]);
	}
	for (size_t i = 0; i < nodes->n; i++) {
		if (unopened[i]) {
			free(nodes->owners[i].path);
			continue;
		}
		nodes->nodes[kept] = nodes->nodes[i];
		nodes->owners[kept++] = nodes->owners[i];
	}
	nodes->n = kept;
}
