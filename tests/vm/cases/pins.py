#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holds a module: the base of lib/usage/pins.c, seen on the running kernel.

usage: pins.py nodes          each node of a PCI device of the kinds that are told by a module
       pins.py vfio ADDRESS   a device that is bound to vfio-pci

Prints a line for each look: PASS or FAIL, what was done, and by how many the module is
held, the modules that need it taken off.
"""
import array
import fcntl
import mmap
import os
import socket
import struct
import sys

PCI = "/sys/bus/pci/devices"


def held(module):
    """As pins.c counts: once for each module that needs it isn't counted."""
    with open(f"/sys/module/{module}/refcnt", encoding="ascii") as count:
        return int(count.read()) - len(os.listdir(f"/sys/module/{module}/holders"))


def tell(passed, text, module):
    print("PASS" if passed else "FAIL", text, f"({module} is held {held(module)} times)", flush=True)


def module_of(address, subsystem, path):
    """The module that whoever opens it holds, as pins.c has it; None for other kinds."""
    folder = os.path.relpath(path, os.path.realpath(f"{PCI}/{address}")).split("/")[0]
    driver = os.path.realpath(f"{PCI}/{address}/driver")
    if (subsystem, folder) in (("drm", "drm"), ("sound", "sound")):
        return os.path.basename(os.path.realpath(f"{driver}/module"))
    if os.path.basename(driver) == "nvme" and subsystem in ("nvme", "nvme-generic", "block"):
        return "nvme_core"
    return None


def devices_below(folder):
    for path, _, files in os.walk(folder):
        if "dev" in files and os.path.exists(f"{path}/subsystem"):
            yield path, os.path.basename(os.path.realpath(f"{path}/subsystem"))


def find_nodes():
    for address in sorted(os.listdir(PCI)):
        if not os.path.exists(f"{PCI}/{address}/driver/module"):
            continue
        for path, subsystem in devices_below(os.path.realpath(f"{PCI}/{address}")):
            module = module_of(address, subsystem, path)
            if module:
                yield path, subsystem, module
    # The disks of controllers with a shared namespace stand below none of them.
    for path, subsystem in devices_below("/sys/devices/virtual/nvme-subsystem"):
        if subsystem in ("block", "nvme-generic"):
            yield path, subsystem, "nvme_core"


def open_node(path, subsystem):
    with open(f"{path}/dev", encoding="ascii") as numbers:
        major, minor = map(int, numbers.read().split(":"))
    if os.path.exists("node"):
        os.unlink("node")
    os.mknod("node", (0o060000 if subsystem == "block" else 0o020000) | 0o600, os.makedev(major, minor))
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        try:
            return os.open("node", flags | os.O_NONBLOCK)
        except OSError:
            pass
    return None


def look_at(path, subsystem, module):
    name = f"{subsystem} {os.path.basename(path)}"
    tell(held(module) == 0, f"{name}: nobody", module)
    fd = open_node(path, subsystem)
    if fd is None:
        print("FAIL", name, "can't be opened")
        return
    tell(held(module) > 0, f"{name}: open", module)
    mine, other = socket.socketpair()
    mine.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)
    tell(held(module) > 0, f"{name}: under way over a socket alone", module)
    mine.close()
    other.close()
    tell(held(module) == 0, f"{name}: closed", module)
    if subsystem == "block":
        fd = open_node(path, subsystem)
        with mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ):
            os.close(fd)
            tell(held(module) > 0, f"{name}: mapped alone", module)


def look_at_vfio(address):
    """Held once at most by itself, and more often by whoever has a group or a device."""
    group = os.path.basename(os.path.realpath(f"{PCI}/{address}/iommu_group"))
    tell(held("vfio") <= 1, "vfio: bound, nobody", "vfio")
    fd = os.open(f"/dev/vfio/{group}", os.O_RDWR)
    tell(held("vfio") > 1, "vfio: the group open", "vfio")
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    fcntl.ioctl(fd, 0x3B68, struct.pack("i", container))
    fcntl.ioctl(container, 0x3B66, 1)
    device = fcntl.ioctl(fd, 0x3B6A, bytearray(address.encode() + b"\0"))
    os.close(fd)
    os.close(container)
    tell(held("vfio") > 1, "vfio: the device open, its group and container closed", "vfio")
    with mmap.mmap(device, 4096):
        os.close(device)
        tell(held("vfio") > 1, "vfio: the device mapped alone", "vfio")
    tell(held("vfio") <= 1, "vfio: unmapped", "vfio")


def main():
    if sys.argv[1] == "vfio":
        look_at_vfio(sys.argv[2])
        return
    for path, subsystem, module in find_nodes():
        look_at(path, subsystem, module)


main()
