"""The least that an option has to save, and the least number of calls for a batch job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from lambdas.domain.reports.comparison.absent_options import AbsenceReason, AbsentOption
from lambdas.domain.reports.comparison.options import OptionKind, SavingsOption

MIN_SAVED_USD = Decimal(1)
"""In a month. To change an application for less is not worth the work."""
MIN_BATCH_CALLS = 100
"""In a month. A batch job needs as many records.

Source: https://docs.aws.amazon.com/general/latest/gr/bedrock.html
"""


def apply_floor(
    found: Iterable[SavingsOption | AbsentOption], scale_to_month: Callable[[Decimal], Decimal]
) -> Iterator[SavingsOption | AbsentOption]:
    """Replace options below the floor by the reason why they do not appear.

    Moves to several models are one kind of option: it has a reason only if no move is left.

    Args:
        found: Options, and the reasons why others are absent.
        scale_to_month: Scales an amount of the period to a month.
    """
    below: dict[tuple[OptionKind, str, str], AbsentOption] = {}
    offered = set[tuple[OptionKind, str, str]]()
    for option in found:
        key = option.kind, option.project, option.model_id
        reason = _find_reason(option, scale_to_month) if isinstance(option, SavingsOption) else None
        if reason is not None:
            absent = AbsentOption(option.kind, option.project, option.model_id, option.usd, reason)
            below.setdefault(key, absent)
            continue
        offered.add(key)
        yield option
    yield from (absent for key, absent in below.items() if key not in offered)


def _find_reason(
    option: SavingsOption, scale_to_month: Callable[[Decimal], Decimal]
) -> AbsenceReason | None:
    """Find the reason to leave an option out; `None` to offer it."""
    is_batch = option.kind is OptionKind.BATCH
    if is_batch and scale_to_month(Decimal(option.calls)) < MIN_BATCH_CALLS:
        return AbsenceReason.TOO_FEW_CALLS
    if scale_to_month(option.saved_usd) < MIN_SAVED_USD:
        return AbsenceReason.SAVES_TOO_LITTLE
    return None
