// SPDX-License-Identifier: LGPL-2.1-or-later

// Package pcipt takes PCI devices from the host for a virtual machine or a user-space
// driver, and gives them back. It calls the C library libpcipt, which pkg-config finds.
//
//	Host → Snapshot → Device, Group → Set → Plan → Result, Claim
//
// A card with all that must go along, for a virtual machine, and back:
//
//	host, err := pcipt.Open(nil)
//	snapshot, err := host.Snapshot()
//	device, err := snapshot.Find("0000:01:00.0")
//	set, err := snapshot.Set([]pcipt.Device{device}, &pcipt.SetOptions{WithSet: true})
//	for _, finding := range set.Findings() {
//		fmt.Println(finding.Severity, finding.Message, "-", finding.Remedy)
//	}
//	claim, err := host.Bind(ctx, set, &pcipt.BindOptions{Owner: "an example"})
//	fmt.Println(claim.Result.Devices[0].VFIODevice) // what the machine opens
//	…
//	_, err = host.Release(ctx, claim, nil)
//
// and what happens meanwhile:
//
//	monitor, err := host.Monitor()
//	for event := range monitor.Events(ctx) {
//		fmt.Println(event.Type, event.Address, event.Claim, event.Message)
//	}
//
// What comes from a function that also gives an error is closed with Close. One that is
// forgotten is freed some time by the garbage collector. A Device, Group or Member belongs
// to its Snapshot: using one after the snapshot was closed panics, as using a nil map does;
// a Close while another goroutine is inside a call waits for nobody and frees nothing too
// early. Hosts, snapshots, devices and groups may be shared by goroutines.
//
// Errors are *Error; each code is a sentinel for errors.Is:
//
//	if errors.Is(err, pcipt.ErrRefused) { … }
package pcipt

// #cgo pkg-config: libpcipt
// #include <stdlib.h>
// #include <libpcipt/libpcipt.h>
import "C"

import (
	"runtime"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Version is the version of the library that was found, "0.1.0".
func Version() string {
	return C.GoString(C.pcipt_version())
}

// handle holds an object of the library's. It is given back when its owner has closed it,
// no call is inside it, and nothing that was made from it is left.
type handle struct {
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	parent  *handle
	uses    atomic.Int64
	closed  atomic.Bool
}

// newHandle takes the pointer over. The parent, if there is one, must be in use by the caller.
func newHandle(pointer unsafe.Pointer, parent *handle, free func(unsafe.Pointer)) *handle {
	h := &handle{pointer: pointer, free: free, parent: parent}
	h.uses.Store(1)
	if parent != nil {
		parent.uses.Add(1)
	}
	runtime.SetFinalizer(h, (*handle).close)
	return h
}

// enter says whether the object may be used until leave.
func (h *handle) enter() bool {
	if h == nil {
		return false
	}
	for {
		uses := h.uses.Load()
		if uses == 0 || h.closed.Load() {
			return false
		}
		if h.uses.CompareAndSwap(uses, uses+1) {
			return true
		}
	}
}

// mustEnter is for what can't give an error.
func (h *handle) mustEnter() {
	if !h.enter() {
		panic("pcipt: used after it, or its snapshot, was closed")
	}
}

func (h *handle) leave() {
	if h.uses.Add(-1) > 0 {
		return
	}
	h.free(h.pointer)
	if h.parent != nil {
		h.parent.leave()
	}
}

func (h *handle) close() {
	if h != nil && h.closed.CompareAndSwap(false, true) {
		runtime.SetFinalizer(h, nil)
		h.leave()
	}
}

// errClosed is the error of a call on something that was closed.
func errClosed(what string) error {
	return &Error{Code: ErrInvalid, Message: "the " + what + " is closed", Remedy: "Use it before Close"}
}

// cOptional is cText, but nil for "".
func cOptional(text string) (*C.char, func(), error) {
	if text == "" {
		return nil, func() {}, nil
	}
	return cText(text)
}

// cText is a text for the library, with what frees it.
func cText(text string) (*C.char, func(), error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, nil, &Error{Code: ErrInvalid, Message: "a text with a NUL character in it"}
	}
	c := C.CString(text)
	return c, func() { C.free(unsafe.Pointer(c)) }, nil
}

// taken is a text that the library made for us.
func taken(text *C.char) []byte {
	if text == nil {
		return nil
	}
	defer C.pcipt_free(unsafe.Pointer(text))
	return []byte(C.GoString(text))
}

// JSON is asked for what it shall hold by flags.
func flagsOf(flags []JSONFlags) C.uint32_t {
	var all C.uint32_t
	for _, flag := range flags {
		all |= C.uint32_t(flag)
	}
	return all
}
