"""Adds calls up into charges: the properties that the usage of a row shares, and its amount."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution import AttributionSource
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.invocations import CallerIdentity, UsageRecord
from lambdas.domain.metrics import OTHER_MODELS
from lambdas.domain.pricing import (
    BilledUnit,
    Cost,
    CostLine,
    ListRate,
    PriceBasis,
    Routing,
    TokenKind,
    UnitLine,
    Unpriced,
)
from lambdas.domain.reports.focus.identity_detail import IdentityDetail

MAX_CHARGES = 1_000_000
"""The largest number of charges in memory, about a kilobyte each."""

NO_ACCOUNT = "no_account"
"""The reason of a call with a price to be left out: the account that pays is not known."""

NO_PERIOD = "no_period"
"""The reason of a call with a price to be left out: FOCUS cannot write the month."""
MAX_TEXT_LENGTH = 2048
"""The most characters of text from a log; longer text, which AWS never writes, is cut off."""

Meter: TypeAlias = TokenKind | BilledUnit
"""The counted quantity: tokens of a kind, or other units."""
_METERS: tuple[Meter, ...] = (*TokenKind, *BilledUnit)
MAX_LEFT_OUT = 10_000
"""Pairs of model and reason that a billing period names among the calls in no charge: forged
records can name any number of models. The calls of the rest are of `OTHER_MODELS`."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Source: https://owasp.org/www-community/attacks/CSV_Injection"""
_FIRST_MONTH, _LAST_MONTH = date(1000, 1, 1), date(9999, 11, 1)


class TooManyChargesError(Exception):
    """There are too many charges even without callers.

    None is written: a part would pass for all.
    """


class ListPrice(NamedTuple):
    """A reference to a price in the price book.

    Attributes:
        model_id: The model, as the book spells it.
        area: The scope in which it holds.
        above_input_tokens: It holds for calls that read more than so many tokens.
        source: Its source.
        basis: Its basis.
    """

    model_id: str
    area: str
    above_input_tokens: int
    source: str
    basis: PriceBasis


class ChargeKey(NamedTuple):
    """The properties that all usage of a charge shares.

    Attributes:
        day: The day of the calls, UTC.
        account_id: The account that was called.
        region: The Region that was called; empty where the log does not name it.
        identity_arn: The whole ARN of the caller.
        model_id: The foundation model.
        invoked_model_id: The id or ARN that the caller named.
        project: The project that the calls are attributed to, or `UNATTRIBUTED`.
        department: Their department.
        use_case: Their use case.
        source: The attribution source of the project.
        service_tier: The tier that served the calls; empty for the standard one.
        edition: The edition of the price book; empty where it has no name.
        meter: The kind of the tokens, or the unit.
        usd: The price that is paid for a million tokens, or for one unit.
        list_usd: Their list price; `None` where there is only a contracted price.
        list_price: The reference to that price, or `None`.
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
    source: AttributionSource
    service_tier: str
    edition: str
    meter: Meter
    usd: Decimal
    list_usd: Decimal | None
    list_price: ListPrice | None

    @property
    def month(self) -> date:
        """The first day of the billing period."""
        return self.day.replace(day=1)


class Charge(NamedTuple):
    """Usage of one kind, one day and one price: a row of the dataset.

    Attributes:
        key: The properties that its usage shares.
        quantity: The number of tokens or units.
    """

    key: ChargeKey
    quantity: int


class LeftOut(NamedTuple):
    """Successful calls that are in no charge, and so in no cost.

    Attributes:
        model_id: Their foundation model, or `OTHER_MODELS` past a bound.
        reason: A value of `Unpriced`, `NO_ACCOUNT` or `NO_PERIOD`.
        invocations: Their number.
        tokens: Their tokens, as far as they were reported.
    """

    model_id: str
    reason: str
    invocations: int
    tokens: int


@dataclass(slots=True)
class DailyCharges:
    """Charges of calls, kept up to date call by call; calls come in any order.

    Attributes:
        account_id: The account of calls whose log names none; `None` for the caller's account.
        identity_detail: The detail with which charges name callers. It decreases, for all calls,
            where there would be more than `MAX_CHARGES`.
    """

    account_id: str | None = None
    identity_detail: IdentityDetail = IdentityDetail.SESSIONS
    _quantities: dict[ChargeKey, int] = field(default_factory=dict)
    _priced: Counter[date] = field(default_factory=Counter)
    _left_out: defaultdict[date, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _left_out_tokens: defaultdict[date, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, call: EnrichedCall, times: int = 1) -> None:
        """Add a call, or with `times=-1` take it out again.

        Raises:
            TooManyChargesError: It would be one charge too many, with no caller named any more.
        """
        cost = call.cost
        if cost is None:
            return
        charged_at = _charged_at(call.record)
        month = charged_at.date().replace(day=1)
        record = call.record
        account_id = _read_account(record) or self.account_id or _get_caller_account(record)
        if isinstance(cost, Unpriced):
            self._leave_out(call, month, cost.value, times)
        elif not account_id:
            self._leave_out(call, month, NO_ACCOUNT, times)
        elif not _has_period(charged_at):
            self._leave_out(call, month, NO_PERIOD, times)
        else:
            self._priced[month] += times
            shared = _shared(call, cost, charged_at.date(), account_id)
            lines: list[CostLine | UnitLine] = [*cost.lines, *cost.unit_lines]
            for line in lines:
                meter, quantity, rates = _read_line(line)
                self._add(ChargeKey(*shared, meter, *rates), times * quantity)

    def months(self) -> list[date]:
        """The first days of all billing periods with calls, in order."""
        counted = {month for month, calls in self._priced.items() if calls}
        return sorted(counted | {month for month in self._left_out if self.left_out(month)})

    def charges(self, month: date) -> Iterator[Charge]:
        """The charges of a billing period, in an order that depends on nothing but them."""
        keys = (key for key in self._quantities if key.month == month)
        for key in sorted(keys, key=_order):
            yield Charge(key, self._quantities[key])

    def priced_invocations(self, month: date) -> int:
        """The number of calls in the charges of a billing period."""
        return self._priced[month]

    def left_out(self, month: date) -> list[LeftOut]:
        """The calls of a billing period that are in no charge, by model and reason."""
        tokens = self._left_out_tokens[month]
        return [
            LeftOut(model_id, reason, calls, tokens[model_id, reason])
            for (model_id, reason), calls in sorted(self._left_out[month].items())
            if calls
        ]

    def _add(self, key: ChargeKey, quantity: int) -> None:
        key = _reduce(key, self.identity_detail)
        total = self._quantities.get(key, 0) + quantity
        if total:
            self._quantities[key] = total
            while len(self._quantities) > MAX_CHARGES:
                self._name_less()
        else:
            self._quantities.pop(key, None)

    def _name_less(self) -> None:
        if self.identity_detail is IdentityDetail.NOTHING:
            message = f"there are more than {MAX_CHARGES:,} charges"
            raise TooManyChargesError(message)
        self.identity_detail = IdentityDetail(self.identity_detail + 1)
        whole, self._quantities = self._quantities, {}
        while whole:
            key, quantity = whole.popitem()
            key = _reduce(key, self.identity_detail)
            self._quantities[key] = self._quantities.get(key, 0) + quantity

    def _leave_out(self, call: EnrichedCall, month: date, reason: str, times: int) -> None:
        key = (call.models.own.model_id[:MAX_TEXT_LENGTH], reason)
        known = self._left_out[month]
        if key not in known and len(known) >= MAX_LEFT_OUT:
            key = (OTHER_MODELS, reason)
        known[key] += times
        self._left_out_tokens[month][key] += times * (call.record.tokens.total or 0)


def is_formula(text: str) -> bool:
    """Say if a spreadsheet would take a cell for a formula; no text of AWS's begins so."""
    return text.startswith(_FORMULA_STARTS)


