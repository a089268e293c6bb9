// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"libpcipt/pcipt"
)

// The examples look at a recorded machine; a nil Config is this one.
var recorded = &pcipt.Config{Root: os.Getenv("PCIPT_TREE")}

func Example() {
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
	device, err := snapshot.Find("0000:00:03.0")
	if err != nil {
		log.Fatal(err)
	}
	set, err := snapshot.Set([]pcipt.Device{device}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	for _, member := range set.Members() {
		fmt.Println(member.Device, member.Role, member.Action, member.Device.Driver())
	}
	// Output:
	// 0000:00:03.0 requested bind bochs-drm
	// 0000:00:03.1 group-member bind snd_hda_intel
}

func ExampleHost_Snapshot() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	// Some devices and what belongs to them: as quick on a big machine.
	snapshot, err := host.Snapshot("0000:00:03.1")
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	for _, device := range snapshot.Devices() {
		fmt.Printf("%s %04x:%04x\n", device, device.VendorID(), device.DeviceID())
	}
	// Output:
	// 0000:00:03.0 1234:1111
	// 0000:00:03.1 8086:2668
}

func ExampleSnapshot_Find() {
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
	_, err = snapshot.Find("0000:99:00.0")
	fmt.Println(errors.Is(err, pcipt.ErrNoDevice))
	// Output: true
}

func ExampleSet_Findings() {
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
	device, err := snapshot.Find("0000:00:03.0")
	if err != nil {
		log.Fatal(err)
	}
	set, err := snapshot.Set([]pcipt.Device{device}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	for _, finding := range set.Findings() {
		if finding.Code == pcipt.FindingSetIncomplete {
			fmt.Println(finding.Severity, finding.Address, finding.Allowed)
		}
	}
	// Output: blocker 0000:00:03.0 false
}

func ExampleHost_Bind() {
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
	device, err := snapshot.Find("0000:00:03.0")
	if err != nil {
		log.Fatal(err)
	}
	set, err := snapshot.Set([]pcipt.Device{device}, &pcipt.SetOptions{WithSet: true})
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	claim, err := host.Bind(ctx, set, &pcipt.BindOptions{Owner: "an example"})
	var failed *pcipt.Error
	switch {
	case errors.Is(err, pcipt.ErrRefused), errors.Is(err, pcipt.ErrNotReal):
		fmt.Println("a recorded machine can't be changed")
	case errors.As(err, &failed):
		log.Fatalf("%s at %s of %s: %s", failed, failed.Step, failed.Address, failed.Remedy)
	case err == nil:
		defer claim.Close()
		// Here a virtual machine runs with claim.Devices().
		if _, err := host.Release(ctx, claim, nil); err != nil {
			log.Fatal(err)
		}
	}
	// Output: a recorded machine can't be changed
}

func ExampleError() {
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
	set, err := snapshot.Set(snapshot.Devices()[:1], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	_, err = set.Plan()
	var e *pcipt.Error
	if errors.As(err, &e) && errors.Is(err, pcipt.ErrRefused) {
		// Why, device by device, and what to do about it.
		for _, cause := range e.Causes {
			_ = fmt.Sprintf("%s: %s. %s", cause.Address, cause.Message, cause.Remedy)
		}
		fmt.Println(e.Name(), e.Retryable, len(e.Causes) > 0)
	}
	// Output: PCIPT_E_REFUSED false true
}

func ExampleWithProgress() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	ctx := pcipt.WithProgress(context.Background(), func(op pcipt.Op, address string, how pcipt.Progress) {
		fmt.Println(op, address, how)
	})
	report, err := host.Recover(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(report.Actions), "claims were unfinished")
	// Output: 0 claims were unfinished
}

func ExampleHost_Reconcile() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := host.Reconcile(ctx, nil)
	var e *pcipt.Error
	if errors.As(err, &e) {
		fmt.Println(e.Name(), e.Remedy)
		report = e.Report // what was done before it failed, or nil
	}
	if report != nil {
		for _, action := range report.Actions {
			fmt.Println(action.Claim, action.From, "->", action.To, action.Message)
		}
		fmt.Println(len(report.Actions), "claims were touched")
	}
	// Output: 0 claims were touched
}

func ExampleMonitor_Events() {
	host, err := pcipt.Open(recorded)
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	monitor, err := host.Monitor()
	if err != nil {
		log.Fatal(err)
	}
	defer monitor.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	for event := range monitor.Events(ctx) {
		fmt.Println(event.Type, event.Address, event.Claim, event.Before, "->", event.After)
	}
	fmt.Println(errors.Is(monitor.Err(), context.DeadlineExceeded))
	// Output: true
}

func ExampleFindingKinds() {
	for _, kind := range pcipt.FindingKinds() {
		if kind.Code == pcipt.FindingBootVGA {
			fmt.Println(kind.Severity)
		}
	}
	// Output: blocker
}
