// SPDX-License-Identifier: LGPL-2.1-or-later

// Tells what happens to devices and claims, a line an event, until it is interrupted.
//
//	monitor [ROOT]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"libpcipt/pcipt"
)

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func show(event pcipt.Event) {
	name, message := event.Claim, ""
	if name == "" {
		name = event.Address
	}
	if event.Message != "" {
		message = ", " + event.Message
	}
	fmt.Printf("%s %s: %s -> %s%s\n", event.Type, name, orDash(event.Before), orDash(event.After), message)
}

func watch(ctx context.Context, config *pcipt.Config) error {
	host, err := pcipt.Open(config)
	if err != nil {
		return err
	}
	defer host.Close()
	monitor, err := host.Monitor()
	if err != nil {
		return err
	}
	defer monitor.Close()
	fmt.Println("watching")
	for event := range monitor.Events(ctx) {
		show(event)
	}
	return monitor.Err()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	config := &pcipt.Config{}
	if len(os.Args) > 1 {
		config.Root = os.Args[1]
	}
	if err := watch(ctx, config); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
