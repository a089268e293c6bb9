/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The monitor on the simulated kernel, and the kernel's messages as text. */
#include "machine.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "claims/monitor.h"
#include "tree.h"
#include "usage/record.h"

static struct sim *sim;
static struct pcipt_context *ctx;
static struct pcipt_monitor *monitor;
static char *said;

static void setup(void)
{
	struct pcipt_error *error = NULL;

	sim = machine_new();
	ctx = sim_context(sim);
	assert_ok(pcipt_monitor_new(ctx, &monitor, &error), error);
}

static void teardown(void)
{
	free(said);
	said = NULL;
	pcipt_monitor_unref(monitor);
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

/* "device-changed 0000:01:00.0 - nouveau vfio-pci -", a line an event, until there is none. */
static const char *hear(void)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event = NULL;

	free(said);
	said = strdup("");
	for (;;) {
		char *more;

		assert_ok(pcipt_monitor_next(monitor, &event, &error), error);
		if (!event)
			return said;
		more = pcipt_format("%s%s %s %s %s %s %s\n", said,
				    pcipt_event_type_name(pcipt_event_get_type(event)),
				    or_none(pcipt_event_get_address(event)),
				    or_none(pcipt_event_get_claim(event)),
				    or_none(pcipt_event_get_before(event)),
				    or_none(pcipt_event_get_after(event)),
				    or_none(pcipt_event_get_reason(event)));
		free(said);
		said = more;
		pcipt_event_unref(event);
	}
}

static bool is_readable(void)
{
	struct pollfd fd = { .fd = pcipt_monitor_fd(monitor), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

START_TEST(silent_while_nothing_happens)
{
	ck_assert(!is_readable());
	ck_assert_str_eq(hear(), "");
	/* Something was said, but nothing has changed; or it is no device. */
	sim_say_device(sim, GPU);
	sim_say_device(sim, "what");
	sim_say_files(sim);
	ck_assert(is_readable());
	ck_assert_str_eq(hear(), "");
	ck_assert(!is_readable());
}
END_TEST

/* What became of a device is told before anything is read for its claims. */
START_TEST(told_at_once)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event = NULL;

	machine_bind(ctx, NIC, "nic", false);
	sim_say_files(sim);
	hear();
	sim_force_driver(sim, NIC, NULL);
	sim_say_device(sim, NIC);
	sim_log_clear(sim);
	assert_ok(pcipt_monitor_next(monitor, &event, &error), error);
	ck_assert_int_eq(pcipt_event_get_type(event), PCIPT_EVENT_DEVICE_CHANGED);
	ck_assert_uint_eq(sim_log_matches(sim, "record-"), 0);
	pcipt_event_unref(event);
	ck_assert_str_eq(hear(), "health " NIC " nic as-claimed free free\n");
}
END_TEST

START_TEST(devices_come_go_and_change)
{
	sim_force_driver(sim, GPU, "vfio-pci");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "device-changed " GPU " - nouveau vfio-pci -\n");
	sim_force_driver(sim, GPU, NULL);
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "device-changed " GPU " - vfio-pci - -\n");
	sim_remove(sim, NIC);
	sim_say_device(sim, NIC);
	ck_assert_str_eq(hear(), "device-removed " NIC " - e1000e - -\n");
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:00:1f.0", .class_id = 0x060100 });
	sim_say_device(sim, "0000:00:1f.0");
	ck_assert_str_eq(hear(), "device-added 0000:00:1f.0 - - - -\n");
	sim_say_device(sim, NIC);
	ck_assert_str_eq(hear(), "");
}
END_TEST

/* Events that were lost: a look at everything tells what they would have. */
START_TEST(lost_events)
{
	sim_force_driver(sim, AUDIO, NULL);
	sim_remove(sim, NIC);
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:00:00.0", .class_id = 0x060000 });
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:ff:00.0", .class_id = 0x020000 });
	sim_say_lost(sim);
	ck_assert_str_eq(hear(), "device-added 0000:00:00.0 - - - -\n"
				 "device-changed " AUDIO " - snd_hda_intel - -\n"
				 "device-removed " NIC " - e1000e - -\n"
				 "device-added 0000:ff:00.0 - - - -\n");
}
END_TEST

