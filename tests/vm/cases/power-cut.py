#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One boot of the power cuts: judge what the last cut left, then work until the next one.

usage: power-cut.py NUMBER [last]

The state folder is on the disk of the bed. What was begun and what had returned is written
to the ledger, which is the host's and knows no cut; and behind the file system, so that it
stands in the disk's log among the other writes. Prints "ok: …" and "FAILED: …" lines.
"""
import glob
import json
import mmap
import os
import random
import subprocess
import sys
import time

import cut_ledger
from guest import CARD, DEVICES, EDU, NIC, PCIPT, driver_of, read

OUT = os.environ["PCIPT_VM_OUT"]
STATE = "/var/lib/libpcipt"
NATIVE = {CARD[0]: "bochs-drm", CARD[1]: "snd_hda_intel", NIC: "e1000e", EDU: None}
SETS = {"card": CARD, "nic": [NIC], "edu": [EDU]}


def say(good, text):
    print(("ok: " if good else "FAILED: ") + text, flush=True)


def run(*words):
    """The clock of a machine that is emulated on a busy host runs many times too fast."""
    words += () if words[0] == "claims" else ("--timeout", "900")
    done = subprocess.run([PCIPT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def mark(text):
    """On the host before this returns, whatever becomes of this machine."""
    with open(OUT + "/ledger", "a", encoding="ascii") as file:
        file.write(text + "\n")
    # Not flushed: that would flush what is to be tested, too.
    block = mmap.mmap(-1, 4096)
    block.write(text.encode() + b"\n")
    disk = os.open("/dev/" + find_disk(), os.O_WRONLY | os.O_DIRECT)
    os.pwritev(disk, [block], os.lseek(disk, -4096, os.SEEK_END))
    os.close(disk)


def ledger():
    try:
        with open(OUT + "/ledger", encoding="ascii") as file:
            return cut_ledger.said(file)
    except FileNotFoundError:
        return cut_ledger.said([])


def find_disk():
    return next(path.split("/")[3] for path in glob.glob("/sys/block/vd*/serial")
                if read(path) == "pcipt-disk-1")


def mount():
    os.makedirs(STATE, exist_ok=True)
    done = subprocess.run(["mount", "-t", "ext4", "/dev/" + find_disk(), STATE], check=False)
    say(done.returncode == 0, "the disk can be mounted")


def judge_disk(said):
    """Before anybody has mended anything."""
    states, damaged = cut_ledger.recorded(STATE + "/claims")
    say(not damaged, f"every record is whole: {damaged}")
    say(cut_ledger.agrees(states, said), f"the records say what was said: {states}, said {said}")


def judge_devices(said):
    status, out, errors = run("claims", "--json")
    claims = {claim["name"]: claim["state"] for claim in json.loads(out)["claims"]}
    good = status == 0 and all(state == "bound" for state in claims.values())
    good &= cut_ledger.agrees(claims, said)
    say(good, f"every claim is bound, none is lost: {claims} {errors}")
    for name, addresses in SETS.items():
        for address in addresses:
            want = "vfio-pci" if name in claims else NATIVE[address]
            override = read(f"{DEVICES}/{address}/driver_override")
            now = driver_of(address), override
            say(now == (want, "vfio-pci" if name in claims else "(null)"),
                f"{address}: {now}, claim {name}: {claims.get(name)}")
    return claims


def reconcile():
    status, out, errors = run("reconcile", "--boot")
    say(status == 0, f"reconcile: exit {status} {out} {errors}".replace("\n", " "))


def change(name, bound):
    mark("any " + name)
    words = ["release", name] if bound else ["bind", "--persistent", "--with-set", "--name", name]
    status, _, errors = run(*words, *([] if bound else SETS[name]))
    say(status == 0, f"{words[0]} {name}: exit {status} {errors}")
    mark(("free " if bound else "bound ") + name)


def work(claims):
    bound = {name: name in claims for name in SETS}
    end = time.monotonic() + 120
    while time.monotonic() < end:
        name = random.choice(list(SETS))
        change(name, bound[name])
        bound[name] = not bound[name]


def main():
    number, last = sys.argv[1], sys.argv[2:] == ["last"]
    mount()
    said = ledger()
    judge_disk(said)
    open(OUT + "/reconciling-" + number, "w", encoding="ascii").close()
    reconcile()
    claims = judge_devices(said)
    for name in SETS:
        mark(("bound " if name in claims else "free ") + name)
    open(OUT + "/working-" + number, "w", encoding="ascii").close()
    if not last:
        work(claims)
        return
    for name in claims:
        change(name, True)
    judge_devices(cut_ledger.said([]))


main()
