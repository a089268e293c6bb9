#!/usr/bin/env python3
"""Add reserved regions (RMRR) to a DMAR table, as firmware does for its own devices.

usage: reserved-region.py DMAR NEW_DMAR BASE LIMIT ADDRESS…    numbers in hex, addresses like 00:04.0
Intel's VT-d specification 8.1 (the table), 8.3 (device scopes), 8.4 (the structure).
"""
import struct
import sys

RMRR, ENDPOINT = 1, 1


def region(base, limit, address):
    bus, rest = address.split(":")
    device, function = rest.split(".")
    scope = struct.pack("<BBHBBBB", ENDPOINT, 8, 0, 0, int(bus, 16), int(device, 16), int(function))
    return struct.pack("<HHHHQQ", RMRR, 24 + len(scope), 0, 0, base, limit) + scope


def main():
    source, target, base, limit = sys.argv[1:5]
    with open(source, "rb") as file:
        table = bytearray(file.read())
    if table[:4] != b"DMAR":
        sys.exit(source + " is no DMAR table")
    for address in sys.argv[5:]:
        table += region(int(base, 16), int(limit, 16), address)
    # The header: length at 4, checksum at 9, the OEM's revision at 24; the higher one wins.
    struct.pack_into("<I", table, 4, len(table))
    struct.pack_into("<I", table, 24, struct.unpack_from("<I", table, 24)[0] + 1)
    table[9] = 0
    table[9] = -sum(table) & 0xFF
    with open(target, "wb") as file:
        file.write(table)


main()
