/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of the public enumerations, as they stand in JSON, in records and
 * in messages. One table for each, so that every layer says the same.
 */
#include <libpcipt/claim.h>
#include <libpcipt/context.h>
#include <libpcipt/group.h>
#include <libpcipt/identity.h>
#include <libpcipt/monitor.h>
#include <libpcipt/options.h>
#include <libpcipt/plan.h>
#include <libpcipt/set.h>
#include <libpcipt/transaction.h>

#include "base/util.h"

static const char *word(const char *const *words, size_t n, int number)
{
	return number >= 0 && (size_t)number < n ? words[number] : "unknown";
}

const char *pcipt_role_name(int role)
{
	static const char *const words[] = {
		[PCIPT_ROLE_REQUESTED] = "requested",
		[PCIPT_ROLE_GROUP_MEMBER] = "group-member",
		[PCIPT_ROLE_RESET_COUPLED] = "reset-coupled",
		[PCIPT_ROLE_COMPANION] = "companion",
		[PCIPT_ROLE_BRIDGE] = "bridge",
		[PCIPT_ROLE_EXEMPT] = "exempt",
	};

	return word(words, ARRAY_SIZE(words), role);
}

const char *pcipt_action_name(int action)
{
	static const char *const words[] = {
		[PCIPT_ACTION_BIND] = "bind",
		[PCIPT_ACTION_PIN] = "pin",
		[PCIPT_ACTION_KEEP] = "keep",
	};

	return word(words, ARRAY_SIZE(words), action);
}

const char *pcipt_severity_name(int severity)
{
	static const char *const words[] = {
		[PCIPT_SEVERITY_HARD] = "hard",
		[PCIPT_SEVERITY_BLOCKER] = "blocker",
		[PCIPT_SEVERITY_WARNING] = "warning",
	};

	return word(words, ARRAY_SIZE(words), severity);
}

const char *pcipt_op_name(int op)
{
	static const char *const words[] = {
		[PCIPT_OP_LOAD] = "load",     [PCIPT_OP_PIN] = "pin",
		[PCIPT_OP_OVERRIDE] = "override", [PCIPT_OP_UNBIND] = "unbind",
		[PCIPT_OP_BIND] = "bind",     [PCIPT_OP_VERIFY] = "verify",
		[PCIPT_OP_POWER] = "power",
	};

	return word(words, ARRAY_SIZE(words), op);
}

const char *pcipt_outcome_name(int outcome)
{
	static const char *const words[] = {
		[PCIPT_OUTCOME_DONE] = "done",
		[PCIPT_OUTCOME_UNCHANGED] = "unchanged",
		[PCIPT_OUTCOME_REFUSED] = "refused",
		[PCIPT_OUTCOME_ROLLED_BACK] = "rolled-back",
		[PCIPT_OUTCOME_ROLLBACK_INCOMPLETE] = "rollback-incomplete",
		[PCIPT_OUTCOME_STUCK] = "stuck",
		[PCIPT_OUTCOME_FAILED] = "failed",
	};

	return word(words, ARRAY_SIZE(words), outcome);
}

const char *pcipt_verdict_name(int verdict)
{
	static const char *const words[] = {
		[PCIPT_VERDICT_SAME] = "same",
		[PCIPT_VERDICT_MOVED] = "moved",
		[PCIPT_VERDICT_REPLACED] = "replaced",
		[PCIPT_VERDICT_MISSING] = "missing",
		[PCIPT_VERDICT_AMBIGUOUS] = "ambiguous",
	};

	return word(words, ARRAY_SIZE(words), verdict);
}

const char *pcipt_claim_state_name(int state)
{
	static const char *const words[] = {
		[PCIPT_CLAIM_BINDING] = "binding",
		[PCIPT_CLAIM_BOUND] = "bound",
		[PCIPT_CLAIM_RELEASING] = "releasing",
		[PCIPT_CLAIM_PENDING] = "pending",
		[PCIPT_CLAIM_WAITING] = "waiting",
		[PCIPT_CLAIM_STUCK] = "stuck",
	};

	return word(words, ARRAY_SIZE(words), state);
}

const char *pcipt_event_type_name(int type)
{
	static const char *const words[] = {
		[PCIPT_EVENT_DEVICE_ADDED] = "device-added",
		[PCIPT_EVENT_DEVICE_REMOVED] = "device-removed",
		[PCIPT_EVENT_DEVICE_CHANGED] = "device-changed",
		[PCIPT_EVENT_CLAIM_CHANGED] = "claim-changed",
		[PCIPT_EVENT_HEALTH] = "health",
	};

	return word(words, ARRAY_SIZE(words), type);
}

const char *pcipt_log_level_name(int level)
{
	static const char *const words[] = {
		[PCIPT_LOG_NONE] = "none",	 [PCIPT_LOG_ERROR] = "error",
		[PCIPT_LOG_WARNING] = "warning", [PCIPT_LOG_INFO] = "info",
		[PCIPT_LOG_DEBUG] = "debug",
	};

	return word(words, ARRAY_SIZE(words), level);
}

const char *pcipt_progress_name(int progress)
{
	static const char *const words[] = {
		[PCIPT_PROGRESS_BEGUN] = "begun",
		[PCIPT_PROGRESS_DONE] = "done",
		[PCIPT_PROGRESS_FAILED] = "failed",
	};

	return word(words, ARRAY_SIZE(words), progress);
}

const char *pcipt_viability_name(int viability)
{
	static const char *const words[] = {
		[PCIPT_VIABLE] = "viable",
		[PCIPT_NOT_VIABLE] = "not-viable",
	};

	return word(words, ARRAY_SIZE(words), viability);
}
