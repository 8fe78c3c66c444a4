"""Folds calls into charges: what the tokens of a row have in common, and how many they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution import Attribution, Rung
from lambdas.domain.invocations import CallerIdentity, UsageRecord
from lambdas.domain.pricing import CostLine, PricedTokens, Routing, TokenKind, Unpriced

MOST_CHARGES = 1_000_000
"""Charges that are folded at a time, some kilobyte of memory each."""

NO_ACCOUNT = "no_account"
"""Why a call is left out though it has a price: nobody tells which account it was billed to."""

NO_PERIOD = "no_period"
"""Why a call is left out though it has a price: its time is in no month that FOCUS can write."""
LONGEST_TEXT = 2048
"""Characters of what a log tells; beyond them, where nothing of AWS's ends, it is cut off."""

PriceTokens: TypeAlias = Callable[[UsageRecord], PricedTokens | Unpriced | None]
"""What the tokens of a call cost, by kind; see `Pricing.price_tokens`."""

_KINDS = tuple(TokenKind)
_FIRST_MONTH, _LAST_MONTH = date(1000, 1, 1), date(9999, 11, 1)


class TooManyChargesError(Exception):
    """There are more charges than can be folded. None is written: a part would pass for all."""


class ListPrice(NamedTuple):
    """Where in the price book a price stands.

    Attributes:
        model_id: The model, as the book spells it.
        area: Where it holds.
        above_input_tokens: It holds for calls that read more than so many tokens.
        source: Who says so.
    """

    model_id: str
    area: str
    above_input_tokens: int
    source: str


class ChargeKey(NamedTuple):
    """What the tokens of a charge have in common.

    Attributes:
        day: The day of the calls, UTC.
        account_id: The account that was called.
        region: The Region that was called; empty where the log does not tell.
        identity_arn: Who called, whole.
        model_id: The foundation model.
        invoked_model_id: What the caller named.
        project: What the calls are put down to, or `UNATTRIBUTED`; so are the next two.
        department: Their department.
        use_case: Their use case.
        rung: What the project rests on.
        service_tier: In which the calls were served; empty for the standard one.
        kind: The kind of the tokens.
        usd_per_million: What is paid for them.
        list_usd_per_million: Their list price; `None` where there is an agreed one alone.
        list_price: Where that stands; `None` as well where there is none.
    """

    day: date
    account_id: str
    region: str
    identity_arn: str
    model_id: str
    invoked_model_id: str
    project: str
    department: str
    use_case: str
    rung: Rung
    service_tier: str
    kind: TokenKind
    usd_per_million: Decimal
    list_usd_per_million: Decimal | None
    list_price: ListPrice | None

    @property
    def month(self) -> date:
        """The first day of the billing period."""
        return self.day.replace(day=1)


class Charge(NamedTuple):
    """Tokens of one kind, one day and one price: a row of the dataset."""

    key: ChargeKey
    tokens: int


class LeftOut(NamedTuple):
    """Successful calls that are in no charge, and so in no cost.

    Attributes:
        model_id: Their foundation model.
        reason: A value of `Unpriced`, `NO_ACCOUNT` or `NO_PERIOD`.
        invocations: How many they are.
        tokens: All their tokens that somebody counted.
    """

    model_id: str
    reason: str
    invocations: int
    tokens: int


