// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import (
	"strings"
	"unsafe"
)

// SetOptions is what is wanted of a set beyond its devices.
type SetOptions struct {
	// Driver shall take the devices; "" is vfio-pci.
	Driver string
	// WithSet accepts the whole set instead of refusing it with FindingSetIncomplete.
	WithSet bool
	// WithCompanions takes what is reset with the devices or belongs to them, too.
	WithCompanions bool
	// Allow lists findings to allow: "boot-vga", or "boot-vga@0000:01:00.0" on one device.
	Allow []string
	// Owner is the one of BindOptions, where that has one: a claim that has the devices
	// already is the caller's only if it is that owner's, another's is FindingClaimed.
	Owner string
}

// newOptions makes an options object; the caller frees it.
func newOptions(set *SetOptions) (*C.struct_pcipt_options, error) {
	var c *C.struct_pcipt_options
	var e *C.struct_pcipt_error
	if C.pcipt_options_new(&c, &e) != 0 {
		return nil, failure(e)
	}
	err := error(nil)
	if set != nil {
		err = set.fill(c)
	}
	if err != nil {
		C.pcipt_options_unref(c)
		return nil, err
	}
	return c, nil
}

func (options *SetOptions) fill(c *C.struct_pcipt_options) error {
	var e *C.struct_pcipt_error
	driver, free, err := cOptional(options.Driver)
	if err != nil {
		return err
	}
	defer free()
	if driver != nil && C.pcipt_options_set_driver(c, driver, &e) != 0 {
		return failure(e)
	}
	C.pcipt_options_set_with_set(c, C.bool(options.WithSet))
	C.pcipt_options_set_with_companions(c, C.bool(options.WithCompanions))
	for _, rule := range options.Allow {
		if err := allow(c, rule); err != nil {
			return err
		}
	}
	return setOwner(c, options.Owner)
}

func allow(c *C.struct_pcipt_options, rule string) error {
	var e *C.struct_pcipt_error
	code, address := rule, ""
	if at := strings.IndexByte(rule, '@'); at >= 0 {
		code, address = rule[:at], rule[at+1:]
	}
	codeText, freeCode, err := cText(code)
	if err != nil {
		return err
	}
	defer freeCode()
	addressText, freeAddress, err := cOptional(address)
	if err != nil {
		return err
	}
	defer freeAddress()
	if C.pcipt_options_add_allow(c, codeText, addressText, &e) != 0 {
		return failure(e)
	}
	return nil
}

// Set is a set that is safe to take, or the findings that say why it isn't.
type Set struct {
	handle   *handle
	snapshot *handle
}

// Set is the safe set of some devices of this snapshot: what must move together with them,
// and what stands against it. An unsafe set is an answer, not an error.
func (s *Snapshot) Set(devices []Device, options *SetOptions) (*Set, error) {
	var c *C.struct_pcipt_set
	var e *C.struct_pcipt_error
	given, err := newOptions(options)
	if err != nil {
		return nil, err
	}
	defer C.pcipt_options_unref(given)
	array := make([]*C.struct_pcipt_device, len(devices), len(devices)+1)
	for i, device := range devices {
		if device.snapshot != s.handle {
			return nil, &Error{Code: ErrInvalid, Message: "a device of another snapshot"}
		}
		array[i] = device.c
	}
	if !s.handle.enter() {
		return nil, errClosed("snapshot")
	}
	defer s.handle.leave()
	if C.pcipt_set_new(s.c(), (**C.struct_pcipt_device)(unsafe.Pointer(&array[:1][0])), C.size_t(len(devices)), given, &c, &e) != 0 {
		return nil, failure(e)
	}
	return &Set{newHandle(unsafe.Pointer(c), s.handle, func(p unsafe.Pointer) {
		C.pcipt_set_unref((*C.struct_pcipt_set)(p))
	}), s.handle}, nil
}

// Close gives the set back.
func (s *Set) Close() error {
	s.handle.close()
	return nil
}

func (s *Set) c() *C.struct_pcipt_set {
	return (*C.struct_pcipt_set)(s.handle.pointer)
}

// IsSafe says whether nothing that isn't allowed stands against it.
func (s *Set) IsSafe() bool {
	s.handle.mustEnter()
	defer s.handle.leave()
	return bool(C.pcipt_set_is_safe(s.c()))
}

// Driver is what the set's devices shall have.
func (s *Set) Driver() string {
	s.handle.mustEnter()
	defer s.handle.leave()
	return C.GoString(C.pcipt_set_get_driver(s.c()))
}

