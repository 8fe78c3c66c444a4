"""A call as the comparison sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import CallCost, UsdPerMillion
from lambdas.domain.reports.comparison.request_outline import RequestOutline
from lambdas.domain.reports.comparison.traffic import Terms


class ObservedCall(NamedTuple):
    """A call, once, however often it was logged.

    Attributes:
        record: The call, by its foundation model where that is known.
        project: What it is put down to.
        outline: What its body told; `None` where content is not logged.
    """

    record: UsageRecord
    project: str
    outline: RequestOutline | None = None


class PricedTerms(NamedTuple):
    """What a call costs, and why.

    Attributes:
        terms: What decides on it beside the model.
        rates: What its model's tokens cost on these terms.
        cost: The cost of its tokens; that of a failed call as if it had succeeded.
        guardrail_usd: The cost of guardrails beside them.
    """

    terms: Terms
    rates: UsdPerMillion
    cost: CallCost
    guardrail_usd: Decimal = Decimal(0)
