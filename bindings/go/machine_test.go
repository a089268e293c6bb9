// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// machine is a copy of the recorded machine, with claims: what a test may change.
type machine struct {
	t    testing.TB
	root string
	host *Host
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "-a", tree, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return &machine{t, root, open(t, &Config{Root: root})}
}

// path is one of its own runtime folder; the folders are made, as the library would.
func (m *machine) path(folder, name string) string {
	m.t.Helper()
	folder = filepath.Join(m.root, "run/libpcipt", folder)
	if err := os.MkdirAll(folder, 0700); err != nil {
		m.t.Fatal(err)
	}
	return filepath.Join(folder, name)
}

// claim writes the record of the claim "desktop"; facts are those that differ from claim.json.
func (m *machine) claim(facts map[string]interface{}) {
	m.t.Helper()
	record := map[string]interface{}{}
	text, err := os.ReadFile(os.Getenv("PCIPT_CLAIM"))
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	for key, value := range facts {
		record[key] = value
	}
	path := m.path("claims", "desktop.json")
	if err == nil {
		text, err = json.Marshal(record)
	}
	if err == nil {
		err = os.WriteFile(path+"~", text, 0600)
	}
	if err == nil {
		err = os.Rename(path+"~", path)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) endClaim() {
	m.t.Helper()
	if err := os.Remove(m.path("claims", "desktop.json")); err != nil {
		m.t.Fatal(err)
	}
}

var bound = map[string]interface{}{"state": "bound", "reason": nil, "message": nil, "deadline": nil, "attempts": 0}

// descriptors is how many this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
