// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Event is something that happened to a device or to a claim. A text that is "" is absent.
type Event struct {
	Type EventType
	// Address of the device.
	Address string
	// Claim is the claim's name.
	Claim string
	// Before and After are a device's driver or a claim's state; "" for none, or where it wasn't there.
	Before, After string
	// Reason says why a claim, or its health, is so, as a code, and Message as a sentence.
	Reason, Message string

	json []byte
}

// eventFrom copies an event and frees it.
func eventFrom(c *C.struct_pcipt_event) Event {
	var text *C.char
	defer C.pcipt_event_unref(c)
	event := Event{
		Type:    EventType(C.pcipt_event_get_type(c)),
		Address: C.GoString(C.pcipt_event_get_address(c)),
		Claim:   C.GoString(C.pcipt_event_get_claim(c)),
		Before:  C.GoString(C.pcipt_event_get_before(c)),
		After:   C.GoString(C.pcipt_event_get_after(c)),
		Reason:  C.GoString(C.pcipt_event_get_reason(c)),
		Message: C.GoString(C.pcipt_event_get_message(c)),
	}
	if C.pcipt_event_to_json(c, &text, nil) == 0 {
		event.json = taken(text)
	}
	return event
}

// MarshalJSON is the line that `pcipt monitor --json` prints.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.json == nil {
		return nil, &Error{Code: ErrNoMemory, Message: "the event's JSON form could not be made"}
	}
	return e.json, nil
}

// Monitor is what happens to devices and claims from its making on; nothing is told of what
// was there before. Goroutines may share it: each event goes to one of them.
type Monitor struct {
	handle *handle
	// The monitor's descriptor, known to Go's own poller, so that waiting takes no thread.
	file *os.File
	turn chan struct{}

	mutex sync.Mutex
	err   error
}

// Monitor watches from now on.
func (host *Host) Monitor() (*Monitor, error) {
	var c *C.struct_pcipt_monitor
	var e *C.struct_pcipt_error
	if !host.handle.enter() {
		return nil, errClosed("host")
	}
	defer host.handle.leave()
	if C.pcipt_monitor_new(contextOf(host.handle), &c, &e) != 0 {
		return nil, failure(e)
	}
	m := &Monitor{turn: make(chan struct{}, 1)}
	m.handle = newHandle(unsafe.Pointer(c), host.handle, func(p unsafe.Pointer) {
		C.pcipt_monitor_unref((*C.struct_pcipt_monitor)(p))
	})
	file, err := pollable(int(C.pcipt_monitor_fd(c)))
	if err != nil {
		m.handle.close()
		return nil, err
	}
	m.file = file
	return m, nil
}

// pollable is a copy of a descriptor that Go's poller knows; the original stays its owner's.
func pollable(fd int) (*os.File, error) {
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	// What isn't non-blocking os.NewFile would not give to the poller. An epoll descriptor's
	// reads are none, so nobody else sees a difference.
	if err := syscall.SetNonblock(int(own), true); err != nil {
		syscall.Close(int(own))
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(own, "pcipt monitor"), nil
}

// Close gives the monitor back; whoever waits for an event gets ErrInvalid.
func (m *Monitor) Close() error {
	m.handle.close()
	m.file.Close()
	return nil
}

// Next waits for the next event. After an error other than the context's, and other than that
// of a closed monitor, it can be asked again.
func (m *Monitor) Next(ctx context.Context) (Event, error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
	defer func() { <-m.turn }()
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	if !m.handle.enter() {
		return Event{}, errClosed("monitor")
	}
	defer m.handle.leave()
	event, err := m.wait(ctx)
	if err != nil && m.handle.closed.Load() {
		return Event{}, errClosed("monitor")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return Event{}, ctx.Err()
	}
	return event, err
}

// Look looks at everything now, for what the kernel doesn't speak of, such as a device that can't
// be woken. What has changed is told by Next, which must not be waiting meanwhile.
func (m *Monitor) Look(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.turn }()
	if !m.handle.enter() {
		return errClosed("monitor")
	}
	defer m.handle.leave()
	var e *C.struct_pcipt_error
	if C.pcipt_monitor_look((*C.struct_pcipt_monitor)(m.handle.pointer), &e) != 0 {
		return failure(e)
	}
	return nil
}

// wait takes the next event, or waits for it until the context ends.
func (m *Monitor) wait(ctx context.Context) (event Event, err error) {
	conn, err := m.file.SyscallConn()
	if err != nil {
		return event, err
	}
	if err := m.file.SetReadDeadline(time.Time{}); err != nil {
		return event, err
	}
	if ctx.Done() != nil {
		over, gone := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(gone)
			select {
			case <-ctx.Done():
				m.file.SetReadDeadline(time.Unix(1, 0))
			case <-over:
			}
		}()
		defer func() { close(over); <-gone }()
	}
	var failed error
	err = conn.Read(func(uintptr) bool {
		var got bool
		event, got, failed = m.take()
		return got || failed != nil
	})
	if failed != nil {
		err = failed
	}
	return event, err
}

// take is the next event without waiting; false where there is none.
func (m *Monitor) take() (Event, bool, error) {
	var c *C.struct_pcipt_event
	var e *C.struct_pcipt_error
	if C.pcipt_monitor_next((*C.struct_pcipt_monitor)(m.handle.pointer), &c, &e) != 0 {
		return Event{}, false, failure(e)
	}
	if c == nil {
		return Event{}, false, nil
	}
	return eventFrom(c), true, nil
}

// Events is a channel of the events, closed when the context ends, the monitor is closed,
// or an error comes: Err says which. Whoever stops receiving ends the context.
func (m *Monitor) Events(ctx context.Context) <-chan Event {
	events := make(chan Event)
	go func() {
		defer close(events)
		for {
			event, err := m.Next(ctx)
			if err != nil {
				m.mutex.Lock()
				m.err = err
				m.mutex.Unlock()
				return
			}
			select {
			case events <- event:
			case <-ctx.Done():
			}
		}
	}()
	return events
}

// Err is why the last channel of Events was closed; nil while none was.
func (m *Monitor) Err() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.err
}
