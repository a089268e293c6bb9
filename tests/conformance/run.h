/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance run: one script of operations, carried out through the seam on the real
 * kernel or on the simulated one, and told line by line.
 */
#ifndef TESTS_CONFORMANCE_RUN_H
#define TESTS_CONFORMANCE_RUN_H

#include <stdio.h>

#include "fake-kernel/sim.h"
#include "kernel/kernel.h"

#define MAX_NAMES 16
#define MAX_OUT 8
#define MAX_PATH 512

/* A device of the script, by a name that no kernel and no boot changes. */
struct named {
	char name[16], address[32];
	char *state; /* as it was last told */
};

struct run {
	struct pcipt_kernel *k;
	struct pcipt_context *ctx;
	struct sim *sim; /* NULL on the real kernel */
	char kernel[32]; /* "6.12" */
	struct named names[MAX_NAMES];
	size_t n_names;
	char drivers[16][32]; /* of which the script has to say something */
	size_t n_drivers;
	struct pcipt_writer *out[MAX_OUT]; /* helpers with a write that has not returned */
	size_t n_out;
	size_t n_held; /* devices that this process holds open */
	char said[4096]; /* what the library wrote, a line each */
};

/* names.c: what stands for addresses and group numbers, both ways. */
struct named *find_name(struct run *run, const char *name, size_t n);
/* The group's number of a device, or -1. */
int group_of(struct run *run, const char *address);
/* A path of the script as one below /sys. */
void resolve(struct run *run, const char *text, char *path, size_t size);
/* A value of the script: "@gpu", "%500" for so many letters, or a text. */
char *value_of(struct run *run, const char *text);
/* Puts "@gpu" for addresses, "gpu" for a group's number at the end; a new string. */
char *unresolve(struct run *run, const char *text);

/* state.c */
char *state_of(struct run *run, const struct named *named);
/* Behind an operation: what has changed of each device since it was last told. */
void tell_changes(struct run *run);
/* The machine as it is when the script begins, in lines that load_machine() takes. */
void tell_machine(struct run *run);
/* One such line, for the simulated kernel. */
void load_machine(struct run *run, char *line);

/* operations.c and writes.c: the result in words, a new string. */
char *operate(struct run *run, const char *verb, char *rest);
char *do_write(struct run *run, const char *path, const char *value);
char *do_load(struct run *run, const char *module);
char *let_go(struct run *run, const char *address);

/* hold.c: opens a device as a virtual machine does; 0 or -errno. */
int hold_device(struct run *run, const char *address);
void drop_device(struct run *run, const char *address);

/* library.c */
char *library_bind(struct run *run, char *rest);
char *library_release(struct run *run, const char *name);
void hear_library(struct run *run);

char *words(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *result_word(ssize_t r);

#endif
