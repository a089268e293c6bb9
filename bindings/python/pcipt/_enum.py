# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the enumerations have in common: a value that a later library adds is no error."""
from enum import IntEnum, IntFlag

from ._library import lib


class Number(IntEnum):
    """A number of the library's. Its text is the library's own name for it.

    >>> str(Role.GROUP_MEMBER), Role(1), Role(99).name
    ('group-member', <Role.GROUP_MEMBER: 1>, 'UNKNOWN_99')
    """

    @classmethod
    def _missing_(cls, value: object) -> "Number":
        if not isinstance(value, int):
            raise ValueError(f"{value!r} is no {cls.__name__}")
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    def __str__(self) -> str:
        namer = getattr(type(self), "__namer__", None)
        if namer is None:
            return self.name.lower().replace("_", "-")
        name: bytes = getattr(lib, namer)(self.value)
        return name.decode("utf-8", "replace")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class Flags(IntFlag):
    """Bits of the library's; unknown ones are kept.

    >>> import pcipt
    >>> pcipt.BarFlags.IO in pcipt.BarFlags(5)
    True
    """
