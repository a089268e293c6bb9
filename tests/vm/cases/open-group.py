#!/usr/bin/env python3
"""Open a VFIO group and its devices as a user-space driver would.

usage: open-group.py GROUP ADDRESS…    exit 0 when each device gave a descriptor
Numbers: include/uapi/linux/vfio.h of the kernel.
"""
import fcntl
import os
import struct
import sys

TYPE1_IOMMU = 1
GET_API_VERSION, CHECK_EXTENSION, SET_IOMMU = 0x3B64, 0x3B65, 0x3B66
GROUP_GET_STATUS, GROUP_SET_CONTAINER, GROUP_GET_DEVICE_FD = 0x3B67, 0x3B68, 0x3B6A
GROUP_VIABLE = 1


def main():
    number, addresses = sys.argv[1], sys.argv[2:]
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    if fcntl.ioctl(container, GET_API_VERSION) != 0:
        sys.exit("another VFIO API")
    group = os.open("/dev/vfio/" + number, os.O_RDWR)
    status = bytearray(struct.pack("II", 8, 0))
    fcntl.ioctl(group, GROUP_GET_STATUS, status)
    if not struct.unpack("II", status)[1] & GROUP_VIABLE:
        sys.exit("group %s is not viable" % number)
    fcntl.ioctl(group, GROUP_SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1_IOMMU)
    for address in addresses:
        # A mutable buffer: only then is the answer the call's own return value.
        os.close(fcntl.ioctl(group, GROUP_GET_DEVICE_FD, bytearray(address.encode() + b"\0")))


main()
