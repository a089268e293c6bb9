// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build go1.23

package pcipt_test

import (
	"fmt"
	"log"

	"libpcipt/pcipt"
)

func ExampleSnapshot_All() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	snapshot, err := host.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	for device := range snapshot.All() {
		if device.Driver() == "snd_hda_intel" {
			fmt.Println(device)
			break
		}
	}
	// Output: 0000:00:03.1
}

func ExampleSnapshot_AllGroups() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	snapshot, err := host.Snapshot("0000:00:03.0")
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	for group := range snapshot.AllGroups() {
		for device := range group.All() {
			fmt.Println(group.Number(), group.Viability(), device)
		}
	}
	// Output:
	// 2 not-viable 0000:00:03.0
	// 2 not-viable 0000:00:03.1
}
