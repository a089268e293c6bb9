#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ask VFIO what a hot reset of a device would hit, or do one.

usage: hot-reset.py info GROUP ADDRESS     prints the devices' addresses, or "none"
       hot-reset.py reset GROUP ADDRESS    prints "done", or the name of the errno
Numbers: include/uapi/linux/vfio.h of the kernel.
"""
import errno
import fcntl
import os
import struct
import sys

TYPE1_IOMMU = 1
SET_IOMMU, SET_CONTAINER, GET_DEVICE_FD = 0x3B66, 0x3B68, 0x3B6A
GET_HOT_RESET_INFO, HOT_RESET = 0x3B70, 0x3B71
ROOM = 64


def info(device):
    buffer = bytearray(struct.pack("III", 12 + 8 * ROOM, 0, 0) + bytes(8 * ROOM))
    try:
        fcntl.ioctl(device, GET_HOT_RESET_INFO, buffer)
    except OSError as error:
        # A root bus has nobody who could reset it.
        if error.errno != errno.ENODEV:
            raise
        return ["none"]
    count = struct.unpack_from("III", buffer)[2]
    found = [struct.unpack_from("IHBB", buffer, 12 + 8 * i) for i in range(count)]
    return ["%04x:%02x:%02x.%d" % (domain, bus, devfn >> 3, devfn & 7) for _, domain, bus, devfn in found]


def reset(device, group):
    try:
        fcntl.ioctl(device, HOT_RESET, struct.pack("IIIi", 16, 0, 1, group))
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def main():
    what, number, address = sys.argv[1:]
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open("/dev/vfio/" + number, os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1_IOMMU)
    # A mutable buffer: only then is the answer the call's own return value.
    device = fcntl.ioctl(group, GET_DEVICE_FD, bytearray(address.encode() + b"\0"))
    print(*sorted(info(device)) if what == "info" else [reset(device, group)], sep="\n")


main()
