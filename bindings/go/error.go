// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import (
	"context"
	"encoding/json"
	"os"
	"syscall"
)

// Error is what failed, on which device, at which step, why, and what to do.
//
// errors.Is finds its code (ErrRefused, …), and the kernel's errno, so that
// errors.Is(err, fs.ErrPermission) works too. One that is ErrTimeout is also
// context.DeadlineExceeded, one that is ErrCancelled also context.Canceled, one that is
// ErrPermission also fs.ErrPermission.
type Error struct {
	// Code is the kind of failure.
	Code Code
	// Message is one line: what happened, to which device.
	Message string
	// Step at which it happened ("override", "unbind", "bind", …), or "".
	Step string
	// Address of the device, or "".
	Address string
	// Path of the file or attribute, or "".
	Path string
	// Errno is the kernel's, or 0.
	Errno syscall.Errno
	// Retryable says whether the same call may succeed later without anybody changing anything.
	Retryable bool
	// Remedy says what to do, in the imperative, or "".
	Remedy string
	// Causes: several devices can fail at once.
	Causes []*Error
	// Result says what was done before it failed, where a transaction had begun; else nil.
	Result *Result
	// Report says what a recovery or a reconcile did before it failed; else nil.
	Report *Report

	json []byte
}

// Error is the message.
func (e *Error) Error() string {
	return e.Message
}

// Name is the code's name, "PCIPT_E_…".
func (e *Error) Name() string {
	return e.Code.Name()
}

// Is says whether the target is the error's code, or what stands for it.
func (e *Error) Is(target error) bool {
	if target == context.Canceled {
		return e.Code == ErrCancelled
	}
	if target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded {
		return e.Code == ErrTimeout
	}
	if target == os.ErrPermission {
		return e.Code == ErrPermission
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap is the kernel's errno, or nil.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// MarshalJSON is the object that `pcipt --json` prints as error.
func (e *Error) MarshalJSON() ([]byte, error) {
	if e.json != nil {
		return e.json, nil
	}
	// One of this package's own, without a device or a path.
	return json.Marshal(map[string]interface{}{
		"code": e.Name(), "number": int(e.Code), "message": e.Message, "step": nil, "address": nil,
		"path": nil, "errno": nil, "retryable": false, "remedy": e.Remedy, "causes": []int{}})
}

// Error is what the code means, one sentence. A Code is an error so that it can be the
// target of errors.Is; what the library gives is an *Error.
func (c Code) Error() string {
	return C.GoString(C.pcipt_errc_text(C.int(c)))
}

// Name is "PCIPT_E_…", or "PCIPT_E_UNKNOWN" for a code that this library doesn't have.
func (c Code) Name() string {
	return C.GoString(C.pcipt_errc_name(C.int(c)))
}

// ExitStatus is the exit status that the command line gives for the code.
func (c Code) ExitStatus() int {
	return int(C.pcipt_errc_exit_status(C.int(c)))
}

// Codes are all codes that the library has, OK first.
func Codes() []Code {
	codes := make([]Code, int(C.pcipt_errc_count()))
	for i := range codes {
		codes[i] = Code(-i)
	}
	return codes
}

// errorFrom copies an error that somebody else owns.
func errorFrom(c *C.struct_pcipt_error) *Error {
	e := &Error{
		Code:      Code(C.pcipt_error_get_code(c)),
		Message:   C.GoString(C.pcipt_error_get_message(c)),
		Step:      C.GoString(C.pcipt_error_get_step(c)),
		Address:   C.GoString(C.pcipt_error_get_address(c)),
		Path:      C.GoString(C.pcipt_error_get_path(c)),
		Errno:     syscall.Errno(C.pcipt_error_get_errno(c)),
		Retryable: bool(C.pcipt_error_is_retryable(c)),
		Remedy:    C.GoString(C.pcipt_error_get_remedy(c)),
		json:      taken(C.pcipt_error_to_json(c)),
	}
	for i := C.size_t(0); i < C.pcipt_error_cause_count(c); i++ {
		e.Causes = append(e.Causes, errorFrom(C.pcipt_error_cause_at(c, i)))
	}
	return e
}

// failure takes an error over.
func failure(c *C.struct_pcipt_error) *Error {
	defer C.pcipt_error_unref(c)
	return errorFrom(c)
}
