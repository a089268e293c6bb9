# SPDX-License-Identifier: LGPL-2.1-or-later
"""rounds.py ROOT N: see rounds.c."""
import gc
import os
import sys

import pcipt

ADDRESS = "0000:00:03.0"


def resident():
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGESIZE") // 1024)


def one(root):
    context = pcipt.Context(root)
    monitor = context.monitor()
    snapshot = context.snapshot([ADDRESS])
    wanted = snapshot.set(snapshot.find(ADDRESS))
    try:
        wanted.plan()
        sys.exit("rounds.py: it isn't refused")
    except pcipt.RefusedError:
        pass
    wanted.to_dict()
    list(context.claims())
    monitor.next(timeout=0)


def main():
    n = int(sys.argv[2])
    for i in range(1, n + 1):
        one(sys.argv[1])
        if i in (n // 10, n // 2, n):
            print(resident(), end=" ")
    print()


main()
