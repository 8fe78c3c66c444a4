"""The thresholds that a configuration asks for: one object each for its alarm and its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from cdk.config import Config, CostThresholds, Thresholds, Window
from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.alerts import Severity
from lambdas.domain.metrics.catalog import ESTIMATED_COST, DimensionSet

COST = ESTIMATED_COST.name

_NO_LETTER = re.compile(r"[^0-9A-Za-z]+")
_MAX_SLUG_LETTERS = 60
_COLONS_BEFORE_RESOURCE = 5
"""In an ARN: a tile of an alarm has no space for the partition, service, Region and account."""


@dataclass(frozen=True, slots=True)
class AlarmThreshold:
    """The amount of tokens or dollars in a window from which on an alarm notifies.

    Attributes:
        metric_name: The metric of the catalog that is summed: tokens of a kind, or cost.
        dimension_set: The account, models or identities.
        window: The window of time over which it is summed.
        severity: Warning or critical.
        value: The amount.
        name: One model or identity; `None` for each of them separately, or for the account.
    """

    metric_name: str
    dimension_set: DimensionSet
    window: Window
    severity: Severity
    value: int | Decimal
    name: str | None = None

    @property
    def is_of_cost(self) -> bool:
        """True if the threshold is an amount of dollars."""
        return self.metric_name == COST

    @property
    def is_grouped(self) -> bool:
        """True if each model or identity is watched separately, new ones included."""
        return self.name is None and self.dimension_set is not DimensionSet.ACCOUNT

    @property
    def subject(self) -> str:
        """The model or identity, or the kind of subject, in a word or two."""
        if self.name is not None:
            return self.name
        return f"{'every ' if self.is_grouped else ''}{self.dimension_set.value}"

    @property
    def alarm_name(self) -> str:
        """The alarm's name: one of its kind in an account and Region."""
        who = "".join(word.capitalize() for word in self.subject.split())
        if self.name is not None:
            digest = hashlib.sha256(self.name.encode()).hexdigest()[:6]
            resource = self.name.split(":", _COLONS_BEFORE_RESOURCE)[-1]
            slug = _NO_LETTER.sub("-", resource).strip("-")[-_MAX_SLUG_LETTERS:]
            who = f"{self.dimension_set.value.capitalize()}-{slug}-{digest}"
        if self.is_of_cost:
            who += "-Cost"
        return f"{NAME_PREFIX}{who}-{self.window.capitalize()}-{self.severity.capitalize()}"


def alarm_thresholds(config: Config) -> list[AlarmThreshold]:
    """Every threshold of a configuration."""
    return list(_alarm_thresholds(config))


def _alarm_thresholds(config: Config) -> Iterator[AlarmThreshold]:
    expand_tokens = partial(_expand, config.alarm_metric)
    hour = Window.HOUR
    yield from expand_tokens(config.identity_thresholds, DimensionSet.IDENTITY, hour)
    yield from expand_tokens(config.model_thresholds, DimensionSet.MODEL, hour)
    for account in config.account_thresholds:
        yield from expand_tokens(account, DimensionSet.ACCOUNT, account.window)
    for identity in config.named_identities:
        yield from expand_tokens(
            identity, DimensionSet.IDENTITY, identity.window, identity.identity
        )
    for model in config.named_models:
        yield from expand_tokens(model, DimensionSet.MODEL, model.window, model.model)
    for cost in config.cost_thresholds:
        yield from _expand(COST, cost, DimensionSet.ACCOUNT, cost.window)


def _expand(
    metric_name: str,
    thresholds: Thresholds | CostThresholds,
    dimension_set: DimensionSet,
    window: Window,
    name: str | None = None,
) -> Iterator[AlarmThreshold]:
    for severity, value in thresholds.by_severity().items():
        yield AlarmThreshold(metric_name, dimension_set, window, severity, value, name)
