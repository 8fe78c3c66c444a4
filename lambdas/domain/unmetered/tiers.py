"""Calls at a service tier that logs without content do not name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lambdas.domain.alerts import Notice, list_lines
from lambdas.domain.completeness import AuditWindow
from lambdas.domain.invocations.service_tier import STANDARD_TIER, read_service_tier
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.unmetered.traffic_window import get_day, get_period

MAX_TIERS_READ: Final = 200
"""The number of metrics of tiers that are read an hour; a profile has metrics of its own."""
_HOUR: Final = timedelta(hours=1)
_MEANINGS: Final = {
    "priority": "costs more than standard: the cost in metrics and reports is too low",
    "flex": "costs less than standard: the cost in metrics and reports is too high",
    "reserved": "is billed by the hour: the cost in metrics and reports does not apply",
}
_ADVICE: Final = (
    "The meter prices these calls as standard; their token counts are correct. With log_content,"
    " the logs name the tier. The bill has the correct cost (make reconcile). This is the only"
    " notification about these models and tiers today."
)
_OTHER_MEANING: Final = "has other prices: the cost in metrics and reports is wrong"


@dataclass(frozen=True, slots=True)
class TierCalls:
    """Calls of a model that one service tier has served.

    Attributes:
        model: The model's name in CloudWatch.
        tier: The tier that served them, as CloudWatch spells it.
        calls: Their number.
    """

    model: str
    tier: str
    calls: int

    @property
    def is_standard(self) -> bool:
        """True for the tier that a call without a tier is priced at."""
        return is_standard(self.tier)

    def key_on(self, window: AuditWindow) -> str:
        """Get the key of its notice: one for each model, tier and day."""
        return f"tier/{self.model}/{self.tier.lower()}/{get_day(window)}"


def is_standard(tier: str) -> bool:
    """Say if a tier, as CloudWatch spells it, is that of a call whose log names no tier."""
    return read_service_tier(tier.lower()) == STANDARD_TIER


def choose_tiers(
    listed: Sequence[tuple[str, ...]], window: AuditWindow
) -> Sequence[tuple[str, ...]]:
    """Choose the metrics of tiers to read: all, or another part of them each hour."""
    parts = max(1, -(-len(listed) // MAX_TIERS_READ))
    hour = int(window.end.timestamp() // _HOUR.total_seconds())
    return sorted(listed)[hour % parts :: parts]


def misread_tiers(served: Iterable[TierCalls]) -> list[TierCalls]:
    """Find the calls that the meter prices as standard and Bedrock served otherwise."""
    found = [row for row in served if row.calls and not row.is_standard]
    return sorted(found, key=lambda row: (-row.calls, row.model, row.tier))


def tier_notice(misread: Sequence[TierCalls], window: AuditWindow) -> Notice:
    """Say which models were called at which tiers, and what that means for the cost."""
    tiers = sorted({row.tier.lower() for row in misread})
    summary = (
        f"{get_period(window)}, Bedrock served calls at service tiers that invocation logs without"
        " content do not name:"
    )
    lines = [
        summary,
        *list_lines(
            [
                f"{dimension_value(row.model)}: {row.calls:,} calls at {dimension_value(row.tier)}"
                for row in misread
            ]
        ),
    ]
    lines += [f"{dimension_value(tier)} {_MEANINGS.get(tier, _OTHER_MEANING)}." for tier in tiers]
    lines.append(_ADVICE)
    return Notice("Bedrock Meter: calls are priced at the wrong service tier", "\n".join(lines))