@dataclass(slots=True)
class DailyCharges:
    """Charges of calls, kept up to date call by call; calls come in any order.

    Attributes:
        price_tokens: What tokens cost.
        account_id: Whose calls they are where a log does not tell; `None` for their callers'.
    """

    price_tokens: PriceTokens
    account_id: str | None = None
    _tokens: dict[ChargeKey, int] = field(default_factory=dict)
    _priced: Counter[date] = field(default_factory=Counter)
    _left_out: defaultdict[date, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _left_out_tokens: defaultdict[date, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(
        self,
        record: UsageRecord,
        attribution: Attribution,
        times: int = 1,
        *,
        invoked_model_id: str | None = None,
    ) -> None:
        """Add a call, by its foundation model, or with `times=-1` take it out again.

        Args:
            record: The call, as it is priced.
            attribution: What it is put down to.
            times: How often.
            invoked_model_id: What the caller named, where it is priced as another one.

        Raises:
            TooManyChargesError: It would be one charge too many.
        """
        priced = self.price_tokens(record)
        if priced is None:
            return
        account_id = record.account_id or self.account_id or _account_of_caller(record)
        if isinstance(priced, Unpriced):
            self._leave_out(record, priced.value, times)
        elif not account_id:
            self._leave_out(record, NO_ACCOUNT, times)
        elif not _FIRST_MONTH <= _month(record) <= _LAST_MONTH:
            self._leave_out(record, NO_PERIOD, times)
        else:
            self._priced[_month(record)] += times
            if invoked_model_id is not None:
                record = record._replace(invoked_model_id=invoked_model_id)
            record = record.with_variant(priced.variant)
            for line in priced.lines:
                key = _key(record, account_id, attribution, line)
                self._add(key, times * line.tokens)

    def months(self) -> list[date]:
        """The first days of all billing periods with calls, in order."""
        counted = {month for month, calls in self._priced.items() if calls}
        return sorted(counted | {month for month in self._left_out if self.left_out(month)})

    def charges(self, month: date) -> Iterator[Charge]:
        """The charges of a billing period, in an order that depends on nothing but them."""
        found = (it for it in self._tokens.items() if it[0].month == month)
        for key, tokens in sorted(found, key=lambda it: _order(it[0])):
            yield Charge(key, tokens)

    def priced_invocations(self, month: date) -> int:
        """How many calls are in the charges of a billing period."""
        return self._priced[month]

    def left_out(self, month: date) -> list[LeftOut]:
        """The calls of a billing period that are in no charge, by model and reason."""
        tokens = self._left_out_tokens[month]
        return [
            LeftOut(model_id, reason, calls, tokens[model_id, reason])
            for (model_id, reason), calls in sorted(self._left_out[month].items())
            if calls
        ]

    def _add(self, key: ChargeKey, tokens: int) -> None:
        total = self._tokens.get(key, 0) + tokens
        if total:
            self._tokens[key] = total
            if len(self._tokens) > MOST_CHARGES:
                message = f"there are more than {MOST_CHARGES:,} charges"
                raise TooManyChargesError(message)
        else:
            self._tokens.pop(key, None)

    def _leave_out(self, record: UsageRecord, reason: str, times: int) -> None:
        month, key = _month(record), (record.model_id[:LONGEST_TEXT], reason)
        self._left_out[month][key] += times
        self._left_out_tokens[month][key] += times * (record.tokens.total or 0)


def _key(
    record: UsageRecord,
    account_id: str,
    attribution: Attribution,
    line: CostLine,
) -> ChargeKey:
    listed = None
    if line.listed is not None:
        price = line.listed.price
        is_global = price.routing is Routing.GLOBAL
        scope = "/".join(filter(None, (Routing.GLOBAL, price.place))) if is_global else price.place
        listed = ListPrice(price.model_id, scope, line.listed.above_input_tokens, price.source)
    return ChargeKey(
        record.timestamp.date(),
        account_id[:LONGEST_TEXT],
        record.region[:LONGEST_TEXT],
        record.identity_arn[:LONGEST_TEXT],
        record.model_id[:LONGEST_TEXT],
        record.invoked_model_id[:LONGEST_TEXT],
        attribution.project,
        attribution.department,
        attribution.use_case,
        attribution.rung,
        record.service_tier or "",
        line.kind,
        line.usd_per_million,
        line.list_usd_per_million,
        listed,
    )


def _account_of_caller(record: UsageRecord) -> str | None:
    return CallerIdentity.from_arn(record.identity_arn).account_id


def _month(record: UsageRecord) -> date:
    return record.timestamp.date().replace(day=1)


def _order(key: ChargeKey) -> tuple[object, ...]:
    """What sorts keys: prices that are not known go first."""
    *texts, kind, usd, list_usd, list_price = key
    listed = () if list_usd is None else (list_usd,)
    return (*texts, _KINDS.index(kind), usd, listed, list_price or ())
