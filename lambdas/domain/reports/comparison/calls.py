"""A call with the data that a comparison needs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import Unpriced, UsdPerMillion
from lambdas.domain.reports.comparison.traffic import ComparableCost, Terms


class PricedTerms(NamedTuple):
    """Everything but tokens that determines the cost of a call. Calls share one.

    Attributes:
        model_id: The foundation model that was priced.
        terms: All that decides on the cost beside the model.
        rates: The prices of the model's tokens on these terms.
    """

    model_id: str
    terms: Terms
    rates: UsdPerMillion


class ObservedCall(NamedTuple):
    """The part of a call that the comparison needs: memory holds the calls of a whole week.

    Attributes:
        account_id: The account that called.
        region: The Region that was called.
        request_id: The id of the call in them.
        timestamp: The time of the call.
        identity_arn: The caller.
        tokens: Its tokens.
        error_code: Its error code; `None` for a successful call.
        project: Its project.
        priced: The model, terms and rates behind its cost.
        cost: Its cost, or the reason why it is unknown; for a failed call as if it had succeeded.
    """

    account_id: str
    region: str
    request_id: str
    timestamp: datetime
    identity_arn: str
    tokens: TokenCounts
    error_code: str | None
    project: str
    priced: PricedTerms
    cost: ComparableCost | Unpriced | None

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of the call, as its record has it."""
        return self.account_id, self.region, self.request_id

    @property
    def is_failed(self) -> bool:
        """Say if the call failed."""
        return self.error_code is not None

    @property
    def usd(self) -> Decimal | None:
        """The cost of its tokens; `None` where it is not known."""
        return self.cost.usd if isinstance(self.cost, ComparableCost) else None
