// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build as_real

// Calls that are under way, with tests/bindings/as-real.c preloaded: run-go does that.

package pcipt

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

const long = 30 * time.Second

func (m *machine) wanted() *Set {
	m.t.Helper()
	snapshot, err := m.host.Snapshot()
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { snapshot.Close() })
	return pair(m.t, snapshot, &SetOptions{WithSet: true, Allow: blockers(m.t, snapshot)})
}

// hold is somebody who works on the device and doesn't come to an end.
func (m *machine) hold() {
	m.t.Helper()
	lock, err := os.OpenFile(m.path("locks", "0000:00:03.0"), os.O_CREATE|os.O_RDWR, 0600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { lock.Close() })
}

// each tries every call that can wait.
func (m *machine) each(try func(name string, call func(ctx context.Context) error)) {
	m.t.Helper()
	set := m.wanted()
	plan, err := set.Plan()
	if err != nil {
		m.t.Fatal(err)
	}
	defer plan.Close()
	try("apply", func(ctx context.Context) error { _, err := m.host.Apply(ctx, plan); return err })
	try("bind", func(ctx context.Context) error { _, err := m.host.Bind(ctx, set, nil); return err })
	m.claim(bound)
	claim, err := m.host.Claim("desktop")
	if err != nil {
		m.t.Fatal(err)
	}
	defer claim.Close()
	try("release", func(ctx context.Context) error { _, err := m.host.Release(ctx, claim, nil); return err })
	m.claim(map[string]interface{}{"state": "binding"})
	try("recover", func(ctx context.Context) error { _, err := m.host.Recover(ctx); return err })
}

func TestCallDeadline(t *testing.T) {
	m := newMachine(t)
	m.hold()
	m.each(func(name string, call func(ctx context.Context) error) {
		began := time.Now()
		err := call(within(t, 100*time.Millisecond))
		if !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrLocked) && !errors.Is(err, ErrStuck) ||
			time.Since(began) > long/3 {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
	})
}

func TestCallCancelled(t *testing.T) {
	m := newMachine(t)
	m.hold()
	m.each(func(name string, call func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), long)
		defer cancel()
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, cancel)
		err := call(ctx)
		if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) || time.Since(began) > long/3 {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
	})
}

// The call returns first, or at the same moment: nothing stays open, and nobody writes to
// a descriptor that is another's by then.
func TestCallReturnsFirst(t *testing.T) {
	m := newMachine(t)
	m.hold()
	set := m.wanted()
	try := func(ctx context.Context) {
		if _, err := m.host.Bind(ctx, set, nil); err == nil {
			t.Error("it can't be bound")
		}
	}
	try(within(t, time.Millisecond))
	before, routines := descriptors(t), runtime.NumGoroutine()
	for i := 0; i < 30; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%5+1)*time.Millisecond)
		time.AfterFunc(time.Duration(i%7)*time.Millisecond, cancel)
		try(ctx)
		cancel()
	}
	if after := descriptors(t); after > before+1 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	// Those that cancel may still be on their way out: these are not the package's.
	for began := time.Now(); runtime.NumGoroutine() > routines+1; time.Sleep(time.Millisecond) {
		if time.Since(began) > long {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), routines)
		}
	}
}

func TestCallProgress(t *testing.T) {
	type step struct {
		op      Op
		address string
		how     Progress
	}
	m := newMachine(t)
	seen := map[step]bool{}
	ctx := WithProgress(context.Background(), func(op Op, address string, how Progress) {
		seen[step{op, address, how}] = true
	})
	_, err := m.host.Bind(ctx, m.wanted(), nil)
	var e *Error
	if !errors.As(err, &e) || e.Result == nil {
		t.Fatal(err)
	}
	for _, want := range []step{{OpOverride, "0000:00:03.0", ProgressBegun}, {OpOverride, "0000:00:03.1", ProgressDone},
		{OpUnbind, "0000:00:03.0", ProgressFailed}} {
		if !seen[want] {
			t.Errorf("%+v isn't in %v", want, seen)
		}
	}
}

func TestCallReleaseOwner(t *testing.T) {
	m := newMachine(t)
	m.claim(bound)
	claim, err := m.host.Claim("desktop")
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	_, err = m.host.Release(context.Background(), claim, &ReleaseOptions{Owner: "somebody else"})
	if !errors.Is(err, ErrClaimed) {
		t.Error(err)
	}
}

func TestCallForget(t *testing.T) {
	m := newMachine(t)
	m.claim(nil)
	claim, err := m.host.Claim("desktop")
	if err == nil {
		err = m.host.Forget(claim)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.host.Claim("desktop"); !errors.Is(err, ErrNoClaim) {
		t.Errorf("a forgotten claim: %v", err)
	}
}

func TestCallReports(t *testing.T) {
	m := newMachine(t)
	m.claim(map[string]interface{}{"state": "binding"})
	report, err := m.host.Recover(context.Background())
	if err != nil || len(report.Actions) != 1 {
		t.Fatal(report, err)
	}
	action := report.Actions[0]
	if action.Claim != "desktop" || action.From != "binding" || action.To != "ended" || action.Reason == "" ||
		action.Message == "" {
		t.Errorf("%+v", action)
	}
	if text, err := report.MarshalJSON(); err != nil || len(text) == 0 {
		t.Error(string(text), err)
	}
	m.claim(map[string]interface{}{"state": "binding"})
	m.hold()
	var e *Error
	_, err = m.host.Recover(within(t, 100*time.Millisecond))
	if !errors.As(err, &e) || e.Report == nil || len(e.Report.Actions) != 1 || e.Report.Actions[0].Reason != "locked" {
		t.Error(err)
	}
}

func TestCallReconcileNow(t *testing.T) {
	m := newMachine(t)
	gone := map[string]interface{}{"address": "0000:00:19.0", "identity": "8086:dead:1af4:1100:00@pci0000:00/19.0",
		"serial": nil, "role": "requested", "action": "bind", "driver_before": nil, "override_before": nil,
		"power_control_before": "on"}
	m.claim(map[string]interface{}{"devices": []interface{}{gone}, "deadline_boot_ms": 1 << 50})
	for i, options := range []*ReconcileOptions{nil, {Now: true}} {
		report, err := m.host.Reconcile(context.Background(), options)
		if err != nil || len(report.Actions) != 1 || report.Actions[0].Reason != "absent" {
			t.Fatal(report, err)
		}
		claim, err := m.host.Claim("desktop")
		if err != nil || claim.Attempts() != 3+i {
			t.Error(err, claim.Attempts())
		}
	}
}
