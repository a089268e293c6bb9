# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plan: the ordered steps of a bind or a release, before anything is done."""
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ._library import Closable, Handle, always, json_of, lib, parsed, text
from .enums import Op


class Step(NamedTuple):
    """One step of a plan.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> steps = snapshot.set("0000:00:03.0", with_set=True, allow=allowed).plan().steps
    >>> print([step.shell for step in steps if step.op == pcipt.Op.BIND][0])
    echo 0000:00:03.0 > /sys/bus/pci/drivers/vfio-pci/bind
    """

    #: What it does.
    op: Op
    #: The device's address, or None for a step that has none.
    address: Optional[str]
    #: The attribute that is written or compared, or None.
    path: Optional[str]
    #: What is written ("" clears an override), or the module's name.
    value: Optional[str]
    #: The step as the shell line that a person would type.
    shell: str


class Plan(Closable):
    """Steps in order. Nothing is done until Context.apply().

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> with snapshot.set("0000:00:03.0", with_set=True, allow=allowed).plan() as plan:
    ...     print([f"{step.op} {step.address}" for step in plan if step.op == pcipt.Op.UNBIND])
    ['unbind 0000:00:03.0', 'unbind 0000:00:03.1']
    """

    __slots__ = ("__weakref__",)

    def __init__(self, handle: Handle) -> None:
        self._open = handle

    @property
    def steps(self) -> Tuple[Step, ...]:
        """The steps."""
        handle = self._handle
        return tuple(Step(Op(lib.pcipt_plan_step_op(handle, i)),
                          text(lib.pcipt_plan_step_address(handle, i)),
                          text(lib.pcipt_plan_step_path(handle, i)),
                          text(lib.pcipt_plan_step_value(handle, i)),
                          always(lib.pcipt_plan_step_shell(handle, i)))
                     for i in range(lib.pcipt_plan_step_count(handle)))

    def __len__(self) -> int:
        return int(lib.pcipt_plan_step_count(self._handle))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def to_json(self) -> str:
        """The `steps[]` as a JSON array."""
        return json_of(lib.pcipt_plan_to_json, self._handle)

    def to_dicts(self) -> List[Dict[str, Any]]:
        """The same as a list of dictionaries."""
        found: List[Dict[str, Any]] = parsed(self.to_json())
        return found
