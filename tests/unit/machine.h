/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulated machines for the tests of plans, transactions and claims. */
#ifndef TESTS_UNIT_MACHINE_H
#define TESTS_UNIT_MACHINE_H

#include "fake-kernel/sim.h"
#include "unit.h"

#define GPU "0000:01:00.0"
#define AUDIO "0000:01:00.1"
#define NIC "0000:02:00.0"

/*
 * A graphics card with its audio function in group 2, below a bridge in group 1; a
 * network card alone in group 3. Drivers: pcieport, nouveau, snd_hda_intel, e1000e,
 * vfio-pci and pci-stub.
 */
struct sim *machine_new(void);

/*
 * The same card, in the states that a restore must get right. `which` below
 * MACHINE_VARIANTS; the name says what is odd about it.
 */
#define MACHINE_VARIANTS 7
struct sim *machine_variant(unsigned int which, const char **name);

/* The set of one device with all that must move with it; stops the test on failure. */
struct pcipt_set *machine_set(struct pcipt_context *ctx, const char *address);
/* The same with options of the caller's. */
struct pcipt_set *machine_set_with(struct pcipt_context *ctx, const char *address,
				   struct pcipt_options *options);
/* A claim with all that must move with the device; stops the test on failure. */
void machine_bind(struct pcipt_context *ctx, const char *address, const char *name, bool persistent);
/* The plan that binds such a set. */
struct pcipt_plan *machine_plan(struct pcipt_context *ctx, const char *address);
struct pcipt_options *machine_options(void);
/*
 * The set of the card in a variant, made once on a machine like every other of its kind
 * and then borrowed: making one looks into the list of names, which is slow.
 */
struct pcipt_set *machine_set_of(unsigned int variant);

/* Stops the test when a device isn't on the driver (NULL for none). */
void assert_driver(struct sim *sim, const char *address, const char *driver);
/* Stops the test when a text isn't what sim_state() says now; `when` goes into the message. */
void assert_state(struct sim *sim, const char *expected, const char *when);

#endif