static void bind_pair(void)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_set *set;
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;

	ck_assert_int_eq(pcipt_options_set_name(options, "vm", NULL), 0);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	sim_say_device(sim, GPU);
	sim_say_device(sim, AUDIO);
	sim_say_files(sim);
}

START_TEST(a_claims_life)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	bind_pair();
	ck_assert_str_eq(hear(), "device-changed " GPU " - nouveau vfio-pci -\n"
				 "device-changed " AUDIO " - snd_hda_intel vfio-pci -\n"
				 "claim-changed - vm - bound -\n");
	assert_ok(pcipt_claim_find(ctx, "vm", &claim, &error), error);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	pcipt_claim_unref(claim);
	/* Its devices change before its end is heard of: no false alarm for that. */
	sim_say_device(sim, GPU);
	sim_say_files(sim);
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "device-changed " GPU " - vfio-pci nouveau -\n"
				 "claim-changed - vm bound - -\n"
				 "device-changed " AUDIO " - vfio-pci snd_hda_intel -\n");
}
END_TEST

START_TEST(health_of_a_bound_claim)
{
	bind_pair();
	hear();
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "device-changed " AUDIO " - vfio-pci snd_hda_intel -\n"
				 "health " AUDIO " vm as-claimed half-bound half-bound\n");
	/* Told once, and again when it is mended. */
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "");
	sim_force_driver(sim, AUDIO, "vfio-pci");
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "device-changed " AUDIO " - snd_hda_intel vfio-pci -\n"
				 "health " GPU " vm half-bound as-claimed as-claimed\n");
	sim_remove(sim, GPU);
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "device-removed " GPU " - vfio-pci - -\n"
				 "health " GPU " vm as-claimed absent absent\n");
}
END_TEST

/* A sibling that comes into the group and gets a driver: no device of the claim has changed. */
START_TEST(a_sibling_that_comes)
{
	bind_pair();
	hear();
	sim_add(sim, &(struct sim_device_facts){ .address = "0000:01:02.0",
						 .parent = "0000:00:01.0",
						 .vendor = 0x8086,
						 .device = 0x10d3,
						 .class_id = 0x020000,
						 .driver = "e1000e",
						 .group = 2 });
	sim_say_device(sim, "0000:01:02.0");
	ck_assert_str_eq(hear(), "device-added 0000:01:02.0 - - e1000e -\n"
				 "health " GPU " vm as-claimed group-not-viable group-not-viable\n");
	sim_remove(sim, "0000:01:02.0");
	sim_say_device(sim, "0000:01:02.0");
	ck_assert_str_eq(hear(), "device-removed 0000:01:02.0 - e1000e - -\n"
				 "health " GPU " vm group-not-viable as-claimed as-claimed\n");
}
END_TEST

#define DEVICES "/sys/bus/pci/devices/"

/* Asleep is healthy; not to be woken is not. The kernel says nothing of it. */
START_TEST(a_device_that_cannot_be_woken)
{
	bind_pair();
	sim_put_file(sim, DEVICES AUDIO "/power/runtime_status", "suspended");
	hear();
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "");
	sim_put_file(sim, DEVICES AUDIO "/power/runtime_status", "error");
	ck_assert_str_eq(hear(), "");
	ck_assert_int_eq(pcipt_monitor_look(monitor, NULL), 0);
	ck_assert_str_eq(hear(), "health " AUDIO " vm as-claimed resume-failed resume-failed\n");
	ck_assert_int_eq(pcipt_monitor_look(monitor, NULL), 0);
	ck_assert_str_eq(hear(), "");
	sim_put_file(sim, DEVICES AUDIO "/power/runtime_status", "active");
	ck_assert_int_eq(pcipt_monitor_look(monitor, NULL), 0);
	ck_assert_str_eq(hear(), "health " GPU " vm resume-failed as-claimed as-claimed\n");
	ck_assert_int_eq(pcipt_monitor_look(NULL, NULL), PCIPT_E_INVALID);
}
END_TEST

