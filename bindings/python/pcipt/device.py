# SPDX-License-Identifier: LGPL-2.1-or-later
"""A device, one PCI function, and an IOMMU group, as their snapshot saw them."""
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

from ._library import Handle, View, always, call, json_of, known, lib, parsed, text
from .enums import AcsFlags, BarFlags, JsonFlags, Viability

#: A function has six base address registers.
_BARS = 6


class Bar(NamedTuple):
    """A base address register that is in use.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> [(bar.number, bar.size >> 20) for bar in snapshot.find("0000:00:03.0").bars if bar.size >= 1 << 20]
    [(0, 16)]
    """

    #: Its number, 0 to 5.
    number: int
    #: Its size in bytes.
    size: int
    #: What it is.
    flags: BarFlags


class Link(NamedTuple):
    """A PCI Express link: what it does now and what it can do. A fact that is unknown is None.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> slow = [device for device in snapshot if device.link and device.link.width != device.link.max_width]
    >>> print("cards with fewer lanes than they could have:", slow)
    cards with fewer lanes than they could have: []
    """

    #: Its speed now in MT/s: 8000 is 8.0 GT/s.
    speed: Optional[int]
    #: Lanes now.
    width: Optional[int]
    #: The most that it can do, in MT/s.
    max_speed: Optional[int]
    #: Lanes at most.
    max_width: Optional[int]


class Child(NamedTuple):
    """What hangs below a device.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> print([child.name for child in snapshot.find("0000:00:03.0").children if child.subsystem == "drm"])
    ['card1', 'card1-Virtual-2']
    """

    #: "block", "net", "drm", …
    subsystem: str
    #: "nvme0n1", "eth0", "card0", …
    name: str


class _Borrowed:
    """Something of a snapshot's: it holds the snapshot, so its pointer stays good."""

    __slots__ = ("_pointer", "_snapshot")

    def __init__(self, pointer: int, snapshot: Handle) -> None:
        self._pointer = pointer
        self._snapshot = snapshot

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._pointer == getattr(other, "_pointer")

    def __hash__(self) -> int:
        return hash(self._pointer)


