# SPDX-License-Identifier: LGPL-2.1-or-later
"""Take PCI devices from the host for a virtual machine or a user-space driver, and give them back.

    context -> snapshot -> device, group -> set -> plan -> result, claim

>>> import pcipt
>>> with pcipt.Context(tree) as context, context.snapshot() as snapshot:
...     with snapshot.set("0000:00:03.0", with_set=True, allow=allowed) as wanted:
...         print(wanted.is_safe, [member.device.address for member in wanted.members])
True ['0000:00:03.0', '0000:00:03.1']

Facts come one by one from a Device's properties, or all at once, which is much quicker, from
Snapshot.to_dicts(). A call that changes something waits for its end: in a coroutine it goes to
another thread, `await asyncio.to_thread(context.bind, wanted, cancel=event)`.

In the examples `tree` is a recorded machine's folder, `allowed` the findings that its owner
allowed; without a folder a Context is this machine. Failures are exceptions of classes below
Error, one for each code. Objects can be used in `with`, closed, or just forgotten; threads may
share contexts, snapshots, devices and groups. A child made by fork() must not use objects of its
parent's that are in use at that moment.
"""
import builtins as _builtins

from . import errors as _errors
from ._error import code_text
from ._library import LibraryError, lib as _lib
from .claim import Claim, ClaimDevice, ClaimList
from .context import Context
from .device import Bar, Child, Device, Group, Link
from .enums import *  # noqa: F401,F403 all of them, made from the headers
from .enums import __all__ as _enum_names
from .errors import *  # noqa: F401,F403 likewise
from .monitor import Event, Monitor
from .plan import Plan, Step
from .report import Report, ReportAction
from .safety import Companion, Finding, FindingKind, Member, Set, finding_kinds
from .snapshot import Comparison, Snapshot
from .transaction import Result, ResultDevice, ResultStep

#: The version of this package.
__version__ = "0.1.0"


def library_version() -> str:
    """The version of the library that was found.

    >>> import pcipt
    >>> pcipt.library_version().split(".")[0]
    '0'
    """
    version: bytes = _lib.pcipt_version()
    return version.decode()


# Names that hide a builtin (pcipt.NameError) aren't brought by "from pcipt import *".
__all__ = ["Bar", "Child", "Claim", "ClaimDevice", "ClaimList", "Companion", "Comparison", "Context",
           "Device", "Event", "Finding", "FindingKind", "Group", "LibraryError", "Link", "Member", "Monitor", "Plan",
           "Report", "ReportAction", "Result", "ResultDevice", "ResultStep", "Set", "Snapshot", "Step",
           "code_text", "finding_kinds", "library_version"]
__all__ += _enum_names
__all__ += [name for name in _errors.__all__ if name not in dir(_builtins)]
