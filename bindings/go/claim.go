// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// BindOptions is what a claim is called.
type BindOptions struct {
	// Name is the claim's; "" is one made from the first requested device.
	Name string
	// Owner is who wants it, free text.
	Owner string
	// Persistent claims outlive the boot: Host.Reconcile binds them again.
	Persistent bool
}

func (options *BindOptions) fill(c *C.struct_pcipt_options) error {
	var e *C.struct_pcipt_error
	name, freeName, err := cOptional(options.Name)
	if err != nil {
		return err
	}
	defer freeName()
	C.pcipt_options_set_persistent(c, C.bool(options.Persistent))
	if name != nil && C.pcipt_options_set_name(c, name, &e) != 0 {
		return failure(e)
	}
	return setOwner(c, options.Owner)
}

func setOwner(c *C.struct_pcipt_options, name string) error {
	var e *C.struct_pcipt_error
	owner, free, err := cOptional(name)
	if err != nil {
		return err
	}
	defer free()
	if owner != nil && C.pcipt_options_set_owner(c, owner, &e) != 0 {
		return failure(e)
	}
	return nil
}

// Claim is the record that somebody holds devices. Closing it doesn't release them: that is
// Host.Release.
type Claim struct {
	handle *handle
	// Result is what Host.Bind did, with the node that a virtual machine opens
	// (Devices[0].VFIODevice); nil on a claim that was found: of its devices a Snapshot
	// of their addresses knows it, by Find and Device.VFIODevice.
	Result *Result
}

func newClaim(c *C.struct_pcipt_claim, host *handle) *Claim {
	return &Claim{handle: newHandle(unsafe.Pointer(c), host, func(p unsafe.Pointer) {
		C.pcipt_claim_unref((*C.struct_pcipt_claim)(p))
	})}
}

// Bind takes a safe set and remembers it: the claim stays until it is released. The
// context is as in Apply. Where it fails, the *Error's Result says what was
// done and undone.
func (host *Host) Bind(ctx context.Context, set *Set, options *BindOptions) (*Claim, error) {
	var c *C.struct_pcipt_claim
	var result *C.struct_pcipt_result
	var e *C.struct_pcipt_error
	call, err := host.begin(ctx, func(c *C.struct_pcipt_options) error {
		if options == nil {
			return nil
		}
		return options.fill(c)
	})
	if err != nil {
		return nil, err
	}
	defer call.end()
	if !set.handle.enter() {
		return nil, errClosed("set")
	}
	defer set.handle.leave()
	if C.pcipt_claim_bind(contextOf(call.host), set.c(), call.options, &c, &result, &e) != 0 {
		return nil, failureWith(e, result)
	}
	claim := newClaim(c, call.host)
	claim.Result = resultFrom(result)
	return claim, nil
}

// ReleaseOptions is whose claim may be released, and what doesn't stand in the way.
type ReleaseOptions struct {
	// Owner, where it isn't "", is whose claims only may be ended: another's is ErrClaimed.
	Owner string
	// Allow lists findings to allow, as in SetOptions: "held-open".
	Allow []string
}

// Release gives a claim's devices back and ends it. Warnings in the result are worth a look.
// One that is cancelled leaves the claim as ClaimReleasing: release again, or Recover, to go on.
// A device that a process holds open is ErrRefused, unless FindingHeldOpen is allowed.
func (host *Host) Release(ctx context.Context, claim *Claim, options *ReleaseOptions) (*Result, error) {
	var result *C.struct_pcipt_result
	var e *C.struct_pcipt_error
	call, err := host.begin(ctx, func(c *C.struct_pcipt_options) error {
		if options == nil {
			return nil
		}
		for _, rule := range options.Allow {
			if err := allow(c, rule); err != nil {
				return err
			}
		}
		return setOwner(c, options.Owner)
	})
	if err != nil {
		return nil, err
	}
	defer call.end()
	if !claim.handle.enter() {
		return nil, errClosed("claim")
	}
	defer claim.handle.leave()
	if C.pcipt_claim_release(contextOf(call.host), claim.c(), call.options, &result, &e) != 0 {
		return nil, failureWith(e, result)
	}
	return resultFrom(result), nil
}

// Forget ends a claim and touches none of its devices: somebody else looks after them now.
func (host *Host) Forget(claim *Claim) error {
	var e *C.struct_pcipt_error
	if !host.handle.enter() {
		return errClosed("host")
	}
	defer host.handle.leave()
	if !claim.handle.enter() {
		return errClosed("claim")
	}
	defer claim.handle.leave()
	if C.pcipt_claim_forget(contextOf(host.handle), claim.c(), &e) != 0 {
		return failure(e)
	}
	return nil
}

// Claim is one claim, by its name or by the full address of a device in it.
func (host *Host) Claim(nameOrAddress string) (*Claim, error) {
	var c *C.struct_pcipt_claim
	var e *C.struct_pcipt_error
	text, free, err := cText(nameOrAddress)
	if err != nil {
		return nil, err
	}
	defer free()
	if !host.handle.enter() {
		return nil, errClosed("host")
	}
	defer host.handle.leave()
	if C.pcipt_claim_find(contextOf(host.handle), text, &c, &e) != 0 {
		return nil, failure(e)
	}
	return newClaim(c, host.handle), nil
}

// Claims are all claims, ordered by name, and the records that could not be read.
func (host *Host) Claims() (claims []*Claim, problems []*Error, err error) {
	var list *C.struct_pcipt_claim_list
	var e *C.struct_pcipt_error
	if !host.handle.enter() {
		return nil, nil, errClosed("host")
	}
	defer host.handle.leave()
	if C.pcipt_claim_list(contextOf(host.handle), &list, &e) != 0 {
		return nil, nil, failure(e)
	}
	defer C.pcipt_claim_list_unref(list)
	for i := C.size_t(0); i < C.pcipt_claim_list_count(list); i++ {
		claims = append(claims, newClaim(C.pcipt_claim_ref(C.pcipt_claim_list_at(list, i)), host.handle))
	}
	for i := C.size_t(0); i < C.pcipt_claim_list_problem_count(list); i++ {
		problems = append(problems, errorFrom(C.pcipt_claim_list_problem_at(list, i)))
	}
	return claims, problems, nil
}

