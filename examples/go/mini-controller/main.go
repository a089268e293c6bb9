// SPDX-License-Identifier: LGPL-2.1-or-later

// Wants a device, with all that must move with it, for as long as it runs: takes it, and
// whenever something happens, or a claim waits for its next attempt, leads the claims to where
// they can be. The claim stays when it is interrupted, and the next boot too.
//
//	mini-controller NAME ADDRESS [ROOT]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"libpcipt/pcipt"
)

// again is how often it looks even if nothing happens.
const again = 5 * time.Second

// want is the claim of this name: the one that is there, or a new one.
func want(ctx context.Context, host *pcipt.Host, name, address string) error {
	claim, err := host.Claim(name)
	if err == nil {
		return claim.Close()
	}
	if !errors.Is(err, pcipt.ErrNoClaim) {
		return err
	}
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
	claim, err = host.Bind(ctx, set, &pcipt.BindOptions{Name: name, Persistent: true})
	if err != nil {
		return err
	}
	return claim.Close()
}

func show(report *pcipt.Report) {
	for _, action := range report.Actions {
		fmt.Printf("%s: %s -> %s, %s\n", action.Claim, action.From, action.To, action.Message)
	}
}

func control(ctx context.Context, host *pcipt.Host, name, address string) error {
	// It watches first: what happens from now on is not missed.
	monitor, err := host.Monitor()
	if err != nil {
		return err
	}
	defer monitor.Close()
	if err := want(ctx, host, name, address); err != nil {
		return err
	}
	events := monitor.Events(ctx)
	for ctx.Err() == nil {
		// What can't be had now is no failure: the claim waits, and says what for.
		report, err := host.Reconcile(ctx, nil)
		if err != nil {
			return err
		}
		show(report)
		// Events only say that there is something to look at.
		select {
		case _, ok := <-events:
			if !ok {
				return monitor.Err()
			}
		case <-time.After(again):
		}
	}
	return ctx.Err()
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: mini-controller NAME ADDRESS [ROOT]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	config := &pcipt.Config{}
	if len(os.Args) > 3 {
		config.Root = os.Args[3]
	}
	host, err := pcipt.Open(config)
	if err == nil {
		defer host.Close()
		err = control(ctx, host, os.Args[1], os.Args[2])
	}
	var e *pcipt.Error
	if errors.As(err, &e) {
		if e.Report != nil {
			show(e.Report)
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", e.Name(), e)
		if e.Remedy != "" {
			fmt.Fprintf(os.Stderr, "  %s\n", e.Remedy)
		}
		os.Exit(1)
	}
}
