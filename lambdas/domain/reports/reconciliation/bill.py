"""Reads lines of a CUR 2.0 export; each of its dollars ends in exactly one place.

Columns: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution import ProfiledModel
from lambdas.domain.pricing import BilledUnit, Routing, TokenKind
from lambdas.domain.pricing.price_list import (
    Endpoint,
    ModelNames,
    Plan,
    UsageType,
    read_day,
    read_usage_type,
    shipped_names,
)
from lambdas.domain.reports.reconciliation.amounts import (
    MAX_KEYS,
    ZERO,
    Amounts,
    TooManyUsesError,
    UsageKey,
    shared_model_id,
)
from lambdas.domain.reports.reconciliation.reasons import Apart, Reason

BEDROCK_FAMILY = "Amazon Bedrock"
BEDROCK_CODES = "AmazonBedrock"
"""The beginning of the codes of products and services that belong to Bedrock."""
BEDROCK_EDITION = "Amazon Bedrock Edition"
"""The end, in parentheses, of the names of products that AWS Marketplace bills."""
USAGE_LINES = frozenset({"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"})
"""The types of lines that are use; every other one is shown separately. Source:
https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html
"""
SETTLES_AFTER = timedelta(hours=72)
"""The age at which a bill is complete. AWS Marketplace, which bills Claude, takes over two days."""

_CURRENCIES = frozenset({"", "USD"})
_APPLICATION_PROFILE = ":application-inference-profile/"
_MAX_NUMBER_LENGTH = 60
_MAX_NUMBER = Decimal(10) ** 18
_MAX_SUBJECT_LENGTH = 200
_HOURS_A_DAY = 24
_DAY_LENGTH = len("YYYY-MM-DD")
_MILLION, _THOUSAND = Decimal(1_000_000), Decimal(1000)
_TOKENS_PER_UNIT = {"1k tokens": _THOUSAND, "1m tokens": _MILLION}


class BillError(ValueError):
    """A bill that cannot be compared. The text says what to change."""


class BillRow(NamedTuple):
    """A line of the bill as the export has it: text, empty where a value is absent.

    Attributes:
        usage_start: `line_item_usage_start_date`.
        usage_end: `line_item_usage_end_date`.
        line_item_type: `line_item_line_item_type`.
        account_id: `line_item_usage_account_id`.
        usage_type: `line_item_usage_type`.
        product_code: `line_item_product_code`.
        usage_amount: `line_item_usage_amount`.
        unblended_cost: `line_item_unblended_cost`.
        net_unblended_cost: `line_item_net_unblended_cost`, which accounts without discounts lack.
        unblended_rate: `line_item_unblended_rate`.
        currency: `line_item_currency_code`.
        iam_principal: `line_item_iam_principal`.
        resource_id: `line_item_resource_id`.
        public_cost: `pricing_public_on_demand_cost`.
        public_rate: `pricing_public_on_demand_rate`.
        pricing_unit: `pricing_unit`.
        family: `product_product_family`.
        servicecode: `product_servicecode`.
        region: `product_region_code`.
        model: The key `model` of the column `product`.
        service_name: The key `servicename`, or `product_name`, of the column `product`.
        feature: The key `feature` of the column `product`.
    """

    usage_start: str
    line_item_type: str
    account_id: str
    usage_type: str
    usage_amount: str
    unblended_cost: str
    usage_end: str = ""
    product_code: str = ""
    net_unblended_cost: str = ""
    unblended_rate: str = ""
    currency: str = ""
    iam_principal: str = ""
    resource_id: str = ""
    public_cost: str = ""
    public_rate: str = ""
    pricing_unit: str = ""
    family: str = ""
    servicecode: str = ""
    region: str = ""
    model: str = ""
    service_name: str = ""
    feature: str = ""


class ApartKey(NamedTuple):
    """A kind of lines that are not compared.

    Attributes:
        reason: The reason for leaving them out.
        subject: A usage type, a name of a model, a type of lines or the code of a service; empty
            for the other lines.
    """

    reason: Apart
    subject: str = ""


class _Use(NamedTuple):
    """The use that a line of the bill charges for.

    Attributes:
        key: The use.
        model_id: The model's whole id.
        usage: The usage type.
    """

    key: UsageKey
    model_id: str
    usage: UsageType


ListPrice: TypeAlias = Callable[[UsageKey, TokenKind], Decimal | None]
"""Gets the list price of a million tokens of a kind; `None` where it is not known."""


class Bill:
    """The lines of a bill, added up.

    Attributes:
        settled_before: The first day, UTC, that is too new to be compared.
        uses: Amounts that can be in logs, by use.
        off_log: Amounts that are never in logs, by reason and use.
        apart: Amounts that are not compared, by reason.
        profiles: The models behind application inference profiles, by the profile's ARN.
        days: The days that have use, by account.
        unread_days: The accounts and days of lines that may be a model's tokens, but are not
            understood.
        named_days: The accounts and days whose use has callers.
        unnamed_days: The accounts and days whose use has no caller in at least one line.
        lines: The number of lines.
    """

    def __init__(
        self, now: datetime, list_price: ListPrice, names: ModelNames | None = None
    ) -> None:
        """Start with no line.

        Args:
            now: UTC.
            list_price: Decides between units where the bill does not name one.
            names: The names of models; the shipped ones by default.
        """
        self.settled_before = (now - SETTLES_AFTER).date()
        self.uses: defaultdict[UsageKey, Amounts] = defaultdict(Amounts)
        self.off_log: defaultdict[tuple[Reason, UsageKey], Amounts] = defaultdict(Amounts)
        self.apart: defaultdict[ApartKey, Amounts] = defaultdict(Amounts)
        self.days: defaultdict[str, set[date]] = defaultdict(set)
        self.unread_days = set[tuple[str, date]]()
        self.named_days = set[tuple[str, date]]()
        self.unnamed_days = set[tuple[str, date]]()
        self.lines = 0
        self._hours: dict[UsageKey, tuple[int, int]] = {}
        self._profiles: defaultdict[str, set[ProfiledModel]] = defaultdict(set)
        self._list_price = list_price
        self._names = names or shipped_names()
        self._usage_type = lru_cache(4096)(read_usage_type)
        self._model_id = lru_cache(4096)(self._find_model)

    @property
    def profiles(self) -> Mapping[str, ProfiledModel]:
        """Application inference profiles that the bill shows with one model alone."""
        return {
            arn: next(iter(models)) for arn, models in self._profiles.items() if len(models) == 1
        }

    def add(self, row: BillRow) -> None:
        """Add a line.

        Raises:
            BillError: It is in another currency, or stands for a month.
            TooManyUsesError: There are more different uses than fit in memory.
        """
        self.lines += 1
        if row.currency not in _CURRENCIES:
            message = f"the bill is in {row.currency[:_MAX_SUBJECT_LENGTH]}; it must be in USD"
            raise BillError(message)
        if not _is_bedrock(row):
            self._set_apart(Apart.OTHER_SERVICE, row.product_code, _dollars(row))
        elif row.line_item_type not in USAGE_LINES:
            self._set_apart(Apart.ADJUSTMENT, row.line_item_type, _dollars(row))
        else:
            self._add_usage(row)
        self._check_size()

    def add_other_service(self, product_code: str, amounts: Amounts, lines: int) -> None:
        """Add the lines of another service, which the reader has added up.

        Raises:
            TooManyUsesError: There are more different services than fit in memory.
        """
        self.lines += lines
        self._set_apart(Apart.OTHER_SERVICE, product_code, amounts)
        self._check_size()

    def period(self, key: UsageKey) -> tuple[datetime, datetime]:
        """The time of a use: from the first to the last hour that the bill has, else the day."""
        first, last = self._hours.get(key, (0, _HOURS_A_DAY - 1))
        midnight = datetime.combine(key.day, time(), UTC)
        return midnight + timedelta(hours=first), midnight + timedelta(hours=last + 1)

    def _check_size(self) -> None:
        if max(len(self.uses), len(self.off_log), len(self.apart)) > MAX_KEYS:
            raise TooManyUsesError

    def _add_usage(self, row: BillRow) -> None:
        day, quantity, cost = read_day(row.usage_start), _number(row.usage_amount), _dollars(row)
        if day is None or quantity is None or _number(row.unblended_cost) is None:
            self._set_apart(Apart.UNREADABLE, row.usage_type, cost)
            return
        _check_granularity(row, day)
        amounts = Amounts(quantity, cost.list_usd, cost.effective_usd)
        self.days[row.account_id].add(day)
        if day >= self.settled_before:
            self._set_apart(Apart.NOT_SETTLED, "", amounts)
            return
        use = self._read_use(row, day)
        if isinstance(use, ApartKey):
            if _may_be_tokens(row, use):
                self.unread_days.add((row.account_id, day))
            self.apart[use] += amounts
            return
        tokens = quantity * self._size(row, use, amounts)
        amounts = Amounts(tokens, cost.list_usd, cost.effective_usd)
        reason = _get_off_log_reason(row, use.usage)
        if reason is not None:
            self.off_log[reason, use.key] += amounts
            return
        hour = _hour(row)
        if hour is not None:
            first, last = self._hours.get(use.key, (hour, hour))
            self._hours[use.key] = min(first, hour), max(last, hour)
        self.uses[use.key] += amounts
        days = self.named_days if row.iam_principal else self.unnamed_days
        days.add((row.account_id, day))
        if _APPLICATION_PROFILE in row.resource_id:
            profiled = ProfiledModel(use.model_id, use.key.routing is Routing.GLOBAL)
            self._profiles[row.resource_id].add(profiled)

    def _read_use(self, row: BillRow, day: date) -> _Use | ApartKey:
        """Read what a line is for, or find the reason why it is set apart."""
        usage = self._usage_type(row.usage_type)
        subject = row.usage_type[:_MAX_SUBJECT_LENGTH]
        if usage is not None and usage.plan in _OTHER_PLANS:
            return ApartKey(_OTHER_PLANS[usage.plan], subject)
        if usage is None or usage.measure is None:
            return ApartKey(Apart.UNKNOWN_USAGE_TYPE, subject)
        region = row.region or usage.region
        if not region:
            return ApartKey(Apart.UNKNOWN_REGION, subject)
        model_id = self._model_id(row.model, usage.model, row.service_name)
        if model_id is None:
            name = row.model or row.service_name or usage.model
            return ApartKey(Apart.UNMAPPED_MODEL, name[:_MAX_SUBJECT_LENGTH])
        routing = Routing.GLOBAL if usage.routing is Routing.GLOBAL else Routing.REGION
        key = UsageKey(
            day=day,
            account_id=row.account_id,
            region=region,
            identity_arn=row.iam_principal,
            model_id=shared_model_id(model_id),
            measure=usage.measure,
            routing=routing,
            service_tier=usage.service_tier,
        )
        return _Use(key, model_id, usage)

    def _find_model(self, model: str, spelled: str, service_name: str) -> str | None:
        return self._names.find(name for name in (model, spelled or service_name) if name)

    def _size(self, row: BillRow, use: _Use, amounts: Amounts) -> Decimal:
        """The tokens in a unit of the amount; 1 for other units.

        Exports leave `pricing_unit` out at times. AWS Marketplace counts millions. For the rest
        the size is taken that brings the price of the line closer to the list price.
        """
        kind = use.key.measure
        if isinstance(kind, BilledUnit):
            return Decimal(1)
        stated = _TOKENS_PER_UNIT.get(row.pricing_unit.strip().lower())
        if stated is not None:
            return stated
        if use.usage.is_marketplace:
            return _MILLION
        listed = self._list_price(use.key, kind)
        if not listed or not amounts.quantity or not amounts.list_usd:
            return _THOUSAND
        usd = amounts.list_usd / amounts.quantity
        return min((_THOUSAND, _MILLION), key=lambda size: _distance(usd * _MILLION / size, listed))

    def _set_apart(self, reason: Apart, subject: str, amounts: Amounts) -> None:
        self.apart[ApartKey(reason, subject[:_MAX_SUBJECT_LENGTH])] += amounts


_OTHER_PLANS = {
    Plan.PROVISIONED: Apart.PROVISIONED,
    Plan.RESERVED: Apart.RESERVED,
    Plan.CUSTOMIZATION: Apart.CUSTOMIZATION,
}


def _may_be_tokens(row: BillRow, why: ApartKey) -> bool:
    is_hourly = why.reason in _OTHER_PLANS.values()
    return not is_hourly and (
        why.reason is Apart.UNMAPPED_MODEL or "token" in row.usage_type.lower()
    )


def _get_off_log_reason(row: BillRow, usage: UsageType) -> Reason | None:
    """The reason why a use is never in invocation logs, or not as use of its base model."""
    if usage.plan is Plan.CUSTOM_MODEL:
        return Reason.CUSTOM_MODEL
    if usage.plan is Plan.BATCH or "batch" in row.feature.lower():
        return Reason.BATCH
    return Reason.MANTLE if usage.endpoint is Endpoint.MANTLE else None


def _is_bedrock(row: BillRow) -> bool:
    return (
        row.family == BEDROCK_FAMILY
        or row.product_code.startswith(BEDROCK_CODES)
        or row.servicecode.startswith(BEDROCK_CODES)
        or row.service_name.endswith(f"({BEDROCK_EDITION})")
    )


def _dollars(row: BillRow) -> Amounts:
    """The list cost and the effective cost of a line; 0 where a number cannot be read."""
    unblended = _number(row.unblended_cost) or ZERO
    net = _number(row.net_unblended_cost)
    effective = unblended if net is None else net
    if row.line_item_type not in USAGE_LINES:
        return Amounts(list_usd=ZERO, effective_usd=effective)
    return Amounts(list_usd=_list_usd(row, unblended), effective_usd=effective)


def _list_usd(row: BillRow, unblended: Decimal) -> Decimal:
    """The cost at public rates; lines of AWS Marketplace lack it: unit price times amount."""
    public = _number(row.public_cost)
    if public or (public is not None and not unblended):
        return public
    rate, quantity = _number(row.public_rate), _number(row.usage_amount)
    rate = rate or _number(row.unblended_rate)
    return unblended if rate is None or quantity is None else rate * quantity


def _distance(one: Decimal, other: Decimal) -> Decimal:
    """The factor between two positive prices."""
    return max(one, other) / min(one, other)


def _check_granularity(row: BillRow, day: date) -> None:
    end = read_day(row.usage_end)
    if end is not None and (end - day).days > 1:
        message = (
            "a line of the bill stands for more than a day. Make an export with TIME_GRANULARITY"
            " DAILY or HOURLY"
        )
        raise BillError(message)


def _hour(row: BillRow) -> int | None:
    """The hour of a line; `None` where the line is of a day."""
    hour = row.usage_start[_DAY_LENGTH + 1 : _DAY_LENGTH + 3]
    is_same_day = row.usage_end[:_DAY_LENGTH] == row.usage_start[:_DAY_LENGTH]
    if not (hour.isascii() and hour.isdigit()) or (int(hour) == 0 and not is_same_day):
        return None
    return min(int(hour), _HOURS_A_DAY - 1)


def _number(text: str) -> Decimal | None:
    if not text or len(text) > _MAX_NUMBER_LENGTH:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= _MAX_NUMBER else None
