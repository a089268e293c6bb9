# SPDX-License-Identifier: LGPL-2.1-or-later
"""An exception for each of the library's error codes.

Made by bindings/make-tables from the library's headers and tables; do not edit.
"""
import builtins
from typing import Any, Dict, Type

from ._error import Error
from .enums import ErrorCode

__all__ = ["BY_CODE", "Error",
           "InvalidError", "NoMemoryError", "SyntaxError", "NoDeviceError", "AmbiguousError",
           "NoClaimError", "BadRootError", "NoPciError", "NotRealError", "PermissionError",
           "RefusedError", "IoError", "DamagedError", "NoDriverError", "OverrideError",
           "UnbindError", "BindError", "VerifyError", "StaleError", "RollbackIncompleteError",
           "NameError", "ClaimedError", "GoneError", "TimeoutError", "BusyError", "LockedError",
           "StuckError", "CancelledError", "BlacklistedError", "LoadError"]


class InvalidError(Error):
    """PCIPT_E_INVALID: an argument is missing, out of range, or not allowed here.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.InvalidError.code)
    'an argument is missing, out of range, or not allowed here'
    """

    code = ErrorCode.INVALID


class NoMemoryError(Error):
    """PCIPT_E_NO_MEMORY: memory ran out.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NoMemoryError.code)
    'memory ran out'
    """

    code = ErrorCode.NO_MEMORY


class SyntaxError(Error):
    """PCIPT_E_SYNTAX: a text can't be parsed.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.SyntaxError.code)
    "a text can't be parsed"
    """

    code = ErrorCode.SYNTAX


class NoDeviceError(Error):
    """PCIPT_E_NO_DEVICE: no device matches.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NoDeviceError.code)
    'no device matches'
    """

    code = ErrorCode.NO_DEVICE


class AmbiguousError(Error):
    """PCIPT_E_AMBIGUOUS: more than one device or claim matches.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.AmbiguousError.code)
    'more than one device or claim matches'
    """

    code = ErrorCode.AMBIGUOUS


class NoClaimError(Error):
    """PCIPT_E_NO_CLAIM: no claim matches.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NoClaimError.code)
    'no claim matches'
    """

    code = ErrorCode.NO_CLAIM


class BadRootError(Error):
    """PCIPT_E_BAD_ROOT: the root folder is not a folder or can't be opened.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.BadRootError.code)
    "the root folder is not a folder or can't be opened"
    """

    code = ErrorCode.BAD_ROOT


class NoPciError(Error):
    """PCIPT_E_NO_PCI: there is no PCI bus in this tree.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NoPciError.code)
    'there is no PCI bus in this tree'
    """

    code = ErrorCode.NO_PCI


class NotRealError(Error):
    """PCIPT_E_NOT_REAL: a change was asked for in a tree that isn't a real sysfs.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NotRealError.code)
    "a change was asked for in a tree that isn't a real sysfs"
    """

    code = ErrorCode.NOT_REAL


class PermissionError(Error, builtins.PermissionError):
    """PCIPT_E_PERMISSION: the kernel doesn't let this process do it.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.PermissionError.code)
    "the kernel doesn't let this process do it"
    """

    code = ErrorCode.PERMISSION
    errno: Any = None


class RefusedError(Error):
    """PCIPT_E_REFUSED: findings that aren't allowed stand against it.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.RefusedError.code)
    "findings that aren't allowed stand against it"
    """

    code = ErrorCode.REFUSED


class IoError(Error):
    """PCIPT_E_IO: reading or writing failed.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.IoError.code)
    'reading or writing failed'
    """

    code = ErrorCode.IO


class DamagedError(Error):
    """PCIPT_E_DAMAGED: a file or attribute holds what can't be right.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.DamagedError.code)
    "a file or attribute holds what can't be right"
    """

    code = ErrorCode.DAMAGED


class NoDriverError(Error):
    """PCIPT_E_NO_DRIVER: the driver is neither loaded nor loadable.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NoDriverError.code)
    'the driver is neither loaded nor loadable'
    """

    code = ErrorCode.NO_DRIVER


class OverrideError(Error):
    """PCIPT_E_OVERRIDE: the kernel refused to set driver_override.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.OverrideError.code)
    'the kernel refused to set driver_override'
    """

    code = ErrorCode.OVERRIDE


class UnbindError(Error):
    """PCIPT_E_UNBIND: the kernel refused to unbind a device.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.UnbindError.code)
    'the kernel refused to unbind a device'
    """

    code = ErrorCode.UNBIND


class BindError(Error):
    """PCIPT_E_BIND: the driver refused the device.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.BindError.code)
    'the driver refused the device'
    """

    code = ErrorCode.BIND


