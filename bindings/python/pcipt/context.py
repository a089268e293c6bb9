# SPDX-License-Identifier: LGPL-2.1-or-later
"""The context: which machine, where records are kept, how long things may take."""
import contextlib
import os
from ctypes import byref, c_void_p
from typing import Any, Callable, Iterable, Iterator, Optional, Union

from ._abi import pcipt_log_fn
from ._ending import Cancel, cancellable
from ._error import raise_error
from ._library import Closable, Handle, always, call, encoded, lib, made
from ._options import Tell, milliseconds
from .claim import Claim, ClaimList
from .enums import LogLevel, Outcome
from .monitor import Monitor
from .plan import Plan
from .report import Report
from .safety import Set
from .snapshot import Snapshot
from .transaction import Result

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Log = Callable[[LogLevel, str], object]


class Context(Closable):
    """Where the machine is and how long things may take. Any number of threads may share it.

    >>> from pcipt import Context
    >>> with Context(tree) as context:
    ...     print(context.timeout, len(context.snapshot()) > 3)
    60.0 True

    `root` is a folder that stands for "/"; without it this machine is meant. `timeout` (seconds)
    is the deadline of a call that changes or waits for something. `threads` is how many
    threads a snapshot of the whole machine may use. `log` is called with a level and a line, on
    the thread that made the call; it must not use the same context.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, root: Optional[Path] = None, *, state_dir: Optional[Path] = None,
                 runtime_dir: Optional[Path] = None, timeout: Optional[float] = None,
                 threads: Optional[int] = None, log: Optional[Log] = None,
                 log_level: LogLevel = LogLevel.WARNING) -> None:
        callback = _callback(log) if log else None
        handle = Handle(made(lib.pcipt_context_new), lib.pcipt_context_unref, callback)
        for setter, path in ((lib.pcipt_context_set_root, root),
                             (lib.pcipt_context_set_state_dir, state_dir),
                             (lib.pcipt_context_set_runtime_dir, runtime_dir)):
            if path is not None:
                call(setter, handle, _path(path))
        if timeout is not None:
            lib.pcipt_context_set_timeout_ms(handle, milliseconds(timeout))
        if threads is not None:
            if threads < 0:
                raise ValueError("a negative number of threads")
            lib.pcipt_context_set_threads(handle, min(threads, 0xffff))
        if callback:
            lib.pcipt_context_set_log(handle, callback, None, log_level)
        self._open = handle

    @property
    def root(self) -> str:
        """The folder that stands for "/"."""
        return os.fsdecode(lib.pcipt_context_get_root(self._handle))

    @property
    def state_dir(self) -> str:
        """Where claims that survive a boot are kept."""
        return os.fsdecode(lib.pcipt_context_get_state_dir(self._handle))

    @property
    def runtime_dir(self) -> str:
        """Where this boot's records and locks are."""
        return os.fsdecode(lib.pcipt_context_get_runtime_dir(self._handle))

    @property
    def timeout(self) -> float:
        """The deadline of a call, in seconds."""
        return float(lib.pcipt_context_get_timeout_ms(self._handle)) / 1000

    def snapshot(self, addresses: Optional[Iterable[str]] = None) -> Snapshot:
        """Look at the machine, or at some devices and all that belongs to them.

        >>> import pcipt
        >>> with pcipt.Context(tree).snapshot(["0000:00:03.1"]) as snapshot:
        ...     print([device.address for device in snapshot])
        ['0000:00:03.0', '0000:00:03.1']
        """
        return Snapshot(self, addresses)

    def apply(self, plan: Plan, *, timeout: Optional[float] = None, cancel: Optional[Cancel] = None,
              progress: Optional[Tell] = None) -> Result:
        """Carry a plan out: all of it is done, or what was done is undone.

        Where it fails, the exception's `result` says what was done and undone.

        `timeout` (seconds) is the call's instead of the context's; an undo gets as much again.
        `cancel` ends the call with CancelledError, and what was done is undone: a threading.Event or
        the like, or something with a descriptor, once that is readable. `progress` is called
        on this thread, while the call waits, with a step's Op, its device's address, and a Progress; it
        must not use the same context. What it raises ends the call, too, and comes out of it, and
        so does Ctrl-C in a program that leaves signals to Python.

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> plan = context.snapshot().set("0000:00:03.0", with_set=True, allow=allowed).plan()
        >>> try:
        ...     context.apply(plan, timeout=10, progress=print)
        ... except pcipt.NotRealError:
        ...     print("a recorded tree can't be changed")
        a recorded tree can't be changed
        """
        error, result = c_void_p(), c_void_p()
        with cancellable(cancel, timeout=timeout, progress=progress) as how:
            code = lib.pcipt_apply(self._handle, plan._handle, how, byref(result), byref(error))
            return _done(code, result, error)

    def bind(self, wanted: Set, *, name: Optional[str] = None, owner: Optional[str] = None,
             persistent: bool = False, timeout: Optional[float] = None,
             cancel: Optional[Cancel] = None, progress: Optional[Tell] = None) -> Claim:
        """Take a safe set and remember it: the claim stays until it is released.

        A `persistent` claim outlives the boot: reconcile() binds it again. `timeout`, `cancel` and
        `progress` are those of apply(). The claim's `result` tells step by step what was done, and
        which node a virtual machine opens: `claim.result.devices[0].vfio_device`.

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> wanted = context.snapshot().set("0000:00:03.0")
        >>> try:
        ...     context.bind(wanted, name="desktop", owner="an example")
        ... except (pcipt.RefusedError, pcipt.NotRealError) as error:
        ...     print(error.name)
        PCIPT_E_NOT_REAL
        """
        error, pointer, result = c_void_p(), c_void_p(), c_void_p()
        claim: Optional[Claim] = None
        try:
            with cancellable(cancel, name=name, owner=owner, persistent=persistent, timeout=timeout,
                             progress=progress) as how:
                code = lib.pcipt_claim_bind(self._handle, wanted._handle, how, byref(pointer), byref(result),
                                            byref(error))
                done = _done(code, result, error)
                assert pointer.value is not None
                claim = Claim(Handle(pointer.value, lib.pcipt_claim_unref, self._handle), done)
            return claim
        except BaseException:
            # What should have ended it came when all was done. Nobody would know of the claim.
            if claim is not None and done.outcome != Outcome.UNCHANGED:
                self.release(claim, timeout=timeout)
            raise

    def release(self, claim: Claim, *, owner: Optional[str] = None,
                allow: Union[str, Iterable[str]] = (), timeout: Optional[float] = None,
                cancel: Optional[Cancel] = None, progress: Optional[Tell] = None) -> Result:
        """Give a claim's devices back and end it. Warnings in the result are worth a look.

        With an `owner` only that owner's claim is ended: another's is a ClaimedError. One that is
        cancelled leaves the claim as "releasing": release again, or recover(), to go on. A device
        that a process holds open is a RefusedError, unless `allow` has "held-open".

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> for claim in context.claims():
        ...     print(context.release(claim, owner="an example").outcome)
        """
        error, result = c_void_p(), c_void_p()
        with cancellable(cancel, owner=owner, allow=allow, timeout=timeout,
                         progress=progress) as how:
            code = lib.pcipt_claim_release(self._handle, claim._handle, how, byref(result), byref(error))
            return _done(code, result, error)

    @contextlib.contextmanager
    def bound(self, wanted: Set, *, name: Optional[str] = None, owner: Optional[str] = None,
              timeout: Optional[float] = None, cancel: Optional[Cancel] = None,
              progress: Optional[Tell] = None) -> Iterator[Claim]:
        """Bind for the length of a `with` block, then release, whatever happens in it.

        Only the bind can be cancelled: the release has to be.

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> try:
        ...     with context.bound(context.snapshot().set("0000:00:03.0")) as claim:
        ...         print("here a virtual machine runs with", claim.devices)
        ... except (pcipt.RefusedError, pcipt.NotRealError):
        ...     print("not here")
        not here
        """
        claim = self.bind(wanted, name=name, owner=owner, timeout=timeout, cancel=cancel,
                          progress=progress)
        try:
            yield claim
        finally:
            self.release(claim, timeout=timeout, progress=progress)

    def forget(self, claim: Claim) -> None:
        """End a claim and touch none of its devices: somebody else looks after them now.

        >>> import pcipt
        >>> context = pcipt.Context(tree)
        >>> for claim in context.claims():
        ...     context.forget(claim)
        """
        call(lib.pcipt_claim_forget, self._handle, claim._handle)

    def recover(self, *, timeout: Optional[float] = None, cancel: Optional[Cancel] = None,
                progress: Optional[Tell] = None) -> Report:
        """Finish what was interrupted: transactions whose process was killed, or that were stuck.

        Where it fails, the exception's `report` says what was done.

        >>> import pcipt
        >>> try:
        ...     print(len(pcipt.Context(tree).recover()))
        ... except pcipt.NotRealError:
        ...     print(0)
        0
        """
        return self._report(lib.pcipt_recover, cancel, timeout=timeout, progress=progress)

    def reconcile(self, *, now: bool = False, timeout: Optional[float] = None,
                  cancel: Optional[Cancel] = None, progress: Optional[Tell] = None) -> Report:
        """Lead every claim to where it can be: after a boot, and when a Monitor says so.

        `now` also tries at once what waits for its next attempt. Else as recover().

        >>> import pcipt
        >>> try:
        ...     for action in pcipt.Context(tree).reconcile(now=True):
        ...         print(action.claim, action.before, "->", action.after, action.message)
        ... except pcipt.NotRealError:
        ...     pass
        """
        return self._report(lib.pcipt_reconcile, cancel, now=now, timeout=timeout, progress=progress)

    def _report(self, function: Any, cancel: Optional[Cancel], **others: Any) -> Report:
        error, report = c_void_p(), c_void_p()
        with cancellable(cancel, **others) as how:
            code = function(self._handle, how, byref(report), byref(error))
            done = Report(report.value) if report.value else None
            if code:
                raise_error(error.value, report=done)
            assert done is not None
            return done

    def monitor(self) -> Monitor:
        """What happens to devices and claims from now on.

        >>> import pcipt
        >>> with pcipt.Context(tree).monitor() as monitor:
        ...     print(monitor.next(timeout=0))
        None
        """
        return Monitor(self._handle)

    def claims(self) -> ClaimList:
        """All claims, ordered by name.

        >>> import pcipt
        >>> with pcipt.Context(tree).claims() as claims:
        ...     print(len(claims), claims.problems)
        0 []
        """
        return ClaimList(Handle(made(lib.pcipt_claim_list, self._handle), lib.pcipt_claim_list_unref,
                                self._handle))

    def claim(self, name_or_address: str) -> Claim:
        """One claim, by its name or by the full address of a device in it.

        >>> import pcipt
        >>> try:
        ...     pcipt.Context(tree).claim("desktop")
        ... except pcipt.NoClaimError:
        ...     print("there is no such claim")
        there is no such claim
        """
        return Claim(Handle(made(lib.pcipt_claim_find, self._handle, encoded(name_or_address)),
                            lib.pcipt_claim_unref, self._handle))


def _callback(log: Log) -> Any:
    def hear(_: Optional[int], level: int, line: bytes) -> None:
        log(LogLevel(level), always(line))
    return pcipt_log_fn(hear)


def _done(code: int, result: c_void_p, error: c_void_p) -> Result:
    """A transaction's result, or its error."""
    done = Result(result.value) if result.value else None
    if code:
        raise_error(error.value, done)
    assert done is not None
    return done


def _path(path: Path) -> bytes:
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise ValueError("a path can't have a NUL character in it")
    return raw
