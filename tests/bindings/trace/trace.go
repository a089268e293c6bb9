// SPDX-License-Identifier: LGPL-2.1-or-later

// The scenario in Go: trace ROOT [ADDRESS]. See trace.c.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"libpcipt/pcipt"
)

// told prints one line for a call: its error, or "ok". It says whether it was ok.
func told(what string, err error) bool {
	var e *pcipt.Error
	if errors.As(err, &e) {
		json, _ := e.MarshalJSON()
		fmt.Printf("%s: %s\n", what, json)
		return false
	}
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: ok\n", what)
	return true
}

func show(what, call string, json []byte, err error) {
	if told(call, err) {
		fmt.Printf("%s: %s\n", what, json)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func list(snapshot *pcipt.Snapshot) {
	json, err := snapshot.JSON()
	show("devices", "list", json, err)
	json, err = snapshot.JSON(pcipt.JSONFull)
	show("everything", "list", json, err)
	for _, group := range snapshot.Groups() {
		fmt.Printf("group %d %s %d:", group.Number(), orDash(group.Type()), int(group.Viability()))
		for _, device := range group.Devices() {
			fmt.Printf(" %s", device)
		}
		for _, region := range group.ReservedRegions() {
			fmt.Printf(" [%s]", region)
		}
		fmt.Println()
	}
	for _, problem := range snapshot.Problems() {
		json, _ := problem.MarshalJSON()
		fmt.Printf("problem: %s\n", json)
	}
}

func judge(snapshot *pcipt.Snapshot, device pcipt.Device, options *pcipt.SetOptions) *pcipt.Set {
	set, err := snapshot.Set([]pcipt.Device{device}, options)
	if !told("set", err) {
		os.Exit(1)
	}
	fmt.Printf("safe: %d, driver: %s\n", bit(set.IsSafe()), set.Driver())
	for _, member := range set.Members() {
		fmt.Println("member", member.Device, member.Role, member.Action)
	}
	for _, f := range set.Findings() {
		fmt.Printf("finding %s %s %s %d | %s | %s | %s\n", f.Code, f.Severity, orDash(f.Address), bit(f.Allowed),
			f.Message, f.Evidence, f.Remedy)
	}
	json, err := set.MarshalJSON()
	show("set", "set", json, err)
	return set
}

func tellPlan(plan *pcipt.Plan) {
	for _, step := range plan.Steps() {
		fmt.Printf("step %s %s %s %s | %s\n", step.Op, orDash(step.Address), orDash(step.Path),
			written(step.Op, step.Value), step.Shell)
	}
	json, err := plan.MarshalJSON()
	show("plan", "plan", json, err)
}

// written: what is absent and what is empty is the same text in Go; the operation tells.
func written(op pcipt.Op, value string) string {
	if op == pcipt.OpOverride || op == pcipt.OpVerify {
		return value
	}
	return orDash(value)
}

// tellSteps: the steps of different devices are made side by side, in order are those of one.
func tellSteps(result *pcipt.Result, address string) {
	for _, step := range result.Steps {
		if step.Address == address {
			fmt.Printf("did %s %s %s %s %d %d\n", step.Op, orDash(address), orDash(step.Path),
				written(step.Op, step.Value), int(step.Errno), bit(step.IsUndo))
		}
	}
}

func tellResult(result *pcipt.Result, err error) {
	var e *pcipt.Error
	if errors.As(err, &e) {
		result = e.Result
	}
	if result == nil {
		fmt.Println("outcome: -")
		return
	}
	fmt.Println("outcome:", result.Outcome)
	for _, device := range result.Devices {
		fmt.Println("device", device.Address, orDash(device.DriverBefore), orDash(device.DriverAfter),
			orDash(device.VFIODevice))
		tellSteps(result, device.Address)
	}
	tellSteps(result, "")
	for _, warning := range result.Warnings {
		json, _ := warning.MarshalJSON()
		fmt.Printf("warning: %s\n", json)
	}
}

func apply(host *pcipt.Host, plan *pcipt.Plan) {
	result, err := host.Apply(context.Background(), plan)
	told("apply", err)
	tellResult(result, err)
}

// notHis says what somebody else is told who wants a device of a claim.
func notHis(snapshot *pcipt.Snapshot, address string) {
	fmt.Println("options: ok\noptions: ok")
	if device, err := snapshot.Find(address); told("find", err) {
		judge(snapshot, device, &pcipt.SetOptions{Owner: "somebody else"}).Close()
	}
}

// giveBack: where the machine is real, its devices go back by a plan, then the claim ends.
func giveBack(host *pcipt.Host, claim *pcipt.Claim) {
	for _, device := range claim.Devices() {
		fmt.Println("claimed", device.Address, device.Identity, device.Role, orDash(device.DriverBefore),
			orDash(device.OverrideBefore))
	}
	snapshot, err := host.Snapshot()
	if told("snapshot", err) {
		defer snapshot.Close()
		notHis(snapshot, claim.Devices()[0].Address)
		plan, err := claim.PlanRelease(snapshot)
		if told("plan", err) {
			defer plan.Close()
			tellPlan(plan)
			apply(host, plan)
		}
	}
	result, err := host.Release(context.Background(), claim, nil)
	told("release", err)
	tellResult(result, err)
}

func act(host *pcipt.Host, set *pcipt.Set) {
	plan, err := set.Plan()
	planned := told("plan", err)
	if planned {
		defer plan.Close()
		tellPlan(plan)
	}
	var result *pcipt.Result
	claim, err := host.Bind(context.Background(), set, nil)
	bound := told("bind", err)
	if bound {
		result = claim.Result
	}
	tellResult(result, err)
	// Where it is bound already, and where it can't be.
	if planned {
		apply(host, plan)
	}
	if bound {
		giveBack(host, claim)
		claim.Close()
	}
}

func find(snapshot *pcipt.Snapshot) {
	for _, selector := range []string{"", "nonsense", "0000:99:00.0", "group=2", "1af4:1009", "class=ffffff",
		"slot=pci0000:00"} {
		_, err := snapshot.Find(selector)
		told(selector, err)
		devices, err := snapshot.FindAll(selector)
		told(selector, err)
		for _, device := range devices {
			fmt.Println("found", device)
		}
	}
}

func compare(snapshot *pcipt.Snapshot, identity string) {
	found, err := snapshot.Compare(identity, "")
	if !told("compare", err) {
		return
	}
	address := "-"
	if found.Found {
		address = found.Device.Address()
	}
	fmt.Printf("%s %s: %s\n", found.Verdict, address, found.Facts)
}

func pair(host *pcipt.Host, snapshot *pcipt.Snapshot, address string) {
	device, err := snapshot.Find(address)
	if !told("find", err) {
		return
	}
	compare(snapshot, device.Identity())
	half := judge(snapshot, device, nil)
	defer half.Close()
	act(host, half)
	fmt.Println("options: ok")
	options := &pcipt.SetOptions{WithSet: true}
	whole := judge(snapshot, device, options)
	defer whole.Close()
	for _, f := range whole.Findings() {
		if f.Severity == pcipt.SeverityBlocker && f.Address != "" {
			options.Allow = append(options.Allow, f.Code+"@"+f.Address)
		} else if f.Severity == pcipt.SeverityBlocker {
			options.Allow = append(options.Allow, f.Code)
		}
	}
	allowed := judge(snapshot, device, options)
	defer allowed.Close()
	act(host, allowed)
}

func tellReport(what string, report *pcipt.Report, err error) {
	var e *pcipt.Error
	ok := told(what, err)
	if errors.As(err, &e) {
		report = e.Report
	}
	if report == nil {
		return
	}
	for _, action := range report.Actions {
		fmt.Println("action", action.Claim, action.From, action.To, action.Reason, action.Message)
	}
	if ok {
		json, err := report.MarshalJSON()
		show("report", "report", json, err)
	}
}

func tellClaims(host *pcipt.Host, claims []*pcipt.Claim) {
	for _, claim := range claims {
		deadline := "-"
		if !claim.Deadline().IsZero() {
			deadline = claim.Deadline().Format(time.RFC3339)
		}
		fmt.Println("claim", claim.Name(), claim.State(), orDash(claim.Reason()), orDash(claim.Message()), deadline,
			claim.Attempts(), bit(claim.IsPersistent()))
		json, err := claim.MarshalJSON()
		show("claim", "claim", json, err)
	}
	report, err := host.Recover(context.Background())
	tellReport("recover", report, err)
	report, err = host.Reconcile(context.Background(), &pcipt.ReconcileOptions{Now: true})
	tellReport("reconcile", report, err)
}

// follow says what a monitor tells of a claim that ends.
func follow(host *pcipt.Host, claim *pcipt.Claim) {
	monitor, err := host.Monitor()
	if !told("monitor", err) {
		return
	}
	defer monitor.Close()
	told("forget", host.Forget(claim))
	os.Remove(host.RuntimeDir() + "/claims/" + claim.Name() + ".json")
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		event, err := monitor.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			told("next", nil)
			return
		}
		if !told("next", err) {
			return
		}
		fmt.Println("event", event.Type, orDash(event.Address), orDash(event.Claim), orDash(event.Before),
			orDash(event.After), orDash(event.Reason), orDash(event.Message))
		json, err := event.MarshalJSON()
		show("event", "event", json, err)
	}
}

func main() {
	host, err := pcipt.Open(&pcipt.Config{Root: os.Args[1]})
	if err != nil {
		panic(err)
	}
	defer host.Close()
	snapshot, err := host.Snapshot()
	if told("snapshot", err) {
		defer snapshot.Close()
		list(snapshot)
		find(snapshot)
		compare(snapshot, "nonsense")
		compare(snapshot, "8086:dead:1af4:1100:00@pci0000:00/00.0")
		if len(os.Args) > 2 {
			pair(host, snapshot, os.Args[2])
		}
	}
	claims, problems, err := host.Claims()
	if told("claims", err) {
		fmt.Printf("%d claims, %d problems\n", len(claims), len(problems))
		tellClaims(host, claims)
	}
	claim, err := host.Claim("desktop")
	if told("claim", err) {
		follow(host, claim)
	}
}
