#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power cuts at any instant of what a disk's log tells, judged without a machine.

usage: replay-cuts.py FOLDER COUNT

FOLDER has what each boot N began with (boot-N.image, boot-N.ledger) and what was then asked of
its disk (boot-N.log). For each instant an image is made of what is sure to be on the disk
and some of what was in its cache; its journal is replayed, as a mount does, and every record
must be whole and say what was said by then. PCIPT_TEST_SEED repeats a run.
"""
import glob
import os
import random
import shutil
import subprocess
import sys

import cut_ledger
from volatile_disk import FLUSH, WRITE_THROUGH, Disk, read_log

SEED = int(os.environ.get("PCIPT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
TOOLS = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=TOOLS, check=False)


def is_mark(disk, offset):
    return offset == disk.size - 4096


def make(boot, requests, image, chance):
    """The disk after these requests and a cut; what was said by then."""
    shutil.copyfile(boot + ".image", image)
    with open(boot + ".ledger", encoding="ascii") as file:
        lines = file.read().splitlines()
    disk = Disk(image)
    for kind, offset, data in requests:
        if kind == FLUSH:
            disk.flush()
        elif is_mark(disk, offset):
            lines.append(data.split(b"\n")[0].decode())
        else:
            disk.write(offset, data, kind == WRITE_THROUGH)
    kept = disk.cut(chance)
    os.close(disk.file)
    return cut_ledger.said(lines), kept


def judge(image, said, folder):
    """What is wrong, or None."""
    checked = run("e2fsck", "-y", "-E", "journal_only", image)
    if checked.returncode > 1:
        return checked.stdout
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    run("debugfs", "-R", f"rdump /claims {folder}", image)
    states, damaged = cut_ledger.recorded(folder + "/claims")
    if damaged:
        return f"damaged: {damaged}"
    return None if cut_ledger.agrees(states, said) else f"records {states}, said {said}"


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    chance = random.Random(SEED)
    logs = {path[:-len(".log")]: list(read_log(path)) for path in glob.glob(folder + "/boot-*.log")}
    # Each request of each boot is as likely as any other.
    instants = [(boot, n) for boot, requests in logs.items() for n in range(1, len(requests) + 1)]
    failures = cached = 0
    for boot, n in chance.sample(instants, min(count, len(instants))):
        chance.kept = chance.choice((0, chance.random(), 1))
        said, (kept, total) = make(boot, logs[boot][:n], folder + "/replay", chance)
        cached += total > 0
        wrong = judge(folder + "/replay", said, folder + "/records")
        if wrong:
            failures += 1
            print(f"FAILED: {os.path.basename(boot)}, cut after request {n}, {kept} of {total} sectors "
                  f"of its cache kept: {wrong}")
    print(f"{'FAILED' if failures else 'ok'}: {min(count, len(instants))} of {len(instants)} instants of "
          f"the log, {cached} with something in the cache: {failures} bad (seed {SEED})")


main()
