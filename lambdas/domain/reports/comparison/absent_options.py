"""Options that a workload does not have, each with the reason."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.reports.comparison.options import OptionKind, Workload


class AbsenceReason(StrEnum):
    """A reason why an option does not appear for a workload."""

    NO_PRICE = "no_price"
    NO_PRICE_IN_REGION = "no_price_in_region"
    NO_PRICE_OF_A_KIND = "no_price_of_a_kind"
    NOT_CHEAPER = "not_cheaper"
    SAVES_TOO_LITTLE = "saves_too_little"
    TOO_FEW_CALLS = "too_few_calls"
    ALREADY_USED = "already_used"
    OTHER_TIER = "other_tier"
    NO_COMPARABLE_MODEL = "no_comparable_model"
    EMBEDDING = "embedding"
    NO_CACHE_PRICE = "no_cache_price"
    CONTENT_NOT_LOGGED = "content_not_logged"
    TOO_FEW_REPEATED_TOKENS = "too_few_repeated_tokens"


class AbsentOption(NamedTuple):
    """An option that a workload does not have.

    Attributes:
        kind: The kind of option.
        project: The project of the calls.
        model_id: The model that they use.
        usd: Their cost.
        reason: The reason.
    """

    kind: OptionKind
    project: str
    model_id: str
    usd: Decimal
    reason: AbsenceReason


def explain_absence(kind: OptionKind, workload: Workload, reason: AbsenceReason) -> AbsentOption:
    """Give the reason why a workload does not have an option."""
    return AbsentOption(kind, workload.project, workload.model_id, workload.mix.usd, reason)


ABSENCES = {
    AbsenceReason.NO_PRICE: "the price book has no such price of the model",
    AbsenceReason.NO_PRICE_IN_REGION: (
        "the price book has such a price of the model, but not for each Region and way in which it"
        " was called"
    ),
    AbsenceReason.NO_PRICE_OF_A_KIND: (
        "the price book lacks this option for some of their token kinds, such as cache reads"
    ),
    AbsenceReason.NOT_CHEAPER: "it costs no less",
    AbsenceReason.SAVES_TOO_LITTLE: "it saves less than $1 in 30 days",
    AbsenceReason.TOO_FEW_CALLS: (
        "fewer than 100 calls in 30 days, and a batch job needs at least as many"
    ),
    AbsenceReason.ALREADY_USED: "the calls use it already",
    AbsenceReason.OTHER_TIER: "none of the calls was served in the standard tier",
    AbsenceReason.NO_COMPARABLE_MODEL: "no comparable model costs less",
    AbsenceReason.EMBEDDING: "embeddings of another model do not fit the same index",
    AbsenceReason.NO_CACHE_PRICE: "the price book has no price of cache reads of the model there",
    AbsenceReason.CONTENT_NOT_LOGGED: "the logs have no requests to search for what is repeated",
    AbsenceReason.TOO_FEW_REPEATED_TOKENS: (
        "no caller repeated 1,000 tokens or more at the beginning of requests within five minutes"
    ),
}
"""The reasons in words, for people."""
