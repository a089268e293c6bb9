#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kill, race and unplug transactions at random instants; afterwards nothing may be half way.

usage: torture.py kill ROUNDS | race SECONDS | unplug ROUNDS

Prints "ok: …" and "FAILED: …" lines. PCIPT_TEST_SEED repeats a run.
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time

from guest import CARD, DEVICES, EDU, NIC, claims, difference, driver_of, run, start, state

SEED = int(os.environ.get("PCIPT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))

failures = 0


def say(good, text):
    global failures
    failures += not good
    print(("ok: " if good else "FAILED: ") + text, flush=True)


def duration(*words):
    begin = time.monotonic()
    status, _, errors = run(*words)
    say(status == 0, f"{' '.join(words)}: exit {status} {errors}")
    return time.monotonic() - begin


def killed_after(delay, *words):
    """Starts it, kills it; whether it was still at work."""
    process = start(*words)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def kill(rounds):
    before = state()
    bind_time = duration("bind", "--with-set", "--name", "card", CARD[0])
    after = state()
    release_time = duration("release", "card")
    killed = recoveries = undone = bound = 0
    for i in range(rounds):
        releasing = random.random() < 0.4
        if releasing:
            run("bind", "--with-set", "--name", "card", CARD[0])
        # Most of a short command's time is its start: aim at what comes after.
        most = 1.3 * (release_time if releasing else bind_time)
        words = ["release", "card"] if releasing else ["bind", "--with-set", "--name", "card", CARD[0]]
        killed += killed_after(random.uniform(0, most), *words)
        if random.random() < 0.5:
            recoveries += killed_after(random.uniform(0, most), "recover")
        status, out, errors = run("recover", "--timeout", "30")
        now, left = state(), claims()
        if left:
            good = [c["state"] for c in left] == ["bound"] and now == after
            bound += 1
        else:
            good = now == before
            undone += 1
        if status != 0 or not good:
            say(False, f"round {i}, {words[0]}: recover exit {status} {out} {errors}, claims {left}, "
                       f"{difference(before, now)}")
        if left:
            run("release", "card")
        now = state()
        if now != before:
            say(False, f"round {i}: not as before: {difference(before, now)}")
            return
    say(failures == 0, f"{rounds} rounds: {killed} transactions and {recoveries} recoveries killed at "
                       f"work; {undone} ended as before, {bound} bound")


def racer(number, end, counts, lock):
    sets = [[CARD[0]], [CARD[1]], CARD, [NIC], [EDU], [NIC, EDU], [EDU, CARD[1]]]
    random_source = random.Random(SEED + number)
    while time.monotonic() < end:
        name = f"racer-{number}"
        chosen = random_source.choice(sets)
        status, _, errors = run("bind", "--with-set", "--timeout", "60", "--name", name,
                              "--owner", name, *chosen)
        with lock:
            counts[status] = counts.get(status, 0) + 1
            # Done; stale; claimed or in part; locked. Nothing else may come of a race.
            if status not in (0, 1, 3, 7) or (status == 1 and "changed since" not in errors):
                say(False, f"racer {number}, {chosen}: exit {status}: {errors}")
        if status == 0:
            status, _, errors = run("release", "--timeout", "60", name)
            if status != 0:
                with lock:
                    say(False, f"racer {number}: release exit {status}: {errors}")


def race(seconds):
    before, counts, lock = state(), {}, threading.Lock()
    end = time.monotonic() + seconds
    racers = [threading.Thread(target=racer, args=(n, end, counts, lock)) for n in range(16)]
    for thread in racers:
        thread.start()
    for thread in racers:
        thread.join(seconds + 240)
    say(not any(thread.is_alive() for thread in racers), "no racer hangs")
    say(claims() == [], f"no claim is left: {claims()}")
    now = state()
    say(now == before, f"every device is as before: {difference(before, now)}")
    say(counts.get(0, 0) > 0, f"16 racers for {seconds} s; exit statuses {counts}")


def unplug(rounds):
    before = state()
    bind_time = duration("bind", "--name", "nic", NIC)
    release_time = duration("release", "nic")
    statuses = {}
    for i in range(rounds):
        releasing = random.random() < 0.5
        if releasing:
            run("bind", "--name", "nic", NIC)
        words = ["release", "nic"] if releasing else ["bind", "--name", "nic", NIC]
        process = start(*words, "--timeout", "30")
        time.sleep(random.uniform(0, 1.2 * (release_time if releasing else bind_time)))
        with open(f"{DEVICES}/{NIC}/remove", "w", encoding="ascii") as file:
            file.write("1")
        try:
            status = process.wait(90)
        except subprocess.TimeoutExpired:
            say(False, f"round {i}: {words[0]} hangs")
            return
        statuses[status] = statuses.get(status, 0) + 1
        status, _, errors = run("recover", "--timeout", "30")
        if status != 0:
            say(False, f"round {i}: recover exit {status}: {errors}")
        for claim in claims():
            status, _, errors = run("release", claim["name"])
            if status != 0:
                say(False, f"round {i}: release of {claim['name']} exit {status}: {errors}")
        with open("/sys/bus/pci/rescan", "w", encoding="ascii") as file:
            file.write("1")
        # The new device probes its driver by itself; its power setting is the kernel's.
        for _ in range(100):
            if driver_of(NIC) == before[NIC][0]:
                break
            time.sleep(0.05)
        with open(f"{DEVICES}/{NIC}/power/control", "w", encoding="ascii") as file:
            file.write(before[NIC][2])
        now = state()
        if now != before:
            say(False, f"round {i}, {words[0]}: not as before: {difference(before, now)}")
            return
    say(failures == 0, f"{rounds} unplugs while a transaction ran; exit statuses {statuses}")


def main():
    print(f"seed {SEED}")
    random.seed(SEED)
    {"kill": kill, "race": race, "unplug": unplug}[sys.argv[1]](int(sys.argv[2]))
    sys.exit(failures != 0)


main()
