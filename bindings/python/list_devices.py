#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists PCI devices through ctypes: list_devices.py [LIBRARY [ROOT]]"""
import sys
from ctypes import CDLL, byref, c_char_p, c_size_t, c_void_p

lib = CDLL(sys.argv[1] if len(sys.argv) > 1 else "libpcipt.so.0")
# An undeclared result is an int, which would cut a pointer in half.
for function in (lib.pcipt_snapshot_device_at, lib.pcipt_device_get_group):
    function.restype = c_void_p
for function in (lib.pcipt_device_get_address, lib.pcipt_device_get_driver,
                 lib.pcipt_error_get_message):
    function.restype = c_char_p

ctx, snap, error = c_void_p(), c_void_p(), c_void_p()
if (lib.pcipt_context_new(byref(ctx), byref(error))
        or len(sys.argv) > 2 and lib.pcipt_context_set_root(ctx, sys.argv[2].encode(), byref(error))
        or lib.pcipt_snapshot_new(ctx, byref(snap), byref(error))):
    sys.exit(lib.pcipt_error_get_message(error).decode())
for i in range(lib.pcipt_snapshot_device_count(snap)):
    device = c_void_p(lib.pcipt_snapshot_device_at(snap, c_size_t(i)))
    ids = lib.pcipt_device_get_vendor_id(device), lib.pcipt_device_get_device_id(device)
    driver = lib.pcipt_device_get_driver(device)
    group = c_void_p(lib.pcipt_device_get_group(device))
    print(lib.pcipt_device_get_address(device).decode(),
          "-" if min(ids) < 0 else "%04x:%04x" % ids,
          driver.decode(errors="replace") if driver else "-",
          lib.pcipt_group_get_number(group) if group else "-")
lib.pcipt_snapshot_unref(snap)
lib.pcipt_context_unref(ctx)
