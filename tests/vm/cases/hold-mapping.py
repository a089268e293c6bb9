#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keep a VFIO device in use by a mapping alone: every descriptor of it is closed.

usage: hold-mapping.py READY GROUP ADDRESS
The file READY is made when it is so; a signal ends this process.
Numbers: include/uapi/linux/vfio.h of the kernel.
"""
import fcntl
import mmap
import os
import signal
import struct
import sys

TYPE1_IOMMU = 1
SET_IOMMU, SET_CONTAINER, GET_DEVICE_FD, GET_REGION_INFO = 0x3B66, 0x3B68, 0x3B6A, 0x3B6C


def main():
    ready, number, address = sys.argv[1:]
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open("/dev/vfio/" + number, os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1_IOMMU)
    # A mutable buffer: only then is the answer the call's own return value.
    device = fcntl.ioctl(group, GET_DEVICE_FD, bytearray(address.encode() + b"\0"))
    info = bytearray(struct.pack("IIIIQQ", 32, 0, 0, 0, 0, 0))
    fcntl.ioctl(device, GET_REGION_INFO, info)
    size, offset = struct.unpack("IIIIQQ", info)[4:]
    kept = mmap.mmap(device, min(size, 4096), mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
    for fd in range(3, 64):
        try:
            os.close(fd)
        except OSError:
            pass
    open(ready, "w").close()
    signal.pause()
    kept.close()


main()
