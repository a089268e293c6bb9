/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds a device open: the processes whose descriptors or mappings are of its nodes.
 *
 * A device behind a VFIO group is an anonymous file; which device it is stands in its
 * fdinfo since Linux 6.18. Before that its process has the group open too, as a rule, and
 * that says enough; where it doesn't, the device was handed over, and nobody can tell.
 */
#include "usage/holders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "usage/nodes.h"

/* How long a process may take to answer; long enough for a busy machine to be no refusal. */
#define PROCESS_WAIT_MS 1000
/* So many processes are named for a device; of more, their number is told. */
#define NAMED_MAX 8
/* The namespace that a system begins with has this number (PROC_PID_INIT_INO). */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

struct holder {
	struct pcipt_device *device;
	pid_t pid;
	bool disk; /* its disks, or its other nodes */
};

struct hunt {
	struct pcipt_inquiry *inquiry;
	struct pcipt_kernel *kernel;
	struct pcipt_uses *uses;
	struct pcipt_nodes nodes;
	struct pcipt_holding *found; /* node is never -1 here */
	size_t n_found;
	struct holder *holders;
	size_t n_holders;
	size_t n_unknown, n_unknown_mappings;
	pid_t unknown, unknown_mappings; /* the first of each */
	int errnum;
	bool no_memory;
};

static int note(void *data, const struct pcipt_holding *holding)
{
	struct hunt *h = data;

	if (holding->how == PCIPT_HOLD_UNKNOWN) {
		if (h->n_unknown++ == 0 || holding->pid < h->unknown) {
			h->unknown = holding->pid;
			h->errnum = holding->errnum;
		}
	} else if (holding->how == PCIPT_HOLD_UNKNOWN_MAPPINGS) {
		if (h->n_unknown_mappings++ == 0 || holding->pid < h->unknown_mappings)
			h->unknown_mappings = holding->pid;
	} else if (!pcipt_grow(&h->found, h->n_found)) {
		h->no_memory = true;
		return -ENOMEM;
	} else {
		h->found[h->n_found++] = *holding;
	}
	return 0;
}

/* Several may have looked side by side: in the order of processes, each one's as they came. */
static void sort_found(struct hunt *h)
{
	for (size_t i = 1; i < h->n_found; i++) {
		struct pcipt_holding holding = h->found[i];
		size_t to = i;

		for (; to > 0 && h->found[to - 1].pid > holding.pid; to--)
			h->found[to] = h->found[to - 1];
		h->found[to] = holding;
	}
}

/* ---- telling who a process is ---- */

/* Reads a file of a process, which may not answer; an empty text then. */
static void read_of(struct hunt *h, pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	struct pcipt_read read = { path, buf, size, -EIO, false };

	snprintf(path, sizeof(path), "proc/%d/%s", (int)pid, name);
	h->kernel->ops->read_guarded(h->kernel, PCIPT_AT_ROOT, &read, 1,
				     pcipt_inquiry_patience(h->inquiry, PROCESS_WAIT_MS));
	if (read.result <= 0)
		buf[0] = '\0';
	pcipt_text_neutralise(buf);
}

/* "process 4711 (qemu-system-x86)" */
static char *name_process(struct hunt *h, pid_t pid)
{
	char command[64];

	read_of(h, pid, "comm", command, sizeof(command));
	return *command ? pcipt_format("process %d (%s)", (int)pid, command) :
			  pcipt_format("process %d", (int)pid);
}

/* A run of 64 hex digits is how container runtimes name a container; or NULL. */
static const char *container_id(const char *cgroup)
{
	for (const char *p = cgroup; *p; p++) {
		size_t n = strspn(p, "0123456789abcdef");

		if (n == 64)
			return p;
		p += n ? n - 1 : 0;
	}
	return NULL;
}

/* "", or what a container or a unit it belongs to is called, as an insertion. */
static char *name_cgroup(struct hunt *h, pid_t pid)
{
	char text[PCIPT_ATTRIBUTE_MAX], *path;
	const char *id;

	/* Version 2: "0::/system.slice/x.service"; neutralising made '?' of line ends. */
	read_of(h, pid, "cgroup", text, sizeof(text));
	path = strstr(text, "0::/");
	path = path ? path + 3 : text;
	path[strcspn(path, "?")] = '\0';
	id = container_id(text);
	if (id)
		return pcipt_format(" in the container %.12s", id);
	return path[0] == '/' && path[1] ? pcipt_format(" in %.200s", path) : strdup("");
}

/* ---- one device and one process ---- */

