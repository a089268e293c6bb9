#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wants a device, with all that must move with it, for as long as it runs: takes it, and whenever
something happens, or a claim waits for its next attempt, leads the claims to where they can
be. The claim stays when it is interrupted, and the next boot too.

usage: mini_controller.py NAME ADDRESS [ROOT]"""
import sys

import pcipt

# How often it looks even if nothing happens, in seconds.
AGAIN = 5.0


def want(context: pcipt.Context, name: str, address: str) -> None:
    """The claim of this name: the one that is there, or a new one."""
    try:
        context.claim(name)
    except pcipt.NoClaimError:
        with context.snapshot() as snapshot:
            context.bind(snapshot.set(snapshot.find(address), with_set=True), name=name, persistent=True)


def show(report: pcipt.Report) -> None:
    for action in report:
        print(f"{action.claim}: {action.before} -> {action.after}, {action.message}", flush=True)


def control(context: pcipt.Context, name: str, address: str) -> None:
    # It watches first: what happens from now on is not missed.
    with context.monitor() as monitor:
        want(context, name, address)
        while True:
            # What can't be had now is no failure: the claim waits, and says what for.
            show(context.reconcile())
            # Events only say that there is something to look at.
            monitor.next(timeout=AGAIN)
            while monitor.next(timeout=0):
                pass


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    root = sys.argv[3] if len(sys.argv) > 3 else None
    try:
        with pcipt.Context(root) as context:
            control(context, sys.argv[1], sys.argv[2])
    except pcipt.Error as error:
        if error.report:
            show(error.report)
        print(f"{error.name}: {error}", file=sys.stderr)
        if error.remedy:
            print(f"  {error.remedy}", file=sys.stderr)
    return 1


sys.exit(main())
