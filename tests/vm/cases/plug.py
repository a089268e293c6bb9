#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plug devices in and out over QMP, as the guest asks for it.

usage: plug.py SOCKET REQUESTS PID

REQUESTS is a file to which the guest adds lines, "add ID BUS" (a network card) or "del ID".
Ends with the process PID.
"""
import json
import os
import socket
import sys
import time


def connect(path, pid):
    while is_there(pid):
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.connect(path)
            return peer
        except OSError:
            peer.close()
            time.sleep(0.1)
    sys.exit("the machine ended before it could be spoken to")


def is_there(pid):
    """Not as a zombie, either."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def execute(channel, command, **arguments):
    """Whether QEMU did it; what else it tells meanwhile is passed over."""
    channel.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    channel.flush()
    for line in channel:
        answer = json.loads(line)
        if "return" in answer:
            return True
        if "error" in answer:
            print(f"{command} {arguments}: {answer['error']['desc']}", file=sys.stderr)
            return False
    return False


def fulfil(channel, what, name, *bus):
    if what == "del":
        return execute(channel, "device_del", id=name)
    # The same card each time: its serial number comes from the MAC address.
    return execute(channel, "device_add", driver="e1000e", id=name, bus=bus[0], romfile="",
                   mac="52:54:00:00:00:0" + bus[0][-1])


def main():
    path, requests, pid = sys.argv[1:]
    channel = connect(path, pid).makefile("rw", encoding="utf-8")
    channel.readline()
    execute(channel, "qmp_capabilities")
    done = 0
    while is_there(pid):
        lines = []
        if os.path.exists(requests):
            with open(requests, encoding="ascii") as file:
                lines = file.read().splitlines()
        # One that is still on its way out can't be added again yet: the guest asks, we repeat.
        if done < len(lines) and fulfil(channel, *lines[done].split()):
            done += 1
        time.sleep(0.02 if done == len(lines) else 0.2)


try:
    main()
except (BrokenPipeError, ConnectionResetError):
    pass  # the machine has ended
