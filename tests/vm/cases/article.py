#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One boot of the article's case: article.host says which, and in which order.

usage: article.py story | cut-bind | cut-release | after

Two owners want one card; tests/unit/test_article.c plays the same on the simulated kernel.
Prints "ok: …" and "FAILED: …" lines.
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from guest import CARD, DEVICES, EDU, NIC, PCIPT, claims, difference, driver_of, read, run, start, state

GPU, AUDIO = CARD
STATE, RUNTIME = "/var/lib/libpcipt", "/run/libpcipt"
RECORD = STATE + "/claims/gpu-vm1.json"
# Whoever stands before an empty folder of records: the first one's are not to be seen there.
UNAWARE = ["unshare", "--mount", "sh", "-c",
           f'mount --bind /run/unaware/run {RUNTIME} && mount --bind /run/unaware/state {STATE} && exec "$@"', "sh"]
FIRST = ["bind", "--with-set", "--persistent", "--name", "gpu-vm1", "--owner", "first interface", GPU]
SECOND = ["bind", "--with-set", "--persistent", "--name", "audio-vm2", "--owner", "second interface", AUDIO]


def say(good, text):
    print(("ok: " if good else "FAILED: ") + str(text), flush=True)


# ---- what is asked for, and what is said ----

def ask(title, wanted, *words, where=()):
    """Exit status and, of a failure, whether it says which device, why, and what to do."""
    done = subprocess.run([*where, PCIPT, *words, "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    answer = json.loads(done.stdout)
    error = answer["error"] or {}
    said = f"{error.get('message')} / {error.get('remedy')}"
    say(done.returncode in wanted, f"{title}: exit {done.returncode} {said}")
    if error:
        say("0000:00:" in f"{error['address']} {error['message']}", f"{title}: names the device")
        say(error["code"].startswith("PCIPT_E_") and error["message"], f"{title}: says why")
        say(error["remedy"], f"{title}: says what to do")
    return done.returncode, said


def now_ms():
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000


def nothing_hangs(title):
    """What is under way has a deadline to come; what waits says for what."""
    for path in glob.glob(STATE + "/claims/*.json") + glob.glob(RUNTIME + "/claims/*.json"):
        with open(path, encoding="utf-8") as file:
            claim = json.load(file)
        if claim["state"] == "bound":
            continue
        message = claim["message"] or ""
        say(claim["deadline_boot_ms"] > now_ms(), f"{title}: {claim['state']}, and its deadline is to come")
        if claim["state"] in ("waiting", "stuck"):
            say(claim["reason"] and "0000:00:" in message and ". " in message,
                f"{title}: {claim['name']} says which device, why, what to do: {message}")


def come_back(title, wanted=(0,)):
    """The controller is started anew, and does what it always does first."""
    status, out, errors = run("reconcile", "--timeout", "20")
    say(status in wanted, f"{title}: reconcile: exit {status} {out} {errors}".replace("\n", " "))
    nothing_hangs(title)


def as_before(title, before):
    now = state()
    say(now == before and not claims(), f"{title}: all is as before {difference(before, now)}")


def end_all(title, before):
    for claim in claims():
        status, _, errors = run("release", claim["name"])
        say(status == 0, f"{title}: {claim['name']} can be released: {errors}")
    as_before(title, before)


# ---- two who want one card ----

def two_owners(before):
    ask("the first interface claims the display", [0], *FIRST)
    _, said = ask("the second wants the sound", [3], *SECOND)
    say("gpu-vm1" in said and "pcipt release gpu-vm1" in said, "it is told whose it is")
    _, said = ask("and releases what isn't its own", [1, 3, 7], "release", "gpu-vm1", "--owner", "second interface")
    say("first interface" in said, "it is told who must be asked")
    say([c["name"] for c in claims()] == ["gpu-vm1"], "there is one claim")
    nothing_hangs("refused")
    # It can't see the other's record: what it finds is a card that somebody has.
    _, said = ask("one who knows of no claim", [3], *SECOND, where=UNAWARE)
    say("no claim says who wants it" in said, "it is told that the card is somebody's")


def two_claims(before):
    """It insists: now each of them has a claim for the pair, and neither knows of the other's."""
    ask("it insists", [0], *SECOND, "--allow", "foreign-owner", where=UNAWARE)
    ask("and gives the card back", [0], "release", "audio-vm2", where=UNAWARE)
    say([driver_of(a) for a in CARD] == [before[a][0] for a in CARD], "to the host's drivers")
    come_back("the first interface finds its card gone")
    say([driver_of(a) for a in CARD] == ["vfio-pci"] * 2, "and takes it again")
    ask("the first gives it back", [0], "release", "gpu-vm1", "--owner", "first interface")
    as_before("two claims for one pair", before)


def two_records(before):
    """Both claims in one folder, as when it is mounted where it was forgotten."""
    ask("the first claims it", [0], *FIRST)
    ask("the second takes it over", [0], *SECOND, "--allow", "foreign-owner", where=UNAWARE)
    shutil.move("/run/unaware/state/claims/audio-vm2.json", STATE + "/claims/audio-vm2.json")
    for attempt in range(2):
        come_back(f"two records for one pair, {attempt}", wanted=(0, 1, 3))
    say([driver_of(a) for a in CARD] == ["vfio-pci"] * 2, "the card is where both want it")
    ask("a third is told", [3], "bind", "--name", "third", "--owner", "third", AUDIO)
    ask("the second gives it back", [0], "release", "audio-vm2")
    come_back("two records for one pair, one ended")
    say([driver_of(a) for a in CARD] == ["vfio-pci"] * 2, "the card is where the first wants it")
    end_all("two records for one pair", before)


# ---- restarts ----

def seen():
    """How far a call has come, as far as that can be seen without waiting for the kernel."""
    records = glob.glob(RUNTIME + "/journal/*") + glob.glob(STATE + "/claims/*") + glob.glob(STATE + "/claims/.*")
    text = ""
    try:
        with open(RECORD, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        pass
    known = [word for word in ("binding", "bound", "releasing") if f'"{word}"' in text]
    return len(records), known, [driver_of(a) for a in CARD]


def kill(process):
    """It, and whom it has started: those write for it."""
    try:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            helpers = file.read().split()
    except FileNotFoundError:
        helpers = []
    for pid in [process.pid, *map(int, helpers)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def killed_at(point, *words):
    """At the point'th thing that changes; False where there aren't so many."""
    process, before = start(*words, "--timeout", "5"), seen()
    while process.poll() is None:
        now = seen()
        if now != before:
            point, before = point - 1, now
        if point == 0:
            kill(process)
            return True
    return False


def restarted(before, releasing):
    words = ["release", "gpu-vm1"] if releasing else FIRST
    point = 1
    while True:
        title = f"{words[0]} killed at point {point}"
        if releasing:
            run(*FIRST)
        if not killed_at(point, *words):
            break
        come_back(title)
        # Whoever asks now gets the card, or is told why not.
        status, _ = ask(f"{title}, the second asks", [0, 3], *SECOND)
        say((status == 0) != any(c["name"] == "gpu-vm1" for c in claims()), f"{title}: one of them has it")
        end_all(title, before)
        point += 1
    say(point > 3, f"{words[0]}: killed at {point - 1} points")
    end_all(f"{words[0]} not killed", before)


def past_deadline(before):
    """Nobody comes before the deadline is past."""
    say(killed_at(2, *FIRST), "a bind is killed, and nobody comes for six seconds")
    time.sleep(6)
    come_back("past the deadline")
    end_all("past the deadline", before)


# ---- records deleted by hand ----

def deleted(before):
    ask("the first claims it", [0], *FIRST)
    os.unlink(RECORD)
    come_back("without its record")
    ask_nobody = run("release", "gpu-vm1", "--json")
    error = json.loads(ask_nobody[1])["error"]
    say(ask_nobody[0] == 4 and "gpu-vm1" in error["message"] and error["remedy"],
        f"a claim that nobody knows: {error['message']} / {error['remedy']}")
    _, said = ask("the second asks", [3], *SECOND)
    say("no claim says who wants it" in said, "is told that the card is somebody's")
    ask("and takes it over", [0], *SECOND, "--allow", "foreign-owner")
    end_all("adopted and given back", before)


def deleted_half_way(before):
    """Killed in the middle, and then not even a record says what was going on."""
    process = start(*FIRST)
    while process.poll() is None and driver_of(GPU) == before[GPU][0]:
        pass
    kill(process)
    for path in glob.glob(STATE + "/claims/*") + glob.glob(RUNTIME + "/journal/*"):
        os.unlink(path)
    come_back("half way, without a record")
    found = state()
    status, _ = ask(f"half way, without a record {[found[a] for a in CARD]}, the second asks", [0, 3], *SECOND)
    if status:
        ask("and takes it over", [0], *SECOND, "--allow", "foreign-owner")
    ask("and gives it back", [0], "release", "audio-vm2")
    # Nobody knows any more what there was before: it is as the second has found it, or native.
    now = state()
    say(not claims() and now in (found, before), f"half way, without a record: {difference(found, now)}")
    put_back()
    as_before("put back by hand", before)


def put_back():
    for address in CARD:
        for path, text in (("driver/unbind", address), ("driver_override", "\n")):
            if driver_of(address) == "vfio-pci" or path == "driver_override":
                with open(f"{DEVICES}/{address}/{path}", "w", encoding="ascii") as file:
                    file.write(text)
        with open("/sys/bus/pci/drivers_probe", "w", encoding="ascii") as file:
            file.write(address)


# ---- a kernel that doesn't return ----

def appears(path):
    end = time.monotonic() + 30
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.1)
    there = os.path.exists(path)
    say(there, f"{path} is there")
    return there


class Holder:
    """Has something open: the kernel doesn't return from an unbind of its device."""

    def __init__(self, *what):
        here = os.path.dirname(os.path.realpath(__file__))
        # A sound card's nodes come a while after its driver has it again.
        appears(what[0] if what[0].startswith("/") else "/dev/vfio/" + what[0])
        self.process = subprocess.Popen([here + "/hold-open.py", "ready", *what])
        if appears("ready"):
            os.unlink("ready")

    def kill(self):
        self.process.kill()
        self.process.wait()


def hold_card():
    return Holder(os.path.basename(os.readlink(f"{DEVICES}/{GPU}/iommu_group")), GPU)


def stuck(before):
    ask("the first claims it", [0], *FIRST)
    holder = hold_card()
    began = time.monotonic()
    ask("released while a machine has it", [6], "release", "gpu-vm1", "--allow", "held-open", "--timeout", "2")
    took = time.monotonic() - began
    say(took < 20, f"it came back after {took:.1f} s")
    nothing_hangs("stuck")
    ask("the second asks", [3, 6, 7], *SECOND, "--timeout", "2")
    holder.kill()
    come_back("when it has let go")
    as_before("stuck", before)


# ---- power cuts ----

def mount():
    """The folders of the boot before are on the bed's disk."""
    subprocess.run(["modprobe", "-a", "nvme", "ext4", "vfio-pci"], check=True)
    os.makedirs(STATE, exist_ok=True)
    while subprocess.run(["mount", "/dev/nvme0n1", STATE], check=False).returncode:
        time.sleep(0.2)
    for name in ("run", "state"):
        os.makedirs("/run/unaware/" + name)
    os.makedirs(RUNTIME, mode=0o755, exist_ok=True)


def cut_the_power(address, *words):
    """While the kernel is at the unbind of a device that is held open: now, without a word."""
    lock = f"{RUNTIME}/locks/{address}"
    with open(lock, "w", encoding="ascii"):
        pass
    process = start(*words, "--allow", "held-open", "--timeout", "60")
    while process.poll() is None:
        if "/unbind" in read(lock):
            os.write(1, f"ok: the power is cut in a {words[0]}, {seen()}\n".encode())
            with open("/proc/sysrq-trigger", "w", encoding="ascii") as file:
                file.write("b")
    say(False, f"{words[0]}: through before the power could be cut")


def power_is_back(title, state_of_card, before):
    say(os.path.exists(RECORD), f"{title}: its record is there")
    status, out, errors = run("claims", "--json")
    found = {c["name"]: c["state"] for c in json.loads(out)["claims"]}
    say(status == 0 and found.get("gpu-vm1") == state_of_card, f"{title}: {found} {errors}")
    come_back(title)
    now = state()
    wanted = dict(before)
    if title == "a release was cut":
        wanted[NIC] = ("vfio-pci", "vfio-pci", now[NIC][2])
    say(now == wanted, f"{title}: what was promised is there, what was under way isn't: {difference(wanted, now)}")


def story(before):
    two_owners(before)
    two_claims(before)
    two_records(before)
    restarted(before, False)
    restarted(before, True)
    past_deadline(before)
    deleted(before)
    deleted_half_way(before)
    stuck(before)


def main():
    mount()
    before = state()
    if sys.argv[1] == "story":
        story(before)
        Holder("/dev/snd/controlC0")
        cut_the_power(AUDIO, *FIRST)
    elif sys.argv[1] == "cut-release":
        power_is_back("a bind was cut", "binding", before)
        ask("now the first gets it", [0], *FIRST)
        ask("a claim that is promised", [0], "bind", "--persistent", "--name", "nic", NIC)
        ask("and one of this boot", [0], "bind", "--name", "short", EDU)
        os.sync()
        hold_card()
        cut_the_power(GPU, "release", "gpu-vm1")
    else:
        power_is_back("a release was cut", "releasing", before)
        end_all("after the power cuts", before)


main()
