#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk with a write cache that a power cut empties, for QEMU, over NBD.

usage: volatile_disk.py IMAGE SOCKET LOG

A write reaches IMAGE when the guest flushes, or asked for it to (FUA). When QEMU is killed,
each sector that was written since the last flush keeps what it had, or gets any of what was
written to it: as a disk does that had just begun to empty its cache, in an order of its own.
Sometimes all of it is lost, sometimes nothing. Says what became of them, and ends.
LOG gets every write and flush in their order, for replay-cuts.py.
PCIPT_TEST_SEED repeats a run. The protocol: NetworkBlockDevice/nbd, doc/proto.md.
"""
import os
import random
import socket
import struct
import sys

SECTOR = 512
OPTION_REPLY = 0x3E889045565A9
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACK, REP_INFO, UNSUPPORTED = 1, 3, 1 << 31 | 1
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
WRITE_THROUGH = 9  # in the log only
HAS_FLAGS, CAN_FLUSH, CAN_FUA = 1, 4, 8
FUA = 1
EINVAL = 22


RECORD = struct.Struct("<BQI")


class Disk:
    def __init__(self, path, log=None):
        self.file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.log = log
        self.size = os.fstat(self.file).st_size
        self.cache = {}  # sector: what was written to it since the last flush, in order

    def note(self, kind, offset=0, data=b""):
        if self.log:
            self.log.write(RECORD.pack(kind, offset, len(data)) + data)

    def read(self, offset, length):
        data = bytearray(os.pread(self.file, length, offset))
        for i in range(length // SECTOR):
            versions = self.cache.get(offset // SECTOR + i)
            if versions:
                data[i * SECTOR:(i + 1) * SECTOR] = versions[-1]
        return bytes(data)

    def write(self, offset, data, through):
        self.note(WRITE_THROUGH if through else WRITE, offset, data)
        for i in range(len(data) // SECTOR):
            sector, text = offset // SECTOR + i, data[i * SECTOR:(i + 1) * SECTOR]
            if through:
                self.cache.pop(sector, None)
                os.pwrite(self.file, text, sector * SECTOR)
            else:
                self.cache.setdefault(sector, []).append(text)

    def flush(self):
        self.note(FLUSH)
        for sector, versions in self.cache.items():
            os.pwrite(self.file, versions[-1], sector * SECTOR)
        self.cache.clear()

    def cut(self, chance):
        """Each sector reached the disk by chance; how many of how many."""
        total, kept = len(self.cache), 0
        for sector, versions in self.cache.items():
            if chance.random() < chance.kept:
                kept += 1
                os.pwrite(self.file, chance.choice(versions), sector * SECTOR)
        self.cache.clear()
        return kept, total


class Gone(Exception):
    pass


def receive(peer, n):
    data = b""
    while len(data) < n:
        try:
            more = peer.recv(n - len(data))
        except ConnectionError:
            more = b""
        if not more:
            raise Gone
        data += more
    return data


def negotiate(peer, disk):
    """True when the client wants the disk."""
    flags = HAS_FLAGS | CAN_FLUSH | CAN_FUA
    peer.sendall(b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3))
    receive(peer, 4)
    while True:
        _, option, length = struct.unpack(">8sII", receive(peer, 16))
        receive(peer, length)

        def reply(kind, data=b"", to=option):
            peer.sendall(struct.pack(">QIII", OPTION_REPLY, to, kind, len(data)) + data)

        if option == EXPORT_NAME:
            peer.sendall(struct.pack(">QH", disk.size, flags))
            return True
        if option in (GO, INFO):
            reply(REP_INFO, struct.pack(">HQH", 0, disk.size, flags))
            reply(ACK)
            if option == GO:
                return True
        elif option == ABORT:
            reply(ACK)
            return False
        else:
            reply(UNSUPPORTED)


def serve(peer, disk):
    """Until the client takes its leave; raises Gone when it doesn't."""
    while True:
        _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", receive(peer, 28))
        error, data = 0, b""
        if kind == READ:
            data = disk.read(offset, length)
        elif kind == WRITE:
            disk.write(offset, receive(peer, length), flags & FUA)
        elif kind == FLUSH:
            disk.flush()
        elif kind == DISCONNECT:
            return
        else:
            error = EINVAL
        try:
            peer.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)
        except ConnectionError:
            raise Gone from None


def read_log(path):
    """(kind, offset, data) of each request; the last may be cut off."""
    with open(path, "rb") as file:
        while len(head := file.read(RECORD.size)) == RECORD.size:
            kind, offset, length = RECORD.unpack(head)
            data = file.read(length)
            if len(data) == length:
                yield kind, offset, data


def main():
    image, path, log = sys.argv[1:]
    seed = int(os.environ.get("PCIPT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    chance = random.Random(seed)
    chance.kept = chance.choice((0, 0, chance.random(), chance.random(), 1))
    disk = Disk(image, open(log, "wb", buffering=0))
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    while True:
        peer, _ = server.accept()
        try:
            if negotiate(peer, disk):
                serve(peer, disk)
                disk.flush()
                print("disk: ended in order")
                return
        except Gone:
            kept, total = disk.cut(chance)
            print(f"disk: cut; {total} sectors were in its cache, {kept} of them kept (seed {seed})")
            return


if __name__ == "__main__":
    main()
