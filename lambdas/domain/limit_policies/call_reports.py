"""Reports of admissions and settlements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lambdas.domain.limits import NO_USE, Amounts


class AdmissionReport(NamedTuple):
    """All that is worth counting or logging of an admission. It has nothing of the request.

    Attributes:
        caller: The caller.
        need: What was reserved, or would have been.
        refusal: The reason of a refusal.
        policies: The limits that have refused the call, or would have without break-glass.
        shadow: The limits in shadow mode that would have refused it.
        unchecked: The subjects whose limits could not be checked.
        is_break_glass: True if it was admitted although limits refuse it.
        marks: The number of marks that were reported.
        left_open: The parts that could not be given back after a refusal.
        is_estimate: True if a part of the need is an estimate, such as that of a document.
        is_repeat: True if the same call was refused a moment ago: its SDK tries again.
        refused_by: The policy that refuses the call longest, as metrics name it; `None` where no
            policy does.
        shadow_policies: The policies of limits in `shadow`, likewise.
    """

    caller: str
    need: Amounts = NO_USE
    refusal: str | None = None
    policies: Sequence[str] = ()
    shadow: Sequence[str] = ()
    unchecked: Sequence[str] = ()
    is_break_glass: bool = False
    marks: int = 0
    left_open: int = 0
    is_estimate: bool = False
    is_repeat: bool = False
    refused_by: str | None = None
    shadow_policies: Sequence[str] = ()


class SettlementReport(NamedTuple):
    """The settlement of a call.

    Attributes:
        caller: The caller.
        reserved: What was reserved.
        used: What was used; `NO_USE` for a call that was given back.
        left_open: The parts that were not settled, because the store failed.
    """

    caller: str
    reserved: Amounts
    used: Amounts
    left_open: int


class LimitReports(Protocol):
    """Counts and logs what happens at limits."""

    def report_admission(self, report: AdmissionReport) -> None:
        """Report an admission or a refusal."""

    def report_settlement(self, report: SettlementReport) -> None:
        """Report a settlement."""
