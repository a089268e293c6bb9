# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of the library as exceptions."""
from typing import TYPE_CHECKING, Any, Dict, NoReturn, Optional, Tuple

from ._library import always, lib, parsed, taken, text
from .enums import ErrorCode

if TYPE_CHECKING:
    from .report import Report
    from .transaction import Result


class Error(Exception):
    """What failed, on which device, at which step, why, and what to do.

    Each code has a class of its own, so that one catches what one can handle:

    >>> import pcipt
    >>> with pcipt.Context(tree) as context, context.snapshot() as snapshot:
    ...     try:
    ...         snapshot.find("0000:99:00.0")
    ...     except pcipt.NoDeviceError as error:
    ...         print(error.name, error.code.value, error.retryable, error.causes)
    PCIPT_E_NO_DEVICE -4 False ()

    pcipt.PermissionError and pcipt.TimeoutError are also Python's own of that name. A code that
    this package doesn't know comes as a plain Error.
    """

    #: The code; each class has its own.
    code: ErrorCode = ErrorCode.OK
    #: The step at which it happened ("override", "unbind", "bind", …), or None.
    step: Optional[str] = None
    #: The device's address, or None.
    address: Optional[str] = None
    #: The file or attribute, or None.
    path: Optional[str] = None
    #: The kernel's errno, or None.
    errno: Optional[int] = None
    #: Whether the same call may succeed later without anybody changing anything.
    retryable: bool = False
    #: What to do, in the imperative, or None.
    remedy: Optional[str] = None
    #: Several devices can fail at once: what failed with each.
    causes: Tuple["Error", ...] = ()
    #: What was done before it failed, where a transaction had begun; else None.
    result: Optional["Result"] = None
    #: What a recovery or a reconcile did before it failed; else None.
    report: Optional["Report"] = None
    _json = "null"

    @property
    def message(self) -> str:
        """One line: what happened, to which device."""
        return str(self.args[0]) if self.args else ""

    @property
    def name(self) -> str:
        """The code's name, "PCIPT_E_…"."""
        return always(lib.pcipt_errc_name(self.code.value))

    @property
    def exit_status(self) -> int:
        """The exit status that the command line gives for it."""
        return int(lib.pcipt_errc_exit_status(self.code.value))

    def __reduce__(self) -> Tuple[Any, ...]:
        """For another process: all but the result and the report, which are this process's own."""
        return type(self), self.args, {**self.__dict__, "result": None, "report": None}

    def to_json(self) -> str:
        """The error as the JSON object that `pcipt --json` prints."""
        return self._json

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self._json)
        return found


def code_text(code: int) -> str:
    """What an error code means, one sentence.

    >>> import pcipt
    >>> pcipt.code_text(pcipt.ErrorCode.GONE)
    'the device went away meanwhile'
    """
    return always(lib.pcipt_errc_text(code))


def error_from(pointer: Optional[int]) -> Error:
    """The exception for an error that somebody else owns."""
    from .errors import BY_CODE
    code = lib.pcipt_error_get_code(pointer)
    error = BY_CODE.get(code, Error)(always(lib.pcipt_error_get_message(pointer)))
    error.code = ErrorCode(code)
    error.step = text(lib.pcipt_error_get_step(pointer))
    error.address = text(lib.pcipt_error_get_address(pointer))
    error.path = text(lib.pcipt_error_get_path(pointer))
    error.errno = lib.pcipt_error_get_errno(pointer) or None
    error.retryable = lib.pcipt_error_is_retryable(pointer)
    error.remedy = text(lib.pcipt_error_get_remedy(pointer))
    error.causes = tuple(error_from(lib.pcipt_error_cause_at(pointer, i))
                         for i in range(lib.pcipt_error_cause_count(pointer)))
    error._json = taken(lib.pcipt_error_to_json(pointer)) or "null"
    return error


def raise_error(pointer: Optional[int], result: Optional["Result"] = None,
                report: Optional["Report"] = None) -> NoReturn:
    """Raise an error that is ours."""
    try:
        error = error_from(pointer)
    finally:
        lib.pcipt_error_unref(pointer)
    error.result = result
    error.report = report
    raise error
