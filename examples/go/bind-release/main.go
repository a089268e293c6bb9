// SPDX-License-Identifier: LGPL-2.1-or-later

// Takes a device with everything that must move with it, and gives all of it back again.
//
//	bind-release ADDRESS
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"libpcipt/pcipt"
)

func bindAndRelease(ctx context.Context, address string) error {
	host, err := pcipt.Open(nil)
	if err != nil {
		return err
	}
	defer host.Close()
	snapshot, err := host.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	device, err := snapshot.Find(address)
	if err != nil {
		return err
	}
	set, err := snapshot.Set([]pcipt.Device{device}, &pcipt.SetOptions{WithSet: true})
	if err != nil {
		return err
	}
	defer set.Close()
	// The set can be looked at before it is bound; an unsafe one is refused.
	claim, err := host.Bind(ctx, set, nil)
	if err != nil {
		return err
	}
	defer claim.Close()
	for _, device := range claim.Devices() {
		before := device.DriverBefore
		if before == "" {
			before = "no driver"
		}
		fmt.Printf("%s: was on %s, is on %s\n", device.Address, before, claim.Driver())
	}
	// Here a virtual machine would run.
	if _, err := host.Release(ctx, claim, nil); err != nil {
		return err
	}
	fmt.Println("released")
	return nil
}

// fail says what went wrong and what to do.
func fail(err error) {
	var e *pcipt.Error
	if !errors.As(err, &e) {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", e.Name(), e)
	for _, cause := range e.Causes {
		fmt.Fprintf(os.Stderr, "  %s\n", cause)
	}
	if e.Remedy != "" {
		fmt.Fprintf(os.Stderr, "  %s\n", e.Remedy)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bind-release ADDRESS")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := bindAndRelease(ctx, os.Args[1]); err != nil {
		fail(err)
		os.Exit(1)
	}
}
