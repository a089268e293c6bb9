#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Put PCI Express errors into the guest's device, one kind after the other.

usage: errors-inject.py QMP_SOCKET FOLDER

Each is injected when the guest has made a file of its name in the folder.
"""
import json
import os
import socket
import sys
import time

# What the guest waits for, and bits of the card's status: receiver error, completion timeout, malformed TLP.
ERRORS = {"correctable": "-c rng 0x1", "nonfatal": "rng 0x4000", "fatal": "rng 0x40000"}


def main():
    path, folder = sys.argv[1:]
    qmp = socket.socket(socket.AF_UNIX)
    qmp.connect(path)
    stream = qmp.makefile("rw")
    stream.readline()

    def call(command, **arguments):
        stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        stream.flush()
        while True:
            answer = json.loads(stream.readline())
            if "event" not in answer:
                return answer

    call("qmp_capabilities")
    for name, words in ERRORS.items():
        while not os.path.exists(os.path.join(folder, name)):
            time.sleep(0.1)
        answer = call("human-monitor-command", **{"command-line": "pcie_aer_inject_error " + words})
        if not answer.get("return", "").startswith("OK"):
            sys.exit(f"{name}: {answer}")


main()
