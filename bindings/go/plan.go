// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import (
	"context"
	"syscall"
	"time"
	"unsafe"
)

// Plan is the ordered steps of a bind or a release. Nothing is done until Host.Apply.
type Plan struct {
	handle *handle
}

func newPlan(c *C.struct_pcipt_plan, from *handle) *Plan {
	return &Plan{newHandle(unsafe.Pointer(c), from, func(p unsafe.Pointer) {
		C.pcipt_plan_unref((*C.struct_pcipt_plan)(p))
	})}
}

// Close gives the plan back.
func (p *Plan) Close() error {
	p.handle.close()
	return nil
}

func (p *Plan) c() *C.struct_pcipt_plan {
	return (*C.struct_pcipt_plan)(p.handle.pointer)
}

// Step is one step of a plan.
type Step struct {
	Op Op
	// Address of the device, or "" for a step that has none.
	Address string
	// Path of the attribute that is written or compared, or "".
	Path string
	// Value is what is written ("" clears an override), or the module's name.
	Value string
	// Shell is the step as the line that a person would type.
	Shell string
}

// Steps are the plan's steps in order.
func (p *Plan) Steps() []Step {
	p.handle.mustEnter()
	defer p.handle.leave()
	steps := make([]Step, int(C.pcipt_plan_step_count(p.c())))
	for i := range steps {
		n := C.size_t(i)
		steps[i] = Step{
			Op:      Op(C.pcipt_plan_step_op(p.c(), n)),
			Address: C.GoString(C.pcipt_plan_step_address(p.c(), n)),
			Path:    C.GoString(C.pcipt_plan_step_path(p.c(), n)),
			Value:   C.GoString(C.pcipt_plan_step_value(p.c(), n)),
			Shell:   C.GoString(C.pcipt_plan_step_shell(p.c(), n)),
		}
	}
	return steps
}

// MarshalJSON is the `steps[]`.
func (p *Plan) MarshalJSON() ([]byte, error) {
	var text *C.char
	var e *C.struct_pcipt_error
	if !p.handle.enter() {
		return nil, errClosed("plan")
	}
	defer p.handle.leave()
	if C.pcipt_plan_to_json(p.c(), &text, &e) != 0 {
		return nil, failure(e)
	}
	return taken(text), nil
}

// Result is how a transaction ended, what was written, and where every device is now.
type Result struct {
	Outcome  Outcome
	Devices  []ResultDevice
	Steps    []ResultStep
	Warnings []*Error

	json []byte
}

// ResultDevice is a device before and after. A driver that is "" is none.
type ResultDevice struct {
	Address      string
	DriverBefore string
	DriverAfter  string
	// VFIODevice is the node to open, or "".
	VFIODevice string
}

// ResultStep is a write or comparison that was made.
type ResultStep struct {
	Op      Op
	Address string
	Path    string
	Value   string
	Took    time.Duration
	// Errno is 0 when it succeeded.
	Errno syscall.Errno
	// IsUndo says whether it undid an earlier step.
	IsUndo bool
}

// resultFrom copies a result and frees it; nil for nil.
func resultFrom(c *C.struct_pcipt_result) *Result {
	var text *C.char
	if c == nil {
		return nil
	}
	defer C.pcipt_result_unref(c)
	r := &Result{Outcome: Outcome(C.pcipt_result_get_outcome(c))}
	for i := C.size_t(0); i < C.pcipt_result_device_count(c); i++ {
		r.Devices = append(r.Devices, ResultDevice{
			Address:      C.GoString(C.pcipt_result_device_address(c, i)),
			DriverBefore: C.GoString(C.pcipt_result_device_driver_before(c, i)),
			DriverAfter:  C.GoString(C.pcipt_result_device_driver_after(c, i)),
			VFIODevice:   C.GoString(C.pcipt_result_device_vfio_device(c, i)),
		})
	}
	for i := C.size_t(0); i < C.pcipt_result_step_count(c); i++ {
		r.Steps = append(r.Steps, ResultStep{
			Op:      Op(C.pcipt_result_step_op(c, i)),
			Address: C.GoString(C.pcipt_result_step_address(c, i)),
			Path:    C.GoString(C.pcipt_result_step_path(c, i)),
			Value:   C.GoString(C.pcipt_result_step_value(c, i)),
			Took:    time.Duration(float64(C.pcipt_result_step_ms(c, i)) * float64(time.Millisecond)),
			Errno:   syscall.Errno(C.pcipt_result_step_errno(c, i)),
			IsUndo:  bool(C.pcipt_result_step_is_undo(c, i)),
		})
	}
	for i := C.size_t(0); i < C.pcipt_result_warning_count(c); i++ {
		r.Warnings = append(r.Warnings, errorFrom(C.pcipt_result_warning_at(c, i)))
	}
	if C.pcipt_result_to_json(c, &text, nil) == 0 {
		r.json = taken(text)
	}
	return r
}

// MarshalJSON is `result`, `devices[]`, `steps[]` and `warnings[]`.
func (r *Result) MarshalJSON() ([]byte, error) {
	if r.json == nil {
		return nil, &Error{Code: ErrNoMemory, Message: "the result's JSON form could not be made"}
	}
	return r.json, nil
}

// failureWith is an error with what was done before it.
func failureWith(c *C.struct_pcipt_error, result *C.struct_pcipt_result) error {
	err := failure(c)
	err.Result = resultFrom(result)
	return err
}

// Apply carries a plan out: all of it is done, or what was done is undone. The context's
// deadline is that of the call; an undo gets as much again. When the context is cancelled no
// further step is begun, what was done is undone, and the call fails with ErrCancelled. Where it
// fails, the *Error's Result says what was done and undone.
func (host *Host) Apply(ctx context.Context, plan *Plan) (*Result, error) {
	var result *C.struct_pcipt_result
	var e *C.struct_pcipt_error
	call, err := host.begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer call.end()
	if !plan.handle.enter() {
		return nil, errClosed("plan")
	}
	defer plan.handle.leave()
	if C.pcipt_apply(contextOf(call.host), plan.c(), call.options, &result, &e) != 0 {
		return nil, failureWith(e, result)
	}
	return resultFrom(result), nil
}
