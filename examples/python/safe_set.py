#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which devices must move together with one, and what stands against that? If nothing does, the
steps are printed as the shell lines that a person would type. Nothing is changed.

usage: safe_set.py ADDRESS [ROOT]"""
import sys

import pcipt


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    address, root = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    try:
        # Only what belongs to the device is read, however big the machine.
        with pcipt.Context(root) as context, context.snapshot([address]) as snapshot:
            wanted = snapshot.set(snapshot.find(address), with_set=True)
            for member in wanted.members:
                print(member.device.address, member.role, member.action)
            for finding in wanted.findings:
                print(f"{finding.severity} {finding.code}: {finding.message} ({finding.evidence}). "
                      f"{finding.remedy}")
            if not wanted.is_safe:
                return 1
            for step in wanted.plan():
                print(step.shell)
    except pcipt.Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


sys.exit(main())
