"""Options that make a workload cheaper: another model, another tier, batches, prompt caching."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.reports.comparison.traffic import Purpose, TrafficMix


class OptionKind(StrEnum):
    """A kind of option."""

    MOVE = "move"
    FLEX = "flex"
    BATCH = "batch"
    CACHE = "cache"


class Workload(NamedTuple):
    """The calls of one project to one model.

    Attributes:
        project: The project.
        model_id: The foundation model.
        purpose: The purpose of the model.
        mix: The calls with a cost.
        standard_calls: The number of those that the standard tier served.
        largest_call_tokens: The input and output of the largest of them.
        outlined_calls: The number of those whose request was read.
    """

    project: str
    model_id: str
    purpose: Purpose
    mix: TrafficMix
    standard_calls: int
    largest_call_tokens: int
    outlined_calls: int


class SavingsOption(NamedTuple):
    """One way to make calls of a workload cheaper. Options of a workload exclude each other.

    Attributes:
        kind: The kind.
        project: The project of the calls.
        model_id: The model that they use.
        target: The model to move them to; `None` for other kinds.
        calls: The calls that change.
        usd: Their cost today.
        option_usd: Their cost with the option.
        is_assumed: Whether today's cost holds an assumed price.
    """

    kind: OptionKind
    project: str
    model_id: str
    target: str | None
    calls: int
    usd: Decimal
    option_usd: Decimal
    is_assumed: bool

    @property
    def saved_usd(self) -> Decimal:
        """The saving, above 0."""
        return self.usd - self.option_usd


CONDITIONS = {
    OptionKind.MOVE: (
        "the other model has to answer well enough: try it with your own prompts. Its tokenizer,"
        " features, quotas and access differ"
    ),
    OptionKind.FLEX: (
        "answers may take longer, and calls may be refused when demand is high. Only calls of the"
        " standard tier are counted"
    ),
    OptionKind.BATCH: (
        "answers come as files within 24 hours, not as a response, and a job needs at least 100"
        " requests. Bedrock does not log them: the meter shows the tokens of jobs apart. Only calls"
        " of the standard tier are counted"
    ),
    OptionKind.CACHE: (
        "at most: repeated beginnings of requests are read from the prompt cache. They have to be"
        " equal to the letter, long enough for the model, and sent again before the cache expires"
    ),
}
"""The condition of each kind of option, for people."""