class Device(_Borrowed):
    """A PCI function. A fact that is absent or unknown is None, never a made-up zero.

    Each property asks the library when it is read. For many facts of many devices at once
    there is Snapshot.to_dicts(), which is several times quicker.

    >>> import pcipt
    >>> audio = pcipt.Context(tree).snapshot().find("0000:00:03.1")
    >>> print(audio.driver, hex(audio.class_id), audio.numa_node, audio.parent)
    snd_hda_intel 0x40300 None None
    >>> print([other.address for other in audio.group.devices])
    ['0000:00:03.0', '0000:00:03.1']
    """

    __slots__ = ()

    def _other(self, pointer: Optional[int]) -> Optional["Device"]:
        return Device(pointer, self._snapshot) if pointer else None

    @property
    def address(self) -> str:
        """ "0000:01:00.0"; the domain has four hex digits or more."""
        return always(lib.pcipt_device_get_address(self._pointer))

    @property
    def vendor_id(self) -> Optional[int]:
        """Vendor id."""
        return known(lib.pcipt_device_get_vendor_id(self._pointer))

    @property
    def device_id(self) -> Optional[int]:
        """Device id."""
        return known(lib.pcipt_device_get_device_id(self._pointer))

    @property
    def subsystem_vendor_id(self) -> Optional[int]:
        """Subsystem vendor id. Bridges have none and read 0."""
        return known(lib.pcipt_device_get_subsystem_vendor_id(self._pointer))

    @property
    def subsystem_device_id(self) -> Optional[int]:
        """Subsystem device id."""
        return known(lib.pcipt_device_get_subsystem_device_id(self._pointer))

    @property
    def class_id(self) -> Optional[int]:
        """Class, subclass and programming interface in 24 bits (0x030000)."""
        return known(lib.pcipt_device_get_class_id(self._pointer))

    @property
    def revision(self) -> Optional[int]:
        """Revision (0 to 255)."""
        return known(lib.pcipt_device_get_revision(self._pointer))

    @property
    def is_bridge(self) -> bool:
        """Whether it is a bridge: never bound, never moved."""
        return bool(lib.pcipt_device_is_bridge(self._pointer))

    @property
    def driver(self) -> Optional[str]:
        """The driver it is bound to."""
        return text(lib.pcipt_device_get_driver(self._pointer))

    @property
    def has_vfio_driver(self) -> bool:
        """Whether that driver is vfio-pci or a variant of it."""
        return bool(lib.pcipt_device_has_vfio_driver(self._pointer))

    @property
    def driver_override(self) -> Optional[str]:
        """The driver override."""
        return text(lib.pcipt_device_get_driver_override(self._pointer))

    @property
    def group(self) -> Optional["Group"]:
        """The IOMMU group."""
        pointer = lib.pcipt_device_get_group(self._pointer)
        return Group(pointer, self._snapshot) if pointer else None

    @property
    def numa_node(self) -> Optional[int]:
        """The NUMA node."""
        return known(lib.pcipt_device_get_numa_node(self._pointer))

    @property
    def parent(self) -> Optional["Device"]:
        """The bridge above it; None on a root bus."""
        return self._other(lib.pcipt_device_get_parent(self._pointer))

    @property
    def physfn(self) -> Optional["Device"]:
        """For a VF its PF."""
        return self._other(lib.pcipt_device_get_physfn(self._pointer))

    @property
    def virtfns(self) -> Sequence["Device"]:
        """The VFs that a PF has enabled."""
        pointer, snapshot = self._pointer, self._snapshot
        return View(lambda: int(lib.pcipt_device_virtfn_count(pointer)),
                    lambda i: Device(lib.pcipt_device_virtfn_at(pointer, i), snapshot))

    @property
    def slot_functions(self) -> Sequence["Device"]:
        """The functions of its slot, itself included."""
        pointer, snapshot = self._pointer, self._snapshot
        return View(lambda: int(lib.pcipt_device_slot_function_count(pointer)),
                    lambda i: Device(lib.pcipt_device_slot_function_at(pointer, i), snapshot))

    @property
    def boot_vga(self) -> Optional[bool]:
        """Whether the firmware used it as the boot display; None when it isn't a VGA device."""
        value = lib.pcipt_device_get_boot_vga(self._pointer)
        return None if value < 0 else bool(value)

    @property
    def reset_methods(self) -> Tuple[str, ...]:
        """The reset methods ("flr", "bus", …) in the kernel's order."""
        return tuple(always(lib.pcipt_device_reset_method_at(self._pointer, i))
                     for i in range(lib.pcipt_device_reset_method_count(self._pointer)))

    @property
    def slot(self) -> Optional[str]:
        """The way from the root bus to it: "pci0000:00/1c.0/00.0"."""
        return text(lib.pcipt_device_get_slot(self._pointer))

    @property
    def identity(self) -> Optional[str]:
        """Ids and slot, the same for every user: see Snapshot.compare()."""
        return text(lib.pcipt_device_get_identity(self._pointer))

    @property
    def vendor_name(self) -> Optional[str]:
        """The vendor's name."""
        return text(lib.pcipt_device_get_vendor_name(self._pointer))

    @property
    def device_name(self) -> Optional[str]:
        """The device's name."""
        return text(lib.pcipt_device_get_device_name(self._pointer))

    @property
    def class_name(self) -> Optional[str]:
        """The class's name."""
        return text(lib.pcipt_device_get_class_name(self._pointer))

    @property
    def vfio_device(self) -> Optional[str]:
        """The node through which a program opens it; None where it is on no vfio driver."""
        return text(lib.pcipt_device_get_vfio_device(self._pointer))

    @property
    def vfio_cdev(self) -> Optional[str]:
        """ "/dev/vfio/devices/vfioN"; None on kernels without such nodes."""
        return text(lib.pcipt_device_get_vfio_cdev(self._pointer))

    @property
    def vfio_group_node(self) -> Optional[str]:
        """ "/dev/vfio/N" of its group."""
        return text(lib.pcipt_device_get_vfio_group_node(self._pointer))

    @property
    def power_state(self) -> Optional[str]:
        """ "D0", "D3hot", …, as the kernel last knew it."""
        return text(lib.pcipt_device_get_power_state(self._pointer))

    @property
    def power_control(self) -> Optional[str]:
        """`power/control`: "auto" or "on"."""
        return text(lib.pcipt_device_get_power_control(self._pointer))

    @property
    def runtime_status(self) -> Optional[str]:
        """`power/runtime_status`: "active", "suspended", …"""
        return text(lib.pcipt_device_get_runtime_status(self._pointer))

    @property
    def label(self) -> Optional[str]:
        """The firmware's label for it."""
        return text(lib.pcipt_device_get_label(self._pointer))

    @property
    def slot_name(self) -> Optional[str]:
        """The name of the physical slot."""
        return text(lib.pcipt_device_get_slot_name(self._pointer))

    @property
    def acpi_path(self) -> Optional[str]:
        """Its path in ACPI's name space."""
        return text(lib.pcipt_device_get_acpi_path(self._pointer))

    @property
    def link(self) -> Optional[Link]:
        """Its PCI Express link; None where there is none or nothing is known of it."""
        facts = (lib.pcipt_device_get_link_speed(self._pointer),
                 lib.pcipt_device_get_link_width(self._pointer),
                 lib.pcipt_device_get_max_link_speed(self._pointer),
                 lib.pcipt_device_get_max_link_width(self._pointer))
        return Link(*(fact or None for fact in facts)) if any(facts) else None

    @property
    def sriov_total(self) -> int:
        """How many VFs a PF can have; 0 when it is none."""
        return int(lib.pcipt_device_get_sriov_total(self._pointer))

    @property
    def bars(self) -> Tuple[Bar, ...]:
        """The base address registers that are in use."""
        sizes = ((i, lib.pcipt_device_get_bar_size(self._pointer, i)) for i in range(_BARS))
        return tuple(Bar(i, size, BarFlags(lib.pcipt_device_get_bar_flags(self._pointer, i)))
                     for i, size in sizes if size)

    @property
    def rom_size(self) -> Optional[int]:
        """The size of the expansion ROM in bytes."""
        return lib.pcipt_device_get_rom_size(self._pointer) or None

    @property
    def modules(self) -> Tuple[str, ...]:
        """The modules whose aliases match, in the order of modules.alias."""
        return tuple(always(lib.pcipt_device_module_at(self._pointer, i))
                     for i in range(lib.pcipt_device_module_count(self._pointer)))

    @property
    def vfio_module(self) -> Optional[str]:
        """The vfio module that fits best: "vfio_pci", or a vendor's variant."""
        return text(lib.pcipt_device_get_vfio_module(self._pointer))

    @property
    def expected_driver(self) -> Optional[str]:
        """The driver that the kernel would choose for it now."""
        return text(lib.pcipt_device_get_expected_driver(self._pointer))

    @property
    def children(self) -> Tuple[Child, ...]:
        """What hangs below it: class devices, mediated and auxiliary devices."""
        return tuple(Child(always(lib.pcipt_device_child_subsystem(self._pointer, i)),
                           always(lib.pcipt_device_child_name(self._pointer, i)))
                     for i in range(lib.pcipt_device_child_count(self._pointer)))

    # What stands in the configuration space. The first of these to be asked for reads it,
    # which wakes a sleeping device; beyond 64 bytes only root reads it.

    @property
    def serial(self) -> Optional[str]:
        """The device serial number, else that of the VPD where it was read."""
        return text(lib.pcipt_device_get_serial(self._pointer))

    @property
    def msi_vectors(self) -> Optional[int]:
        """How many MSI vectors it can have, 0 for none."""
        return known(lib.pcipt_device_get_msi_vectors(self._pointer))

    @property
    def msix_vectors(self) -> Optional[int]:
        """How many MSI-X vectors it has, 0 for none."""
        return known(lib.pcipt_device_get_msix_vectors(self._pointer))

    @property
    def has_acs(self) -> Optional[bool]:
        """Whether it has access control services; None for unknown."""
        value = lib.pcipt_device_get_acs(self._pointer)
        return None if value == -1 else bool(value >= 0)

    @property
    def acs(self) -> Optional[AcsFlags]:
        """Its ACS control bits; None when it has none or it is unknown, which has_acs tells."""
        value = lib.pcipt_device_get_acs(self._pointer)
        return None if value < 0 else AcsFlags(value)

    def read_vpd(self) -> None:
        """Read the vital product data. Slow on much hardware, and some wedges.

        >>> import pcipt
        >>> device = pcipt.Context(tree).snapshot().find("0000:00:03.0")
        >>> try:
        ...     device.read_vpd()
        ...     print(device.vpd_serial)
        ... except pcipt.IoError as error:
        ...     print("it has none")
        it has none
        """
        call(lib.pcipt_device_read_vpd, self._pointer)

    @property
    def vpd_serial(self) -> Optional[str]:
        """The serial number in the VPD, after read_vpd()."""
        return text(lib.pcipt_device_get_vpd_serial(self._pointer))

    @property
    def vpd_part_number(self) -> Optional[str]:
        """The part number in the VPD, after read_vpd()."""
        return text(lib.pcipt_device_get_vpd_part_number(self._pointer))

    def to_json(self, full: bool = False) -> str:
        """The device as the JSON object that stands in `devices[]`."""
        return json_of(lib.pcipt_device_to_json, self._pointer, JsonFlags.FULL if full else 0)

    def to_dict(self, full: bool = False) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json(full))
        return found

    def __repr__(self) -> str:
        return f"<pcipt.Device {self.address}>"


