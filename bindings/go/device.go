// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

// Device is a PCI function as its snapshot saw it. A text that is absent is "", a number
// that is unknown is negative: never a made-up zero. Two Devices of one snapshot that are
// equal are the same device.
type Device struct {
	snapshot *handle
	c        *C.struct_pcipt_device
}

// other is a device that may be absent.
func (d Device) other(c *C.struct_pcipt_device) (Device, bool) {
	if c == nil {
		return Device{}, false
	}
	return Device{d.snapshot, c}, true
}

// devices are those that a pair of _count() and _at() has.
func (d Device) devices(n C.size_t, at func(i C.size_t) *C.struct_pcipt_device) []Device {
	devices := make([]Device, int(n))
	for i := range devices {
		devices[i] = Device{d.snapshot, at(C.size_t(i))}
	}
	return devices
}

// texts likewise.
func texts(n C.size_t, at func(i C.size_t) *C.char) []string {
	all := make([]string, int(n))
	for i := range all {
		all[i] = C.GoString(at(C.size_t(i)))
	}
	return all
}

// Address is "0000:01:00.0"; the domain has four hex digits or more.
func (d Device) Address() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_address(d.c))
}

// VendorID is the vendor id, or -1.
func (d Device) VendorID() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_vendor_id(d.c))
}

// DeviceID is the device id, or -1.
func (d Device) DeviceID() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_device_id(d.c))
}

// SubsystemVendorID is -1 when unknown. Bridges have none and read 0.
func (d Device) SubsystemVendorID() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_subsystem_vendor_id(d.c))
}

// SubsystemDeviceID is -1 when unknown.
func (d Device) SubsystemDeviceID() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_subsystem_device_id(d.c))
}

// ClassID is class, subclass and programming interface in 24 bits (0x030000), or -1.
func (d Device) ClassID() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_class_id(d.c))
}

// Revision is 0 to 255, or -1.
func (d Device) Revision() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_revision(d.c))
}

// IsBridge says whether it is a bridge: never bound, never moved.
func (d Device) IsBridge() bool {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return bool(C.pcipt_device_is_bridge(d.c))
}

// Driver is the driver it is bound to.
func (d Device) Driver() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_driver(d.c))
}

// HasVFIODriver says whether that driver is vfio-pci or a variant of it.
func (d Device) HasVFIODriver() bool {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return bool(C.pcipt_device_has_vfio_driver(d.c))
}

// DriverOverride is the driver override.
func (d Device) DriverOverride() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_driver_override(d.c))
}

// Group is its IOMMU group, if it has one.
func (d Device) Group() (Group, bool) {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	group := C.pcipt_device_get_group(d.c)
	return Group{d.snapshot, group}, group != nil
}

// NUMANode is -1 when unknown: it is not 0.
func (d Device) NUMANode() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_numa_node(d.c))
}

// Parent is the bridge above it, if it is not on a root bus.
func (d Device) Parent() (Device, bool) {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return d.other(C.pcipt_device_get_parent(d.c))
}

// PhysFn is, for a VF, its PF.
func (d Device) PhysFn() (Device, bool) {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return d.other(C.pcipt_device_get_physfn(d.c))
}

// VirtFns are the VFs that a PF has enabled.
func (d Device) VirtFns() []Device {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return d.devices(C.pcipt_device_virtfn_count(d.c), func(i C.size_t) *C.struct_pcipt_device {
		return C.pcipt_device_virtfn_at(d.c, i)
	})
}

// SlotFunctions are the functions of its slot, itself included.
func (d Device) SlotFunctions() []Device {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return d.devices(C.pcipt_device_slot_function_count(d.c), func(i C.size_t) *C.struct_pcipt_device {
		return C.pcipt_device_slot_function_at(d.c, i)
	})
}

// BootVGA is 1 when the firmware used it as the boot display, 0 when not, -1 when it isn't a
// VGA device.
func (d Device) BootVGA() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_boot_vga(d.c))
}

// ResetMethods are "flr", "bus", … in the kernel's order.
func (d Device) ResetMethods() []string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return texts(C.pcipt_device_reset_method_count(d.c), func(i C.size_t) *C.char {
		return C.pcipt_device_reset_method_at(d.c, i)
	})
}

// Slot is the way from the root bus to it: "pci0000:00/1c.0/00.0".
func (d Device) Slot() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_slot(d.c))
}

// Identity is ids and slot, the same for every user: see Snapshot.Compare.
func (d Device) Identity() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_identity(d.c))
}

// VendorName is the vendor's name.
func (d Device) VendorName() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vendor_name(d.c))
}

// DeviceName is the device's name.
func (d Device) DeviceName() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_device_name(d.c))
}

// ClassName is the class's name.
func (d Device) ClassName() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_class_name(d.c))
}

// VFIODevice is the node through which a program opens it.
func (d Device) VFIODevice() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vfio_device(d.c))
}

// VFIOCdev is "/dev/vfio/devices/vfioN"; "" on kernels without such nodes.
func (d Device) VFIOCdev() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vfio_cdev(d.c))
}

// VFIOGroupNode is "/dev/vfio/N" of its group.
func (d Device) VFIOGroupNode() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vfio_group_node(d.c))
}

// PowerState is "D0", "D3hot", …, as the kernel last knew it.
func (d Device) PowerState() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_power_state(d.c))
}

// PowerControl is "auto" or "on".
func (d Device) PowerControl() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_power_control(d.c))
}

