# SPDX-License-Identifier: LGPL-2.1-or-later
"""interrupted.py ADDRESS: a bind in Python is ended at each step that is told, by what progress raises
and by Ctrl-C: it comes out, and every device is as before, also where all was done already. Prints
what isn't so, and how many binds were ended."""
import itertools
import os
import signal
import sys

import pcipt


class Enough(Exception):
    """Progress has heard enough."""


def enough():
    raise Enough


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def state(context):
    with context.snapshot() as snapshot, context.claims() as claims:
        return [(device.address, device.driver, device.driver_override, device.power_control)
                for device in snapshot], [claim.name for claim in claims]


def is_ended(context, address, number, end):
    """Whether a bind has so many steps that it can be ended there."""
    count = itertools.count(1)

    def tell(*_):
        if next(count) == number:
            end()

    with context.snapshot() as snapshot:
        try:
            claim = context.bind(snapshot.set(address, with_set=True), progress=tell)
        except (Enough, KeyboardInterrupt):
            return True
        context.release(claim)
        return False


def main():
    ended, context = 0, pcipt.Context()
    # What a shell starts in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = state(context)
    for end in enough, interrupt:
        number = 1
        while is_ended(context, sys.argv[1], number, end):
            if state(context) != before:
                sys.exit(f"{end.__name__} at step {number}: {state(context)} was {before}")
            number += 1
        ended += number - 1
    print(ended, "ended")


main()
