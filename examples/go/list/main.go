// SPDX-License-Identifier: LGPL-2.1-or-later

// Lists the machine's PCI devices: list [ROOT]
package main

import (
	"fmt"
	"os"

	"libpcipt/pcipt"
)

func line(device pcipt.Device) string {
	ids, driver, number := "-", "-", "-"
	if vendor, id := device.VendorID(), device.DeviceID(); vendor >= 0 && id >= 0 {
		ids = fmt.Sprintf("%04x:%04x", vendor, id)
	}
	if name := device.Driver(); name != "" {
		driver = name
	}
	if group, ok := device.Group(); ok {
		number = fmt.Sprint(group.Number())
	}
	return fmt.Sprint(device, " ", ids, " ", driver, " ", number)
}

func list(config *pcipt.Config) error {
	host, err := pcipt.Open(config)
	if err != nil {
		return err
	}
	defer host.Close()
	snapshot, err := host.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	// With Go 1.23 or later: for device := range snapshot.All().
	for _, device := range snapshot.Devices() {
		fmt.Println(line(device))
	}
	return nil
}

func main() {
	config := &pcipt.Config{}
	if len(os.Args) > 1 {
		config.Root = os.Args[1]
	}
	if err := list(config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