/* The nodes of a device, disks or others, that a process holds: "/dev/a, /dev/b". */
static char *name_nodes(struct hunt *h, const struct pcipt_device *device, pid_t pid, bool disk,
			bool *mapped)
{
	char *list = strdup("");
	size_t n = 0;

	*mapped = true;
	for (size_t i = 0; i < h->n_found; i++) {
		const struct pcipt_device_node *node = &h->nodes.owners[h->found[i].node];
		char *more;

		if (h->found[i].pid != pid || node->device != device || node->disk != disk)
			continue;
		*mapped &= h->found[i].how == PCIPT_HOLD_MAPPED;
		if (++n > 4 || !list)
			continue;
		more = pcipt_format("%s%s%s", list, n > 3 ? " and more" : n > 1 ? ", " : "",
				    n > 3 ? "" : node->path);
		free(list);
		list = more;
	}
	return list;
}

/* Whether that is why a disk could not be opened exclusively: then it need not be told again. */
static bool explain_busy(struct hunt *h, const struct pcipt_device *device, pid_t pid)
{
	bool any = false;

	for (size_t i = 0; i < h->n_found; i++) {
		const struct pcipt_device_node *node = &h->nodes.owners[h->found[i].node];

		if (h->found[i].pid == pid && node->device == device && node->disk)
			any |= pcipt_uses_explain_busy(h->uses, device,
						       pcipt_base_name(node->path));
	}
	return any;
}

static void add_use(struct hunt *h, struct pcipt_device *device, pid_t pid, bool disk)
{
	_cleanup_free_ char *who = name_process(h, pid), *where = name_cgroup(h, pid);
	_cleanup_free_ char *what = NULL;
	bool mapped, busy = disk && explain_busy(h, device, pid);

	what = name_nodes(h, device, pid, disk, &mapped);
	if (!who || !where || !what) {
		h->no_memory = true;
		return;
	}
	/* "nvme0n1, by 4711 (dd)", or "process 4711 (qemu-system-x86)" */
	pcipt_uses_add(h->uses, device, disk ? PCIPT_USE_DISK_OPEN : PCIPT_USE_HELD,
		       disk ? pcipt_format("%s, by %s", what + (strncmp(what, "/dev/", 5) ? 0 : 5),
					   who + strlen("process ")) :
			      strdup(who),
		       pcipt_format("%s%s has %s %s%s", who, where, what,
				    mapped ? "mapped into its memory" : "open",
				    busy ? ", and an exclusive open is refused as busy" : ""),
		       pcipt_format("End %s, or make it close %s, then try again", who, what));
}

/* Which process holds which device's disks or other nodes: each pair once. */
static void pair_up(struct hunt *h)
{
	for (size_t i = 0; i < h->n_found; i++) {
		const struct pcipt_device_node *node = &h->nodes.owners[h->found[i].node];
		struct holder holder = { node->device, h->found[i].pid, node->disk };
		bool known = !node->device;

		for (size_t k = 0; k < h->n_holders && !known; k++)
			known = h->holders[k].device == holder.device &&
				h->holders[k].pid == holder.pid && h->holders[k].disk == holder.disk;
		if (known)
			continue;
		if (!pcipt_grow(&h->holders, h->n_holders))
			h->no_memory = true;
		else
			h->holders[h->n_holders++] = holder;
	}
}

static void name_holders(struct hunt *h)
{
	pair_up(h);
	for (size_t i = 0; i < h->n_holders; i++) {
		const struct holder *holder = &h->holders[i];
		size_t before = 0, after = 0;

		for (size_t k = 0; k < h->n_holders; k++)
			if (h->holders[k].device == holder->device &&
			    h->holders[k].disk == holder->disk)
				*(k < i ? &before : &after) += 1;
		if (before < NAMED_MAX)
			add_use(h, holder->device, holder->pid, holder->disk);
		else if (before == NAMED_MAX)
			pcipt_uses_add(h->uses, holder->device,
				       holder->disk ? PCIPT_USE_DISK_OPEN : PCIPT_USE_HELD,
				       pcipt_format("%zu more processes", after),
				       pcipt_format("the next is %d", (int)holder->pid), NULL);
	}
}

/* ---- devices behind groups ---- */

static bool has_any_group(const struct hunt *h, pid_t pid)
{
	for (size_t i = 0; i < h->n_found; i++)
		if (h->found[i].pid == pid && h->nodes.nodes[h->found[i].node].any_minor)
			return true;
	return false;
}

