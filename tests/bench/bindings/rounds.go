// SPDX-License-Identifier: LGPL-2.1-or-later

// rounds ROOT N: see rounds.c.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"libpcipt/pcipt"
)

const address = "0000:00:03.0"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func resident() int {
	var size, pages int
	// What the collector has freed, it gives back when it likes.
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	_, err = fmt.Sscan(string(text), &size, &pages)
	check(err)
	return pages * (os.Getpagesize() / 1024)
}

func one(root string) {
	host, err := pcipt.Open(&pcipt.Config{Root: root})
	check(err)
	defer host.Close()
	monitor, err := host.Monitor()
	check(err)
	defer monitor.Close()
	snapshot, err := host.Snapshot(address)
	check(err)
	defer snapshot.Close()
	device, err := snapshot.Find(address)
	check(err)
	set, err := snapshot.Set([]pcipt.Device{device}, nil)
	check(err)
	defer set.Close()
	if _, err := set.Plan(); !errors.Is(err, pcipt.ErrRefused) {
		panic("it isn't refused")
	}
	_, err = set.MarshalJSON()
	check(err)
	_, _, err = host.Claims()
	check(err)
}

func main() {
	n, err := strconv.Atoi(os.Args[2])
	check(err)
	for i := 1; i <= n; i++ {
		one(os.Args[1])
		if i == n/10 || i == n/2 || i == n {
			fmt.Print(resident(), " ")
		}
	}
	fmt.Println()
}
