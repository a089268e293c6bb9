# SPDX-License-Identifier: LGPL-2.1-or-later
"""facts.py ROOT ROUNDS: see facts.c. The JSON form ends as Python's dictionaries."""
import sys
import time

import pcipt

TEXTS = ("address", "vendor_name", "device_name", "class_name", "driver", "driver_override", "slot", "identity",
         "vfio_device")
NUMBERS = ("vendor_id", "device_id", "subsystem_vendor_id", "subsystem_device_id", "class_id", "revision",
           "numa_node", "boot_vga")


def read_all(snapshot):
    total = 0
    for device in snapshot:
        total += sum(getattr(device, name) or 0 for name in NUMBERS)
        total += sum(len(getattr(device, name) or "") for name in TEXTS)
        for other in (device.parent, device.physfn, *device.virtfns):
            total += len(other.address) if other else 0
        total += sum(map(len, device.reset_methods)) + device.group.number
    return total


def main():
    least = [float("inf")] * 3
    for _ in range(int(sys.argv[2])):
        begin = time.process_time()
        with pcipt.Context(sys.argv[1]).snapshot() as snapshot:
            read_all(snapshot)
            least[0] = min(least[0], time.process_time() - begin)
            begin = time.process_time()
            read_all(snapshot)
            least[1] = min(least[1], time.process_time() - begin)
        begin = time.process_time()
        with pcipt.Context(sys.argv[1]).snapshot() as snapshot:
            devices = snapshot.to_dicts()
            least[2] = min(least[2], time.process_time() - begin)
        del devices
    print(*(f"{seconds * 1000:.1f}" for seconds in least))


main()
