# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options as keyword arguments."""
from typing import Iterable, Optional, Union

from ._library import Handle, call, encoded, lib, made


def options(*, driver: Optional[str] = None, with_set: bool = False,
            allow: Union[str, Iterable[str]] = (), name: Optional[str] = None,
            owner: Optional[str] = None) -> Handle:
    """A new options object; what isn't given keeps the library's default."""
    handle = Handle(made(lib.pcipt_options_new), lib.pcipt_options_unref)
    for setter, value in ((lib.pcipt_options_set_driver, driver), (lib.pcipt_options_set_name, name),
                          (lib.pcipt_options_set_owner, owner)):
        if value is not None:
            call(setter, handle, encoded(value))
    lib.pcipt_options_set_with_set(handle, with_set)
    for rule in (allow,) if isinstance(allow, str) else allow:
        code, _, address = rule.partition("@")
        call(lib.pcipt_options_add_allow, handle, encoded(code), encoded(address or None))
    return handle
