/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all verbs of the command line share. The tool uses the library's public
 * headers only: what it can do, any program can do.
 */
#ifndef PCIPT_TOOLS_COMMON_H
#define PCIPT_TOOLS_COMMON_H

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>
#include <libpcipt/libpcipt.h>

#define DEFINE_CLEANUP(type, name, free_fn) \
	static inline void name(type **p) \
	{ \
		if (*p) \
			(void)free_fn(*p); \
	}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

DEFINE_CLEANUP(struct json_object, cleanup_json, json_object_put)
DEFINE_CLEANUP(struct pcipt_error, cleanup_error, pcipt_error_unref)
DEFINE_CLEANUP(struct pcipt_snapshot, cleanup_snapshot, pcipt_snapshot_unref)
DEFINE_CLEANUP(struct pcipt_options, cleanup_options, pcipt_options_unref)
DEFINE_CLEANUP(struct pcipt_set, cleanup_set, pcipt_set_unref)
DEFINE_CLEANUP(struct pcipt_plan, cleanup_plan, pcipt_plan_unref)
DEFINE_CLEANUP(struct pcipt_result, cleanup_result, pcipt_result_unref)
DEFINE_CLEANUP(struct pcipt_claim, cleanup_claim, pcipt_claim_unref)
DEFINE_CLEANUP(struct pcipt_claim_list, cleanup_claims, pcipt_claim_list_unref)
DEFINE_CLEANUP(struct pcipt_report, cleanup_report, pcipt_report_unref)

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cleanup_free)

/* Hands a local's value over, so that its cleanup has nothing left to do. */
#define steal(p) \
	({ \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL; \
		stolen_; \
	})

/* Above the characters, so that getopt_long() can return them beside '?' and ':'. */
enum {
	OPT_JSON = 1 << 8,
	OPT_ROOT = 1 << 9,
	OPT_VERBOSE = 1 << 10,
	OPT_HELP = 1 << 11,
	OPT_VERSION = 1 << 12,
	OPT_FULL = 1 << 13,
	OPT_WITH_SET = 1 << 14,
	OPT_WITH_CLAIM = 1 << 15,
	OPT_DRIVER = 1 << 16,
	OPT_ALLOW = 1 << 17,
	OPT_NAME = 1 << 18,
	OPT_OWNER = 1 << 19,
	OPT_DRY_RUN = 1 << 20,
	OPT_TIMEOUT = 1 << 21,
	OPT_PERSISTENT = 1 << 24,
	OPT_BOOT = 1 << 25,
	OPT_WITH_COMPANIONS = 1 << 26,
	OPT_LOOK = 1 << 27,
	OPT_ALWAYS = OPT_JSON | OPT_ROOT | OPT_VERBOSE | OPT_HELP
};

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3
};

struct tool;

struct verb {
	const char *name;
	const char *operands; /* as the usage line has them, or NULL */
	const char *help;
	unsigned int takes; /* OPT_*, beside OPT_ALWAYS */
	int min_args;
	int max_args; /* -1: any number */
	/* The keys that the verb prints under --json, with what they are until it knows better. */
	const char *shape;
	const char *dry_shape; /* the same with --dry-run; NULL: as shape */
	int (*run)(struct tool *t);
};

/* One run of the tool. Texts are borrowed from argv. */
struct tool {
	const struct verb *verb;
	unsigned int given; /* OPT_* */
	int verbose;
	const char *root;
	const char *driver;
	const char *name;
	const char *owner;
	const char *timeout;
	const char *look;
	const char **allow;
	size_t n_allow;
	const char **args; /* without the verb */
	size_t n_args;
	struct pcipt_context *ctx;
	struct json_object *out; /* what --json prints; absent without it */
	struct json_object *error; /* the worst failure so far */
	int status;
};

/* main.c */
const struct verb *find_verb(const char *name);

/* options.c */
int parse_options(struct tool *t, int argc, char **argv);
/* Whether --json stands anywhere among the options, for when they can't be parsed. */
bool wants_json(int argc, char **argv);
void print_options_help(FILE *file, unsigned int takes);

/* output.c: everything that a person reads goes through say(). */

/*
 * printf for %s, %d, %zu and %%, with '-', width and precision. Each %s is
 * neutralised: names come from the machine and may hold terminal escapes. Widths
 * count characters, NULL prints as "-", and what is longer than its precision
 * ends in "...".
 */
void say(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many columns say() needs for it. */
int columns(const char *text);
/* Columns of the terminal on standard output; 0 when that isn't one. */
int terminal_columns(void);
/* Prints the object as one line of valid UTF-8; non-zero when it could not. */
int print_json(struct json_object *object);

/* fail.c: failures are kept as the JSON objects that `error` shows. */

/* Records a failure and takes it over. Returns its exit status. */
int fail(struct tool *t, struct pcipt_error *error);
/* The same for a failure that the tool itself sees; `address` and `remedy` may be NULL. */
int fail_with(struct tool *t, int code, const char *address, const char *remedy,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));
int fail_memory(struct tool *t);
/* An error as the object that stands in the JSON output; NULL without memory. */
struct json_object *new_error(int code, const char *message, const char *address,
			      const char *remedy);
