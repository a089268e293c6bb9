/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the judge's files share: each judges one kind of thing. All of them are pure. */
#ifndef PCIPT_SAFETY_JUDGE_H
#define PCIPT_SAFETY_JUDGE_H

#include "safety/set.h"

struct judgement {
	struct pcipt_set *set;
	const struct pcipt_evidence *evidence;
};

#define FIND(j, code, device, ...) pcipt_finding_add(&(j)->set->findings, code, device, __VA_ARGS__)

static inline const char *judge_driver_of(const struct pcipt_device *device)
{
	return device->driver ? device->driver->name : "no driver";
}

/* judge-owner.c: claims, and those who have it without one. */
const struct pcipt_record *pcipt_judge_common_claim(struct judgement *j);
void pcipt_judge_owner(struct judgement *j, struct pcipt_device *device);
void pcipt_judge_records(struct judgement *j);
void pcipt_judge_strays(struct judgement *j);
/* judge-group.c: what the IOMMU group asks for. */
void pcipt_judge_bridge(struct judgement *j, struct pcipt_device *bridge);
void pcipt_judge_groups(struct judgement *j);
/* judge-host.c: the machine around it. */
void pcipt_judge_iommu(struct judgement *j, struct pcipt_device *device);
void pcipt_judge_interrupts(struct judgement *j);
void pcipt_judge_deny_list(struct judgement *j, struct pcipt_device *device);
void pcipt_judge_platform(struct judgement *j, struct pcipt_device *device);
void pcipt_judge_power(struct judgement *j, struct pcipt_device *device);
/* judge-reset.c: how a device that goes can be reset. */
void pcipt_judge_reset(struct judgement *j, struct pcipt_device *device);
/* judge-use.c: what the host uses the devices for. */
void pcipt_judge_uses(struct judgement *j);

#endif
