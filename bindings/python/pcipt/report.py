# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a recovery, or a reconcile, did."""
from typing import Any, Dict, Iterator, NamedTuple, Tuple

from ._library import Closable, Handle, always, json_of, lib, parsed


class ReportAction(NamedTuple):
    """What became of a claim that was not as it should be.

    >>> import pcipt
    >>> for action in pcipt.Context(tree).recover():
    ...     print(action.claim, action.before, "->", action.after, action.message)
    """

    #: Its name; of a transaction without a claim "apply-…".
    claim: str
    #: Its state before, or "damaged".
    before: str
    #: Its state now, or "ended".
    after: str
    #: Why, in a word: "absent".
    reason: str
    #: The same in a sentence.
    message: str


class Report(Closable):
    """A line for each claim that was changed, waits, or could not be finished.

    >>> import pcipt
    >>> try:
    ...     report = pcipt.Context(tree).recover()
    ... except pcipt.Error as error:
    ...     report = error.report
    >>> for action in report or ():
    ...     print(action.claim, action.before, "->", action.after, action.message)
    """

    __slots__ = ("__weakref__",)

    def __init__(self, pointer: int) -> None:
        self._open = Handle(pointer, lib.pcipt_report_unref)

    @property
    def actions(self) -> Tuple[ReportAction, ...]:
        """The lines."""
        handle = self._handle
        return tuple(ReportAction(always(lib.pcipt_report_action_claim(handle, i)),
                                  always(lib.pcipt_report_action_from(handle, i)),
                                  always(lib.pcipt_report_action_to(handle, i)),
                                  always(lib.pcipt_report_action_reason(handle, i)),
                                  always(lib.pcipt_report_action_message(handle, i)))
                     for i in range(len(self)))

    def __len__(self) -> int:
        return int(lib.pcipt_report_action_count(self._handle))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[ReportAction]:
        return iter(self.actions)

    def to_json(self) -> str:
        """`actions[]` as a JSON object."""
        return json_of(lib.pcipt_report_to_json, self._handle)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dictionary."""
        found: Dict[str, Any] = parsed(self.to_json())
        return found
