# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options as keyword arguments."""
from typing import Any, Callable, Iterable, Optional, Union

from ._abi import pcipt_progress_fn
from ._library import Handle, call, encoded, lib, made, text
from .enums import Op, Progress

#: Told of a step, its device's address or None, and how far it is.
Tell = Callable[[Op, Optional[str], Progress], object]


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


def _callback(progress: Tell) -> Any:
    def tell(_: Optional[int], op: int, address: Optional[bytes], how_far: int) -> None:
        progress(Op(op), text(address), Progress(how_far))
    return pcipt_progress_fn(tell)


def milliseconds(seconds: float) -> int:
    """0 would restore the default, so the least is one."""
    if not seconds > 0:
        raise ValueError("a timeout that isn't above 0")
    return max(1, min(int(min(seconds, 1e9) * 1000), 0xffffffff))
