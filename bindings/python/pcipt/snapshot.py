# SPDX-License-Identifier: LGPL-2.1-or-later
"""A snapshot: the PCI devices and IOMMU groups of the machine at one moment."""
from ctypes import POINTER, byref, c_int, c_size_t, c_void_p, cast
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Union
from typing import TYPE_CHECKING

from ._error import Error, error_from
from ._library import Closable, Handle, View, call, encoded, json_of, lib, made, parsed, taken, texts
from .device import Device, Group
from .enums import JsonFlags, Verdict
from .safety import Set

if TYPE_CHECKING:
    from .context import Context


class Comparison(NamedTuple):
    """What became of a device that was once known.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> found = snapshot.compare(snapshot.find("0000:00:03.1").identity)
    >>> print(found.verdict, found.device)
    same <pcipt.Device 0000:00:03.1>
    """

    #: What became of it.
    verdict: Verdict
    #: The device it is now, or the one that took its place; else None.
    device: Optional[Device]
    #: The facts that led to the verdict, one sentence.
    facts: str


class Snapshot(Closable):
    """The devices at one moment: iterate over it, or ask for a device by a selector.

    >>> import pcipt
    >>> with pcipt.Context(tree) as context, context.snapshot() as snapshot:
    ...     for device in snapshot:
    ...         if device.driver == "snd_hda_intel":
    ...             print(device.address, device.group.number, device.vendor_id == 0x8086)
    0000:00:03.1 2 True

    It is immutable, so any number of threads may read it. Devices and groups keep what they
    need of it, so they stay usable after close().
    """

    __slots__ = ("__weakref__",)

    def __init__(self, context: "Context", addresses: Optional[Iterable[str]] = None) -> None:
        owner = context._handle
        if addresses is None:
            pointer = made(lib.pcipt_snapshot_new, owner)
        else:
            if isinstance(addresses, str):
                addresses = [addresses]
            wanted = [encoded(address) or b"" for address in addresses]
            pointer = made(lib.pcipt_snapshot_new_scoped, owner, texts(wanted), len(wanted))
        # The context's log function may still be called while the snapshot lives.
        self._open = Handle(pointer, lib.pcipt_snapshot_unref, owner)

    @property
    def devices(self) -> Sequence[Device]:
        """The devices, bridges included, ordered by address."""
        handle = self._handle
        return View(lambda: int(lib.pcipt_snapshot_device_count(handle)),
                    lambda i: Device(lib.pcipt_snapshot_device_at(handle, i), handle))

    @property
    def groups(self) -> Sequence[Group]:
        """The IOMMU groups that have devices here, ordered by number."""
        handle = self._handle
        return View(lambda: int(lib.pcipt_snapshot_group_count(handle)),
                    lambda i: Group(lib.pcipt_snapshot_group_at(handle, i), handle))

    @property
    def problems(self) -> List[Error]:
        """What could not be read until now: device, path, errno."""
        handle = self._handle
        return [error_from(lib.pcipt_snapshot_problem_at(handle, i))
                for i in range(lib.pcipt_snapshot_problem_count(handle))]

    def __len__(self) -> int:
        return int(lib.pcipt_snapshot_device_count(self._handle))

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)

    def find(self, selector: str) -> Device:
        """The one device that a selector names: an address, "vendor:device", or KEY=VALUE.

        >>> import pcipt
        >>> pcipt.Context(tree).snapshot().find("8086:2668")
        <pcipt.Device 0000:00:03.1>
        """
        handle = self._handle
        return Device(made(lib.pcipt_snapshot_find, handle, encoded(selector)), handle)

    def find_all(self, selector: str) -> List[Device]:
        """All devices that a selector names, ordered by address.

        >>> import pcipt
        >>> pcipt.Context(tree).snapshot().find_all("group=2")
        [<pcipt.Device 0000:00:03.0>, <pcipt.Device 0000:00:03.1>]
        """
        handle = self._handle
        array, n = POINTER(c_void_p)(), c_size_t()
        # The type of a device's pointer is opaque: one of theirs is a plain pointer.
        call(lib.pcipt_snapshot_find_all, handle, encoded(selector), byref(array), byref(n))
        try:
            return [Device(pointer, handle) for pointer in (array[i] for i in range(n.value)) if pointer]
        finally:
            lib.pcipt_free(cast(array, c_void_p))

    def set(self, devices: Union[str, Device, Iterable[Union[str, Device]]], *,
            driver: Optional[str] = None, with_set: bool = False,
            with_companions: bool = False, allow: Union[str, Iterable[str]] = (),
            owner: Optional[str] = None) -> Set:
        """The safe set of some devices: what must move together, and what stands against it.

        `devices` are devices or selectors; `driver` shall take them ("vfio-pci"); `with_set`
        accepts the whole set, `with_companions` takes what is reset with them or belongs to them;
        `allow` are codes of findings, "boot-vga" or "boot-vga@0000:01:00.0". `owner` is the one that
        bind() is given, if any: another owner's claim on the devices is then the finding "claimed".

        >>> import pcipt
        >>> wanted = pcipt.Context(tree).snapshot().set("0000:00:03.0")
        >>> print(wanted.is_safe, [str(member.role) for member in wanted.members])
        False ['requested', 'group-member']
        """
        if isinstance(devices, (str, Device)):
            devices = [devices]
        chosen: List[Device] = []
        for device in devices:
            chosen += [device] if isinstance(device, Device) else self.find_all(device)
        return Set._new(self._handle, chosen, driver=driver, with_set=with_set,
                        with_companions=with_companions, allow=allow, owner=owner)

    def compare(self, identity: str, serial: Optional[str] = None) -> Comparison:
        """Look for a device that was once known, by its identity and perhaps its serial number.

        >>> import pcipt
        >>> snapshot = pcipt.Context(tree).snapshot()
        >>> identity = snapshot.find("0000:00:03.1").identity
        >>> snapshot.compare(identity).verdict
        <Verdict.SAME: 0>
        """
        handle = self._handle
        verdict, device, facts = c_int(), c_void_p(), c_void_p()
        call(lib.pcipt_identity_compare, handle, encoded(identity), encoded(serial), byref(verdict),
             byref(device), byref(facts))
        return Comparison(Verdict(verdict.value), Device(device.value, handle) if device.value else None,
                          taken(facts.value))

    def to_json(self, full: bool = False) -> str:
        """The snapshot as the JSON object that `pcipt list --json` prints. `full` also tells what
        stands in the configuration space, which wakes sleeping devices."""
        return json_of(lib.pcipt_snapshot_to_json, self._handle, JsonFlags.FULL if full else 0)

    def to_dict(self, full: bool = False) -> Dict[str, Any]:
        """The same as a dictionary: `devices` and `problems`."""
        found: Dict[str, Any] = parsed(self.to_json(full))
        return found

    def to_dicts(self, full: bool = False) -> List[Dict[str, Any]]:
        """All devices as dictionaries: the quick way to look at many facts of many devices.

        The values are those of the JSON form: ids are texts.

        >>> import pcipt
        >>> for device in pcipt.Context(tree).snapshot().to_dicts():
        ...     if device["driver"] == "snd_hda_intel":
        ...         print(device["address"], device["iommu_group"], device["vendor_id"])
        0000:00:03.1 2 0x8086
        """
        devices: List[Dict[str, Any]] = self.to_dict(full)["devices"]
        return devices
