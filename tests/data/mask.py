#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mask what `pcipt list --json --full` said as `pcipt-record --mask-serials` masks what
it records, and write it so that a change shows: a device a line.

usage: mask.py MACHINE_ID LIVE.json PLANS.json
"""
import hashlib
import json
import sys


def pseudonym(machine, serial):
    # The text has the most significant byte first, the configuration space has it last.
    stored = "".join(reversed(serial.split("-")))
    digits = hashlib.sha256(f"{machine} {stored}".encode()).hexdigest()[:16]
    return "-".join(reversed([digits[i : i + 2] for i in range(0, 16, 2)]))


def read_plans(path):
    """A line a device: who was asked for, whether that is safe, and what stands against it."""
    decoder = json.JSONDecoder()
    with open(path, encoding="utf-8") as file:
        text = file.read().strip()
    while text:
        plan, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        asked = [m["address"] for m in plan.get("members", []) if m["role"] == "requested"]
        if asked:
            against = {f["code"] for f in plan["findings"] if f["severity"] != "warning"}
            yield {"address": asked[0], "safe": plan["safe"], "against": sorted(against)}


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        machine = file.read().strip()
    with open(sys.argv[2], encoding="utf-8") as file:
        answer = json.load(file)
    interfaces = 0
    for device in answer["devices"]:
        if device["serial"]:
            device["serial"] = pseudonym(machine, device["serial"])
        for child in device["children"]:
            if child["subsystem"] == "net":
                child["name"] = f"net{interfaces}"
                interfaces += 1
        # From the pci.ids of the machine that the tests run on, not from the tree.
        for key in "vendor_name", "device_name", "class_name":
            del device[key]
    lines = [json.dumps(device, sort_keys=True) for device in answer["devices"]]
    plans = [json.dumps(plan, sort_keys=True) for plan in read_plans(sys.argv[3])]
    print('{"devices":[\n%s\n],\n"problems":%s,' % (",\n".join(lines), json.dumps(answer["problems"])))
    print('"plans":[\n%s\n]}' % ",\n".join(plans))


main()
