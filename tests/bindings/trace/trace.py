# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenario in Python: trace.py ROOT [ADDRESS]. See trace.c."""
import os
import sys

import pcipt


def told(what, call):
    """One line for a call: its error, or "ok"; gives what the call gives, or None."""
    try:
        value = call()
    except pcipt.Error as error:
        print(f"{what}: {error.to_json()}")
        return None, error
    print(f"{what}: ok")
    return value, None


def show(what, call):
    text, _ = told(call[0], call[1])
    print(f"{what}: {text}")


def listing(snapshot):
    show("devices", ("list", snapshot.to_json))
    show("everything", ("list", lambda: snapshot.to_json(full=True)))
    for group in snapshot.groups:
        print(f"group {group.number} {group.type or '-'} {int(group.viability)}:",
              *[device.address for device in group.devices],
              *[f"[{region}]" for region in group.reserved_regions])
    for problem in snapshot.problems:
        print(f"problem: {problem.to_json()}")


def judge(snapshot, device, **options):
    wanted, error = told("set", lambda: snapshot.set(device, **options))
    if error:
        return None
    print(f"safe: {int(wanted.is_safe)}, driver: {wanted.driver}")
    for member in wanted.members:
        print("member", member.device.address, member.role, member.action)
    for f in wanted.findings:
        print(f"finding {f.code} {f.severity} {f.address or '-'} {int(f.allowed)} | {f.message} | "
              f"{f.evidence} | {f.remedy}")
    show("set", ("set", wanted.to_json))
    return wanted


def or_dash(text):
    return "-" if text is None else text


def tell_plan(plan):
    for step in plan:
        print(f"step {step.op} {or_dash(step.address)} {or_dash(step.path)} {or_dash(step.value)} | "
              f"{step.shell}")
    show("plan", ("plan", plan.to_json))
    return plan


def tell_steps(result, address):
    """The steps of different devices are made side by side: in order are those of one."""
    for step in result.steps:
        if step.address == address:
            print("did", step.op, or_dash(address), or_dash(step.path), or_dash(step.value), step.errno,
                  int(step.is_undo))


def tell_result(result, error):
    result = result or error.result
    print("outcome:", result.outcome if result else "-")
    if not result:
        return
    for device in result.devices:
        print("device", device.address, *map(or_dash, device[1:]))
        tell_steps(result, device.address)
    tell_steps(result, None)
    for warning in result.warnings:
        print("warning:", warning.to_json())


def give_back(context, claim):
    """Where the machine is real: its devices go back by a plan, then the claim ends."""
    for device in claim.devices:
        print("claimed", device.address, device.identity, device.role, or_dash(device.driver_before),
              or_dash(device.override_before))
    snapshot, error = told("snapshot", context.snapshot)
    if not error:
        # What somebody else is told who wants a device of a claim.
        print("options: ok\noptions: ok")
        device, _ = told("find", lambda: snapshot.find(claim.devices[0].address))
        judge(snapshot, device, owner="somebody else")
        plan, error = told("plan", lambda: claim.plan_release(snapshot))
    if not error:
        tell_plan(plan)
        tell_result(*told("apply", lambda: context.apply(plan)))
    tell_result(*told("release", lambda: context.release(claim)))


def act(context, wanted):
    plan, _ = told("plan", wanted.plan)
    if plan:
        tell_plan(plan)
    claim, error = told("bind", lambda: context.bind(wanted))
    tell_result(claim and claim.result, error)
    # Where it is bound already, and where it can't be.
    if plan:
        tell_result(*told("apply", lambda: context.apply(plan)))
    if claim:
        give_back(context, claim)


def find(snapshot):
    for selector in ("", "nonsense", "0000:99:00.0", "group=2", "1af4:1009", "class=ffffff",
                     "slot=pci0000:00"):
        told(selector, lambda: snapshot.find(selector))
        devices, _ = told(selector, lambda: snapshot.find_all(selector))
        for device in devices or []:
            print("found", device.address)


def compare(snapshot, identity):
    found, error = told("compare", lambda: snapshot.compare(identity))
    if not error:
        print(f"{found.verdict} {found.device.address if found.device else '-'}: {found.facts}")


def pair(context, snapshot, address):
    device, error = told("find", lambda: snapshot.find(address))
    if error:
        return
    compare(snapshot, device.identity)
    act(context, judge(snapshot, device))
    print("options: ok")
    whole = judge(snapshot, device, with_set=True)
    allow = [f"{f.code}@{f.address}" if f.address else f.code for f in whole.findings
             if f.severity == pcipt.Severity.BLOCKER]
    act(context, judge(snapshot, device, with_set=True, allow=allow))


def tell_claims(context, claims):
    for claim in claims:
        print(f"claim {claim.name} {claim.state} {or_dash(claim.reason)} {or_dash(claim.message)} "
              f"{or_dash(claim.deadline)} {claim.attempts} {int(claim.is_persistent)}")
        show("claim", ("claim", claim.to_json))
    for name, call in (("recover", context.recover), ("reconcile", lambda: context.reconcile(now=True))):
        report, error = told(name, call)
        for action in (error.report if error else report) or ():
            print("action", *action)
        if report:
            show("report", ("report", report.to_json))


def follow(context, claim):
    """What a monitor tells of a claim that ends."""
    monitor, error = told("monitor", context.monitor)
    if error:
        return
    told("forget", lambda: context.forget(claim))
    os.unlink(f"{context.runtime_dir}/claims/{claim.name}.json")
    while True:
        event, error = told("next", lambda: monitor.next(timeout=0))
        if not event:
            return
        print("event", event.type, *map(or_dash, (event.address, event.claim, event.before, event.after,
                                                  event.reason, event.message)))
        show("event", ("event", event.to_json))


def main():
    context = pcipt.Context(sys.argv[1])
    snapshot, error = told("snapshot", context.snapshot)
    if not error:
        listing(snapshot)
        find(snapshot)
        compare(snapshot, "nonsense")
        compare(snapshot, "8086:dead:1af4:1100:00@pci0000:00/00.0")
        if len(sys.argv) > 2:
            pair(context, snapshot, sys.argv[2])
    claims, error = told("claims", context.claims)
    if not error:
        print(f"{len(claims)} claims, {len(claims.problems)} problems")
        tell_claims(context, claims)
    claim, error = told("claim", lambda: context.claim("desktop"))
    if not error:
        follow(context, claim)


main()