_Rates: TypeAlias = tuple[Decimal, Decimal | None, ListPrice | None]
_Shared: TypeAlias = tuple[
    date, str, str, str, str, str, str, str, str, AttributionSource, str, str
]


def _read_line(line: CostLine | UnitLine) -> tuple[Meter, int, _Rates]:
    """Read a line of a call's cost: what is counted, how much of it, and at which prices."""
    listed = _list_price(line.listed) if line.listed else None
    if isinstance(line, UnitLine):
        return line.unit, line.quantity, (line.usd_per_unit, line.listed.usd, listed)
    return line.kind, line.tokens, (line.usd_per_million, line.list_usd_per_million, listed)


def _list_price(rate: ListRate) -> ListPrice:
    price = rate.price
    is_global = price.routing is Routing.GLOBAL
    scope = "/".join(filter(None, (Routing.GLOBAL, price.place))) if is_global else price.place
    return ListPrice(price.model_id, scope, rate.above_input_tokens, price.source, rate.basis)


def _shared(call: EnrichedCall, cost: Cost, day: date, account_id: str) -> _Shared:
    record, attribution, variant = call.record, call.attribution, call.priced_as
    invoked = variant.invoked_model_id if call.models.disputed else record.invoked_model_id
    return (
        day,
        account_id[:MAX_TEXT_LENGTH],
        "" if is_formula(record.region) else record.region[:MAX_TEXT_LENGTH],
        record.identity_arn[:MAX_TEXT_LENGTH],
        variant.model_id[:MAX_TEXT_LENGTH],
        (record.prompt_router or invoked)[:MAX_TEXT_LENGTH],
        attribution.project,
        attribution.department,
        attribution.use_case,
        attribution.source,
        variant.service_tier or "",
        cost.edition,
    )


def _reduce(key: ChargeKey, detail: IdentityDetail) -> ChargeKey:
    """The key with as much of its caller as is named."""
    if detail is IdentityDetail.SESSIONS:
        return key
    invoked = key.model_id if detail is IdentityDetail.NOTHING else key.invoked_model_id
    return key._replace(identity_arn=detail.reduce(key.identity_arn), invoked_model_id=invoked)


def _read_account(record: UsageRecord) -> str | None:
    """The account that the log names; anybody who can write a log line can write other text."""
    return None if is_formula(record.account_id) else record.account_id


def _get_caller_account(record: UsageRecord) -> str | None:
    account_id = CallerIdentity.from_arn(record.identity_arn).account_id
    return None if account_id is None or is_formula(account_id) else account_id


def _charged_at(record: UsageRecord) -> datetime:
    """The earliest time that has a billing period, of the times that readings report."""
    reported = record.conflicts.timestamps if record.conflicts else ()
    return next(filter(_has_period, reported), record.timestamp)


def _has_period(timestamp: datetime) -> bool:
    return _FIRST_MONTH <= timestamp.date().replace(day=1) <= _LAST_MONTH


def _order(key: ChargeKey) -> tuple[object, ...]:
    """The sort key of charges: unknown prices go first."""
    *texts, meter, usd, list_usd, list_price = key
    listed = () if list_usd is None else (list_usd,)
    return (*texts, _METERS.index(meter), usd, listed, list_price or ())
