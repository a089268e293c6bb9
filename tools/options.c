/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of all verbs, in one table. */
#include <getopt.h>
#include <string.h>

#include "common.h"

/* The same order in both tables. */
static const struct option longs[] = {
	{ "with-set", no_argument, NULL, OPT_WITH_SET },
	{ "with-companions", no_argument, NULL, OPT_WITH_COMPANIONS },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "allow", required_argument, NULL, OPT_ALLOW },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "persistent", no_argument, NULL, OPT_PERSISTENT },
	{ "boot", no_argument, NULL, OPT_BOOT },
	{ "with-claim", no_argument, NULL, OPT_WITH_CLAIM },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "look", required_argument, NULL, OPT_LOOK },
	{ "full", no_argument, NULL, OPT_FULL },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char *const helps[][2] = {
	{ "    --with-set", "take all devices that must move together" },
	{ "    --with-companions", "take what is reset with them or belongs to them, too" },
	{ "    --driver D", "the driver that takes the devices (vfio-pci)" },
	{ "    --allow CODE[@ADDRESS]", "go on in spite of this finding; repeatable" },
	{ "    --name N", "the claim's name (made from the first device)" },
	{ "    --owner O", "who wants the claim, free text; release only what is his" },
	{ "    --persistent", "the claim outlives a reboot" },
	{ "    --boot", "say nothing of what is as it should be (for the boot unit)" },
	{ "    --with-claim", "release a claim whole, though only part is selected" },
	{ "    --dry-run", "tell what would be done, and do nothing" },
	{ "    --timeout S", "give up after so many seconds (60)" },
	{ "    --look S", "look at all claims every so many seconds, too (60; 0: never)" },
	{ "    --full", "facts that take longer to read, too (with --json)" },
	{ "    --json", "print one JSON object" },
	{ "    --root DIR", "take DIR for / (to look at a copy of /sys)" },
	{ "-v, --verbose", "tell more; twice: the library's debug messages" },
	{ "-h, --help", "this help" },
};

void print_options_help(FILE *file, unsigned int takes)
{
	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		if (takes & (unsigned int)longs[i].val)
			say(file, "  %-26s  %s\n", helps[i][0], helps[i][1]);
}

static const char *option_name(unsigned int value)
{
	for (const struct option *o = longs; o->name; o++)
		if ((unsigned int)o->val == value)
			return o->name;
	return "?";
}

/* argv[optind - 1] is the culprit unless it was a letter among others ("-vx"). */
static int bad_option(struct tool *t, int c, char **argv)
{
	const char *remedy = "\"pcipt --help\" lists verbs and options.";
	const char *text = argv[optind - 1];

	if (c == ':')
		return fail_with(t, PCIPT_E_INVALID, NULL, remedy, "%s needs a value", text);
	if (optopt >= OPT_JSON)
		return fail_with(t, PCIPT_E_INVALID, NULL, remedy, "--%s takes no value",
				 option_name((unsigned int)optopt));
	if (optopt)
		return fail_with(t, PCIPT_E_INVALID, NULL, remedy, "there is no option -%c",
				 optopt);
	return fail_with(t, PCIPT_E_INVALID, NULL, remedy, "there is no option %s", text);
}

/*
 * getopt_long() takes any unambiguous beginning of a name. What is unambiguous
 * today isn't after the next release, so a script must not come to rely on it.
 */
static bool is_abbreviated(const char *word, const char *name)
{
	size_t length = strcspn(word, "=");

	return length != strlen(name) + 2 || strncmp(word + 2, name, length - 2) != 0;
}

static void note_option(struct tool *t, int value)
{
	t->given |= (unsigned int)value;
	if (value == OPT_VERBOSE)
		t->verbose++;
	else if (value == OPT_ROOT)
		t->root = optarg;
	else if (value == OPT_DRIVER)
		t->driver = optarg;
	else if (value == OPT_NAME)
		t->name = optarg;
	else if (value == OPT_OWNER)
		t->owner = optarg;
	else if (value == OPT_TIMEOUT)
		t->timeout = optarg;
	else if (value == OPT_LOOK)
		t->look = optarg;
	else if (value == OPT_ALLOW)
		t->allow[t->n_allow++] = optarg;
}

static int read_words(struct tool *t, int argc, char **argv)
{
	int c, at, index;

	opterr = 0;
	/*
	 * '-': words come in their order, so the verb is the first one that is no
	 * option, and POSIXLY_CORRECT in the environment changes nothing.
	 */
	for (;;) {
		at = optind;
		index = -1;
		c = getopt_long(argc, argv, "-:hv", longs, &index);
		if (c == -1)
			break;
		if (c == '?' || c == ':')
			return bad_option(t, c, argv);
		if (c == 1) {
			t->args[t->n_args++] = optarg;
			continue;
		}
		if (index >= 0 && is_abbreviated(argv[at], longs[index].name))
			return fail_with(t, PCIPT_E_INVALID, NULL, "Write options in full.",
					 "there is no option %s, did you mean --%s?", argv[at],
					 longs[index].name);
		note_option(t, c == 'h' ? OPT_HELP : c == 'v' ? OPT_VERBOSE : c);
	}
	while (optind < argc)
		t->args[t->n_args++] = argv[optind++];
	return 0;
}

static int find_own_verb(struct tool *t)
{
	const char *remedy = "\"pcipt --help\" lists the verbs.";
	unsigned int alien;

	if (t->given & OPT_VERSION) {
		t->verb = find_verb("version");
		t->given &= ~(unsigned int)OPT_VERSION;
	} else if (t->n_args > 0) {
		t->verb = find_verb(t->args[0]);
		if (!t->verb)
			return fail_with(t, PCIPT_E_INVALID, NULL, remedy,
					 "there is no verb \"%s\"", t->args[0]);
		t->args++;
		t->n_args--;
	} else if (!(t->given & OPT_HELP)) {
		return fail_with(t, PCIPT_E_INVALID, NULL, remedy, "no verb given");
	}
	alien = t->verb ? t->given & ~(t->verb->takes | OPT_ALWAYS) : 0;
	if (alien)
		return fail_with(t, PCIPT_E_INVALID, NULL,
				 "\"pcipt VERB --help\" lists its options.", "%s takes no --%s",
				 t->verb->name, option_name(alien & -alien));
	return 0;
}

bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int parse_options(struct tool *t, int argc, char **argv)
{
	int status = read_words(t, argc, argv);

	if (!status)
		return find_own_verb(t);
	/* Who asked for JSON gets it, though the rest of the line makes no sense. */
	t->verb = t->n_args > 0 ? find_verb(t->args[0]) : NULL;
	if (wants_json(argc, argv))
		t->given |= OPT_JSON;
	return status;
}
