// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

// Group is an IOMMU group: the devices that the hardware can't keep apart.
type Group struct {
	snapshot *handle
	c        *C.struct_pcipt_group
}

// Number is good in this snapshot only, since it changes between boots.
func (g Group) Number() int {
	g.snapshot.mustEnter()
	defer g.snapshot.leave()
	return int(C.pcipt_group_get_number(g.c))
}

// Type is "DMA", "DMA-FQ", "identity", …, or "".
func (g Group) Type() string {
	g.snapshot.mustEnter()
	defer g.snapshot.leave()
	return C.GoString(C.pcipt_group_get_type(g.c))
}

// Devices are its devices, ordered by address.
func (g Group) Devices() []Device {
	g.snapshot.mustEnter()
	defer g.snapshot.leave()
	return Device{g.snapshot, nil}.devices(C.pcipt_group_device_count(g.c),
		func(i C.size_t) *C.struct_pcipt_device { return C.pcipt_group_device_at(g.c, i) })
}

// ReservedRegions are as the kernel prints them: "0xfee00000 0xfeefffff msi".
func (g Group) ReservedRegions() []string {
	g.snapshot.mustEnter()
	defer g.snapshot.leave()
	return texts(C.pcipt_group_reserved_region_count(g.c),
		func(i C.size_t) *C.char { return C.pcipt_group_reserved_region_at(g.c, i) })
}

// Viability says whether user space can take the group as it stands.
func (g Group) Viability() Viability {
	g.snapshot.mustEnter()
	defer g.snapshot.leave()
	return Viability(C.pcipt_group_viability(g.c))
}