class Group(_Borrowed):
    """An IOMMU group: the devices that the hardware can't keep apart.

    >>> import pcipt
    >>> for group in pcipt.Context(tree).snapshot().groups:
    ...     if len(group.devices) == 2:
    ...         print(group.number, group.viability, [device.driver for device in group.devices])
    2 not-viable ['bochs-drm', 'snd_hda_intel']
    """

    __slots__ = ()

    @property
    def number(self) -> int:
        """The number; good in this snapshot only, since it changes between boots."""
        return int(lib.pcipt_group_get_number(self._pointer))

    @property
    def type(self) -> Optional[str]:
        """ "DMA", "DMA-FQ", "identity", …"""
        return text(lib.pcipt_group_get_type(self._pointer))

    @property
    def devices(self) -> Sequence[Device]:
        """Its devices, ordered by address."""
        pointer, snapshot = self._pointer, self._snapshot
        return View(lambda: int(lib.pcipt_group_device_count(pointer)),
                    lambda i: Device(lib.pcipt_group_device_at(pointer, i), snapshot))

    @property
    def reserved_regions(self) -> Tuple[str, ...]:
        """As the kernel prints them: "0xfee00000 0xfeefffff msi"."""
        return tuple(always(lib.pcipt_group_reserved_region_at(self._pointer, i))
                     for i in range(lib.pcipt_group_reserved_region_count(self._pointer)))

    @property
    def viability(self) -> Viability:
        """Whether user space can take the group as it stands."""
        return Viability(lib.pcipt_group_viability(self._pointer))

    def __repr__(self) -> str:
        return f"<pcipt.Group {self.number}>"
