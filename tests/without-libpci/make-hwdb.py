#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a hardware database as udev has it (hwdb.bin) out of a pci.ids, with the keys and
texts of systemd's 20-pci-vendor-model.hwdb and 20-pci-classes.hwdb. So both sources of
names say the same, whatever versions of the two a machine has.

usage: make-hwdb.py PCI_IDS HWDB_BIN
"""
import os
import re
import struct
import sys

LINE = re.compile(r"(\t{0,2})(C )?([0-9a-f]{2,4})(?: ([0-9a-f]{4}))?  (.*)")


def entries(lines):
    """(match, property, text) for each line of pci.ids that means something to udev."""
    vendor = device = text = base = sub = None
    for line in lines:
        match = LINE.fullmatch(line.rstrip("\n"))
        if not match:
            continue
        depth, is_class, number, second, name = match.groups()
        number = number.upper()
        if is_class:
            vendor, base = None, f"pci:v*d*sv*sd*bc{number}"
            yield base + "*", "ID_PCI_CLASS_FROM_DATABASE", name
        elif not depth:
            vendor = f"pci:v0000{number}" if len(number) == 4 else None
            if vendor:
                yield vendor + "*", "ID_VENDOR_FROM_DATABASE", name
        elif vendor and len(depth) == 1:
            device, text = f"{vendor}d0000{number}", name
            yield device + "*", "ID_MODEL_FROM_DATABASE", name
        elif vendor and second:
            subsystem = f"{device}sv0000{number}sd0000{second.upper()}*"
            yield subsystem, "ID_MODEL_FROM_DATABASE", f"{text} ({name})"
        elif base and len(depth) == 1:
            sub = f"{base}sc{number}"
            yield sub + "*", "ID_PCI_SUBCLASS_FROM_DATABASE", name
        elif base and not vendor:
            yield f"{sub}i{number}*", "ID_PCI_INTERFACE_FROM_DATABASE", name


class Trie:
    """The file's format: src/libsystemd/sd-hwdb/hwdb-internal.h of systemd. All numbers are
    little-endian and 64 bits wide; nodes first, then strings, both with absolute offsets."""

    HEADER, NODE, CHILD, VALUE = 80, 24, 16, 16

    def __init__(self, pairs):
        self.pairs = sorted(pairs)
        self.nodes, self.strings, self.known = bytearray(), bytearray(), {}

    def string(self, text):
        if text not in self.known:
            self.known[text] = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self.known[text]

    def add(self, low, high, depth):
        """The node of pairs[low:high], which agree in `depth` characters; where it lies."""
        first, last = self.pairs[low][0], self.pairs[high - 1][0]
        prefix = os.path.commonprefix([first, last])[depth:]
        depth += len(prefix)
        values = []
        while low < high and len(self.pairs[low][0]) == depth:
            values.append(self.pairs[low][1:])
            low += 1
        children = []
        while low < high:
            character, begin = self.pairs[low][0][depth], low
            while low < high and self.pairs[low][0][depth] == character:
                low += 1
            children.append((ord(character), self.add(begin, low, depth + 1)))
        where = self.HEADER + len(self.nodes)
        self.nodes += struct.pack("<QB7xQ", self.string(prefix), len(children), len(values))
        for child in children:
            self.nodes += struct.pack("<B7xQ", *child)
        for key, text in values:
            self.nodes += struct.pack("<QQ", self.string(" " + key), self.string(text))
        return where

    def shift(self, by):
        """From offsets among the strings to offsets in the file, where nodes come first."""
        at = 0
        while at < len(self.nodes):
            prefix, children, values = struct.unpack_from("<QB7xQ", self.nodes, at)
            struct.pack_into("<Q", self.nodes, at, prefix + by)
            at += self.NODE + children * self.CHILD
            for _ in range(values):
                key, text = struct.unpack_from("<QQ", self.nodes, at)
                struct.pack_into("<QQ", self.nodes, at, key + by, text + by)
                at += self.VALUE

    def file(self):
        root = self.add(0, len(self.pairs), 0)
        self.shift(self.HEADER + len(self.nodes))
        size = self.HEADER + len(self.nodes) + len(self.strings)
        sizes = self.HEADER, self.NODE, self.CHILD, self.VALUE
        header = struct.pack("<8s9Q", b"KSLPHHRH", 1, size, *sizes, root, len(self.nodes), len(self.strings))
        return header + self.nodes + self.strings


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        found = list(entries(file))
    with open(sys.argv[2], "wb") as file:
        file.write(Trie(found).file())


main()
