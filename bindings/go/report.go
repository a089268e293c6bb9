// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import "context"

// Report is what a recovery or a reconcile did: a line for each claim that was changed,
// waits, or could not be finished.
type Report struct {
	Actions []ReportAction

	json []byte
}

// ReportAction is what became of a claim that was not as it should be.
type ReportAction struct {
	// Claim is its name; of a transaction without a claim "apply-…".
	Claim string
	// From is its state before, or "damaged".
	From string
	// To is its state now, or "ended".
	To string
	// Reason is why, in a word: "absent".
	Reason string
	// Message is the same in a sentence.
	Message string
}

// reportFrom copies a report and frees it; nil for nil.
func reportFrom(c *C.struct_pcipt_report) *Report {
	var text *C.char
	if c == nil {
		return nil
	}
	defer C.pcipt_report_unref(c)
	r := &Report{}
	for i := C.size_t(0); i < C.pcipt_report_action_count(c); i++ {
		r.Actions = append(r.Actions, ReportAction{
			Claim:   C.GoString(C.pcipt_report_action_claim(c, i)),
			From:    C.GoString(C.pcipt_report_action_from(c, i)),
			To:      C.GoString(C.pcipt_report_action_to(c, i)),
			Reason:  C.GoString(C.pcipt_report_action_reason(c, i)),
			Message: C.GoString(C.pcipt_report_action_message(c, i)),
		})
	}
	if C.pcipt_report_to_json(c, &text, nil) == 0 {
		r.json = taken(text)
	}
	return r
}

// MarshalJSON is `actions[]`.
func (r *Report) MarshalJSON() ([]byte, error) {
	if r.json == nil {
		return nil, &Error{Code: ErrNoMemory, Message: "the report's JSON form could not be made"}
	}
	return r.json, nil
}

// reported is what a recovery gives. A report of one that failed is in its *Error.
func reported(r C.int, c *C.struct_pcipt_report, e *C.struct_pcipt_error) (*Report, error) {
	report := reportFrom(c)
	if r == 0 {
		return report, nil
	}
	err := failure(e)
	err.Report = report
	return nil, err
}

// Recover finishes what was interrupted: transactions whose process was killed, or that were
// stuck. Where it fails, the *Error's Report says what was done.
func (host *Host) Recover(ctx context.Context) (*Report, error) {
	var report *C.struct_pcipt_report
	var e *C.struct_pcipt_error
	call, err := host.begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer call.end()
	r := C.pcipt_recover(contextOf(call.host), call.options, &report, &e)
	return reported(r, report, e)
}

// ReconcileOptions is what is wanted of a reconcile.
type ReconcileOptions struct {
	// Now also tries at once what waits for its next attempt.
	Now bool
}

// Reconcile leads every claim to where it can be: after a boot, and when a Monitor says so.
// Where it fails, the *Error's Report says what was done.
func (host *Host) Reconcile(ctx context.Context, options *ReconcileOptions) (*Report, error) {
	var report *C.struct_pcipt_report
	var e *C.struct_pcipt_error
	call, err := host.begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer call.end()
	C.pcipt_options_set_now(call.options, C.bool(options != nil && options.Now))
	r := C.pcipt_reconcile(contextOf(call.host), call.options, &report, &e)
	return reported(r, report, e)
}
