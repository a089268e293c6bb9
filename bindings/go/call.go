// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
// void pcipt_go_set_progress(struct pcipt_options *options, uintptr_t handle);
import "C"

import (
	"context"
	"os"
	"runtime/cgo"
	"syscall"
	"time"
)

// ProgressFunc is told of a step, its device's address ("" for none), and how far it is, on
// the goroutine that made the call, which waits for it. It must not use the Host.
type ProgressFunc func(op Op, address string, how Progress)

type progressKey struct{}

// WithProgress is a context for calls that change something: each tells of its steps.
func WithProgress(ctx context.Context, tell ProgressFunc) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

//export pcipt_go_progress
func pcipt_go_progress(tell C.uintptr_t, op C.int, address *C.char, how C.int) {
	cgo.Handle(tell).Value().(ProgressFunc)(Op(op), C.GoString(address), Progress(how))
}

// call is a call that changes something: its host, in use until end, and its options with
// what the context says: the deadline, who cancels, who is told of progress.
type call struct {
	host    *handle
	options *C.struct_pcipt_options
	tell    cgo.Handle
	// When the context can be cancelled: a pipe that is readable then.
	pipe       [2]int
	over, gone chan struct{}
}

// begin gives the error of a context that has ended already.
func (host *Host) begin(ctx context.Context, fill func(*C.struct_pcipt_options) error) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !host.handle.enter() {
		return nil, errClosed("host")
	}
	c := &call{host: host.handle}
	var err error
	if c.options, err = newOptions(nil); err == nil && fill != nil {
		err = fill(c.options)
	}
	if err == nil {
		err = c.follow(ctx)
	}
	if err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *call) end() {
	if c.over != nil {
		close(c.over)
		<-c.gone
		syscall.Close(c.pipe[0])
		syscall.Close(c.pipe[1])
	}
	C.pcipt_options_unref(c.options)
	if c.tell != 0 {
		c.tell.Delete()
	}
	c.host.leave()
}

// follow tells the library what the context wants.
func (c *call) follow(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return context.DeadlineExceeded
		}
		C.pcipt_options_set_timeout_ms(c.options, milliseconds(left))
	}
	if tell, _ := ctx.Value(progressKey{}).(ProgressFunc); tell != nil {
		c.tell = cgo.NewHandle(tell)
		C.pcipt_go_set_progress(c.options, C.uintptr_t(c.tell))
	}
	if ctx.Done() == nil {
		return nil
	}
	if err := syscall.Pipe2(c.pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	C.pcipt_options_set_cancel_fd(c.options, C.int(c.pipe[0]))
	c.over, c.gone = make(chan struct{}), make(chan struct{})
	go c.watch(ctx)
	return nil
}

// watch makes the pipe readable when the context is cancelled. A deadline is the library's own
// matter: it says ErrTimeout, and which step was late.
func (c *call) watch(ctx context.Context) {
	defer close(c.gone)
	select {
	case <-ctx.Done():
		if ctx.Err() != context.DeadlineExceeded {
			syscall.Write(c.pipe[1], []byte{0})
		}
	case <-c.over:
	}
}
