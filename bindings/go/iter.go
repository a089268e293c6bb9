// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build go1.23

package pcipt

import (
	"context"
	"iter"
)

// All is the snapshot's devices for a range loop, one at a time.
func (s *Snapshot) All() iter.Seq[Device] {
	return func(yield func(Device) bool) {
		for i, n := 0, s.Len(); i < n; i++ {
			if !yield(s.At(i)) {
				return
			}
		}
	}
}

// AllGroups is the snapshot's groups for a range loop.
func (s *Snapshot) AllGroups() iter.Seq[Group] {
	return each(s.Groups)
}

// All is the group's devices for a range loop.
func (g Group) All() iter.Seq[Device] {
	return each(g.Devices)
}

// AllMembers is the set's members for a range loop.
func (s *Set) AllMembers() iter.Seq[Member] {
	return each(s.Members)
}

// AllFindings is the set's findings for a range loop.
func (s *Set) AllFindings() iter.Seq[Finding] {
	return each(s.Findings)
}

// All is the plan's steps for a range loop.
func (p *Plan) All() iter.Seq[Step] {
	return each(p.Steps)
}

// All is the report's actions for a range loop.
func (r *Report) All() iter.Seq[ReportAction] {
	return each(func() []ReportAction { return r.Actions })
}

// All is the events for a range loop. After an error that isn't the context's, and while the
// monitor is open, it goes on.
func (m *Monitor) All(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := m.Next(ctx)
			if !yield(event, err) || ctx.Err() != nil || m.handle.closed.Load() {
				return
			}
		}
	}
}

// each asks for the list when the loop begins.
func each[T any](list func() []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, item := range list() {
			if !yield(item) {
				return
			}
		}
	}
}
