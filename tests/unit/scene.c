/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See scene.h. */
#include "scene.h"

static const struct topology machine = {
	.n = N_DEVICES,
	.devices = {
		[BRIDGE] = { 0, 1, 0, 1, 0x060400, "pcieport" },
		[GPU] = { 1, 0, 0, 1, 0x030000, "nouveau" },
		[AUDIO] = { 1, 0, 1, 1, 0x040300, "snd_hda_intel" },
		[SIBLING] = { 1, 1, 0, 1, 0x0c8000, "xhci_hcd" },
		[NIC] = { 2, 0, 0, 2, 0x020000, "e1000e" },
		[PF] = { 3, 0, 0, 3, 0x020000, "igb" },
	},
};

struct scene scene;

void scene_begin(void)
{
	memset(&scene, 0, sizeof(scene));
	world_build(&scene.world, &machine);
	scene.evidence.driver_state = PCIPT_MODULE_READY;
	ck_assert_int_eq(pcipt_options_new(&scene.options, NULL), 0);
	scene.set.snap = &scene.world.snap;
	scene.set.driver = (char *)"vfio-pci";
}

void scene_end(void)
{
	pcipt_findings_clear(&scene.set.findings);
	free(scene.set.members);
	free(scene.set.claim);
	pcipt_uses_clear(&scene.evidence.uses);
	pcipt_error_unref(scene.evidence.no_records);
	if (scene.evidence.records.n_problems)
		pcipt_error_unref(scene.evidence.records.problems[0]);
	free(scene.evidence.records.problems);
	pcipt_options_unref(scene.options);
	pcipt_uses_clear(&scene.evidence.uses);
	world_clear(&scene.world);
}

struct pcipt_device *scene_device(size_t which)
{
	return world_device(&scene.world, which);
}

void scene_ask(size_t which)
{
	scene.asked[scene.n_asked++] = scene_device(which);
}

void scene_judge(void)
{
	pcipt_findings_clear(&scene.set.findings);
	free(scene.set.members);
	scene.set.members = NULL;
	ck_assert(pcipt_closure_compute(scene.asked, scene.n_asked, scene.set.driver,
					scene.set.with_companions, &scene.set.members, &scene.set.n_members));
	pcipt_judge(&scene.set, &scene.evidence);
	pcipt_findings_settle(&scene.set.findings, scene.options);
	ck_assert(!scene.set.findings.no_memory);
}

const struct pcipt_finding *scene_finding(const char *code)
{
	for (size_t i = 0; i < scene.set.findings.n; i++)
		if (strcmp(scene.set.findings.items[i].row->code, code) == 0)
			return &scene.set.findings.items[i];
	return NULL;
}

void scene_ask_card(void)
{
	scene_ask(GPU);
	scene_ask(AUDIO);
	scene_ask(SIBLING);
}

void scene_claim_nic(void)
{
	scene_ask(NIC);
	scene.record.name = (char *)"other";
	scene.record.driver = (char *)"vfio-pci";
	scene.record.owner = (char *)"somebody";
	scene.record.state = PCIPT_CLAIM_BOUND;
	scene.recorded[0].at = scene_device(NIC)->at;
	scene.record.devices = scene.recorded;
	scene.record.n_devices = 1;
	scene.evidence.records.items = &scene.record;
	scene.evidence.records.n = 1;
}
