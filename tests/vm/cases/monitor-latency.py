#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long after the kernel's own message an event of `pcipt monitor` can be read.

usage: monitor-latency.py PCIPT ADDRESS

The device is unbound and bound to its driver a few times. Another socket hears the
kernel's messages; both are polled together, and the time between the two is printed.
"""
import os
import select
import socket
import statistics
import subprocess
import sys
import time

NETLINK_KOBJECT_UEVENT = 15
ROUNDS = 20


def wanted(message, address):
    return message.split(b"@", 1)[0] in (b"bind", b"unbind") and message.split(b"\0")[0].endswith(address.encode())


def one_round(kernel, pipe, address):
    """Milliseconds from the kernel's message to the event; both come in any order of readiness."""
    at = {}
    while len(at) < 2:
        ready, _, _ = select.select([kernel, pipe], [], [], 5)
        now = time.monotonic()
        if not ready:
            sys.exit("no event came")
        if kernel in ready and wanted(kernel.recv(8192), address):
            at.setdefault("kernel", now)
        if pipe in ready and address.encode() in os.read(pipe, 65536):
            at.setdefault("event", now)
    return (at["event"] - at["kernel"]) * 1e3


def main():
    pcipt, address = sys.argv[1:]
    driver = os.path.realpath(f"/sys/bus/pci/devices/{address}/driver")
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)
    kernel.bind((0, 1))
    monitor = subprocess.Popen([pcipt, "monitor", "--json"], stdout=subprocess.PIPE)
    pipe = monitor.stdout.fileno()
    time.sleep(1)
    times = []
    for round_number in range(ROUNDS):
        with open(f"{driver}/{'bind' if round_number % 2 else 'unbind'}", "w") as file:
            file.write(address)
        times.append(one_round(kernel, pipe, address))
        time.sleep(0.2)
        while select.select([kernel], [], [], 0)[0]:
            kernel.recv(8192)
        while select.select([pipe], [], [], 0)[0]:
            os.read(pipe, 65536)
    monitor.kill()
    print(f"event after the kernel's message: median {statistics.median(times):.2f} ms, "
          f"at most {max(times):.2f} ms, {ROUNDS} times")


main()
