/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcipt: finds the verb, runs it, prints what came of it. Trusts nothing from the
 * environment: it is run as root.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define SHAPE_DEVICES "{\"devices\":[],\"problems\":[]}"
#define SHAPE_GROUPS "{\"groups\":[],\"problems\":[]}"
#define SHAPE_PLAN "{\"safe\":null,\"claim\":null,\"members\":[],\"companions\":[],\"findings\":[],\"steps\":[]}"
#define SHAPE_BIND \
	"{\"claim\":null,\"result\":null,\"members\":[],\"findings\":[]," \
	"\"devices\":[],\"steps\":[],\"warnings\":[]}"
#define SHAPE_RELEASE \
	"{\"claim\":null,\"result\":null,\"releases\":[],\"members\":[],\"findings\":[]," \
	"\"devices\":[],\"steps\":[],\"warnings\":[]}"
#define SHAPE_CLAIMS "{\"claims\":[],\"problems\":[]}"

#define SET_OPTIONS (OPT_WITH_SET | OPT_WITH_COMPANIONS | OPT_DRIVER | OPT_ALLOW)

static const struct verb verbs[] = {
	{ "list", NULL, "list all PCI devices", OPT_FULL, 0, 0, SHAPE_DEVICES, NULL, verb_list },
	{ "show", "SEL...", "show every fact of some devices", 0, 1, -1, SHAPE_DEVICES, NULL,
	  verb_show },
	{ "groups", NULL, "list the IOMMU groups and what keeps each from being used", 0, 0, 0,
	  SHAPE_GROUPS, NULL, verb_groups },
	{ "plan", "SEL...", "tell what a bind would do and what stands against it", SET_OPTIONS, 1,
	  -1, SHAPE_PLAN, NULL, verb_plan },
	{ "bind", "SEL...", "take devices from the host, as one claim",
	  SET_OPTIONS | OPT_NAME | OPT_OWNER | OPT_PERSISTENT | OPT_DRY_RUN | OPT_TIMEOUT, 1, -1,
	  SHAPE_BIND, SHAPE_PLAN,
	  verb_bind },
	{ "release", "CLAIM|SEL...", "give a claim's devices back to their drivers",
	  OPT_ALLOW | OPT_OWNER | OPT_WITH_CLAIM | OPT_DRY_RUN | OPT_TIMEOUT, 1, -1, SHAPE_RELEASE,
	  NULL,
	  verb_release },
	{ "claims", NULL, "list all claims", 0, 0, 0, SHAPE_CLAIMS, NULL, verb_claims },
	{ "status", "[CLAIM|SEL...]", "show claims in full", 0, 0, -1, SHAPE_CLAIMS, NULL,
	  verb_claims },
	{ "forget", "CLAIM", "end a claim and leave its devices as they are", 0, 1, 1,
	  SHAPE_CLAIMS, NULL, verb_forget },
	{ "monitor", NULL, "tell what happens to devices and claims, until it is ended", OPT_LOOK, 0,
	  0, "{}", NULL, verb_monitor },
	{ "reconcile", NULL, "lead every claim to where it can be", OPT_ALLOW | OPT_TIMEOUT | OPT_BOOT, 0,
	  0,
	  "{\"actions\":[]}", NULL, verb_reconcile },
	{ "recover", NULL, "finish what was interrupted", OPT_TIMEOUT, 0, 0,
	  "{\"actions\":[]}", NULL, verb_recover },
	{ "version", NULL, "print the library's version", 0, 0, 0, "{\"version\":null}", NULL,
	  verb_version },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* What is left to say when there is no memory to compose anything. */
static const char no_memory_json[] =
	"{\"schema\":\"libpcipt/1\",\"error\":{\"code\":\"PCIPT_E_NO_MEMORY\",\"number\":-2,"
	"\"message\":\"memory ran out\",\"step\":null,\"address\":null,\"path\":null,"
	"\"errno\":\"ENOMEM\",\"retryable\":true,\"remedy\":null,\"causes\":[]}}\n";

const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static void print_verb_help(FILE *file, const struct verb *verb)
{
	say(file, "Usage: pcipt %s [OPTION...]", verb->name);
	if (verb->operands)
		say(file, " %s", verb->operands);
	say(file, "\n\n%s\n\nOptions:\n", verb->help);
	print_options_help(file, verb->takes | OPT_ALWAYS);
}

static void print_tool_help(FILE *file)
{
	say(file, "Usage: pcipt VERB [OPTION...] [ARGUMENT...]\n\n"
		  "PCI passthrough: see devices, take them from the host, give them back.\n\n"
		  "Verbs:\n");
	for (size_t i = 0; i < N_VERBS; i++)
		say(file, "  %-9s %-14s %s\n", verbs[i].name,
		    verbs[i].operands ? verbs[i].operands : "", verbs[i].help);
	say(file, "\nA device is selected (SEL) by its address (0000:01:00.0 or 01:00.0), by\n"
		  "vendor:device (10de:2484), or by slot=, serial=, class=, group=, identity=.\n\n"
		  "Options of every verb:\n");
	print_options_help(file, OPT_ALWAYS);
	say(file, "\n\"pcipt VERB --help\" tells the options of a verb; more in pcipt(8).\n");
}

static int print_help(struct tool *t)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *file = t->out ? open_memstream(&text, &length) : stdout;

	if (!file)
		return fail_memory(t);
	if (t->verb)
		print_verb_help(file, t->verb);
	else
		print_tool_help(file);
	if (t->out) {
		if (fclose(file))
			return fail_memory(t);
		out_set_text(t, "help", text);
	}
	return EXIT_DONE;
}

