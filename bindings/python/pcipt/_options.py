# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options as keyword arguments."""
import contextlib
import os
import threading
from typing import Any, Callable, Iterable, Iterator, Optional, Protocol, Union

from ._abi import pcipt_progress_fn
from ._library import Handle, call, encoded, lib, made, text
from .enums import Op, Progress

#: Told of a step, its device's address or None, and how far it is.
Tell = Callable[[Op, Optional[str], Progress], object]


class HasDescriptor(Protocol):
    """A file, a socket, or anything else with a descriptor."""

    def fileno(self) -> int:
        """The descriptor."""


class EventLike(Protocol):
    """A threading.Event, or what can be waited for like one."""

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Whether it is set, after so many seconds at most."""


Cancel = Union[int, HasDescriptor, EventLike]

#: How often an event is looked at that has no descriptor, in seconds.
LOOK = 0.02


def options(*, driver: Optional[str] = None, with_set: bool = False,
            with_companions: bool = False, allow: Union[str, Iterable[str]] = (),
            name: Optional[str] = None, owner: Optional[str] = None, persistent: bool = False,
            now: bool = False, timeout: Optional[float] = None,
            progress: Optional[Tell] = None) -> Handle:
    """A new options object; what isn't given keeps the library's default."""
    callback = _callback(progress) if progress else None
    handle = Handle(made(lib.pcipt_options_new), lib.pcipt_options_unref, callback)
    for setter, value in ((lib.pcipt_options_set_driver, driver), (lib.pcipt_options_set_name, name),
                          (lib.pcipt_options_set_owner, owner)):
        if value is not None:
            call(setter, handle, encoded(value))
    lib.pcipt_options_set_with_set(handle, with_set)
    lib.pcipt_options_set_persistent(handle, persistent)
    lib.pcipt_options_set_now(handle, now)
    if timeout is not None:
        lib.pcipt_options_set_timeout_ms(handle, milliseconds(timeout))
    if callback:
        lib.pcipt_options_set_progress(handle, callback, None)
    lib.pcipt_options_set_with_companions(handle, with_companions)
    for rule in (allow,) if isinstance(allow, str) else allow:
        code, _, address = rule.partition("@")
        call(lib.pcipt_options_add_allow, handle, encoded(code), encoded(address or None))
    return handle


@contextlib.contextmanager
def cancellable(cancel: Optional[Cancel], **others: Any) -> Iterator[Handle]:
    """Options for one call that `cancel` can end: good within the `with` block."""
    handle = options(**others)
    if cancel is None:
        yield handle
    elif isinstance(cancel, int) or hasattr(cancel, "fileno"):
        number = cancel if isinstance(cancel, int) else cancel.fileno()
        if number < 0:
            raise ValueError(f"{number} is no descriptor that could cancel")
        lib.pcipt_options_set_cancel_fd(handle, number)
        yield handle
    else:
        with _descriptor_of(cancel) as number:
            lib.pcipt_options_set_cancel_fd(handle, number)
            yield handle


@contextlib.contextmanager
def _descriptor_of(event: EventLike) -> Iterator[int]:
    """A descriptor that is readable once the event is set, as long as the `with` block lasts."""
    reader, writer = os.pipe()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if event.wait(LOOK):
                os.write(writer, b"x")
                return

    watcher = threading.Thread(target=watch, name="pcipt-cancel", daemon=True)
    try:
        if event.wait(0):
            os.write(writer, b"x")
        else:
            watcher.start()
        yield reader
    finally:
        over.set()
        if watcher.ident is not None:
            watcher.join()
        os.close(reader)
        os.close(writer)


def _callback(progress: Tell) -> Any:
    def tell(_: Optional[int], op: int, address: Optional[bytes], how_far: int) -> None:
        progress(Op(op), text(address), Progress(how_far))
    return pcipt_progress_fn(tell)


def milliseconds(seconds: float) -> int:
    """0 would restore the default, so the least is one."""
    if not seconds > 0:
        raise ValueError("a timeout that isn't above 0")
    return max(1, min(int(min(seconds, 1e9) * 1000), 0xffffffff))
