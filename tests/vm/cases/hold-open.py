#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hold something open until a signal ends this process.

usage: hold-open.py READY FILE             a file, such as a sound card's control
       hold-open.py READY GROUP ADDRESS    a device of a VFIO group, as a virtual machine does

The file READY is made when it is open. Numbers: include/uapi/linux/vfio.h of the kernel.
"""
import fcntl
import os
import signal
import struct
import sys

TYPE1_IOMMU = 1
SET_IOMMU, SET_CONTAINER, GET_DEVICE_FD = 0x3B66, 0x3B68, 0x3B6A


def hold_device(number, address):
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open("/dev/vfio/" + number, os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1_IOMMU)
    # A mutable buffer: only then is the answer the call's own return value.
    fcntl.ioctl(group, GET_DEVICE_FD, bytearray(address.encode() + b"\0"))


def main():
    ready, what, *address = sys.argv[1:]
    if address:
        hold_device(what, *address)
    else:
        os.open(what, os.O_RDWR)
    open(ready, "w").close()
    signal.pause()


main()