static bool is_held(const struct hunt *h, const struct pcipt_device *device)
{
	for (size_t i = 0; i < h->n_found; i++)
		if (h->nodes.owners[h->found[i].node].device == device)
			return true;
	return false;
}

/*
 * What fdinfo says: "vfio-device-syspath: /sys/devices/pci0000:00/0000:00:03.0". 1 when it
 * says which device it is (then *index is one of its nodes, if it is one of ours), 0 when
 * it doesn't say.
 */
static int identify(struct hunt *h, const struct pcipt_holding *holding, int *index)
{
	static const char key[] = "vfio-device-syspath:";
	char name[32], text[PCIPT_ATTRIBUTE_MAX], *path;

	if (holding->fd < 0)
		return 0;
	snprintf(name, sizeof(name), "fdinfo/%d", holding->fd);
	read_of(h, holding->pid, name, text, sizeof(text));
	path = strstr(text, key);
	if (!path)
		return 0;
	path += strlen(key);
	path[strcspn(path, "?")] = '\0'; /* line ends were neutralised */
	for (size_t i = 0; i < h->nodes.n; i++)
		if (h->nodes.owners[i].device && h->nodes.owners[i].path &&
		    strncmp(h->nodes.owners[i].path, "/dev/vfio/", 10) == 0 &&
		    strcmp(pcipt_base_name(path), h->nodes.owners[i].device->address) == 0)
			*index = (int)i;
	return 1;
}

/* Adds doubt to those devices of VFIO that nobody was found to hold. */
static void doubt(struct hunt *h, pid_t pid)
{
	for (size_t i = 0; i < h->nodes.n; i++) {
		struct pcipt_device *device = h->nodes.owners[i].device;
		char *who;

		if (!device || !device->driver->vfio || is_held(h, device))
			continue;
		who = name_process(h, pid);
		pcipt_uses_add(h->uses, device, PCIPT_USE_UNKNOWN,
			       who ? pcipt_format("whether %s holds it open", who) : NULL,
			       pcipt_format("%s has a device of VFIO open, and nothing says which",
					    who ? who : "a process"),
			       who ? pcipt_format("End %s if it is the device's user", who) : NULL);
		free(who);
	}
}

/* A process whose own groups account for its devices raises no doubt. */
static void judge_anonymous(struct hunt *h)
{
	pid_t last = 0;

	for (size_t i = 0; i < h->n_found; i++) {
		struct pcipt_holding *holding = &h->found[i];

		if (h->nodes.nodes[holding->node].anon && identify(h, holding, &holding->node))
			holding->how = PCIPT_HOLD_OPEN;
		else if (h->nodes.nodes[holding->node].anon && holding->pid != last &&
			 !has_any_group(h, holding->pid)) {
			last = holding->pid;
			doubt(h, last);
		}
	}
}

/* ---- what could not be seen ---- */

static void add_unknown(struct hunt *h, int kind, const char *evidence, const char *remedy)
{
	for (size_t i = 0; i < h->nodes.n; i++) {
		struct pcipt_device *device = h->nodes.owners[i].device;
		bool told = !device;

		for (size_t k = 0; k < i && !told; k++)
			told = h->nodes.owners[k].device == device;
		if (!told)
			pcipt_uses_add(h->uses, device, kind,
				       strdup("which processes hold it open"), strdup(evidence),
				       strdup(remedy));
	}
}

static void judge_unseen(struct hunt *h)
{
	_cleanup_free_ char *text = NULL, *maps = NULL;

	if (h->n_unknown > 0) {
		text = pcipt_format("%zu process%s could not be looked into (the first is %d: %s)",
				    h->n_unknown, h->n_unknown == 1 ? "" : "es", (int)h->unknown,
				    h->errnum == EBUSY ? "it doesn't answer" :
							 pcipt_errno_text(h->errnum));
		add_unknown(h, PCIPT_USE_UNKNOWN, text ? text : "out of memory",
			    h->errnum == EBUSY ? "Look why the process is stuck" :
						 "Run as root, with CAP_SYS_PTRACE in a container");
	}
	if (h->n_unknown_mappings > 0) {
		maps = pcipt_format("the mappings of %zu process%s could not be looked at (the "
				    "first is %d); their descriptors could",
				    h->n_unknown_mappings, h->n_unknown_mappings == 1 ? "" : "es",
				    (int)h->unknown_mappings);
		add_unknown(h, PCIPT_USE_UNKNOWN_HARMLESS, maps ? maps : "out of memory",
			    "Look why the process is stuck");
	}
}

