// SPDX-License-Identifier: LGPL-2.1-or-later

// facts ROOT ROUNDS: see facts.c. The JSON form stays a text.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"libpcipt/pcipt"
)

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func length(device pcipt.Device, ok bool) int {
	if !ok {
		return 0
	}
	return len(device.Address())
}

func readAll(snapshot *pcipt.Snapshot) int {
	sum := 0
	for _, d := range snapshot.Devices() {
		sum += d.VendorID() + d.DeviceID() + d.SubsystemVendorID() + d.SubsystemDeviceID() + d.ClassID() +
			d.Revision() + d.NUMANode() + d.BootVGA()
		sum += len(d.Address()) + len(d.VendorName()) + len(d.DeviceName()) + len(d.ClassName()) +
			len(d.Driver()) + len(d.DriverOverride()) + len(d.Slot()) + len(d.Identity()) + len(d.VFIODevice())
		sum += length(d.Parent()) + length(d.PhysFn())
		for _, vf := range d.VirtFns() {
			sum += length(vf, true)
		}
		for _, method := range d.ResetMethods() {
			sum += len(method)
		}
		if group, ok := d.Group(); ok {
			sum += group.Number()
		}
	}
	return sum
}

func look() *pcipt.Snapshot {
	host, err := pcipt.Open(&pcipt.Config{Root: os.Args[1]})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	snapshot, err := host.Snapshot()
	if err != nil {
		panic(err)
	}
	return snapshot
}

func main() {
	var least [3]time.Duration
	keep := func(i int, value time.Duration) {
		if least[i] == 0 || value < least[i] {
			least[i] = value
		}
	}
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	for i := 0; i < rounds; i++ {
		begin := cpu()
		snapshot := look()
		readAll(snapshot)
		keep(0, cpu()-begin)
		begin = cpu()
		readAll(snapshot)
		keep(1, cpu()-begin)
		snapshot.Close()
		begin = cpu()
		snapshot = look()
		if _, err := snapshot.JSON(); err != nil {
			panic(err)
		}
		keep(2, cpu()-begin)
		snapshot.Close()
	}
	for _, value := range least {
		fmt.Printf("%.1f ", float64(value)/1e6)
	}
	fmt.Println()
}