/* The file is what is opened; where there are no such files at all, none is missed. */
START_TEST(a_node_that_is_gone)
{
	bind_pair();
	sim_put_file(sim, "/dev/vfio", "");
	sim_put_file(sim, "/dev/vfio/2", "");
	hear();
	ck_assert_int_eq(pcipt_monitor_look(monitor, NULL), 0);
	ck_assert_str_eq(hear(), "");
	sim_put_file(sim, "/dev/vfio/2", NULL);
	sim_say_device(sim, AUDIO);
	ck_assert_str_eq(hear(), "health " GPU " vm as-claimed node-missing node-missing\n");
	sim_put_file(sim, "/dev/vfio", NULL);
	sim_say_device(sim, NIC);
	ck_assert_str_eq(hear(), "health " GPU " vm node-missing as-claimed as-claimed\n");
}
END_TEST

static void set_errors(const char *address, const char *fatal, const char *nonfatal)
{
	char *paths[2] = { test_format(DEVICES "%s/aer_dev_fatal", address),
			   test_format(DEVICES "%s/aer_dev_nonfatal", address) };
	char *texts[2] = { test_format("DLP 1\nTLP 2\nTOTAL_ERR_FATAL %s", fatal),
			   test_format("DLP 1\nTLP 2\nTOTAL_ERR_NONFATAL %s", nonfatal) };

	for (int i = 0; i < 2; i++) {
		sim_put_file(sim, paths[i], texts[i]);
		free(paths[i]);
		free(texts[i]);
	}
}

/* Each growth is told once, with both numbers; a counter that begins anew is none. */
START_TEST(errors_of_pci_express)
{
	set_errors(GPU, "7", "1");
	bind_pair();
	hear();
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "");
	set_errors(GPU, "7", "3");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "health " GPU " vm 1 3 aer-nonfatal\n");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "");
	set_errors(GPU, "9", "4");
	set_errors(AUDIO, "9", "4"); /* which had none to read before */
	sim_say_lost(sim);
	ck_assert_str_eq(hear(), "health " GPU " vm 7 9 aer-fatal\n"
				 "health " GPU " vm 3 4 aer-nonfatal\n");
	set_errors(GPU, "0", "0");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "");
	set_errors(GPU, "1", "0");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "health " GPU " vm 0 1 aer-fatal\n");
	/* What the kernel says itself; of a device that no claim holds it is no claim's matter. */
	sim_say_failed(sim, GPU);
	ck_assert_str_eq(hear(), "health " GPU " vm - - recovery-failed\n");
	sim_say_failed(sim, NIC);
	ck_assert_str_eq(hear(), "");
	/* What can't be right is no number. */
	set_errors(GPU, "-5", "many");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "");
	set_errors(GPU, "50", "60");
	sim_say_device(sim, GPU);
	ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(a_watch_that_fails)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event = NULL;
	struct pcipt_monitor *other = NULL;

	sim_set_watch(sim, EMFILE);
	ck_assert_int_eq(pcipt_monitor_new(ctx, &other, &error), PCIPT_E_IO);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_remedy(error), "limit"));
	pcipt_error_unref(error);
	error = NULL;
	ck_assert_int_eq(pcipt_monitor_next(monitor, &event, &error), PCIPT_E_IO);
	pcipt_error_unref(error);
	ck_assert_int_eq(pcipt_monitor_next(NULL, &event, NULL), PCIPT_E_INVALID);
	ck_assert_int_eq(pcipt_monitor_fd(NULL), -1);
	sim_set_watch(sim, 0);
	ck_assert_str_eq(hear(), "");
}
END_TEST

/* Whatever can't be read while it is looked at: an error or silence, and the truth later. */
START_TEST(reads_that_fail)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event = NULL;

	bind_pair();
	hear();
	for (unsigned int n = 1; n < 60; n++) {
		sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, 0, EIO, SIM_FAILS });
		sim_force_driver(sim, GPU, n % 2 ? "nouveau" : "vfio-pci");
		sim_say_device(sim, GPU);
		do {
			event = pcipt_event_unref(event);
			pcipt_monitor_next(monitor, &event, &error);
			error = pcipt_error_unref(error);
		} while (event);
		sim_mend(sim);
		sim_say_lost(sim);
		hear();
		sim_say_lost(sim);
		ck_assert_str_eq(hear(), "");
	}
}
END_TEST