class VerifyError(Error):
    """PCIPT_E_VERIFY: the writes succeeded, yet the device isn't in the state asked for.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.VerifyError.code)
    "the writes succeeded, yet the device isn't in the state asked for"
    """

    code = ErrorCode.VERIFY


class StaleError(Error):
    """PCIPT_E_STALE: the machine changed between plan and act; nothing was touched.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.StaleError.code)
    'the machine changed between plan and act; nothing was touched'
    """

    code = ErrorCode.STALE


class RollbackIncompleteError(Error):
    """PCIPT_E_ROLLBACK_INCOMPLETE: something failed and not everything could be put back.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.RollbackIncompleteError.code)
    'something failed and not everything could be put back'
    """

    code = ErrorCode.ROLLBACK_INCOMPLETE


class NameError(Error):
    """PCIPT_E_NAME: a claim's name is taken or can't be one.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.NameError.code)
    "a claim's name is taken or can't be one"
    """

    code = ErrorCode.NAME


class ClaimedError(Error):
    """PCIPT_E_CLAIMED: another claim holds the device.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.ClaimedError.code)
    'another claim holds the device'
    """

    code = ErrorCode.CLAIMED


class GoneError(Error):
    """PCIPT_E_GONE: the device went away meanwhile.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.GoneError.code)
    'the device went away meanwhile'
    """

    code = ErrorCode.GONE


class TimeoutError(Error, builtins.TimeoutError):
    """PCIPT_E_TIMEOUT: the deadline passed.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.TimeoutError.code)
    'the deadline passed'
    """

    code = ErrorCode.TIMEOUT
    errno: Any = None


class BusyError(Error):
    """PCIPT_E_BUSY: a device's lock is held, so it can't be read now.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.BusyError.code)
    "a device's lock is held, so it can't be read now"
    """

    code = ErrorCode.BUSY


class LockedError(Error):
    """PCIPT_E_LOCKED: another process works on the device, and the deadline passed.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.LockedError.code)
    'another process works on the device, and the deadline passed'
    """

    code = ErrorCode.LOCKED


class StuckError(Error):
    """PCIPT_E_STUCK: the kernel has not returned from a write, and the deadline passed.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.StuckError.code)
    'the kernel has not returned from a write, and the deadline passed'
    """

    code = ErrorCode.STUCK


class CancelledError(Error):
    """PCIPT_E_CANCELLED: the caller cancelled it.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.CancelledError.code)
    'the caller cancelled it'
    """

    code = ErrorCode.CANCELLED


class BlacklistedError(Error):
    """PCIPT_E_BLACKLISTED: the driver's module is on a blacklist.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.BlacklistedError.code)
    "the driver's module is on a blacklist"
    """

    code = ErrorCode.BLACKLISTED


class LoadError(Error):
    """PCIPT_E_LOAD: the driver's module can't be loaded.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.LoadError.code)
    "the driver's module can't be loaded"
    """

    code = ErrorCode.LOAD


#: The exception for a code; a code that isn't here is a plain Error.
BY_CODE: Dict[int, Type[Error]] = {
    ErrorCode.INVALID: InvalidError,
    ErrorCode.NO_MEMORY: NoMemoryError,
    ErrorCode.SYNTAX: SyntaxError,
    ErrorCode.NO_DEVICE: NoDeviceError,
    ErrorCode.AMBIGUOUS: AmbiguousError,
    ErrorCode.NO_CLAIM: NoClaimError,
    ErrorCode.BAD_ROOT: BadRootError,
    ErrorCode.NO_PCI: NoPciError,
    ErrorCode.NOT_REAL: NotRealError,
    ErrorCode.PERMISSION: PermissionError,
    ErrorCode.REFUSED: RefusedError,
    ErrorCode.IO: IoError,
    ErrorCode.DAMAGED: DamagedError,
    ErrorCode.NO_DRIVER: NoDriverError,
    ErrorCode.OVERRIDE: OverrideError,
    ErrorCode.UNBIND: UnbindError,
    ErrorCode.BIND: BindError,
    ErrorCode.VERIFY: VerifyError,
    ErrorCode.STALE: StaleError,
    ErrorCode.ROLLBACK_INCOMPLETE: RollbackIncompleteError,
    ErrorCode.NAME: NameError,
    ErrorCode.CLAIMED: ClaimedError,
    ErrorCode.GONE: GoneError,
    ErrorCode.TIMEOUT: TimeoutError,
    ErrorCode.BUSY: BusyError,
    ErrorCode.LOCKED: LockedError,
    ErrorCode.STUCK: StuckError,
    ErrorCode.CANCELLED: CancelledError,
    ErrorCode.BLACKLISTED: BlacklistedError,
    ErrorCode.LOAD: LoadError,
}
