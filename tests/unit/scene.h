/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the judge looks at: one machine in memory, evidence about its host, and the
 * question. A test changes what it is about, then lets it be judged.
 */
#ifndef TESTS_UNIT_SCENE_H
#define TESTS_UNIT_SCENE_H

#include "safety/set.h"
#include "topology.h"

/* The machine: a bridge, a card of two functions, a sibling, two network cards. */
enum { BRIDGE, GPU, AUDIO, SIBLING, NIC, PF, N_DEVICES };

struct scene {
	struct world world;
	struct pcipt_evidence evidence;
	struct pcipt_record record;
	struct pcipt_record_device recorded[2];
	struct pcipt_device *virtfns[1];
	struct pcipt_device *asked[N_DEVICES];
	size_t n_asked;
	struct pcipt_options *options;
	struct pcipt_set set;
};

extern struct scene scene;

void scene_begin(void);
void scene_end(void);
struct pcipt_device *scene_device(size_t which);
void scene_ask(size_t which);
/* The whole group of the card: nothing stands against it. */
void scene_ask_card(void);
/* NIC is asked for, and is in the claim "other" of "somebody". */
void scene_claim_nic(void);
/* Closure, judge, and what the options allow. */
void scene_judge(void);
/* The first finding of a code, or NULL. */
const struct pcipt_finding *scene_finding(const char *code);

#endif