// Member is a device of a set, why it is there, and what becomes of it.
type Member struct {
	Device Device
	Role   Role
	Action Action
}

// Members are ordered by address.
func (s *Set) Members() []Member {
	s.handle.mustEnter()
	defer s.handle.leave()
	members := make([]Member, int(C.pcipt_set_member_count(s.c())))
	for i := range members {
		n := C.size_t(i)
		members[i] = Member{Device{s.snapshot, C.pcipt_set_member_device(s.c(), n)},
			Role(C.pcipt_set_member_role(s.c(), n)), Action(C.pcipt_set_member_action(s.c(), n))}
	}
	return members
}

// Companion is a device that would go along if companions were asked for, and why.
type Companion struct {
	Device Device
	Role   Role
}

// Companions are what WithCompanions would take along, too; none where it was given.
func (s *Set) Companions() []Companion {
	s.handle.mustEnter()
	defer s.handle.leave()
	companions := make([]Companion, int(C.pcipt_set_companion_count(s.c())))
	for i := range companions {
		n := C.size_t(i)
		companions[i] = Companion{Device{s.snapshot, C.pcipt_set_companion_device(s.c(), n)},
			Role(C.pcipt_set_companion_role(s.c(), n))}
	}
	return companions
}

// Finding is something that stands against a set, or is worth knowing.
type Finding struct {
	// Code is one of Finding…: "set-incomplete".
	Code     string
	Severity Severity
	// Address of the device it is about, or "".
	Address string
	// Message is one line: what stands against it.
	Message string
	// Evidence is what was seen that says so.
	Evidence string
	// Remedy says what to do, in the imperative.
	Remedy string
	// Allowed says whether the options allowed it.
	Allowed bool
}

// Findings are what stands against it, the gravest first.
func (s *Set) Findings() []Finding {
	s.handle.mustEnter()
	defer s.handle.leave()
	findings := make([]Finding, int(C.pcipt_set_finding_count(s.c())))
	for i := range findings {
		n := C.size_t(i)
		findings[i] = Finding{
			Code:     C.GoString(C.pcipt_set_finding_code(s.c(), n)),
			Severity: Severity(C.pcipt_set_finding_severity(s.c(), n)),
			Address:  C.GoString(C.pcipt_set_finding_address(s.c(), n)),
			Message:  C.GoString(C.pcipt_set_finding_message(s.c(), n)),
			Evidence: C.GoString(C.pcipt_set_finding_evidence(s.c(), n)),
			Remedy:   C.GoString(C.pcipt_set_finding_remedy(s.c(), n)),
			Allowed:  bool(C.pcipt_set_finding_is_allowed(s.c(), n)),
		}
	}
	return findings
}

// MarshalJSON is `safe`, `members[]`, `companions[]`, `findings[]`.
func (s *Set) MarshalJSON() ([]byte, error) {
	var text *C.char
	var e *C.struct_pcipt_error
	if !s.handle.enter() {
		return nil, errClosed("set")
	}
	defer s.handle.leave()
	if C.pcipt_set_to_json(s.c(), &text, &e) != 0 {
		return nil, failure(e)
	}
	return taken(text), nil
}

// Plan is the steps that give the set to its driver. An unsafe set is ErrRefused, whose
// causes are its findings.
func (s *Set) Plan() (*Plan, error) {
	var c *C.struct_pcipt_plan
	var e *C.struct_pcipt_error
	if !s.handle.enter() {
		return nil, errClosed("set")
	}
	defer s.handle.leave()
	if C.pcipt_plan_bind(s.c(), nil, &c, &e) != 0 {
		return nil, failure(e)
	}
	return newPlan(c, s.handle), nil
}

// FindingKind is what a finding's code stands for.
type FindingKind struct {
	Code string
	// Severity is that of its findings, or graver than theirs.
	Severity Severity
	// Text is what it says, one sentence.
	Text string
}

// FindingKinds are all codes of findings that the library has, a newer one's too.
func FindingKinds() []FindingKind {
	kinds := make([]FindingKind, int(C.pcipt_finding_code_count()))
	for i := range kinds {
		n := C.size_t(i)
		kinds[i] = FindingKind{
			Code:     C.GoString(C.pcipt_finding_code_at(n)),
			Severity: Severity(C.pcipt_finding_code_severity(n)),
			Text:     C.GoString(C.pcipt_finding_code_text(n)),
		}
	}
	return kinds
}
