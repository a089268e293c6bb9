// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

var tree = os.Getenv("PCIPT_TREE")

func TestMain(m *testing.M) {
	if tree == "" {
		println("PCIPT_TREE must name the recorded machine of tests/bindings/machine")
		os.Exit(2)
	}
	os.Exit(m.Run())
}

func open(t testing.TB, config *Config) *Host {
	t.Helper()
	if config.Root == "" {
		config.Root = tree
	}
	host, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	return host
}

func look(t testing.TB) (*Host, *Snapshot) {
	t.Helper()
	host := open(t, &Config{})
	snapshot, err := host.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { snapshot.Close() })
	return host, snapshot
}

func pair(t testing.TB, snapshot *Snapshot, options *SetOptions) *Set {
	t.Helper()
	device, err := snapshot.Find("0000:00:03.0")
	if err != nil {
		t.Fatal(err)
	}
	set, err := snapshot.Set([]Device{device}, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func TestErrorHasAllFields(t *testing.T) {
	host := open(t, &Config{Root: tree + "/nowhere"})
	_, err := host.Snapshot()
	var e *Error
	if !errors.Is(err, ErrBadRoot) || errors.Is(err, ErrIO) || !errors.As(err, &e) {
		t.Fatalf("%#v", err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the errno isn't found: %v", e.Errno)
	}
	told, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Code, Message, Remedy, Errno string
		Number                       int
		Retryable                    bool
	}
	if err := json.Unmarshal(told, &read); err != nil {
		t.Fatal(err)
	}
	if read.Code != e.Name() || read.Number != int(e.Code) || read.Message != e.Message ||
		read.Remedy != e.Remedy || read.Retryable != e.Retryable || read.Errno != "ENOENT" {
		t.Errorf("%s and %+v", told, e)
	}
}

func TestEachCodeHasANameAndASentinel(t *testing.T) {
	for _, code := range Codes() {
		if code.Name() == "PCIPT_E_UNKNOWN" || code.Error() == "" {
			t.Errorf("code %d: %s, %s", int(code), code.Name(), code.Error())
		}
		if !errors.Is(&Error{Code: code}, code) {
			t.Errorf("errors.Is doesn't find %s", code.Name())
		}
	}
	if Code(-999).Name() != "PCIPT_E_UNKNOWN" {
		t.Error("a code that nobody has")
	}
}

func TestErrorsThatGoHas(t *testing.T) {
	for code, want := range map[Code]error{ErrTimeout: context.DeadlineExceeded, ErrCancelled: context.Canceled,
		ErrPermission: fs.ErrPermission} {
		if !errors.Is(&Error{Code: code}, want) || errors.Is(&Error{Code: ErrIO}, want) {
			t.Errorf("%s and %v", code.Name(), want)
		}
	}
}

func TestRefusedHasCauses(t *testing.T) {
	_, snapshot := look(t)
	set := pair(t, snapshot, nil)
	_, err := set.Plan()
	var e *Error
	if !errors.Is(err, ErrRefused) || !errors.As(err, &e) || len(e.Causes) == 0 || set.IsSafe() {
		t.Fatalf("%v", err)
	}
}

func TestContexts(t *testing.T) {
	host, snapshot := look(t)
	set := pair(t, snapshot, &SetOptions{WithSet: true, Allow: blockers(t, snapshot)})
	plan, err := set.Plan()
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	past, cancelPast := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancelPast()
	soon, cancelSoon := context.WithTimeout(context.Background(), time.Minute)
	defer cancelSoon()
	for _, c := range []struct {
		name string
		ctx  context.Context
		want error
	}{
		{"cancelled", cancelled, context.Canceled},
		{"past", past, context.DeadlineExceeded},
		{"soon", soon, ErrNotReal},
		{"none", context.Background(), ErrNotReal},
	} {
		if _, err := host.Apply(c.ctx, plan); !errors.Is(err, c.want) {
			t.Errorf("Apply, %s: %v", c.name, err)
		}
		if _, err := host.Bind(c.ctx, set, nil); !errors.Is(err, c.want) {
			t.Errorf("Bind, %s: %v", c.name, err)
		}
	}
}

// blockers are what stands against the pair as a whole: a newer library may see more.
func blockers(t testing.TB, snapshot *Snapshot) []string {
	var codes []string
	for _, finding := range pair(t, snapshot, &SetOptions{WithSet: true}).Findings() {
		if finding.Severity == SeverityBlocker {
			codes = append(codes, finding.Code)
		}
	}
	return codes
}

func TestTextsWithNUL(t *testing.T) {
	host, snapshot := look(t)
	for name, try := range map[string]func() error{
		"root":     func() error { _, err := Open(&Config{Root: "/\x00"}); return err },
		"address":  func() error { _, err := host.Snapshot("0000\x00"); return err },
		"selector": func() error { _, err := snapshot.Find("\x00"); return err },
		"claim":    func() error { _, err := host.Claim("a\x00b"); return err },
	} {
		if err := try(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArgumentsThatCantBe(t *testing.T) {
	host, snapshot := look(t)
	set := pair(t, snapshot, nil)
	_, other := look(t)
	for name, c := range map[string]struct {
		try  func() error
		want error
	}{
		"no device":      {func() error { _, err := snapshot.Set(nil, nil); return err }, ErrInvalid},
		"zero device":    {func() error { _, err := snapshot.Set([]Device{{}}, nil); return err }, ErrInvalid},
		"other snapshot": {func() error { _, err := snapshot.Set(other.Devices(), nil); return err }, ErrInvalid},
		"syntax":         {func() error { _, err := snapshot.Find("0000:zz:00.0"); return err }, ErrSyntax},
		"empty selector": {func() error { _, err := snapshot.Find(""); return err }, ErrSyntax},
		"ambiguous":      {func() error { _, err := snapshot.Find("group=2"); return err }, ErrAmbiguous},
		"scope":          {func() error { _, err := host.Snapshot("nonsense"); return err }, ErrSyntax},
		"name": {func() error {
			_, err := host.Bind(context.Background(), set, &BindOptions{Name: "no/name"})
			return err
		}, ErrName},
		"allow": {func() error {
			_, err := snapshot.Set(snapshot.Devices(), &SetOptions{Allow: []string{"no-such-code"}})
			return err
		}, ErrInvalid},
		"no claim": {func() error { _, err := host.Claim("desktop"); return err }, ErrNoClaim},
	} {
		if err := c.try(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClosed(t *testing.T) {
	host, snapshot := look(t)
	device, set := snapshot.At(0), pair(t, snapshot, nil)
	host.Close()
	host.Close()
	if _, err := host.Snapshot(); !errors.Is(err, ErrInvalid) {
		t.Errorf("a closed host: %v", err)
	}
	if device.Address() == "" {
		t.Error("a device of a snapshot whose host was closed")
	}
	snapshot.Close()
	if _, err := snapshot.Find("group=2"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a closed snapshot: %v", err)
	}
	if len(set.Findings()) == 0 {
		t.Error("a set whose snapshot was closed")
	}
	defer func() {
		if recover() == nil {
			t.Error("a device of a closed snapshot")
		}
	}()
	device.Address()
}

func TestOneClosesWhileOthersRead(t *testing.T) {
	host := open(t, &Config{})
	for round := 0; round < 20; round++ {
		snapshot, err := host.Snapshot("0000:00:03.0")
		if err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for i := 0; i < 4; i++ {
			readers.Add(1)
			go func() {
				defer readers.Done()
				for {
					if _, err := snapshot.JSON(); err != nil {
						return
					}
				}
			}()
		}
		snapshot.Close()
		readers.Wait()
	}
}

func TestEightGoroutinesShare(t *testing.T) {
	host, shared := look(t)
	want, err := shared.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	var compared atomic.Int32
	for i := 0; i < 8; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := 0; n < 10; n++ {
				own, err := host.Snapshot()
				if err != nil {
					t.Error(err)
					return
				}
				for _, snapshot := range []*Snapshot{own, shared} {
					got, err := snapshot.JSON()
					if isBusy(got) {
						continue
					}
					compared.Add(1)
					if err != nil || !bytes.Equal(got, want) && !isBusy(want) {
						t.Errorf("%v %s", err, got)
					}
					for _, device := range snapshot.Devices() {
						_, _ = device.Identity(), device.Modules()
					}
				}
				own.Close()
			}
		}()
	}
	workers.Wait()
	if compared.Load() == 0 && !isBusy(want) {
		t.Error("nothing was compared")
	}
}

// isBusy says whether the machine was too busy to read a driver_override in its time: the
// library tells that as a problem, and the fact is null.
func isBusy(json []byte) bool {
	return bytes.Contains(json, []byte("device-busy"))
}

func TestLog(t *testing.T) {
	var lines []string
	host := open(t, &Config{LogLevel: LogDebug, Log: func(level LogLevel, line string) {
		lines = append(lines, line)
	}})
	snapshot, err := host.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	host.Close()
	// What the log function needs lives as long as anything that may call it.
	if _, err := snapshot.JSON(JSONFull); err != nil {
		t.Fatal(err)
	}
	snapshot.Close()
}

func TestForgottenObjectsAreFreed(t *testing.T) {
	var freed atomic.Int32
	const n = 20
	for i := 0; i < n; i++ {
		host, err := Open(&Config{Root: tree})
		if err != nil {
			t.Fatal(err)
		}
		free := host.handle.free
		host.handle.free = func(p unsafe.Pointer) {
			freed.Add(1)
			free(p)
		}
		if _, err := host.Snapshot("0000:00:03.0"); err != nil {
			t.Fatal(err)
		}
	}
	// A host goes after its snapshots, so it takes two rounds or more.
	for i := 0; i < 100 && freed.Load() < n-2; i++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	if freed.Load() < n-2 {
		t.Errorf("%d of %d forgotten hosts were freed", freed.Load(), n)
	}
}

func TestJSONAndGettersAgree(t *testing.T) {
	_, snapshot := look(t)
	for _, device := range snapshot.Devices() {
		text, err := device.JSON(JSONFull)
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			Address, Identity, Slot, Driver string
			NUMANode                        *int     `json:"numa_node"`
			Group                           *int     `json:"iommu_group"`
			Modules                         []string `json:"modules"`
			ResetMethods                    []string `json:"reset_methods"`
			SlotFunctions                   []string `json:"slot_functions"`
			Children                        []Child  `json:"children"`
		}
		if err := json.Unmarshal(text, &told); err != nil {
			t.Fatal(err)
		}
		group, grouped := device.Group()
		if told.Address != device.Address() || told.Identity != device.Identity() || told.Slot != device.Slot() ||
			told.Driver != device.Driver() || (told.NUMANode == nil) != (device.NUMANode() < 0) ||
			grouped != (told.Group != nil) || grouped && group.Number() != *told.Group ||
			len(told.Modules) != len(device.Modules()) || len(told.ResetMethods) != len(device.ResetMethods()) ||
			len(told.SlotFunctions) != len(device.SlotFunctions()) || len(told.Children) != len(device.Children()) {
			t.Errorf("%s: %s", device, text)
		}
	}
}

func TestClaims(t *testing.T) {
	host, _ := look(t)
	claims, problems, err := host.Claims()
	if err != nil || len(claims) > 0 || len(problems) > 0 {
		t.Error(claims, problems, err)
	}
}

func TestFindingKinds(t *testing.T) {
	severities := map[string]Severity{}
	for _, kind := range FindingKinds() {
		if kind.Text == "" {
			t.Errorf("%s says nothing", kind.Code)
		}
		severities[kind.Code] = kind.Severity
	}
	if severities[FindingRootDisk] != SeverityHard || severities[FindingBootVGA] != SeverityBlocker ||
		severities[FindingNoReset] != SeverityWarning {
		t.Error(severities)
	}
}
