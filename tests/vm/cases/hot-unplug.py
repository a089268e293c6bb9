#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two cards, of which one goes away: whatever the moment, the other one is where it belongs.

usage: hot-unplug.py ROUNDS     how many at random; more than 3: at every step, too

Which step a transaction is at is told by its progress function, which doesn't return before
the card is gone: pulled by QEMU, or removed through sysfs. Prints "ok: …" and "FAILED: …".
"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.realpath(os.path.dirname(__file__) + "/../../../bindings/python"))
os.environ.setdefault("LD_LIBRARY_PATH", os.environ["PCIPT_BUILD"] + "/.libs")
if "PCIPT_AGAIN" not in os.environ:
    # The loader reads it once, at the start.
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PCIPT_AGAIN": "1"})

import pcipt  # noqa: E402
from pcipt import Op, Progress  # noqa: E402

DEVICES = "/sys/bus/pci/devices/"
OUT = os.environ["PCIPT_VM_OUT"]
SEED = int(os.environ.get("PCIPT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
# Seconds; what a call may take, and on top of that. An emulated machine's clock runs too fast on a busy host.
PATIENCE, SOON = 300, 15


def say(good, text):
    print(("ok: " if good else "FAILED: ") + text, flush=True)


def wait_until(what, seconds=600):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def request(text):
    with open(OUT + "/requests", "a", encoding="ascii") as file:
        file.write(text + "\n")


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError as error:
        return error.strerror


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Card:
    """A network card at a root port of its own."""

    def __init__(self, name, bus, port):
        self.name, self.bus, self.port = name, bus, DEVICES + port
        self.address = f"0000:{int(read(self.port + '/secondary_bus_number')):02x}:00.0"

    def is_there(self):
        return os.path.exists(DEVICES + self.address)

    def driver(self):
        try:
            return os.path.basename(os.readlink(DEVICES + self.address + "/driver"))
        except FileNotFoundError:
            return None

    def state(self):
        return (self.driver(), read(DEVICES + self.address + "/driver_override"),
                read(DEVICES + self.address + "/power/control"))

    def plug(self):
        if not self.is_there():
            request(f"add {self.name} {self.bus}")
        if not wait_until(lambda: self.driver() == "e1000e"):
            say(False, f"{self.name} at {self.address} did not come: {self.state()}")
        write(DEVICES + self.address + "/power/control", "auto")

    def pull(self):
        """By QEMU, as a hand would."""
        request(f"del {self.name}")
        return wait_until(lambda: not self.is_there())

    def remove(self):
        """Only the kernel's device goes; the card is there for the next rescan."""
        write(DEVICES + self.address + "/remove", "1")
        return wait_until(lambda: not self.is_there())

    def put_back(self):
        write("/sys/bus/pci/rescan", "1")
        self.plug()


class Puller:
    """A progress function that has the card gone before it returns."""

    def __init__(self, card, op, how_far, way):
        self.card, self.op, self.how_far, self.way = card, op, how_far, way
        self.pulled = False

    def __call__(self, op, address, how_far):
        if self.pulled or (op, address, how_far) != (self.op, self.card.address, self.how_far):
            return
        self.pulled = True
        if not getattr(self.card, self.way)():
            say(False, f"{self.card.name} can't be taken away at {op.name}")


context = pcipt.Context()


def begin(cards, **how):
    with context.snapshot() as snapshot:
        return context.bind(snapshot.set([card.address for card in cards]), name="two", timeout=PATIENCE,
                            **how)


def names_gone(error, address):
    """Whether the error, one of its causes, or a warning says that the device went."""
    return (isinstance(error, pcipt.GoneError) and error.address == address) or any(
        names_gone(cause, address) for cause in error.causes)


def no_claim(title):
    report = context.recover(timeout=30)
    say(not report.actions, f"{title}: nothing is left to recover: {[str(a) for a in report.actions]}")
    left = [claim.name for claim in context.claims()]
    say(left == [], f"{title}: no claim is left: {left}")


def bind(stays, goes, puller, title):
    before, started = stays.state(), time.monotonic()
    try:
        begin([stays, goes], progress=puller)
    except pcipt.Error as error:
        took = time.monotonic() - started
        say(names_gone(error, goes.address), f"{title}: {error.name} {error}")
        say(error.result is not None and error.result.outcome.name in ("ROLLED_BACK", "FAILED"),
            f"{title}: the outcome is {error.result and error.result.outcome.name}")
        say(took < PATIENCE + SOON, f"{title}: after {took:.1f} s")
        say(puller.pulled, f"{title}: it was pulled at that step")
    else:
        say(False, f"{title}: bound, with a card that is gone")
    say(stays.state() == before, f"{title}: the other one is as before: {before} {stays.state()}")
    no_claim(title)


def release(stays, goes, puller, title):
    before = stays.state()
    claim = begin([stays, goes])
    started = time.monotonic()
    try:
        result = context.release(claim, timeout=PATIENCE, progress=puller)
    except pcipt.Error as error:
        say(False, f"{title}: {error.name} {error}")
    else:
        say(result.outcome.name == "DONE", f"{title}: the outcome is {result.outcome.name}")
        say(any(names_gone(warning, goes.address) for warning in result.warnings),
            f"{title}: told as gone: {[str(w) for w in result.warnings]}")
    say(time.monotonic() - started < PATIENCE + SOON, f"{title}: after {time.monotonic() - started:.1f} s")
    say(puller.pulled, f"{title}: it was pulled at that step")
    say(stays.state() == before, f"{title}: the other one is as before: {before} {stays.state()}")
    no_claim(title)


BEGUN, DONE = Progress.BEGUN, Progress.DONE
#: (how it goes, what runs, the step, before or after it); the first ones alone in a short run.
STEPS = [("pull", bind, Op.OVERRIDE, DONE), ("pull", bind, Op.UNBIND, DONE),
         ("pull", bind, Op.BIND, DONE), ("pull", release, Op.UNBIND, DONE),
         ("remove", bind, Op.BIND, BEGUN), ("remove", release, Op.BIND, BEGUN)]
SHORT = len(STEPS)
STEPS += [step for way in ("pull", "remove") for step in (
    (way, bind, Op.OVERRIDE, BEGUN), (way, bind, Op.OVERRIDE, DONE), (way, bind, Op.UNBIND, BEGUN),
    (way, bind, Op.UNBIND, DONE), (way, bind, Op.BIND, BEGUN), (way, bind, Op.BIND, DONE),
    (way, release, Op.OVERRIDE, BEGUN), (way, release, Op.UNBIND, DONE), (way, release, Op.BIND, BEGUN),
    (way, release, Op.BIND, DONE)) if step not in STEPS]


def at_each_step(stays, goes, steps):
    for way, what, op, how_far in steps:
        what(stays, goes, Puller(goes, op, how_far, way),
             f"{way} at {what.__name__}'s {op.name} {how_far.name}")
        if way == "pull":
            goes.plug()
        else:
            goes.put_back()


def between(stays, goes):
    """Nothing runs while it goes: before a bind, and while a claim holds it."""
    before = stays.state()
    with context.snapshot() as snapshot:
        wanted = snapshot.set([stays.address, goes.address])
        goes.pull()
        try:
            context.bind(wanted, name="two")
            say(False, "pulled before the bind: bound")
        except pcipt.Error as error:
            say(names_gone(error, goes.address), f"pulled before the bind: {error.name} {error}")
    say(stays.state() == before, "pulled before the bind: the other one is as before")
    goes.plug()
    claim = begin([stays, goes])
    say(goes.pull(), "a bound card can be pulled")
    result = context.release(claim)
    say(result.outcome.name == "DONE" and any(names_gone(w, goes.address) for w in result.warnings),
        f"released when gone: {result.outcome.name} {[str(w) for w in result.warnings]}")
    say(stays.state() == before, f"released when gone: the other one is as before: {stays.state()}")
    no_claim("released when gone")
    goes.plug()


def back_again(stays, goes):
    """A claim that is kept gets its card back."""
    begin([stays, goes], persistent=True)
    goes.pull()
    context.reconcile()
    claim = context.claim("two")
    say((claim.state.name, claim.reason) == ("WAITING", "absent"), f"pulled: {claim.state.name} {claim.reason}")
    goes.plug()
    context.reconcile(now=True)
    claim = context.claim("two")
    say(claim.state.name == "BOUND" and goes.driver() == "vfio-pci",
        f"plugged in again: {claim.state.name} {claim.reason} {claim.message} {goes.driver()}")
    context.release(claim)
    say((stays.driver(), goes.driver()) == ("e1000e", "e1000e"), "and released")


def at_random(stays, goes, rounds):
    before, outcomes = stays.state(), {}
    for i in range(rounds):
        releasing = i % 2 == 1
        claim = begin([stays, goes]) if releasing else None
        delay = random.uniform(0, 0.3)
        puller = threading.Thread(target=lambda: (time.sleep(delay), goes.pull()))
        puller.start()
        title = f"round {i}, {'release' if releasing else 'bind'}, pulled after {delay * 1000:.0f} ms"
        outcome = "DONE"
        try:
            if releasing:
                context.release(claim, timeout=PATIENCE)
            else:
                begin([stays, goes])
        except pcipt.Error as error:
            outcome = error.name
            # Gone; or it went while the machine was looked at, and nothing was touched.
            unseen = not releasing and isinstance(error, (pcipt.NoDeviceError, pcipt.RefusedError))
            if not names_gone(error, goes.address) and not unseen:
                say(False, f"{title}: {error.name} {error}")
        puller.join()
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        for left in context.claims():
            context.release(left)
        if stays.state() != before:
            say(False, f"{title}: not as before: {before} {stays.state()}")
        goes.plug()
    no_claim(f"{rounds} times at random")
    say(True, f"{rounds} times at random: {outcomes}")


def main():
    print(f"seed {SEED}")
    random.seed(SEED)
    os.system("modprobe -a vfio-pci pciehp acpiphp 2>/dev/null")
    stays = Card("stays", "port1", "0000:00:08.0")
    goes = Card("goes", "port2", "0000:00:09.0")
    stays.plug()
    goes.plug()
    between(stays, goes)
    back_again(stays, goes)
    rounds = int(sys.argv[1])
    at_each_step(stays, goes, STEPS if rounds > 3 else STEPS[:SHORT])
    at_random(stays, goes, rounds)


main()
