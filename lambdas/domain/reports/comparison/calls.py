"""A call as the comparison sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import CallCost, CallModels, UsdPerMillion
from lambdas.domain.reports.comparison.request_outline import RequestOutline
from lambdas.domain.reports.comparison.traffic import Terms


class ObservedCall(NamedTuple):
    """A call, once, however often it was logged.

    Attributes:
        record: The call as it was made.
        models: The foundation models that it may be priced as.
        project: Its project.
        outline: An outline of its request; `None` where content is not logged.
    """

    record: UsageRecord
    models: CallModels
    project: str
    outline: RequestOutline | None = None


class PricedTerms(NamedTuple):
    """The cost of a call, and what decides on it.

    Attributes:
        model_id: The foundation model that was priced.
        terms: All that decides on the cost beside the model.
        rates: The prices of the model's tokens on these terms.
        cost: The cost of its tokens; that of a failed call as if it had succeeded.
        guardrail_usd: The cost of guardrails beside them.
    """

    model_id: str
    terms: Terms
    rates: UsdPerMillion
    cost: CallCost
    guardrail_usd: Decimal = Decimal(0)
