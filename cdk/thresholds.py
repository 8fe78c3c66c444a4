"""The thresholds that a configuration asks for: one object each for its alarm and its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cdk.config import Config, Thresholds, Window
from lambdas.domain.metering import Severity
from lambdas.domain.metering.metric_catalog import DimensionSet

_NO_LETTER = re.compile(r"[^0-9A-Za-z]+")
_LONGEST_SLUG = 60


@dataclass(frozen=True, slots=True)
class TokenThreshold:
    """From how many tokens in a window on somebody is told.

    Attributes:
        dimension_set: Whose tokens: of the whole account, of models or of identities.
        window: Over how long they are added up.
        severity: How bad it is.
        tokens: How many, of the configured alarm metric.
        name: The one model or identity that is meant; `None` for every one by itself, or for the
            account.
    """

    dimension_set: DimensionSet
    window: Window
    severity: Severity
    tokens: int
    name: str | None = None

    @property
    def is_grouped(self) -> bool:
        """Whether every model or every identity is watched by itself, new ones included."""
        return self.name is None and self.dimension_set is not DimensionSet.ACCOUNT

    @property
    def subject(self) -> str:
        """Whose tokens, in a word or two."""
        if self.name is not None:
            return self.name
        return f"{'every ' if self.is_grouped else ''}{self.dimension_set.value}"

    @property
    def alarm_name(self) -> str:
        """The alarm's name: one of its kind in an account and Region."""
        who = "".join(word.capitalize() for word in self.subject.split())
        if self.name is not None:
            digest = hashlib.sha256(self.name.encode()).hexdigest()[:6]
            slug = _NO_LETTER.sub("-", self.name).strip("-")[-_LONGEST_SLUG:]
            who = f"{self.dimension_set.value.capitalize()}-{slug}-{digest}"
        return f"BedrockMeter-{who}-{self.window.capitalize()}-{self.severity.capitalize()}"


def token_thresholds(config: Config) -> list[TokenThreshold]:
    """Every threshold of a configuration."""
    return list(_token_thresholds(config))


def _token_thresholds(config: Config) -> Iterator[TokenThreshold]:
    hour = Window.HOUR
    yield from _of(config.identity_thresholds, DimensionSet.IDENTITY, hour)
    yield from _of(config.model_thresholds, DimensionSet.MODEL, hour)
    for account in config.account_thresholds:
        yield from _of(account, DimensionSet.ACCOUNT, account.window)
    for identity in config.named_identities:
        yield from _of(identity, DimensionSet.IDENTITY, identity.window, identity.identity)
    for model in config.named_models:
        yield from _of(model, DimensionSet.MODEL, model.window, model.model)


def _of(
    thresholds: Thresholds, dimension_set: DimensionSet, window: Window, name: str | None = None
) -> Iterator[TokenThreshold]:
    for severity, tokens in thresholds.by_severity().items():
        yield TokenThreshold(dimension_set, window, severity, tokens, name)
