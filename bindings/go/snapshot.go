// SPDX-License-Identifier: LGPL-2.1-or-later

package pcipt

// #include <libpcipt/libpcipt.h>
import "C"

import "unsafe"

// Snapshot is the PCI devices and IOMMU groups of the machine at one moment. It is
// immutable: any number of goroutines may read it.
type Snapshot struct {
	handle *handle
}

// Snapshot looks at the whole machine, or, with addresses, at those devices and all that
// belongs to them, which costs the same on a big machine.
func (host *Host) Snapshot(addresses ...string) (*Snapshot, error) {
	var c *C.struct_pcipt_snapshot
	var e *C.struct_pcipt_error
	var code C.int
	if !host.handle.enter() {
		return nil, errClosed("host")
	}
	defer host.handle.leave()
	if len(addresses) == 0 {
		code = C.pcipt_snapshot_new(contextOf(host.handle), &c, &e)
	} else {
		texts := make([]*C.char, len(addresses))
		for i, address := range addresses {
			text, free, err := cText(address)
			if err != nil {
				return nil, err
			}
			defer free()
			texts[i] = text
		}
		code = C.pcipt_snapshot_new_scoped(contextOf(host.handle), &texts[0], C.size_t(len(texts)), &c, &e)
	}
	if code != 0 {
		return nil, failure(e)
	}
	return &Snapshot{newHandle(unsafe.Pointer(c), host.handle, func(p unsafe.Pointer) {
		C.pcipt_snapshot_unref((*C.struct_pcipt_snapshot)(p))
	})}, nil
}

// Close gives the snapshot back. Its devices and groups can't be used any more.
func (s *Snapshot) Close() error {
	s.handle.close()
	return nil
}

func (s *Snapshot) c() *C.struct_pcipt_snapshot {
	return (*C.struct_pcipt_snapshot)(s.handle.pointer)
}

// Len is how many devices there are, bridges included.
func (s *Snapshot) Len() int {
	s.handle.mustEnter()
	defer s.handle.leave()
	return int(C.pcipt_snapshot_device_count(s.c()))
}

// At is the i-th device, ordered by address.
func (s *Snapshot) At(i int) Device {
	s.handle.mustEnter()
	defer s.handle.leave()
	device := C.pcipt_snapshot_device_at(s.c(), C.size_t(i))
	if i < 0 || device == nil {
		panic("pcipt: Snapshot.At: there is no such device")
	}
	return Device{s.handle, device}
}

// Devices are all devices, ordered by address.
func (s *Snapshot) Devices() []Device {
	s.handle.mustEnter()
	defer s.handle.leave()
	devices := make([]Device, int(C.pcipt_snapshot_device_count(s.c())))
	for i := range devices {
		devices[i] = Device{s.handle, C.pcipt_snapshot_device_at(s.c(), C.size_t(i))}
	}
	return devices
}

// Groups are the IOMMU groups that have devices here, ordered by number.
func (s *Snapshot) Groups() []Group {
	s.handle.mustEnter()
	defer s.handle.leave()
	groups := make([]Group, int(C.pcipt_snapshot_group_count(s.c())))
	for i := range groups {
		groups[i] = Group{s.handle, C.pcipt_snapshot_group_at(s.c(), C.size_t(i))}
	}
	return groups
}

// Problems are what could not be read until now: device, path, errno.
func (s *Snapshot) Problems() []*Error {
	s.handle.mustEnter()
	defer s.handle.leave()
	problems := make([]*Error, int(C.pcipt_snapshot_problem_count(s.c())))
	for i := range problems {
		problems[i] = errorFrom(C.pcipt_snapshot_problem_at(s.c(), C.size_t(i)))
	}
	return problems
}

// Find is the one device that a selector names: an address ("0000:01:00.0", "01:00.0"),
// "vendor:device", or KEY=VALUE with slot, serial, class, group or identity.
func (s *Snapshot) Find(selector string) (Device, error) {
	var device *C.struct_pcipt_device
	var e *C.struct_pcipt_error
	text, free, err := cText(selector)
	if err != nil {
		return Device{}, err
	}
	defer free()
	if !s.handle.enter() {
		return Device{}, errClosed("snapshot")
	}
	defer s.handle.leave()
	if C.pcipt_snapshot_find(s.c(), text, &device, &e) != 0 {
		return Device{}, failure(e)
	}
	return Device{s.handle, device}, nil
}

// FindAll are all devices that a selector names, ordered by address.
func (s *Snapshot) FindAll(selector string) ([]Device, error) {
	var array **C.struct_pcipt_device
	var n C.size_t
	var e *C.struct_pcipt_error
	text, free, err := cText(selector)
	if err != nil {
		return nil, err
	}
	defer free()
	if !s.handle.enter() {
		return nil, errClosed("snapshot")
	}
	defer s.handle.leave()
	if C.pcipt_snapshot_find_all(s.c(), text, &array, &n, &e) != 0 {
		return nil, failure(e)
	}
	defer C.pcipt_free(unsafe.Pointer(array))
	devices := make([]Device, int(n))
	for i, device := range unsafe.Slice(array, int(n)) {
		devices[i] = Device{s.handle, device}
	}
	return devices, nil
}

// Comparison is what became of a device that was once known.
type Comparison struct {
	Verdict Verdict
	// Device is the one it is now, or the one that took its place.
	Device Device
	// Found says whether there is such a device.
	Found bool
	// Facts led to the verdict, one sentence.
	Facts string
}

// Compare looks for a device that was once known, by its identity and perhaps (else "")
// its serial number.
func (s *Snapshot) Compare(identity, serial string) (Comparison, error) {
	var verdict C.int
	var device *C.struct_pcipt_device
	var facts *C.char
	var e *C.struct_pcipt_error
	identityText, freeIdentity, err := cText(identity)
	if err != nil {
		return Comparison{}, err
	}
	defer freeIdentity()
	serialText, freeSerial, err := cOptional(serial)
	if err != nil {
		return Comparison{}, err
	}
	defer freeSerial()
	if !s.handle.enter() {
		return Comparison{}, errClosed("snapshot")
	}
	defer s.handle.leave()
	if C.pcipt_identity_compare(s.c(), identityText, serialText, &verdict, &device, &facts, &e) != 0 {
		return Comparison{}, failure(e)
	}
	found := Comparison{Verdict: Verdict(verdict), Facts: string(taken(facts))}
	if device != nil {
		found.Device, found.Found = Device{s.handle, device}, true
	}
	return found, nil
}

// JSON is the object that `pcipt list --json` prints.
func (s *Snapshot) JSON(flags ...JSONFlags) ([]byte, error) {
	var text *C.char
	var e *C.struct_pcipt_error
	if !s.handle.enter() {
		return nil, errClosed("snapshot")
	}
	defer s.handle.leave()
	if C.pcipt_snapshot_to_json(s.c(), flagsOf(flags), &text, &e) != 0 {
		return nil, failure(e)
	}
	return taken(text), nil
}

// MarshalJSON is JSON without flags.
func (s *Snapshot) MarshalJSON() ([]byte, error) {
	return s.JSON()
}