static const struct {
	const char *text;
	size_t length;
	const char *name; /* NULL when it isn't about a PCI device */
	bool failed;
} messages[] = {
#define MESSAGE(text, name) { text, sizeof(text), name, false }
	MESSAGE("add@/devices/pci0000:00/0000:00:1c.0/0000:01:00.0\0ACTION=add\0"
		"DEVPATH=/devices/pci0000:00/0000:00:1c.0/0000:01:00.0\0SUBSYSTEM=pci\0SEQNUM=1",
		"0000:01:00.0"),
	MESSAGE("bind@x\0SUBSYSTEM=pci\0DEVPATH=/devices/0000:01:00.0", "0000:01:00.0"),
	MESSAGE("add@x\0SUBSYSTEM=net\0DEVPATH=/devices/0000:01:00.0/net/eth0", NULL),
	MESSAGE("add@x\0SUBSYSTEM=pci", NULL),
	MESSAGE("add@x\0DEVPATH=/a\0SUBSYSTEM=pci_bus", NULL),
	MESSAGE("add@x\0DEVPATH=/a/\0SUBSYSTEM=pci", NULL),
	MESSAGE("add@x\0SUBSYSTEM=pci\0DEVPATH=/"
		"0123456789012345678901234567890123456789012345678901234567890123",
		NULL),
	MESSAGE("change@x\0SUBSYSTEM=pci\0DEVPATH=/a\0ERROR_EVENT=BEGIN_RECOVERY", "a"),
	{ "change@x\0SUBSYSTEM=pci\0DEVPATH=/a\0ERROR_EVENT=FAILED_RECOVERY\0DEVICE_ONLINE=0", 78, "a",
	  true },
	{ "add@x\0SUBSYSTEM=pci\0DEVPATH=/a", 27, NULL, false }, /* no NUL at its end */
	{ "", 0, NULL, false },
#undef MESSAGE
};

START_TEST(messages_of_the_kernel)
{
	struct pcipt_watch_event event = { 0 };
	char *copy = malloc(messages[_i].length + 1);

	/* A copy of just that size: reading past it would be seen. */
	copy = realloc(memcpy(copy, messages[_i].text, messages[_i].length),
		       messages[_i].length ? messages[_i].length : 1);
	ck_assert_int_eq(pcipt_uevent_parse(copy, messages[_i].length, &event),
			 messages[_i].name != NULL);
	if (messages[_i].name)
		ck_assert_str_eq(event.name, messages[_i].name);
	ck_assert_int_eq(event.failed, messages[_i].failed);
	free(copy);
}
END_TEST

/* ---- the real watch, on a tree whose folders come and go ---- */

static struct tree *tree;

static void setup_tree(void)
{
	char *root = test_path("machine");
	struct pcipt_error *error = NULL;

	tree = tree_new(root);
	free(root);
	tree_add_gpu_pair(tree);
	assert_ok(pcipt_context_new(&ctx, &error), error);
	assert_ok(pcipt_context_set_root(ctx, tree_root(tree), &error), error);
	assert_ok(pcipt_monitor_new(ctx, &monitor, &error), error);
}

static void teardown_tree(void)
{
	free(said);
	said = NULL;
	pcipt_monitor_unref(monitor);
	pcipt_context_unref(ctx);
	tree_free(tree);
}

static void put_claim(const char *folder, const char *name, int state)
{
	struct pcipt_record_device device = { .at = { 0, 1, 0 },
					      .address = GPU,
					      .identity = (char *)"10de:2484:1458:404c:a1@"
								  "pci0000:00/01.0/00.0" };
	struct pcipt_record record = { .name = (char *)name,
				       .driver = (char *)"vfio-pci",
				       .state = state,
				       .devices = &device,
				       .n_devices = 1 };
	char *text = pcipt_record_print(&record);
	char *file = pcipt_format("%s/%s.json", folder, name);

	tree_file(tree, file, text);
	free(file);
	free(text);
}

static void unlink_below(const char *folder, const char *name)
{
	char *relative = pcipt_format("%s/%s", folder, name), *path = tree_path(tree, relative);

	ck_assert_int_eq(unlink(path), 0);
	free(relative);
	free(path);
}

