/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of uses. */
#include "usage/uses.h"

void pcipt_uses_add(struct pcipt_uses *uses, struct pcipt_device *device, enum pcipt_use_kind kind,
		    char *what, char *evidence, char *remedy)
{
	if (!what || !evidence || !pcipt_grow(&uses->items, uses->n)) {
		free(what);
		free(evidence);
		free(remedy);
		uses->no_memory = true;
		return;
	}
	uses->items[uses->n++] = (struct pcipt_use){ device, kind, what, evidence, remedy, NULL };
}

void pcipt_uses_mark_busy(struct pcipt_uses *uses, const char *disk)
{
	if (uses->no_memory || uses->n == 0)
		return;
	uses->items[uses->n - 1].busy = strdup(disk);
	uses->no_memory = !uses->items[uses->n - 1].busy;
}

static void free_use(struct pcipt_use *use)
{
	free(use->what);
	free(use->evidence);
	free(use->remedy);
	free(use->busy);
}

/* Whether a name is a disk's, or that of a partition of it: "sda1", "nvme0n1p1". */
static bool is_on_disk(const char *name, const char *disk)
{
	size_t n = strlen(disk);

	if (strncmp(name, disk, n) != 0)
		return false;
	name += n;
	if (*name && n > 0 && disk[n - 1] >= '0' && disk[n - 1] <= '9' && *name++ != 'p')
		return false;
	return strspn(name, "0123456789") == strlen(name);
}

bool pcipt_uses_explain_busy(struct pcipt_uses *uses, const struct pcipt_device *device,
			     const char *disk)
{
	size_t kept = 0, n = uses->n;

	for (size_t i = 0; i < n; i++) {
		struct pcipt_use *use = &uses->items[i];

		if (use->device == device && use->busy && is_on_disk(disk, use->busy))
			free_use(use);
		else
			uses->items[kept++] = *use;
	}
	uses->n = kept;
	return kept < n;
}

unsigned int pcipt_inquiry_patience(struct pcipt_inquiry *inquiry, unsigned int most)
{
	double now = inquiry->kernel->ops->now(inquiry->kernel), left;

	if (inquiry->deadline == 0)
		inquiry->deadline = now + inquiry->snap->ctx->timeout_ms;
	left = inquiry->deadline - now;
	return left >= most ? most : left >= 1 ? (unsigned int)left : 1;
}

void pcipt_uses_clear(struct pcipt_uses *uses)
{
	for (size_t i = 0; i < uses->n; i++)
		free_use(&uses->items[i]);
	free(uses->items);
	free(uses->ways.items);
	memset(uses, 0, sizeof(*uses));
}
