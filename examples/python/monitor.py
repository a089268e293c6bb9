#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells what happens to devices and claims, a line an event, until it is interrupted.

usage: monitor.py [ROOT]"""
import asyncio
import sys

import pcipt


def line(event: pcipt.Event) -> str:
    message = f", {event.message}" if event.message else ""
    return (f"{event.type} {event.claim or event.address}: {event.before or '-'} -> "
            f"{event.after or '-'}{message}")


async def main() -> None:
    root = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        with pcipt.Context(root) as context, context.monitor() as monitor:
            print("watching", flush=True)
            # Without asyncio: for event in monitor.
            async for event in monitor:
                print(line(event), flush=True)
    except pcipt.Error as error:
        sys.exit(str(error))


asyncio.run(main())
