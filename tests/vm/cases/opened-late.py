#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device that is opened between the look for who holds it and the unbind.

usage: opened-late.py

The progress function opens it, so that nothing had to be allowed. The caller returns in time
and is at no moment where no signal reaches it; other groups are bound meanwhile; and when the
device is closed, what was begun is finished. Prints "ok: …" and "FAILED: …" lines.
"""
import fcntl
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.realpath(os.path.dirname(__file__) + "/../../../bindings/python"))
import pcipt  # noqa: E402
from pcipt import Op, Progress  # noqa: E402

DEVICES = "/sys/bus/pci/devices/"
CARD = ["0000:00:03.0", "0000:00:03.1"]
NIC, EDU = "0000:00:04.0", "0000:00:05.0"
DEADLINE = 3
# Grace, and an undo's time; an emulated machine on a busy host takes a while by itself.
LATEST = DEADLINE + 2 + 3 + 10

context = pcipt.Context()


def say(good, text):
    print(("ok: " if good else "FAILED: ") + text, flush=True)


def state(*addresses):
    """Of all, unless told: on Linux 6.1 who reads it of a device that is stuck is so, too."""
    found = {}
    for address in addresses or CARD + [NIC, EDU]:
        path = DEVICES + address
        driver = os.path.basename(os.readlink(path + "/driver")) if os.path.exists(path + "/driver") else None
        with open(path + "/driver_override", encoding="ascii") as file:
            found[address] = driver, file.read().strip()
    return found


class Opener:
    """Opens something before the unbind of a device."""

    def __init__(self, address, function):
        self.address, self.function = address, function
        self.open = []

    def __call__(self, op, address, how_far):
        if (op, address, how_far) == (Op.UNBIND, self.address, Progress.BEGUN) and not self.open:
            self.open = self.function()

    def close(self):
        for fd in reversed(self.open):
            os.close(fd)


def open_vfio():
    """As a virtual machine does; numbers: include/uapi/linux/vfio.h of the kernel."""
    number = os.path.basename(os.readlink(DEVICES + EDU + "/iommu_group"))
    container, group = os.open("/dev/vfio/vfio", os.O_RDWR), os.open("/dev/vfio/" + number, os.O_RDWR)
    fcntl.ioctl(group, 0x3B68, struct.pack("i", container))
    fcntl.ioctl(container, 0x3B66, 1)
    return [container, group, fcntl.ioctl(group, 0x3B6A, bytearray(EDU.encode() + b"\0"))]


class Watch(threading.Thread):
    """Whether the caller's thread ever stays in state D."""

    def __init__(self):
        super().__init__(daemon=True)
        self.path = f"/proc/self/task/{threading.get_native_id()}/stat"
        self.longest, self.over = 0, False

    def run(self):
        row = 0
        while not self.over:
            with open(self.path, encoding="utf-8") as file:
                row = row + 1 if file.read().rpartition(")")[2].split()[0] == "D" else 0
            self.longest = max(self.longest, row)
            time.sleep(0.05)


def must_be_stuck(title, address, call):
    watch, begin = Watch(), time.monotonic()
    watch.start()
    try:
        call()
        say(False, f"{title}: done, with a device that is open")
    except pcipt.StuckError as error:
        say(error.address == address, f"{title}: {error}")
        # What a native driver's nodes were can't be seen any more when it is half gone.
        say("python3" in str(error.remedy) or address != EDU, f"{title}: says what to end: {error.remedy}")
    except pcipt.Error as error:
        say(False, f"{title}: {error.name} {error}")
    watch.over = True
    watch.join()
    took = time.monotonic() - begin
    say(took < LATEST, f"{title}: after {took:.1f} s")
    say(watch.longest < 10, f"{title}: never in state D for long ({watch.longest * 50} ms)")


def others_go_on(title):
    with context.snapshot() as snapshot:
        claim = context.bind(snapshot.set(NIC), name="meanwhile")
    context.release(claim)
    say(True, f"{title}: another group was bound and released meanwhile")


def finish(title, opener, before):
    opener.close()
    end = time.monotonic() + 60
    while True:
        try:
            report = context.recover(timeout=10)
            break
        except pcipt.Error as error:
            if time.monotonic() > end:
                say(False, f"{title}: {error.name} {error}")
                return
    say(state() == before, f"{title}: as before: {[str(a) for a in report.actions]} {state()}")
    say(len(context.claims()) == 0, f"{title}: no claim is left")


def a_mixer():
    before, opener = state(), Opener(CARD[1], lambda: [os.open("/dev/snd/controlC0", os.O_RDWR)])
    with context.snapshot() as snapshot:
        wanted = snapshot.set(CARD)
    must_be_stuck("a mixer", CARD[1],
                  lambda: context.bind(wanted, name="card", timeout=DEADLINE, progress=opener))
    display = state(CARD[0])[CARD[0]]
    say(display == before[CARD[0]], f"a mixer: the display is back: {display}")
    others_go_on("a mixer")
    finish("a mixer", opener, before)


def a_virtual_machine():
    before, opener = state(), Opener(EDU, open_vfio)
    with context.snapshot() as snapshot:
        claim = context.bind(snapshot.set(EDU), name="used")
    must_be_stuck("a virtual machine", EDU,
                  lambda: context.release(claim, timeout=DEADLINE, progress=opener))
    others_go_on("a virtual machine")
    finish("a virtual machine", opener, before)


a_mixer()
a_virtual_machine()
