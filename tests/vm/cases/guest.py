# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the cases in Python share: the command, and what it may change, of every device."""
import glob
import json
import os
import subprocess

PCIPT = os.environ["PCIPT_BUILD"] + "/pcipt"
# The program itself, not the script that sets a path for it: that takes twice as long, and
# what is killed must be the program.
if os.path.exists(os.environ["PCIPT_BUILD"] + "/.libs/pcipt"):
    PCIPT = os.environ["PCIPT_BUILD"] + "/.libs/pcipt"
    os.environ["LD_LIBRARY_PATH"] = os.environ["PCIPT_BUILD"] + "/.libs"
DEVICES = "/sys/bus/pci/devices"
CARD = ["0000:00:03.0", "0000:00:03.1"]
NIC = "0000:00:04.0"
EDU = "0000:00:05.0"


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError as error:
        return error.strerror


def driver_of(address):
    try:
        return os.path.basename(os.readlink(f"{DEVICES}/{address}/driver"))
    except FileNotFoundError:
        return None


def state():
    """What a transaction may change, of every device."""
    found = {}
    for path in sorted(glob.glob(DEVICES + "/*")):
        address = os.path.basename(path)
        found[address] = (driver_of(address), read(path + "/driver_override"),
                          read(path + "/power/control"))
    return found


def difference(a, b):
    return {k: (a.get(k), b.get(k)) for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)}


def start(*words):
    return subprocess.Popen([PCIPT, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(*words):
    done = subprocess.run([PCIPT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def claims():
    return json.loads(run("claims", "--json")[1])["claims"]