/* /proc of a container shows its own processes, and the device's user may be another. */
static void judge_namespace(struct hunt *h)
{
	char text[64];

	if (h->kernel->ops->read_link(h->kernel, PCIPT_AT_ROOT, "proc/1/ns/pid", text,
				      sizeof(text)) > 0 &&
	    strcmp(text, FIRST_PID_NAMESPACE) != 0)
		add_unknown(h, PCIPT_USE_UNKNOWN,
			    "/proc shows only the processes of a container",
			    "Let the container share the host's processes (hostPID in Kubernetes, "
			    "--pid=host elsewhere)");
}

static void search(struct hunt *h)
{
	int r = h->kernel->ops->find_holders(h->kernel, h->nodes.nodes, h->nodes.n,
					     PROCESS_WAIT_MS,
					     pcipt_inquiry_patience(h->inquiry, UINT_MAX), note, h);

	sort_found(h);
	judge_anonymous(h);
	name_holders(h);
	judge_unseen(h);
	if (r == -EACCES)
		add_unknown(h, PCIPT_USE_UNKNOWN, "/proc hides other users' processes (hidepid)",
			    "Run as root");
	else if (r == -EBUSY)
		add_unknown(h, PCIPT_USE_UNKNOWN,
			    "too many processes didn't answer, so the rest wasn't asked",
			    "Look why they are stuck");
	else if (r == -ETIMEDOUT)
		add_unknown(h, PCIPT_USE_UNKNOWN,
			    "the time was up before all processes had been looked at",
			    "Try again with more time (--timeout)");
	else if (r < 0)
		add_unknown(h, PCIPT_USE_UNKNOWN, pcipt_errno_text(-r),
			    "Look whether /proc is mounted");
	else
		judge_namespace(h);
	if (h->nodes.cut)
		add_unknown(h, PCIPT_USE_UNKNOWN,
			    "more hangs below the device than was looked at", "Take some of it away");
}

static void finish(struct hunt *h)
{
	if (h->nodes.n > 0)
		search(h);
	h->uses->no_memory |= h->no_memory || h->nodes.no_memory;
	free(h->found);
	free(h->holders);
	pcipt_nodes_clear(&h->nodes);
}

void pcipt_collect_holders(struct pcipt_inquiry *inquiry)
{
	struct pcipt_kernel *k = inquiry->kernel;
	struct hunt h = { .inquiry = inquiry, .kernel = k, .uses = inquiry->uses };

	/* The processes of this machine have nothing to do with a recorded one. */
	if (!k->ops->is_real(k))
		return;
	for (size_t i = 0; i < inquiry->n; i++)
		pcipt_nodes_add(&h.nodes, inquiry->devices[i],
				pcipt_inquiry_patience(inquiry, PROCESS_WAIT_MS));
	if (h.uses->nodes)
		pcipt_nodes_copy(h.uses->nodes, &h.nodes, NULL);
	pcipt_nodes_add_vfio(&h.nodes);
	pcipt_nodes_drop_unopened(&h.nodes, k);
	for (size_t i = 0; i < h.nodes.n_unsaid; i++)
		pcipt_uses_add(h.uses, h.nodes.unsaid[i], PCIPT_USE_UNKNOWN,
			       strdup("which processes hold it open"),
			       pcipt_format("NVIDIA's driver doesn't say which node in /dev is the "
					    "device's (%s)",
					    h.nodes.unsaid_errnum == EBUSY ?
						    "it doesn't answer" :
						    pcipt_errno_text(h.nodes.unsaid_errnum)),
			       strdup("Look for errors of the card in the kernel's log (dmesg)"));
	finish(&h);
}

void pcipt_holders_find(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
			double deadline, struct pcipt_uses *uses)
{
	pcipt_collect_holders(&(struct pcipt_inquiry){ .snap = snap,
						       .kernel = snap->kernel,
						       .devices = devices,
						       .n = n,
						       .uses = uses,
						       .deadline = deadline });
}

void pcipt_holders_of(struct pcipt_device *device, const struct pcipt_nodes *nodes,
		      double deadline, struct pcipt_uses *uses)
{
	struct pcipt_inquiry inquiry = { .snap = device->snap,
					 .kernel = device->snap->kernel,
					 .devices = &device,
					 .n = 1,
					 .uses = uses,
					 .deadline = deadline };
	struct hunt h = { .inquiry = &inquiry, .kernel = inquiry.kernel, .uses = uses };

	pcipt_nodes_copy(&h.nodes, nodes, device);
	finish(&h);
}
