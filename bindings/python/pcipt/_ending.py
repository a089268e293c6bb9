# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a call is ended before its time: by `cancel`, by what `progress` raises, by Ctrl-C."""
import contextlib
import os
import select
import signal
import threading
from typing import Any, Iterator, Optional, Protocol, Union

from ._error import Error
from ._library import Handle, lib
from ._options import Tell, options
from .enums import Op, Progress


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


class _Ending:
    """A pipe that is readable once the call shall end, and what shall come out of it then."""

    def __init__(self) -> None:
        self.why: Optional[BaseException] = None
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)

    def close(self) -> None:
        self.why = None  # Its traceback leads back here.
        os.close(self.reader)
        os.close(self.writer)

    def end(self, why: Optional[BaseException] = None) -> None:
        self.why = why if self.why is None else self.why
        os.write(self.writer, b"x")

    def told(self, progress: Tell) -> Tell:
        """The same, but what it raises ends the call; then it isn't called any more."""
        def tell(op: Op, address: Optional[str], how: Progress) -> None:
            if self.why is None:
                try:
                    progress(op, address, how)
                except BaseException as why:  # pylint: disable=broad-except
                    self.end(why)
        return tell


@contextlib.contextmanager
def cancellable(cancel: Optional[Cancel], *, progress: Optional[Tell] = None,
                **others: Any) -> Iterator[Handle]:
    """Options for one call that can be ended: good within the `with` block, where its error is raised."""
    ending = _Ending()
    with contextlib.closing(ending):
        try:
            with _interruptible(ending), _watched(cancel, ending) as number:
                handle = options(progress=ending.told(progress) if progress else None, **others)
                lib.pcipt_options_set_cancel_fd(handle, number)
                yield handle
        except Error as error:
            if ending.why is None:
                raise
            raise ending.why from error
        if ending.why is not None:
            raise ending.why


@contextlib.contextmanager
def _interruptible(ending: _Ending) -> Iterator[None]:
    """While the library has the thread, Python can't raise KeyboardInterrupt: it comes once the
    call has ended, which Ctrl-C sees to. Where a program handles signals itself they are its own."""
    handled = {number for number in signal.valid_signals() if callable(signal.getsignal(number))}
    if handled != {signal.SIGINT} or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        signal.signal(signal.SIGINT, lambda *_: ending.end(KeyboardInterrupt()))
    except ValueError:  # They are the main thread's.
        yield
        return
    old = signal.set_wakeup_fd(ending.writer, warn_on_full_buffer=False)
    if old != -1:  # Somebody else's, and so it stays.
        signal.set_wakeup_fd(old)
    try:
        yield
    finally:
        signal.set_wakeup_fd(old)
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _watched(cancel: Optional[Cancel], ending: _Ending) -> Iterator[int]:
    """A descriptor that is readable once `cancel` says so, or the call shall end by itself."""
    if cancel is None:
        yield ending.reader
    elif isinstance(cancel, int) or hasattr(cancel, "fileno"):
        number = cancel if isinstance(cancel, int) else cancel.fileno()
        if number < 0:
            raise ValueError(f"{number} is no descriptor that could cancel")
        with select.epoll() as both:
            both.register(ending.reader, select.EPOLLIN)
            try:
                both.register(number, select.EPOLLIN)
            except PermissionError:  # A plain file, which is always readable.
                ending.end()
            yield both.fileno()
    else:
        with _awaited(cancel, ending):
            yield ending.reader


@contextlib.contextmanager
def _awaited(event: EventLike, ending: _Ending) -> Iterator[None]:
    """Somebody who waits for the event as long as the `with` block lasts."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if event.wait(LOOK):
                ending.end()
                return

    watcher = threading.Thread(target=watch, name="pcipt-cancel", daemon=True)
    try:
        if event.wait(0):
            ending.end()
        else:
            watcher.start()
        yield
    finally:
        over.set()
        if watcher.ident is not None:
            watcher.join()
