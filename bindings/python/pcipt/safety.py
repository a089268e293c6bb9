# SPDX-License-Identifier: LGPL-2.1-or-later
"""The safe set: which devices must move together, and what stands against it."""
from ctypes import c_void_p
from typing import Any, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

from ._library import Closable, Handle, always, json_of, lib, made, parsed, text
from ._options import options
from .device import Device
from .enums import Action, Role, Severity
from .plan import Plan


class Member(NamedTuple):
    """A device of a set.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> for member in snapshot.set("0000:00:03.0").members:
    ...     print(member.device.address, member.role, member.action)
    0000:00:03.0 requested bind
    0000:00:03.1 group-member bind
    """

    #: The device.
    device: Device
    #: Why it is in the set.
    role: Role
    #: What becomes of it.
    action: Action


class Companion(NamedTuple):
    """A device that would go along if companions were asked for.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> [companion.device for companion in snapshot.set("0000:00:03.0").companions]
    []
    """

    #: The device.
    device: Device
    #: Why it would.
    role: Role


class Finding(NamedTuple):
    """Something that stands against a set, or is worth knowing.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> for finding in snapshot.set("0000:00:03.0").findings:
    ...     if finding.code == pcipt.FindingCode.SET_INCOMPLETE:
    ...         print(finding.remedy)
    Ask for all of 0000:00:03.0 0000:00:03.1, or accept the set with --with-set
    """

    #: Its code, "set-incomplete": see FindingCode.
    code: str
    #: What it means.
    severity: Severity
    #: The address of the device it is about, or None.
    address: Optional[str]
    #: One line: what stands against it.
    message: str
    #: What was seen that says so.
    evidence: str
    #: What to do, in the imperative.
    remedy: str
    #: Whether the options allowed it.
    allowed: bool


class Set(Closable):
    """A set that is safe to take, or the findings that say why it isn't.

    >>> import pcipt
    >>> snapshot = pcipt.Context(tree).snapshot()
    >>> with snapshot.set("0000:00:03.0") as wanted:
    ...     for finding in wanted.findings:
    ...         if finding.code == pcipt.FindingCode.SET_INCOMPLETE:
    ...             print(finding.severity, finding.address, finding.allowed)
    blocker 0000:00:03.0 False
    """

    __slots__ = ("_snapshot", "__weakref__")
    _snapshot: Handle

    def __init__(self) -> None:
        raise TypeError("a Set comes from Snapshot.set()")

    @classmethod
    def _new(cls, snapshot: Handle, devices: Sequence[Device], *, driver: Optional[str], with_set: bool,
             with_companions: bool, allow: Union[str, Iterable[str]],
             owner: Optional[str]) -> "Set":
        given = options(driver=driver, with_set=with_set, with_companions=with_companions, allow=allow,
                        owner=owner)
        array = (c_void_p * max(len(devices), 1))(*(device._pointer for device in devices))
        new = cls.__new__(cls)
        new._snapshot = snapshot
        new._open = Handle(made(lib.pcipt_set_new, snapshot, array, len(devices), given),
                           lib.pcipt_set_unref, snapshot)
        return new

    @property
    def is_safe(self) -> bool:
        """Whether nothing that isn't allowed stands against it."""
        return bool(lib.pcipt_set_is_safe(self._handle))

    @property
    def driver(self) -> str:
        """The driver that the set's devices shall have."""
        return always(lib.pcipt_set_get_driver(self._handle))

    @property
    def members(self) -> Tuple[Member, ...]:
        """The devices, ordered by address."""
        handle = self._handle
        return tuple(Member(Device(lib.pcipt_set_member_device(handle, i), self._snapshot),
                            Role(lib.pcipt_set_member_role(handle, i)),
                            Action(lib.pcipt_set_member_action(handle, i)))
                     for i in range(lib.pcipt_set_member_count(handle)))

    @property
    def companions(self) -> Tuple[Companion, ...]:
        """What `with_companions` would take along, too; empty where it was given."""
        handle = self._handle
        return tuple(Companion(Device(lib.pcipt_set_companion_device(handle, i), self._snapshot),
                               Role(lib.pcipt_set_companion_role(handle, i)))
                     for i in range(lib.pcipt_set_companion_count(handle)))

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """What stands against it, the gravest first."""
        handle = self._handle
        return tuple(Finding(always(lib.pcipt_set_finding_code(handle, i)),
                             Severity(lib.pcipt_set_finding_severity(handle, i)),
                             text(lib.pcipt_set_finding_address(handle, i)),
                             always(lib.pcipt_set_finding_message(handle, i)),
                             always(lib.pcipt_set_finding_evidence(handle, i)),
                             always(lib.pcipt_set_finding_remedy(handle, i)),
                             bool(lib.pcipt_set_finding_is_allowed(handle, i)))
                     for i in range(lib.pcipt_set_finding_count(handle)))

    def plan(self) -> Plan:
        """The steps that give the set to its driver. An unsafe set raises RefusedError.

        >>> import pcipt
        >>> try:
        ...     pcipt.Context(tree).snapshot().set("0000:00:03.0").plan()
        ... except pcipt.RefusedError as error:
        ...     print(len(error.causes) > 0)
        True
        """
        handle = self._handle
        return Plan(Handle(made(lib.pcipt_plan_bind, handle, None), lib.pcipt_plan_unref, handle))

    def to_json(self) -> str:
        """Members and findings as JSON: `safe`, `members[]`, `companions[]`, `findings[]`."""
        return json_of(lib.pcipt_set_to_json, self._handle)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json())
        return found


class FindingKind(NamedTuple):
    """What a finding's code stands for.

    >>> import pcipt
    >>> [kind.text for kind in pcipt.finding_kinds() if kind.code == pcipt.FindingCode.CLAIMED]
    ['Another claim holds the device']
    """

    #: The code.
    code: str
    #: The severity of its findings, or graver than theirs.
    severity: Severity
    #: What it says, one sentence.
    text: str


def finding_kinds() -> Tuple[FindingKind, ...]:
    """All codes of findings that the library has, a newer one's too.

    >>> import pcipt
    >>> [str(kind.severity) for kind in pcipt.finding_kinds() if kind.code == pcipt.FindingCode.BOOT_VGA]
    ['blocker']
    """
    return tuple(FindingKind(always(lib.pcipt_finding_code_at(i)),
                             Severity(lib.pcipt_finding_code_severity(i)),
                             always(lib.pcipt_finding_code_text(i)))
                 for i in range(lib.pcipt_finding_code_count()))