/* The worse one of two exit statuses. */
int worse(int a, int b);
/* Tells the person at the terminal: three lines, or everything with -v. */
void print_failure(const struct tool *t);
/* A library's error on one line, what to do included, for warnings and problems. */
void say_error(FILE *file, const char *label, const struct pcipt_error *error);

/* common.c */

/* A JSON string; NULL, which is null, for NULL. */
struct json_object *json_text(const char *text);
/* Sets a key of the JSON output and takes the value over; NULL is null. */
void out_set(struct tool *t, const char *key, struct json_object *value);
void out_set_text(struct tool *t, const char *key, const char *value);
/* Appends to an array of the JSON output and takes the value over. */
void out_append(struct tool *t, const char *key, struct json_object *value);
/* Parses one of the library's texts and frees it; NULL when memory ran out. */
struct json_object *take_json(char *text);
/* Copies those keys of the object that are in the verb's shape. */
void out_merge(struct tool *t, struct json_object *object);

/* Seconds, with a fraction where that is wanted; false for what isn't a time. */
bool parse_seconds(const char *text, uint32_t *ms);
int open_context(struct tool *t);
int take_snapshot(struct tool *t, struct pcipt_snapshot **snap);
/* Only what the arguments concern, where all of them are addresses: as quick on a big machine. */
int take_scoped_snapshot(struct tool *t, struct pcipt_snapshot **snap);
/* The claims, or NULL where they can't be read, which is told under -v only. */
struct pcipt_claim_list *try_claims(struct tool *t);
/* The name of the claim that holds an address, or NULL; list may be NULL. */
const char *claim_of(const struct pcipt_claim_list *list, const char *address);
/* Every device that the arguments select, once each; freed with free(). */
int select_devices(struct tool *t, struct pcipt_snapshot *snap, struct pcipt_device ***devices,
		   size_t *n);
/* A device as it stands in devices[], its claim filled in. */
struct json_object *device_json(struct tool *t, struct pcipt_device *device, uint32_t flags,
				const struct pcipt_claim_list *claims);
/* "10de:2484", or "-" when an id could not be read. */
const char *ids_text(const struct pcipt_device *device, char text[12]);
/* The snapshot's problems, for those devices or (NULL) for all: JSON or stderr. */
void tell_problems(struct tool *t, const struct pcipt_snapshot *snap,
		   struct pcipt_device *const *devices, size_t n);
/* One problem: JSON or stderr. */
void tell_problem(struct tool *t, const struct pcipt_error *problem);
/* "nvidia -> vfio-pci", or what it is on when that didn't change. Ends no line. */
void say_change(const char *address, const char *before, const char *after);
/*
 * Signals of the terminal wait until the tool ends. The descriptor becomes readable when
 * one wants to end it: the library then undoes what it has begun.
 */
int hold_signals(void);
/* New options that are cancelled by those signals; an exit status. */
int make_change_options(struct tool *t, struct pcipt_options **options);

/* plan.c */
struct request {
	struct pcipt_snapshot *snap;
	struct pcipt_options *options;
	struct pcipt_set *set;
};
/* From arguments and options to the set; the set's JSON is merged into the output. */
int make_options(struct tool *t, struct pcipt_options **options);
int make_request(struct tool *t, struct request *request);
void clear_request(struct request *request);

/* pick.c: which claims the arguments of `release` and `status` mean. */
struct pick {
	struct pcipt_claim *claim; /* borrowed from the list */
	bool picked;
	bool *devices; /* which of the claim's devices were selected */
};
struct picks {
	struct pcipt_claim_list *list;
	struct pcipt_snapshot *snap; /* made when a selector first needs it */
	struct pick *claims;
	size_t n;
};
int make_picks(struct tool *t, struct picks *picks);
void clear_picks(struct picks *picks);
/* Reads the claims alone, without looking at the arguments. */
int open_picks(struct tool *t, struct picks *picks);

/* unclaimed.c: devices that are kept from the host's drivers, and that no claim names. */
void tell_unclaimed(struct tool *t, const struct pcipt_claim_list *claims);

int verb_list(struct tool *t);
int verb_show(struct tool *t);
int verb_groups(struct tool *t);
int verb_plan(struct tool *t);
int verb_bind(struct tool *t);
int verb_release(struct tool *t);
int verb_claims(struct tool *t);
/* The claim as an element of "claims". */
void append_claim(struct tool *t, const struct pcipt_claim *claim);
int verb_forget(struct tool *t);
int verb_monitor(struct tool *t);
int verb_recover(struct tool *t);
int verb_reconcile(struct tool *t);
int verb_version(struct tool *t);

#endif
