// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
// void pcipt_go_set_log(struct pcipt_context *ctx, uintptr_t handle, int level);
import "C"

import (
	"math"
	"runtime/cgo"
	"time"
	"unsafe"
)

// Config says which machine, where records are kept, and how long things may take.
type Config struct {
	// Root is a folder that stands for "/"; "" is this machine.
	Root string
	// StateDir is where claims that survive a boot are kept; "" is below the root.
	StateDir string
	// RuntimeDir is where this boot's records and locks are; "" is below the root.
	RuntimeDir string
	// Timeout is the deadline of a call that changes or waits for something; 0 is 60 s.
	Timeout time.Duration
	// Threads is how many threads a snapshot of the whole machine may use.
	Threads int
	// Log hears the library, on the goroutine that made the call; it must not use the Host.
	Log func(level LogLevel, line string)
	// LogLevel is down to which level it hears; 0 is LogWarning.
	LogLevel LogLevel
}

// Host is a machine: the library's context. Any number of goroutines may share it.
type Host struct {
	handle *handle
}

// Open makes a Host; nil is this machine with all defaults. It touches nothing yet.
func Open(config *Config) (*Host, error) {
	if config == nil {
		config = &Config{}
	}
	h, err := config.open()
	if err != nil {
		return nil, err
	}
	return &Host{h}, nil
}

func (config *Config) open() (*handle, error) {
	var c *C.struct_pcipt_context
	var e *C.struct_pcipt_error
	if C.pcipt_context_new(&c, &e) != 0 {
		return nil, failure(e)
	}
	var log cgo.Handle
	h := newHandle(unsafe.Pointer(c), nil, func(p unsafe.Pointer) {
		C.pcipt_context_unref((*C.struct_pcipt_context)(p))
		if log != 0 {
			log.Delete()
		}
	})
	if err := config.setFolders(c); err != nil {
		h.close()
		return nil, err
	}
	if config.Timeout > 0 {
		C.pcipt_context_set_timeout_ms(c, milliseconds(config.Timeout))
	}
	if config.Threads > 0 {
		C.pcipt_context_set_threads(c, C.uint(config.Threads&0xffff))
	}
	if config.Log != nil {
		level := config.LogLevel
		if level == LogNone {
			level = LogWarning
		}
		log = cgo.NewHandle(config.Log)
		C.pcipt_go_set_log(c, C.uintptr_t(log), C.int(level))
	}
	return h, nil
}

func (config *Config) setFolders(c *C.struct_pcipt_context) error {
	type setter func(path *C.char, e **C.struct_pcipt_error) C.int
	set := func(path string, to setter) error {
		var e *C.struct_pcipt_error
		text, free, err := cOptional(path)
		if err != nil || text == nil {
			return err
		}
		defer free()
		if to(text, &e) != 0 {
			return failure(e)
		}
		return nil
	}
	err := set(config.Root, func(path *C.char, e **C.struct_pcipt_error) C.int {
		return C.pcipt_context_set_root(c, path, e)
	})
	if err == nil {
		err = set(config.StateDir, func(path *C.char, e **C.struct_pcipt_error) C.int {
			return C.pcipt_context_set_state_dir(c, path, e)
		})
	}
	if err == nil {
		err = set(config.RuntimeDir, func(path *C.char, e **C.struct_pcipt_error) C.int {
			return C.pcipt_context_set_runtime_dir(c, path, e)
		})
	}
	return err
}

// milliseconds of a duration; 0 would restore the default, so the least is one.
func milliseconds(d time.Duration) C.uint32_t {
	ms := d.Milliseconds()
	if ms < 1 {
		ms = 1
	}
	if ms > math.MaxUint32 {
		ms = math.MaxUint32
	}
	return C.uint32_t(ms)
}

//export pcipt_go_log
func pcipt_go_log(log C.uintptr_t, level C.int, line *C.char) {
	cgo.Handle(log).Value().(func(LogLevel, string))(LogLevel(level), C.GoString(line))
}

// Close gives the host back. What was made from it stays usable.
func (host *Host) Close() error {
	host.handle.close()
	return nil
}

func contextOf(h *handle) *C.struct_pcipt_context {
	return (*C.struct_pcipt_context)(h.pointer)
}

// Root is the folder that stands for "/".
func (host *Host) Root() string {
	host.handle.mustEnter()
	defer host.handle.leave()
	return C.GoString(C.pcipt_context_get_root(contextOf(host.handle)))
}

// StateDir is where claims that survive a boot are kept.
func (host *Host) StateDir() string {
	host.handle.mustEnter()
	defer host.handle.leave()
	return C.GoString(C.pcipt_context_get_state_dir(contextOf(host.handle)))
}

// RuntimeDir is where this boot's records and locks are.
func (host *Host) RuntimeDir() string {
	host.handle.mustEnter()
	defer host.handle.leave()
	return C.GoString(C.pcipt_context_get_runtime_dir(contextOf(host.handle)))
}

// Timeout is the deadline of a call without one of its own.
func (host *Host) Timeout() time.Duration {
	host.handle.mustEnter()
	defer host.handle.leave()
	return time.Duration(C.pcipt_context_get_timeout_ms(contextOf(host.handle))) * time.Millisecond
}
