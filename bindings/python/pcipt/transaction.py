# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a transaction did."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ._error import Error, error_from
from ._library import Closable, Handle, always, json_of, lib, parsed, text
from .enums import Op, Outcome


class ResultDevice(NamedTuple):
    """A device before and after.

    >>> import pcipt
    >>> context = pcipt.Context(tree)
    >>> for claim in context.claims():
    ...     for device in context.release(claim).devices:
    ...         print(device.address, device.driver_before, "->", device.driver_after)
    """

    #: Its address.
    address: str
    #: The driver before the first write, or None.
    driver_before: Optional[str]
    #: The driver after the last write, or None.
    driver_after: Optional[str]
    #: The node to open, or None.
    vfio_device: Optional[str]


class ResultStep(NamedTuple):
    """A write or comparison that was made.

    >>> import pcipt
    >>> context = pcipt.Context(tree)
    >>> for claim in context.claims():
    ...     for step in context.release(claim).steps:
    ...         print(step.op, step.address, f"{step.ms:.0f} ms", step.errno or "")
    """

    #: What it did.
    op: Op
    #: The device's address, or None.
    address: Optional[str]
    #: The attribute, or None.
    path: Optional[str]
    #: What was written, or None.
    value: Optional[str]
    #: How long it took, in milliseconds.
    ms: float
    #: Its errno, 0 when it succeeded.
    errno: int
    #: Whether it undid an earlier step.
    is_undo: bool


class Result(Closable):
    """How a transaction ended, what was written, and where every device is now.

    >>> import pcipt
    >>> context = pcipt.Context(tree)
    >>> plan = context.snapshot().set("0000:00:03.0", with_set=True, allow=allowed).plan()
    >>> try:
    ...     result = context.apply(plan)
    ... except pcipt.Error as error:
    ...     result = error.result
    >>> if result is not None:  # the machine was looked at
    ...     for device in result.devices:
    ...         print(device.address, device.driver_before, "->", device.driver_after)
    0000:00:03.0 bochs-drm -> bochs-drm
    0000:00:03.1 snd_hda_intel -> snd_hda_intel
    """

    __slots__ = ("__weakref__",)

    def __init__(self, pointer: int) -> None:
        self._open = Handle(pointer, lib.pcipt_result_unref)

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome(lib.pcipt_result_get_outcome(self._handle))

    @property
    def devices(self) -> Tuple[ResultDevice, ...]:
        """The devices that the plan concerned."""
        handle = self._handle
        return tuple(ResultDevice(always(lib.pcipt_result_device_address(handle, i)),
                                  text(lib.pcipt_result_device_driver_before(handle, i)),
                                  text(lib.pcipt_result_device_driver_after(handle, i)),
                                  text(lib.pcipt_result_device_vfio_device(handle, i)))
                     for i in range(lib.pcipt_result_device_count(handle)))

    @property
    def steps(self) -> Tuple[ResultStep, ...]:
        """Every write and comparison that was made, undo included, in order."""
        handle = self._handle
        return tuple(ResultStep(Op(lib.pcipt_result_step_op(handle, i)),
                                text(lib.pcipt_result_step_address(handle, i)),
                                text(lib.pcipt_result_step_path(handle, i)),
                                text(lib.pcipt_result_step_value(handle, i)),
                                float(lib.pcipt_result_step_ms(handle, i)),
                                int(lib.pcipt_result_step_errno(handle, i)),
                                bool(lib.pcipt_result_step_is_undo(handle, i)))
                     for i in range(lib.pcipt_result_step_count(handle)))

    @property
    def warnings(self) -> List[Error]:
        """What could not be put back, or is worth knowing."""
        handle = self._handle
        return [error_from(lib.pcipt_result_warning_at(handle, i))
                for i in range(lib.pcipt_result_warning_count(handle))]

    def to_json(self) -> str:
        """`result`, `devices[]`, `steps[]` and `warnings[]` as a JSON object."""
        return json_of(lib.pcipt_result_to_json, self._handle)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json())
        return found
