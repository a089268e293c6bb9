// SPDX-License-Identifier: LGPL-2.1-or-later

// Which devices must move together with one, and what stands against that? If nothing
// does, the steps are printed as the shell lines that a person would type. Nothing is
// changed.
//
//	safe-set ADDRESS [ROOT]
package main

import (
	"fmt"
	"os"

	"libpcipt/pcipt"
)

// judge says whether the set is safe.
func judge(config *pcipt.Config, address string) (bool, error) {
	host, err := pcipt.Open(config)
	if err != nil {
		return false, err
	}
	defer host.Close()
	// Only what belongs to the device is read, however big the machine.
	snapshot, err := host.Snapshot(address)
	if err != nil {
		return false, err
	}
	defer snapshot.Close()
	device, err := snapshot.Find(address)
	if err != nil {
		return false, err
	}
	set, err := snapshot.Set([]pcipt.Device{device}, &pcipt.SetOptions{WithSet: true})
	if err != nil {
		return false, err
	}
	defer set.Close()
	for _, member := range set.Members() {
		fmt.Println(member.Device, member.Role, member.Action)
	}
	for _, f := range set.Findings() {
		fmt.Printf("%s %s: %s (%s). %s\n", f.Severity, f.Code, f.Message, f.Evidence, f.Remedy)
	}
	if !set.IsSafe() {
		return false, nil
	}
	plan, err := set.Plan()
	if err != nil {
		return false, err
	}
	defer plan.Close()
	for _, step := range plan.Steps() {
		fmt.Println(step.Shell)
	}
	return true, nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: safe-set ADDRESS [ROOT]")
		os.Exit(2)
	}
	config := &pcipt.Config{}
	if len(os.Args) > 2 {
		config.Root = os.Args[2]
	}
	safe, err := judge(config, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !safe {
		os.Exit(1)
	}
}
