# SPDX-License-Identifier: LGPL-2.1-or-later
"""The monitor: what changes on this machine, as events."""
import asyncio
import math
import select
import time
from ctypes import byref, c_void_p
from typing import Any, Dict, Iterator, Optional

from ._library import Closable, Handle, call, json_of, lib, made, parsed, text
from .enums import EventType


class Event(Closable):
    """Something that happened to a device or to a claim.

    >>> import pcipt
    >>> def follow(monitor):
    ...     for event in monitor:
    ...         if event.type == pcipt.EventType.DEVICE_CHANGED:
    ...             print(event.address, event.before, "->", event.after)
    ...         elif event.type == pcipt.EventType.HEALTH:
    ...             print(event.claim, event.reason, event.message)
    """

    __slots__ = ("__weakref__",)

    def __init__(self, pointer: int) -> None:
        self._open = Handle(pointer, lib.pcipt_event_unref)

    @property
    def type(self) -> EventType:
        """What happened."""
        return EventType(lib.pcipt_event_get_type(self._handle))

    @property
    def address(self) -> Optional[str]:
        """The device's address, or None."""
        return text(lib.pcipt_event_get_address(self._handle))

    @property
    def claim(self) -> Optional[str]:
        """The claim's name, or None."""
        return text(lib.pcipt_event_get_claim(self._handle))

    @property
    def before(self) -> Optional[str]:
        """A device's driver or a claim's state before; None for none, or where it wasn't there."""
        return text(lib.pcipt_event_get_before(self._handle))

    @property
    def after(self) -> Optional[str]:
        """The same after."""
        return text(lib.pcipt_event_get_after(self._handle))

    @property
    def reason(self) -> Optional[str]:
        """Why a claim, or its health, is so, as a code; or None."""
        return text(lib.pcipt_event_get_reason(self._handle))

    @property
    def message(self) -> Optional[str]:
        """The same in a sentence, or None."""
        return text(lib.pcipt_event_get_message(self._handle))

    def to_json(self) -> str:
        """The event as the line that `pcipt monitor --json` prints."""
        return json_of(lib.pcipt_event_to_json, self._handle)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json())
        return found

    def __repr__(self) -> str:
        if self._open is None:
            return "<pcipt.Event, closed>"
        return f"<pcipt.Event {self.type}: {self.claim or self.address} {self.before} -> {self.after}>"


class Monitor(Closable):
    """What happens to devices and claims from now on; nothing is told of what was there before.

    Iterate over it, with `for` or, in a coroutine, with `async for`; ask for the next() event; or
    give it to select() or a loop of your own, since it has a fileno(). It belongs to one
    thread at a time.

    >>> import asyncio, pcipt
    >>> with pcipt.Context(tree).monitor() as monitor:
    ...     print(monitor.next(timeout=0.01))
    None
    >>> async def follow(monitor):
    ...     async for event in monitor:
    ...         print(event.type, event.address or event.claim)
    >>> async def for_a_moment():
    ...     with pcipt.Context(tree).monitor() as monitor:
    ...         try:
    ...             await asyncio.wait_for(follow(monitor), 0.01)
    ...         except asyncio.TimeoutError:
    ...             print("nothing happens on a recorded machine")
    >>> asyncio.run(for_a_moment())
    nothing happens on a recorded machine
    """

    __slots__ = ("_wake", "__weakref__")

    def __init__(self, context: Handle) -> None:
        self._wake: Optional["asyncio.Future[None]"] = None
        # The context's log function may still be called while the monitor lives.
        self._open = Handle(made(lib.pcipt_monitor_new, context), lib.pcipt_monitor_unref, context)

    def fileno(self) -> int:
        """A descriptor to poll for reading. It stays the monitor's. One readiness can bring several
        events: call next(timeout=0) until there is none."""
        return int(lib.pcipt_monitor_fd(self._handle))

    def next(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event, waiting for it so many seconds, or as long as it takes; None when it is late.

        >>> import pcipt
        >>> with pcipt.Context(tree).monitor() as monitor:
        ...     while (event := monitor.next(timeout=0.01)) is not None:
        ...         print(event.type, event.claim, event.after)
        """
        handle = self._handle
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        poll = select.poll()
        poll.register(lib.pcipt_monitor_fd(handle), select.POLLIN)
        while True:
            event = c_void_p()
            call(lib.pcipt_monitor_next, handle, byref(event))
            if event.value is not None:
                return Event(event.value)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            # Rounded up, so that the last moment isn't spent on looking again and again.
            poll.poll(None if left == math.inf else min(math.ceil(left * 1000), 0x7fffffff))

    def look(self) -> None:
        """Look at everything now: for what the kernel doesn't speak of, such as a device that can't be
        woken. What has changed comes as events.

        >>> import pcipt
        >>> with pcipt.Context(tree).monitor() as monitor:
        ...     monitor.look()
        ...     print(monitor.next(timeout=0))
        None
        """
        call(lib.pcipt_monitor_look, self._handle)
        self._wake_up()

    def close(self) -> None:
        """Give it back. An `async for` that waits for an event ends."""
        super().close()
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def __iter__(self) -> Iterator[Event]:
        while self._open is not None:
            event = self.next()
            if event is not None:
                yield event

    def __aiter__(self) -> "Monitor":
        return self

    async def __anext__(self) -> Event:
        while self._open is not None:
            event = self.next(0)
            if event is not None:
                return event
            await self._readable(self._open)
        raise StopAsyncIteration

    async def _readable(self, handle: Handle) -> None:
        """Wait until the descriptor is, or until close(). The handle keeps it open meanwhile."""
        if self._wake is not None:
            raise RuntimeError("another task waits for this Monitor already")
        loop = asyncio.get_running_loop()
        number = lib.pcipt_monitor_fd(handle)
        wake = self._wake = loop.create_future()
        loop.add_reader(number, self._wake_up)
        try:
            await wake
        finally:
            loop.remove_reader(number)
            self._wake = None
