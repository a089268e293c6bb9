# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shared library: how it is found, and how its functions are called."""
import ctypes
import json
from ctypes import byref, c_char_p, c_void_p
from typing import (Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar, Union,
                    overload)

from ._abi import FUNCTIONS

SONAME = "libpcipt.so.1"
#: The oldest library that has all that this package calls.
NEEDED = "0.1.0"

T = TypeVar("T")


class LibraryError(ImportError):
    """libpcipt is not there, or too old for this package. The message says what to do.

    >>> try:
    ...     import pcipt
    ... except ImportError as error:
    ...     print(error)
    """


def _load(soname: str = SONAME, functions: Dict[str, Tuple[Any, Tuple[Any, ...]]] = FUNCTIONS) -> Any:
    """The library with its functions declared, or an error that says what to do."""
    try:
        found = ctypes.CDLL(soname)
    except OSError as error:
        raise LibraryError(
            f"the library {soname} can't be loaded ({error}). Install libpcipt {NEEDED} or later; "
            "where it stands in a folder of its own, name that in LD_LIBRARY_PATH, or in a file "
            "below /etc/ld.so.conf.d and run ldconfig", name="pcipt", path=soname) from error
    for name, (result, parameters) in functions.items():
        function = getattr(found, name, None)
        if function is None:
            raise LibraryError(
                f"the library {soname} is too old ({_version_of(found)}): it has no {name}(). "
                f"Upgrade libpcipt to {NEEDED} or later, or use the pcipt package that came with it",
                name="pcipt", path=soname)
        function.restype, function.argtypes = result, list(parameters)
    return found


def _version_of(found: Any) -> str:
    function = getattr(found, "pcipt_version", None)
    if function is None:
        return "it doesn't tell its version"
    function.restype = c_char_p
    return f"version {function().decode()}"


lib: Any = _load()


class Handle:
    """An object of the library's, given back when nobody needs it any more.

    Python counts who uses it, calls that are under way in other threads included, so closing
    an object never takes it from under somebody. `keep` are things that must outlive it.
    """

    __slots__ = ("_as_parameter_", "_unref", "_keep")

    def __init__(self, pointer: int, unref: Callable[[int], object], *keep: object) -> None:
        self._as_parameter_ = pointer
        self._unref = unref
        self._keep = keep

    @property
    def pointer(self) -> int:
        return self._as_parameter_

    def __del__(self) -> None:
        self._unref(self._as_parameter_)


class Closable:
    """Something with a handle: `with`, or close(), or just forget it."""

    __slots__ = ("_open",)
    _open: Optional[Handle]

    @property
    def _handle(self) -> Handle:
        if self._open is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._open

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._open is None

    def close(self) -> None:
        """Give it back. What was taken from it (devices, members) stays usable."""
        self._open = None

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def text(value: Optional[bytes]) -> Optional[str]:
    """A text of the library's. What isn't UTF-8 in it is replaced, as in the JSON form."""
    return None if value is None else value.decode("utf-8", "replace")


def always(value: Optional[bytes]) -> str:
    """The same for a text that is never absent."""
    return "" if value is None else value.decode("utf-8", "replace")


def encoded(value: Union[str, bytes, None]) -> Optional[bytes]:
    """A text for the library; one with a NUL in it would be cut short."""
    if value is None:
        return None
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise ValueError("a text for libpcipt can't have a NUL character in it")
    return raw


def taken(pointer: Optional[int]) -> str:
    """A text that the library made for us."""
    try:
        return always(ctypes.string_at(pointer)) if pointer else ""
    finally:
        lib.pcipt_free(pointer)


def known(number: int) -> Optional[int]:
    """A number that is negative when it is unknown."""
    return None if number < 0 else number


def call(function: Any, *arguments: Any) -> None:
    """Call a function that can fail; raises its error."""
    error = c_void_p()
    if function(*arguments, byref(error)):
        from ._error import raise_error
        raise_error(error.value)


def made(function: Any, *arguments: Any) -> int:
    """The same for a function that gives an object."""
    out = c_void_p()
    call(function, *arguments, byref(out))
    assert out.value is not None
    return out.value


def json_of(function: Any, *arguments: Any) -> str:
    """The same for one that gives a JSON text."""
    return taken(made(function, *arguments))


def parsed(document: str) -> Any:
    """A JSON text as Python's objects."""
    return json.loads(document)


def texts(values: Sequence[bytes]) -> Any:
    """An array of texts for the library."""
    return (c_char_p * max(len(values), 1))(*values)


class View(Sequence[T]):
    """A list that stays in the library: items are made when they are asked for."""

    __slots__ = ("_count", "_item")

    def __init__(self, count: Callable[[], int], item: Callable[[int], T]) -> None:
        self._count = count
        self._item = item

    def __len__(self) -> int:
        return self._count()

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> List[T]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[T, List[T]]:
        n = self._count()
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(n))]
        if not -n <= index < n:
            raise IndexError(f"there are {n}, so there is no [{index}]")
        return self._item(index % n)

    def __iter__(self) -> Iterator[T]:
        return map(self._item, range(self._count()))

    def __repr__(self) -> str:
        return repr(list(self))

