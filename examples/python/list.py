#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists the machine's PCI devices: list.py [ROOT]"""
import sys

import pcipt


def line(device: pcipt.Device) -> str:
    ids = "-"
    if device.vendor_id is not None and device.device_id is not None:
        ids = f"{device.vendor_id:04x}:{device.device_id:04x}"
    group = device.group.number if device.group else "-"
    return f"{device.address} {ids} {device.driver or '-'} {group}"


def main() -> None:
    root = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        with pcipt.Context(root) as context, context.snapshot() as snapshot:
            for device in snapshot:
                print(line(device))
    except pcipt.Error as error:
        sys.exit(str(error))


main()
