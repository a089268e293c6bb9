#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes a device with everything that must move with it, and gives all of it back again.

usage: bind_release.py ADDRESS"""
import sys

import pcipt


def fail(error: pcipt.Error) -> int:
    """Says what went wrong and what to do."""
    print(f"{error.name}: {error}", file=sys.stderr)
    for line in [str(cause) for cause in error.causes] + [error.remedy or ""]:
        if line:
            print(f"  {line}", file=sys.stderr)
    return 1


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with pcipt.Context() as context, context.snapshot() as snapshot:
            # The set can be looked at before it is bound; an unsafe one is refused.
            wanted = snapshot.set(snapshot.find(sys.argv[1]), with_set=True)
            with context.bound(wanted) as claim:
                for device in claim.devices:
                    print(f"{device.address}: was on {device.driver_before or 'no driver'}, "
                          f"is on {claim.driver}")
                # Here a virtual machine would run.
            print("released")
    except pcipt.Error as error:
        return fail(error)
    return 0


sys.exit(main())