/* A file opened as descriptor 1 or 2 would be written over by what we print. */
static void keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/* Without the object there is nothing to run for: a verb with no object talks to a person. */
static int start_json(struct tool *t)
{
	const char *shape = t->verb ? t->verb->shape : "{}";
	_cleanup_(cleanup_json) struct json_object *body = NULL;

	if (!(t->given & OPT_JSON))
		return 0;
	if (t->verb && t->verb->dry_shape && (t->given & OPT_DRY_RUN))
		shape = t->verb->dry_shape;
	body = json_tokener_parse(shape);
	t->out = json_object_new_object();
	if (!t->out || !body)
		return fail_memory(t);
	out_set_text(t, "schema", "libpcipt/1");
	out_set(t, "error", NULL);
	json_object_object_foreach(body, key, value)
		out_set(t, key, json_object_get(value));
	return 0;
}

static int check_arguments(struct tool *t)
{
	const struct verb *verb = t->verb;

	if ((int)t->n_args < verb->min_args)
		return fail_with(t, PCIPT_E_INVALID, NULL, "\"pcipt list\" shows the devices.",
				 "%s needs an argument: pcipt %s %s", verb->name, verb->name,
				 verb->operands);
	if (verb->max_args >= 0 && (int)t->n_args > verb->max_args)
		return fail_with(t, PCIPT_E_INVALID, NULL, "Leave it out.",
				 "%s takes no argument \"%s\"", verb->name,
				 t->args[verb->max_args]);
	return open_context(t);
}

static int run(struct tool *t, int argc, char **argv)
{
	int status = parse_options(t, argc, argv);

	if (start_json(t))
		return EXIT_FAILED;
	if (status)
		return status;
	if (t->given & OPT_HELP)
		return print_help(t);
	status = check_arguments(t);
	return status ? status : t->verb->run(t);
}

/* Tells the failure, prints the object; how that ended is the exit status. */
static int finish(struct tool *t, int status)
{
	bool changes = t->verb && (t->verb->run == verb_bind || t->verb->run == verb_release ||
				    t->verb->run == verb_recover || t->verb->run == verb_reconcile);
	int lost = 0;

	if (t->given & OPT_JSON) {
		out_set(t, "error", json_object_get(t->error));
		if (!t->out || (status && !t->error) || print_json(t->out))
			lost = fputs(no_memory_json, stdout) < 0;
	} else {
		(void)fflush(stdout);
		print_failure(t);
	}
	if (fflush(stdout) || ferror(stdout))
		lost = 1;
	if (!lost)
		return status;
	say(stderr, "pcipt: standard output can't be written: %s\n", strerror(errno));
	/* What was bound is bound, whether or not anybody could read that. */
	return status || changes ? status : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct tool t = { 0 };
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	_cleanup_free_ const char **allow = calloc((size_t)argc + 1, sizeof(*allow));
	int status;

	keep_standard_descriptors();
	t.args = words;
	t.allow = allow;
	if (words && allow) {
		status = run(&t, argc, argv);
	} else {
		t.given = wants_json(argc, argv) ? OPT_JSON : 0;
		status = fail_memory(&t);
	}
	status = finish(&t, status);
	(void)pcipt_context_unref(t.ctx);
	json_object_put(t.out);
	json_object_put(t.error);
	return status;
}