START_TEST(folders_that_come_later)
{
	const char *folder = _i ? "var/lib/libpcipt/claims" : "run/libpcipt/claims";

	ck_assert_str_eq(hear(), "");
	/* Also when a folder and what is in it come between two looks. */
	tree_folder(tree, folder);
	put_claim(folder, "a", PCIPT_CLAIM_WAITING);
	ck_assert(is_readable());
	ck_assert_str_eq(hear(), "claim-changed - a - waiting -\n");
	ck_assert(!is_readable());
	put_claim(folder, "b", PCIPT_CLAIM_PENDING);
	put_claim(folder, "a", PCIPT_CLAIM_STUCK);
	ck_assert(is_readable());
	ck_assert_str_eq(hear(), "claim-changed - a waiting stuck -\n"
				 "claim-changed - b - pending -\n");
	unlink_below(folder, "a.json");
	ck_assert(is_readable());
	ck_assert_str_eq(hear(), "claim-changed - a stuck - -\n");
}
END_TEST

START_TEST(a_folder_that_is_made_anew)
{
	char *old = tree_path(tree, "run/libpcipt"), *away = tree_path(tree, "run/away");

	tree_folder(tree, "run/libpcipt/claims");
	put_claim("run/libpcipt/claims", "a", PCIPT_CLAIM_WAITING);
	ck_assert_str_eq(hear(), "claim-changed - a - waiting -\n");
	ck_assert_int_eq(rename(old, away), 0);
	ck_assert_str_eq(hear(), "claim-changed - a waiting - -\n");
	tree_folder(tree, "run/libpcipt/claims");
	ck_assert_str_eq(hear(), "");
	put_claim("run/libpcipt/claims", "b", PCIPT_CLAIM_WAITING);
	ck_assert_str_eq(hear(), "claim-changed - b - waiting -\n");
	free(old);
	free(away);
}
END_TEST

/* What others do in the folders above is not read after: /run is much used. */
START_TEST(others_files)
{
	struct pcipt_watch_event event;

	tree_folder(tree, "run/libpcipt/claims");
	put_claim("run/libpcipt/claims", "a", PCIPT_CLAIM_WAITING);
	ck_assert_str_eq(hear(), "claim-changed - a - waiting -\n");
	tree_file(tree, "run/somebodys.pid", "1");
	tree_folder(tree, "run/libpcipt-other");
	tree_folder(tree, "run/libpcip");
	ck_assert(is_readable());
	ck_assert_int_eq(monitor->watch->ops->next(monitor->watch, &event), 0);
	ck_assert_int_eq(event.what, PCIPT_WATCHED_NOTHING);
	ck_assert(!is_readable());
	put_claim("run/libpcipt/claims", "a", PCIPT_CLAIM_STUCK);
	ck_assert_int_eq(monitor->watch->ops->next(monitor->watch, &event), 0);
	ck_assert_int_eq(event.what, PCIPT_WATCHED_FILES);
	tree_folder(tree, "var/lib/libpcipt/claims");
	put_claim("var/lib/libpcipt/claims", "b", PCIPT_CLAIM_WAITING);
	ck_assert_str_eq(hear(), "claim-changed - a waiting stuck -\n"
				 "claim-changed - b - waiting -\n");
}
END_TEST

Suite *suite_monitor(void)
{
	Suite *suite = suite_create("monitor");
	TCase *tc = tcase_create("monitor");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, silent_while_nothing_happens);
	tcase_add_test(tc, told_at_once);
	tcase_add_test(tc, devices_come_go_and_change);
	tcase_add_test(tc, lost_events);
	tcase_add_test(tc, a_claims_life);
	tcase_add_test(tc, health_of_a_bound_claim);
	tcase_add_test(tc, a_sibling_that_comes);
	tcase_add_test(tc, a_device_that_cannot_be_woken);
	tcase_add_test(tc, a_node_that_is_gone);
	tcase_add_test(tc, errors_of_pci_express);
	tcase_add_test(tc, a_watch_that_fails);
	tcase_add_test(tc, reads_that_fail);
	suite_add_tcase(suite, tc);
	tc = tcase_create("files");
	tcase_add_checked_fixture(tc, setup_tree, teardown_tree);
	tcase_add_loop_test(tc, folders_that_come_later, 0, 2);
	tcase_add_test(tc, a_folder_that_is_made_anew);
	tcase_add_test(tc, others_files);
	suite_add_tcase(suite, tc);
	tc = tcase_create("messages");
	tcase_add_loop_test(tc, messages_of_the_kernel, 0, ARRAY_SIZE(messages));
	suite_add_tcase(suite, tc);
	return suite;
}
