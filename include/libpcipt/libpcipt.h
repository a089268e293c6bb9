/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpcipt: take PCI devices from the host for a virtual machine or a user-space
 * driver, and give them back. It sees, it decides, it acts, it remembers, and it
 * can always say why.
 *
 *     context → snapshot → device, group → set → plan → result, claim
 *
 * Objects from a *_new(), a *_ref() or an out-parameter are the caller's and go
 * back through *_unref(). A context and a snapshot may be shared by threads; every
 * other object belongs to one thread at a time. The library keeps no global
 * state, prints nothing, installs no signal handler and never ends the program.
 */
#ifndef LIBPCIPT_H
#define LIBPCIPT_H

#include <libpcipt/defs.h>
#include <libpcipt/error.h>
#include <libpcipt/context.h>
#include <libpcipt/options.h>
#include <libpcipt/snapshot.h>
#include <libpcipt/device.h>
#include <libpcipt/group.h>
#include <libpcipt/identity.h>
#include <libpcipt/set.h>
#include <libpcipt/plan.h>
#include <libpcipt/transaction.h>
#include <libpcipt/claim.h>
#include <libpcipt/monitor.h>
#include <libpcipt/report.h>

#endif
