"""Calls in other Regions that no deployment counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lambdas.domain.alerts import Notice, list_lines
from lambdas.domain.completeness import AuditWindow, Comparison
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.unmetered.traffic_window import get_day, get_period

MAX_MODELS_OF_A_REGION: Final = 50
"""The number of models of a Region that are read through each endpoint; an application inference
profile counts as one. With more, the calls of all models are read as one sum: each metric costs
money."""

ENABLED_STATUSES: Final = ("ENABLED", "ENABLED_BY_DEFAULT")
"""The status of a Region in which an account can call Bedrock. Source:
https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html"""


@dataclass(frozen=True, slots=True)
class RegionTraffic:
    """The calls in a Region, by Bedrock's own metrics.

    Attributes:
        region: The Region.
        calls: Calls that Bedrock can log, by the model's name in CloudWatch.
        mantle_calls: Calls through `bedrock-mantle`, which no log has, by model as well.
        metered_calls: Calls that a deployment there has counted; `None` where the meter has
            published nothing in that Region.
    """

    region: str
    calls: Mapping[str, int] = field(default_factory=dict)
    mantle_calls: Mapping[str, int] = field(default_factory=dict)
    metered_calls: int | None = None

    @property
    def unmetered_calls(self) -> int:
        """The calls that no deployment has counted.

        A deployment there has an alarm of its own on `bedrock-mantle`. One that has published far
        fewer calls than Bedrock counts nothing, or is no deployment: metrics can be made up.
        """
        total = sum(self.calls.values())
        if self.metered_calls is None:
            return total + sum(self.mantle_calls.values())
        compared = Comparison(metered=self.metered_calls, bedrock=total)
        return compared.missing if compared.is_short else 0


def region_keys(traffic: RegionTraffic, window: AuditWindow) -> Sequence[str]:
    """Get the keys that the notice of a Region leaves, its own first.

    One a day and power of a hundred calls, and those of the lower powers: a first call must not
    keep a million later ones quiet.
    """
    day = f"region/{traffic.region}/{get_day(window)}"
    return [f"{day}/{power}" for power in range(_power_of_100(traffic.unmetered_calls), -1, -1)]


def _power_of_100(calls: int) -> int:
    return (len(str(calls)) - 1) // 2


def is_first_deployment(region: str, regions: Sequence[str]) -> bool:
    """Say if the deployment in a Region is the one that looks at the others.

    Args:
        region: Its Region.
        regions: The Regions with a deployment, in the order of the settings; empty for this one.
    """
    return not regions or regions[0] == region


def region_notice(traffic: RegionTraffic, window: AuditWindow) -> Notice:
    """Say which models were called in a Region that is not metered, and how often."""
    summary = (
        f"{get_period(window)}, Amazon Bedrock was called in {traffic.region}. No deployment of"
        f" Bedrock Meter counted {traffic.unmetered_calls:,} of these calls:"
    )
    lines = [summary, *list_lines(_models(traffic))]
    next_at = 100 ** (_power_of_100(traffic.unmetered_calls) + 1)
    if traffic.metered_calls is not None:
        lines.append(
            f"Metrics of Bedrock Meter in that Region show {traffic.metered_calls:,} of"
            f" {sum(traffic.calls.values()):,} calls."
        )
    lines.append(
        "No metric, report or usage alarm includes them. Deploy the meter there (regions in"
        " cdk.json), or deny Bedrock in that Region: docs/security.md has the policy. The next"
        f" notification about this Region today follows at {next_at:,} calls in two hours."
    )
    return Notice("Bedrock Meter: calls in a Region that is not metered", "\n".join(lines))


def _models(traffic: RegionTraffic) -> list[str]:
    named = [(model, calls, "") for model, calls in traffic.calls.items()]
    if traffic.metered_calls is None:
        named += [
            (model, calls, " through bedrock-mantle")
            for model, calls in traffic.mantle_calls.items()
        ]
    named.sort(key=lambda entry: -entry[1])
    return [f"{dimension_value(model)}: {calls:,} calls{way}" for model, calls, way in named]
