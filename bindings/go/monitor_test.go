// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func (m *machine) monitor() *Monitor {
	m.t.Helper()
	monitor, err := m.host.Monitor()
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { monitor.Close() })
	return monitor
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestClaimFacts(t *testing.T) {
	m := newMachine(t)
	m.claim(nil)
	claim, err := m.host.Claim("0000:00:03.1")
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	if claim.State() != ClaimWaiting || claim.IsPersistent() || claim.Reason() != "absent" ||
		claim.Message() == "" || claim.Attempts() != 3 || claim.Deadline().Sub(claim.Since()) != time.Minute {
		t.Error(json.Marshal(claim))
	}
	m.claim(bound)
	healthy, err := m.host.Claim("desktop")
	if err != nil {
		t.Fatal(err)
	}
	defer healthy.Close()
	if healthy.Reason() != "" || healthy.Message() != "" || !healthy.Deadline().IsZero() || healthy.Attempts() != 0 {
		t.Error(json.Marshal(healthy))
	}
	if err := m.host.Forget(healthy); !errors.Is(err, ErrNotReal) {
		t.Errorf("forgetting a claim of a tree: %v", err)
	}
	m.claim(nil)
	if err := os.MkdirAll(m.host.StateDir(), 0700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(m.path("claims", ""), filepath.Join(m.host.StateDir(), "claims")); err != nil {
		t.Fatal(err)
	}
	kept, err := m.host.Claim("desktop")
	if err != nil || !kept.IsPersistent() {
		t.Error("a claim of the state folder", err)
	}
}

func TestRecoverNeedsARealMachine(t *testing.T) {
	m := newMachine(t)
	m.claim(map[string]interface{}{"state": "binding"})
	if _, err := m.host.Recover(context.Background()); !errors.Is(err, ErrNotReal) {
		t.Error(err)
	}
	if _, err := m.host.Reconcile(context.Background(), nil); !errors.Is(err, ErrNotReal) {
		t.Error(err)
	}
}

// next is what comes after an event of the claim that m.claim(nil) begins: it is bound, then
// ended. Only then, or two would be told as one.
func (m *machine) next(event Event) {
	switch event.After {
	case "waiting":
		m.claim(bound)
	case "bound":
		m.endClaim()
	}
}

var played = []Event{
	{Type: EventClaimChanged, Claim: "desktop", After: "waiting", Reason: "absent"},
	{Type: EventClaimChanged, Claim: "desktop", Before: "waiting", After: "bound"},
	{Type: EventClaimChanged, Claim: "desktop", Before: "bound"},
}

// skipHealth gives the next event that isn't of a claim's health: one that says "bound" isn't well
// on a recorded machine, and the moment when that is told is anybody's.
func skipHealth(t testing.TB, next func() (Event, error)) Event {
	t.Helper()
	for {
		event, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if event.Type != EventHealth {
			return event
		}
	}
}

func same(a, b Event) bool {
	return a.Type == b.Type && a.Claim == b.Claim && a.Address == b.Address && a.Before == b.Before &&
		a.After == b.After && a.Reason == b.Reason
}

func TestMonitorNext(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	time.AfterFunc(20*time.Millisecond, func() { m.claim(nil) })
	for _, want := range played {
		event := skipHealth(t, func() (Event, error) { return monitor.Next(within(t, 10*time.Second)) })
		if !same(event, want) {
			t.Fatalf("%+v, not %+v", event, want)
		}
		var told struct{ Event, Claim, Message string }
		text, err := json.Marshal(event)
		if err != nil || json.Unmarshal(text, &told) != nil || told.Event != event.Type.String() ||
			told.Claim != event.Claim || told.Message != event.Message {
			t.Errorf("%v %s", err, text)
		}
		m.next(event)
	}
}

func TestMonitorLook(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	m.claim(map[string]interface{}{"state": "bound", "reason": nil, "message": nil})
	if err := monitor.Look(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	event, err := monitor.Next(within(t, 10*time.Second))
	if err != nil || event.Type != EventClaimChanged || event.After != "bound" {
		t.Error(err, event)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	monitor.turn <- struct{}{}
	if err := monitor.Look(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-monitor.turn
	monitor.Close()
	if err := monitor.Look(context.Background()); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestMonitorNextEndsWithItsContext(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	if _, err := monitor.Next(within(t, 20*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := monitor.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := monitor.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// It can be asked again.
	m.claim(nil)
	if event, err := monitor.Next(within(t, 10*time.Second)); err != nil || !same(event, played[0]) {
		t.Error(err, event)
	}
}

func TestMonitorChannel(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	ctx, cancel := context.WithCancel(context.Background())
	events := monitor.Events(ctx)
	m.claim(nil)
	for _, want := range played {
		event := skipHealth(t, func() (Event, error) {
			event, ok := <-events
			if !ok {
				return event, monitor.Err()
			}
			return event, nil
		})
		if !same(event, want) {
			t.Fatalf("%+v, not %+v", event, want)
		}
		m.next(event)
	}
	cancel()
	if _, ok := <-events; ok || !errors.Is(monitor.Err(), context.Canceled) {
		t.Error(ok, monitor.Err())
	}
	// One whom nobody receives from ends with the context, too.
	ctx, cancel = context.WithCancel(context.Background())
	events = monitor.Events(ctx)
	m.claim(nil)
	time.Sleep(50 * time.Millisecond)
	cancel()
	for range events {
	}
}

func TestMonitorClosedWhileWaiting(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	events := monitor.Events(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { monitor.Close() })
	if _, ok := <-events; ok || !errors.Is(monitor.Err(), ErrInvalid) {
		t.Error(ok, monitor.Err())
	}
	if _, err := monitor.Next(context.Background()); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	monitor.Close()
}

func TestMonitorShared(t *testing.T) {
	m := newMachine(t)
	monitor := m.monitor()
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	// With room for what is told after the last one that is awaited.
	got := make(chan Event, 16)
	for i := 0; i < 4; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				event, err := monitor.Next(ctx)
				if err != nil {
					return
				}
				got <- event
			}
		}()
	}
	m.claim(nil)
	for range played {
		m.next(skipHealth(t, func() (Event, error) { return <-got, nil }))
	}
	cancel()
	workers.Wait()
}

func TestMonitorLeavesNothingOpen(t *testing.T) {
	m := newMachine(t)
	m.monitor().Close() // the host opens what it keeps
	before, routines := descriptors(t), runtime.NumGoroutine()
	for i := 0; i < 50; i++ {
		monitor := m.monitor()
		monitor.Next(within(t, time.Microsecond))
		monitor.Close()
	}
	if after := descriptors(t); after > before+1 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if after := runtime.NumGoroutine(); after > routines+1 {
		t.Errorf("%d goroutines, %d before", after, routines)
	}
}
