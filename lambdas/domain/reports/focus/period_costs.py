"""The costs of a billing period: their sums, the calls in no row, and the port that stores them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from lambdas.domain.pricing import PriceBasis
from lambdas.domain.reports.focus.charges import Charge, DailyCharges, LeftOut
from lambdas.domain.reports.focus.identity_detail import IdentityDetail
from lambdas.domain.reports.focus.rows import EXACTLY, Row, build_costs
from lambdas.domain.unlogged import UnloggedUsage

COSTS_PREFIX = "focus/"
"""The beginning of the names of all files, where they are stored."""


class Sums(NamedTuple):
    """The sums of charges, in US dollars.

    Attributes:
        rows: The number of charges.
        billed_usd: The sum of `BilledCost`.
        list_usd: The sum of `ListCost`.
        assumed_usd: The part of `billed_usd` at assumed prices.
    """

    rows: int = 0
    billed_usd: Decimal = Decimal(0)
    list_usd: Decimal = Decimal(0)
    assumed_usd: Decimal = Decimal(0)

    def plus(self, charge: Charge) -> Sums:
        """The sums with one more charge."""
        costs = build_costs(charge)
        listed = charge.key.list_price
        is_assumed = listed is not None and listed.basis is PriceBasis.ASSUMED
        return Sums(
            self.rows + 1,
            EXACTLY.add(self.billed_usd, costs.usd),
            EXACTLY.add(self.list_usd, costs.list_usd),
            EXACTLY.add(self.assumed_usd, costs.usd) if is_assumed else self.assumed_usd,
        )


class CostTotals(NamedTuple):
    """The totals of rows, and the calls that are in no row.

    Attributes:
        sums: The sums of the rows.
        priced_invocations: The calls in the rows.
        left_out: The calls in no row, by model and reason.
        identity_detail: The detail with which rows name callers.
    """

    sums: Sums
    priced_invocations: int
    left_out: Sequence[LeftOut]
    identity_detail: IdentityDetail

    @classmethod
    def from_charges(cls, charges: DailyCharges, months: Collection[date]) -> CostTotals:
        """Add up the charges of billing periods.

        Args:
            charges: The charges.
            months: The first days of the billing periods.
        """
        sums = Sums()
        left_out: dict[tuple[str, str], LeftOut] = {}
        for month in months:
            for charge in charges.charges(month):
                sums = sums.plus(charge)
            for part in charges.left_out(month):
                key = part.model_id, part.reason
                known = left_out.get(key, LeftOut(*key, 0, 0))
                calls, tokens = known.invocations + part.invocations, known.tokens + part.tokens
                left_out[key] = LeftOut(*key, calls, tokens)
        return cls(
            sums,
            sum(map(charges.priced_invocations, months)),
            [left_out[key] for key in sorted(left_out)],
            charges.identity_detail,
        )


class PeriodCosts(NamedTuple):
    """The summary of a billing period, in addition to its rows.

    Attributes:
        month: Its first day.
        account_id: The account of the calls.
        written_at: The time of the report, UTC.
        covers_until: The end of what it covers.
        is_cut_off_by_retention: It began before the oldest call that the ledger keeps.
        unreadable_items: Items of the ledger that hold no call that can be read.
        totals: The totals of the rows.
        unlogged: The tokens of the period that no log has; they are in no row.
    """

    month: date
    account_id: str
    written_at: datetime
    covers_until: datetime
    is_cut_off_by_retention: bool
    unreadable_items: int
    totals: CostTotals
    unlogged: UnloggedUsage = UnloggedUsage()


class CostFiles(Protocol):
    """Stores the costs of billing periods; a period that was stored before is replaced."""

    def write(self, costs: PeriodCosts, rows: Iterable[Row]) -> Mapping[str, Any]:
        """Store a period; return the manifest that was stored with it.

        Args:
            costs: The period.
            rows: Its charges as rows.
        """
