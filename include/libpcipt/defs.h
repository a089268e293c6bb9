/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every public header needs: the export mark and the names of the handles.
 * Include <libpcipt/libpcipt.h>, not this file.
 */
#ifndef LIBPCIPT_DEFS_H
#define LIBPCIPT_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PCIPT_BEGIN_DECLS extern "C" {
#define PCIPT_END_DECLS }
#else
#define PCIPT_BEGIN_DECLS
#define PCIPT_END_DECLS
#endif

#ifndef PCIPT_API
#define PCIPT_API
#endif

struct pcipt_context;
struct pcipt_error;
struct pcipt_options;
struct pcipt_snapshot;
struct pcipt_device;
struct pcipt_group;
struct pcipt_set;
struct pcipt_plan;
struct pcipt_result;
struct pcipt_claim;
struct pcipt_claim_list;
struct pcipt_report;

#endif
