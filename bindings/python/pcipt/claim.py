# SPDX-License-Identifier: LGPL-2.1-or-later
"""A claim: the record that somebody holds devices for passthrough."""
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union
from typing import TYPE_CHECKING

from ._error import Error, error_from
from ._library import Closable, Handle, always, json_of, lib, made, parsed, text
from ._options import options
from .enums import ClaimState, Role
from .plan import Plan
from .transaction import Result

if TYPE_CHECKING:
    from .snapshot import Snapshot


class ClaimDevice(NamedTuple):
    """A device of a claim, and what it was before.

    >>> import pcipt
    >>> for claim in pcipt.Context(tree).claims():
    ...     for device in claim.devices:
    ...         print(device.address, "was on", device.driver_before or "no driver")
    """

    #: Its address when it was bound.
    address: str
    #: Its identity.
    identity: str
    #: Its role in the set that was bound.
    role: Role
    #: The driver it had before the claim, or None.
    driver_before: Optional[str]
    #: The override it had before the claim, or None.
    override_before: Optional[str]
    #: Whether that is inferred: somebody else had bound it before the claim, which adopted it.
    inferred: bool


class Claim(Closable):
    """Who holds which devices, since when, and what they were before.

    >>> import pcipt
    >>> for claim in pcipt.Context(tree).claims():
    ...     print(claim.name, claim.state, [device.address for device in claim.devices])

    Closing the object doesn't release the claim: that is Context.release(). Which node a virtual
    machine opens is in the `result` of a bind; of a claim that was found the machine knows it:
    `context.snapshot([device.address]).find(device.address).vfio_device`.
    """

    __slots__ = ("_result", "__weakref__")

    def __init__(self, handle: Handle, result: Optional[Result] = None) -> None:
        self._open = handle
        self._result = result

    @property
    def result(self) -> Optional[Result]:
        """What Context.bind() did, where the claim comes from there."""
        return self._result

    @property
    def name(self) -> str:
        """Its name."""
        return always(lib.pcipt_claim_get_name(self._handle))

    @property
    def state(self) -> ClaimState:
        """Where it stands."""
        return ClaimState(lib.pcipt_claim_get_state(self._handle))

    @property
    def owner(self) -> Optional[str]:
        """Who wants it, in free text."""
        return text(lib.pcipt_claim_get_owner(self._handle))

    @property
    def driver(self) -> str:
        """The driver that its devices have."""
        return always(lib.pcipt_claim_get_driver(self._handle))

    @property
    def since(self) -> str:
        """Since when it is in its state, RFC 3339 in UTC."""
        return always(lib.pcipt_claim_get_since(self._handle))

    @property
    def is_persistent(self) -> bool:
        """Whether it outlives the boot."""
        return bool(lib.pcipt_claim_is_persistent(self._handle))

    @property
    def reason(self) -> Optional[str]:
        """Why it is in its state, a code ("absent"); None where there is nothing to say."""
        return text(lib.pcipt_claim_get_reason(self._handle))

    @property
    def message(self) -> Optional[str]:
        """The same in a sentence: what it waits for, and what to do."""
        return text(lib.pcipt_claim_get_message(self._handle))

    @property
    def deadline(self) -> Optional[str]:
        """When its state is looked at again at the latest, RFC 3339 in UTC; None when it is bound."""
        return text(lib.pcipt_claim_get_deadline(self._handle))

    @property
    def attempts(self) -> int:
        """How often it was tried in this state."""
        return int(lib.pcipt_claim_get_attempts(self._handle))

    @property
    def devices(self) -> Tuple[ClaimDevice, ...]:
        """The devices that were bound and those that were pinned."""
        handle = self._handle
        return tuple(ClaimDevice(always(lib.pcipt_claim_device_address(handle, i)),
                                 always(lib.pcipt_claim_device_identity(handle, i)),
                                 Role(lib.pcipt_claim_device_role(handle, i)),
                                 text(lib.pcipt_claim_device_driver_before(handle, i)),
                                 text(lib.pcipt_claim_device_override_before(handle, i)),
                                 bool(lib.pcipt_claim_device_is_inferred(handle, i)))
                     for i in range(lib.pcipt_claim_device_count(handle)))

    def plan_release(self, snapshot: "Snapshot", *, allow: Union[str, Iterable[str]] = ()) -> Plan:
        """The steps that put its devices back, on the machine as it is now.

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> for claim in context.claims():
        ...     for step in claim.plan_release(context.snapshot()):
        ...         print(step.shell)
        """
        return Plan(Handle(made(lib.pcipt_plan_release, snapshot._handle, self._handle,
                                options(allow=allow)),
                           lib.pcipt_plan_unref, snapshot._handle))

    def to_json(self) -> str:
        """The claim as it stands in `claims[]`."""
        return json_of(lib.pcipt_claim_to_json, self._handle)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json())
        return found

    def __repr__(self) -> str:
        return f"<pcipt.Claim {self.name}: {self.state}>" if self._open else "<pcipt.Claim, closed>"


class ClaimList(Closable):
    """All claims, ordered by name. A record that can't be read is among the problems.

    >>> import pcipt
    >>> with pcipt.Context(tree).claims() as claims:
    ...     print([claim.name for claim in claims], [str(problem) for problem in claims.problems])
    [] []
    """

    __slots__ = ("__weakref__",)

    def __init__(self, handle: Handle) -> None:
        self._open = handle

    def _at(self, i: int) -> Claim:
        return Claim(Handle(lib.pcipt_claim_ref(lib.pcipt_claim_list_at(self._handle, i)),
                            lib.pcipt_claim_unref, self._handle))

    def __len__(self) -> int:
        return int(lib.pcipt_claim_list_count(self._handle))

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Claim]:
        return map(self._at, range(len(self)))

    def __getitem__(self, index: int) -> Claim:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"there are {n} claims, so there is no [{index}]")
        return self._at(index % n)

    @property
    def problems(self) -> List[Error]:
        """The records that could not be read."""
        handle = self._handle
        return [error_from(lib.pcipt_claim_list_problem_at(handle, i))
                for i in range(lib.pcipt_claim_list_problem_count(handle))]