// Close gives the object back; the claim stays.
func (c *Claim) Close() error {
	c.handle.close()
	return nil
}

func (c *Claim) c() *C.struct_pcipt_claim {
	return (*C.struct_pcipt_claim)(c.handle.pointer)
}

// Name is the claim's name.
func (c *Claim) Name() string {
	c.handle.mustEnter()
	defer c.handle.leave()
	return C.GoString(C.pcipt_claim_get_name(c.c()))
}

// State is where it stands.
func (c *Claim) State() ClaimState {
	c.handle.mustEnter()
	defer c.handle.leave()
	return ClaimState(C.pcipt_claim_get_state(c.c()))
}

// Owner is who wants it, free text.
func (c *Claim) Owner() string {
	c.handle.mustEnter()
	defer c.handle.leave()
	return C.GoString(C.pcipt_claim_get_owner(c.c()))
}

// Driver is what the claim's devices have.
func (c *Claim) Driver() string {
	c.handle.mustEnter()
	defer c.handle.leave()
	return C.GoString(C.pcipt_claim_get_driver(c.c()))
}

// Since is when it came into its state; the zero time where the record doesn't say.
func (c *Claim) Since() time.Time {
	c.handle.mustEnter()
	defer c.handle.leave()
	return timeOf(C.pcipt_claim_get_since(c.c()))
}

func timeOf(text *C.char) time.Time {
	moment, err := time.Parse(time.RFC3339, C.GoString(text))
	if err != nil {
		return time.Time{}
	}
	return moment
}

// IsPersistent says whether it outlives the boot.
func (c *Claim) IsPersistent() bool {
	c.handle.mustEnter()
	defer c.handle.leave()
	return bool(C.pcipt_claim_is_persistent(c.c()))
}

// Reason is why it is in its state, a code ("absent"); "" where there is nothing to say.
func (c *Claim) Reason() string {
	c.handle.mustEnter()
	defer c.handle.leave()
	return C.GoString(C.pcipt_claim_get_reason(c.c()))
}

// Message is the reason in a sentence: what it waits for, and what to do.
func (c *Claim) Message() string {
	c.handle.mustEnter()
	defer c.handle.leave()
	return C.GoString(C.pcipt_claim_get_message(c.c()))
}

// Deadline is when its state is looked at again at the latest; the zero time when it is bound.
func (c *Claim) Deadline() time.Time {
	c.handle.mustEnter()
	defer c.handle.leave()
	return timeOf(C.pcipt_claim_get_deadline(c.c()))
}

// Attempts is how often it was tried in this state.
func (c *Claim) Attempts() int {
	c.handle.mustEnter()
	defer c.handle.leave()
	return int(C.pcipt_claim_get_attempts(c.c()))
}

// ClaimDevice is a device of a claim, and what it was before. "" is none.
type ClaimDevice struct {
	// Address when it was bound.
	Address  string
	Identity string
	// Role in the set that was bound.
	Role           Role
	DriverBefore   string
	OverrideBefore string
	// Whether that is inferred: somebody else had bound it before the claim, which adopted it.
	Inferred bool
}

// Devices are those that were bound and those that were pinned.
func (c *Claim) Devices() []ClaimDevice {
	c.handle.mustEnter()
	defer c.handle.leave()
	devices := make([]ClaimDevice, int(C.pcipt_claim_device_count(c.c())))
	for i := range devices {
		n := C.size_t(i)
		devices[i] = ClaimDevice{
			Address:        C.GoString(C.pcipt_claim_device_address(c.c(), n)),
			Identity:       C.GoString(C.pcipt_claim_device_identity(c.c(), n)),
			Role:           Role(C.pcipt_claim_device_role(c.c(), n)),
			DriverBefore:   C.GoString(C.pcipt_claim_device_driver_before(c.c(), n)),
			OverrideBefore: C.GoString(C.pcipt_claim_device_override_before(c.c(), n)),
			Inferred:       bool(C.pcipt_claim_device_is_inferred(c.c(), n)),
		}
	}
	return devices
}

// PlanRelease is the steps that put its devices back, on the machine as it is now.
func (c *Claim) PlanRelease(snapshot *Snapshot, allow ...string) (*Plan, error) {
	var plan *C.struct_pcipt_plan
	var e *C.struct_pcipt_error
	if !c.handle.enter() {
		return nil, errClosed("claim")
	}
	defer c.handle.leave()
	if !snapshot.handle.enter() {
		return nil, errClosed("snapshot")
	}
	defer snapshot.handle.leave()
	options, err := newOptions(&SetOptions{Allow: allow})
	if err != nil {
		return nil, err
	}
	defer C.pcipt_options_unref(options)
	if C.pcipt_plan_release(snapshot.c(), c.c(), options, &plan, &e) != 0 {
		return nil, failure(e)
	}
	return newPlan(plan, snapshot.handle), nil
}

// MarshalJSON is the claim as it stands in `claims[]`.
func (c *Claim) MarshalJSON() ([]byte, error) {
	var text *C.char
	var e *C.struct_pcipt_error
	if !c.handle.enter() {
		return nil, errClosed("claim")
	}
	defer c.handle.leave()
	if C.pcipt_claim_to_json(c.c(), &text, &e) != 0 {
		return nil, failure(e)
	}
	return taken(text), nil
}