// RuntimeStatus is "active", "suspended", …
func (d Device) RuntimeStatus() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_runtime_status(d.c))
}

// Label is the firmware's label for it.
func (d Device) Label() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_label(d.c))
}

// SlotName is the name of the physical slot.
func (d Device) SlotName() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_slot_name(d.c))
}

// ACPIPath is its path in ACPI's name space.
func (d Device) ACPIPath() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_acpi_path(d.c))
}

// LinkSpeed is the link's speed now in MT/s (8000 is 8.0 GT/s); 0 for unknown or no link.
func (d Device) LinkSpeed() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_link_speed(d.c))
}

// LinkWidth is its lanes now; 0 for unknown or no link.
func (d Device) LinkWidth() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_link_width(d.c))
}

// MaxLinkSpeed is the most that it can do in MT/s; 0 for unknown or no link.
func (d Device) MaxLinkSpeed() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_max_link_speed(d.c))
}

// MaxLinkWidth is its lanes at most; 0 for unknown or no link.
func (d Device) MaxLinkWidth() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_max_link_width(d.c))
}

// SRIOVTotal is how many VFs a PF can have; 0 when it is none.
func (d Device) SRIOVTotal() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_sriov_total(d.c))
}

// BAR is a base address register that is in use.
type BAR struct {
	// Number is 0 to 5.
	Number int
	// Size in bytes.
	Size uint64
	// Flags say what it is.
	Flags BARFlags
}

// BARs are the base address registers that are in use.
func (d Device) BARs() []BAR {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	var bars []BAR
	for i := 0; i < 6; i++ {
		if size := C.pcipt_device_get_bar_size(d.c, C.uint(i)); size > 0 {
			bars = append(bars, BAR{i, uint64(size), BARFlags(C.pcipt_device_get_bar_flags(d.c, C.uint(i)))})
		}
	}
	return bars
}

// ROMSize is the size of the expansion ROM in bytes, or 0.
func (d Device) ROMSize() uint64 {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return uint64(C.pcipt_device_get_rom_size(d.c))
}

// Modules are the modules whose aliases match, in the order of modules.alias.
func (d Device) Modules() []string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return texts(C.pcipt_device_module_count(d.c), func(i C.size_t) *C.char {
		return C.pcipt_device_module_at(d.c, i)
	})
}

// VFIOModule is the vfio module that fits best: "vfio_pci", or a vendor's variant.
func (d Device) VFIOModule() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vfio_module(d.c))
}

// ExpectedDriver is the driver that the kernel would choose for it now.
func (d Device) ExpectedDriver() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_expected_driver(d.c))
}

// Child is what hangs below a device.
type Child struct {
	// Subsystem is "block", "net", "drm", …
	Subsystem string `json:"subsystem"`
	// Name is "nvme0n1", "eth0", "card0", …
	Name string `json:"name"`
}

// Children are class devices, mediated and auxiliary devices below it.
func (d Device) Children() []Child {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	children := make([]Child, int(C.pcipt_device_child_count(d.c)))
	for i := range children {
		children[i].Subsystem = C.GoString(C.pcipt_device_child_subsystem(d.c, C.size_t(i)))
		children[i].Name = C.GoString(C.pcipt_device_child_name(d.c, C.size_t(i)))
	}
	return children
}

// Serial is the device serial number, else that of the VPD where it was read. This and what
// follows reads the configuration space, which wakes a sleeping device.
func (d Device) Serial() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_serial(d.c))
}

// MSIVectors is how many MSI vectors it can have, 0 for none, -1 for unknown.
func (d Device) MSIVectors() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_msi_vectors(d.c))
}

// MSIXVectors is how many MSI-X vectors it has, 0 for none, -1 for unknown.
func (d Device) MSIXVectors() int {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return int(C.pcipt_device_get_msix_vectors(d.c))
}

// ACS is its ACS control bits; -1 for unknown, -2 when it has no ACS.
func (d Device) ACS() ACSFlags {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return ACSFlags(C.pcipt_device_get_acs(d.c))
}

// ReadVPD reads the vital product data. Slow on much hardware, and some wedges.
func (d Device) ReadVPD() error {
	var e *C.struct_pcipt_error
	if !d.snapshot.enter() {
		return errClosed("snapshot")
	}
	defer d.snapshot.leave()
	if C.pcipt_device_read_vpd(d.c, &e) != 0 {
		return failure(e)
	}
	return nil
}

// VPDSerial is the serial number in the VPD, after ReadVPD.
func (d Device) VPDSerial() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vpd_serial(d.c))
}

// VPDPartNumber is the part number in the VPD, after ReadVPD.
func (d Device) VPDPartNumber() string {
	d.snapshot.mustEnter()
	defer d.snapshot.leave()
	return C.GoString(C.pcipt_device_get_vpd_part_number(d.c))
}

// JSON is the object that stands in `devices[]`.
func (d Device) JSON(flags ...JSONFlags) ([]byte, error) {
	var text *C.char
	var e *C.struct_pcipt_error
	if !d.snapshot.enter() {
		return nil, errClosed("snapshot")
	}
	defer d.snapshot.leave()
	if C.pcipt_device_to_json(d.c, flagsOf(flags), &text, &e) != 0 {
		return nil, failure(e)
	}
	return taken(text), nil
}

// MarshalJSON is JSON without flags.
func (d Device) MarshalJSON() ([]byte, error) {
	return d.JSON()
}

// String is the address.
func (d Device) String() string {
	return d.Address()
}
