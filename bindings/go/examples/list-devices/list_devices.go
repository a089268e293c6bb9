// SPDX-License-Identifier: LGPL-2.1-or-later

// Lists PCI devices through cgo: list-devices [ROOT]
package main

// #cgo pkg-config: libpcipt
// #include <stdlib.h>
// #include <libpcipt/libpcipt.h>
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

func check(code C.int, err *C.struct_pcipt_error) {
	if code != 0 {
		fmt.Fprintln(os.Stderr, C.GoString(C.pcipt_error_get_message(err)))
		os.Exit(1)
	}
}

func line(device *C.struct_pcipt_device) string {
	ids, driver, group := "-", "-", "-"
	vendor, id := C.pcipt_device_get_vendor_id(device), C.pcipt_device_get_device_id(device)
	if vendor >= 0 && id >= 0 {
		ids = fmt.Sprintf("%04x:%04x", int32(vendor), int32(id))
	}
	if name := C.pcipt_device_get_driver(device); name != nil {
		driver = C.GoString(name)
	}
	if g := C.pcipt_device_get_group(device); g != nil {
		group = fmt.Sprint(int(C.pcipt_group_get_number(g)))
	}
	address := C.GoString(C.pcipt_device_get_address(device))
	return fmt.Sprint(address, " ", ids, " ", driver, " ", group)
}

func main() {
	var ctx *C.struct_pcipt_context
	var snap *C.struct_pcipt_snapshot
	var err *C.struct_pcipt_error
	check(C.pcipt_context_new(&ctx, &err), err)
	defer C.pcipt_context_unref(ctx)
	if len(os.Args) > 1 {
		root := C.CString(os.Args[1])
		defer C.free(unsafe.Pointer(root))
		check(C.pcipt_context_set_root(ctx, root, &err), err)
	}
	check(C.pcipt_snapshot_new(ctx, &snap, &err), err)
	defer C.pcipt_snapshot_unref(snap)
	for i := C.size_t(0); i < C.pcipt_snapshot_device_count(snap); i++ {
		fmt.Println(line(C.pcipt_snapshot_device_at(snap, i)))
	}
}
