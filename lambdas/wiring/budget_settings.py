"""Budgets as `budgets.json` writes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from lambdas.domain.budgets import (
    DEFAULT_CEILING,
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    UnpricedCeiling,
    find_brake_obstacle,
    find_gateway_window,
    make_weeks,
)
from lambdas.domain.credits import DEFAULT_PRIORITY, MAX_GRANTS, CreditGrant, check_grant
from lambdas.domain.limits import LimitMode
from lambdas.domain.money import to_picodollars
from lambdas.wiring.allowed_values import SettingsModel, check
from lambdas.wiring.budget_values import (
    Anchor,
    CreditUsd,
    GrantId,
    Identity,
    Label,
    Model,
    Percentages,
    PeriodCount,
    Principal,
    Priority,
    Probability,
    RegionName,
    Tokens,
    Usd,
    UsdPerMillion,
    UsdPerUnit,
    Weekday,
    WholeHour,
    WindowHours,
)
from lambdas.wiring.file_values import EntryName, Names, TimeZone

_UTC = "UTC"
_DEFAULT_THRESHOLDS = BudgetThresholds()


class _BudgetModel(SettingsModel):
    """A part of the file; the texts below fields are in its JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ScopeSetting(_BudgetModel):
    """The usage that is summed: all that meets every condition; {} for the whole account.

    A condition is a name, or a list of up to 20 names. One of them has to match.
    """

    project: Names[Label] = ()
    """Projects; * in a name stands for any text, and unattributed for usage without a project."""
    department: Names[Label] = ()
    """Departments, likewise."""
    use_case: Names[Label] = ()
    """Use cases, likewise."""
    identity: Names[Identity] = ()
    """Full ARNs of users and of roles' sessions; * stands for any text."""
    principal: Names[Principal] = ()
    """ARNs of roles and users without their paths, for all their sessions; * for any text."""
    model: Names[Model] = ()
    """Ids of foundation models, or their beginning and a *."""
    region: Names[RegionName] = ()
    """Regions that were called, or their beginning and a *."""

    def to_domain(self) -> BudgetScope:
        """The scope as budgets apply it."""
        return BudgetScope(**dict(self))


class AmountSetting(_BudgetModel):
    """The amount of a period: one of the three."""

    usd: Usd | None = None
    """US dollars, at the prices that you pay."""
    total_tokens: Tokens | None = None
    """All tokens: input, output, cache reads and cache writes."""
    quota_tokens: Tokens | None = None
    """Tokens as Bedrock's quotas count them."""

    @model_validator(mode="after")
    def _has_one_unit(self) -> Self:
        check("amount", "one of usd, total_tokens and quota_tokens", is_so=len(self._given) == 1)
        return self

    @property
    def _given(self) -> dict[str, Decimal | int]:
        return {name: value for name, value in self if value is not None}

    def to_domain(self) -> BudgetAmount:
        """The amount as budgets apply it."""
        if self.usd is not None:
            return BudgetAmount.from_usd(self.usd)
        ((unit, tokens),) = self._given.items()
        return BudgetAmount(BudgetUnit(unit), int(tokens))


class PeriodSetting(_BudgetModel):
    """The period after which usage counts from 0 again, or the hours of a window that moves."""

    every: Literal["hour", "day", "week", "month"] | None = None
    """The period, by the calendar and the clocks of the time zone."""
    count: PeriodCount = 1
    """The number of days or months in a period. Above 1, anchor says when one begins."""
    anchor: Anchor | None = None
    """The first day of a period of days or months; others follow before and after it."""
    week_starts: Weekday = "monday"
    """The first day of the week."""
    time_zone: TimeZone = _UTC
    """The IANA name of the time zone. Zones with parts of an hour need cells of a quarter."""
    last_hours: WindowHours | None = None
    """Instead of every: the hours of a window that ends with the current hour of UTC."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        is_window, has_days = self.last_hours is not None, self.every in {"day", "month"}
        check("period", "either every or last_hours", is_so=(self.every is None) == is_window)
        check("count", "1, unless every is day or month", is_so=self.count == 1 or has_days)
        check("anchor", "only if every is day or month", is_so=self.anchor is None or has_days)
        check(
            "anchor",
            "the first day of a period, such as 2026-01-05, if count is above 1",
            is_so=self.count == 1 or self.anchor is not None,
        )
        check(
            "week_starts",
            "only if every is week",
            is_so="week_starts" not in self.model_fields_set or self.every == "week",
        )
        check(
            "time_zone",
            "only with every: windows move by the hour of UTC",
            is_so=self.time_zone == _UTC or not is_window,
        )
        return self

    def to_domain(self) -> PeriodRule:
        """The rule of periods."""
        anchor = {} if self.anchor is None else {"anchor": self.anchor}
        if self.last_hours is not None:
            return RollingHours(self.last_hours)
        if self.every == "hour":
            return HourPeriods(self.time_zone)
        if self.every == "week":
            return make_weeks(self.time_zone, self.week_starts)
        if self.every == "day":
            return DayPeriods(self.time_zone, self.count, **(anchor if self.count > 1 else {}))
        return MonthPeriods(self.time_zone, self.count, **anchor)

    def find_field_without_calendar(self) -> str | None:
        """Find the field that makes this a period that no calendar has; `None` if one has it."""
        if find_gateway_window(self.to_domain()) is not None:
            return None
        fields = ("last_hours", "count", "anchor", "week_starts")
        defaults = PeriodSetting.model_fields
        return next(each for each in fields if getattr(self, each) != defaults[each].default)


class AlertSetting(_BudgetModel):
    """The percentages of the amount at which people are alerted, each once a period."""

    actual: Percentages = _DEFAULT_THRESHOLDS.actual
    """Percentages of the amount that usage has reached."""
    forecast: Percentages = _DEFAULT_THRESHOLDS.forecast
    """Percentages that usage will probably have reached at the end of the period."""
    forecast_probability: Probability = _DEFAULT_THRESHOLDS.forecast_probability
    """The least probability for an alert on a forecast."""

    def to_domain(self) -> BudgetThresholds:
        """The thresholds as budgets apply them."""
        return BudgetThresholds(**dict(self))


class CeilingSetting(_BudgetModel):
    """The prices at which tokens without a known price count, in US dollars a million tokens."""

    input: UsdPerMillion = DEFAULT_CEILING.input_usd
    """The price of prompt tokens, cached ones included."""
    output: UsdPerMillion = DEFAULT_CEILING.output_usd
    """The price of output tokens."""


class UnitCeilingSetting(_BudgetModel):
    """The prices at which usage other than tokens counts without a known price, in US dollars."""

    image: UsdPerUnit = DEFAULT_CEILING.image_usd
    """The price of an image."""
    video_second: UsdPerUnit = DEFAULT_CEILING.video_second_usd
    """The price of a second of video."""
    other: UsdPerUnit = DEFAULT_CEILING.other_unit_usd
    """The price of another unit, and of a call whose log reports no usage."""


class BudgetSetting(_BudgetModel):
    """A budget."""

    name: EntryName
    """The name, which no other budget of the deployment has."""
    scope: ScopeSetting
    amount: AmountSetting
    period: PeriodSetting
    per: BudgetSubject | None = None
    """A default: each identity, principal or project in the scope has the amount for itself.

    A budget whose scope names one of them, and is otherwise the same, replaces it there, if both
    have the same unit and length of periods.
    """
    alerts: AlertSetting = AlertSetting()
    unpriced_usd_per_million: CeilingSetting = CeilingSetting()
    unpriced_usd_per_unit: UnitCeilingSetting = UnitCeilingSetting()
    brake: BrakeMode = BrakeMode.NOTIFY
    """The effect on callers when the amount is used up: alerts alone, a report, or a deny."""
    gateway: LimitMode | None = None
    """The answer of the gateway to a call that could exceed the amount: enforce refuses it, shadow
    only reports it. Without this field, the gateway does not limit by the budget.
    """

    @model_validator(mode="after")
    def _is_for_several_values(self) -> Self:
        named = self.per and self.scope.to_domain().named_value(self.per.field)
        check(
            "per",
            f"a label that the scope does not name; leave out per or scope.{self.per}",
            is_so=not named,
        )
        return self

    @model_validator(mode="after")
    def _forecasts_periods_that_end(self) -> Self:
        check(
            "alerts",
            "no forecast with last_hours: a window that moves has no end to forecast",
            is_so=self.period.last_hours is None or "forecast" not in self.alerts.model_fields_set,
        )
        return self

    @model_validator(mode="after")
    def _is_enforceable(self) -> Self:
        obstacle = find_brake_obstacle(self.scope.to_domain(), self.per)
        if obstacle is not None and self.brake is not BrakeMode.NOTIFY:
            message = f"brake: {self.brake}: {obstacle}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _has_periods_of_the_gateway(self) -> Self:
        field = self.period.find_field_without_calendar()
        check(
            "gateway",
            "only for periods of one hour, day, week from Monday or month; leave out gateway or"
            f" period.{field}",
            is_so=self.gateway is None or field is None,
        )
        return self

    def to_domain(self, managed_by: str) -> Budget:
        """The budget of a manager."""
        thresholds = self.alerts.to_domain()
        if self.period.last_hours is not None:
            thresholds = replace(thresholds, forecast=())
        return Budget(
            name=self.name,
            managed_by=managed_by,
            scope=self.scope.to_domain(),
            amount=self.amount.to_domain(),
            periods=self.period.to_domain(),
            thresholds=thresholds,
            unpriced_ceiling=self._read_ceiling(),
            per=self.per,
            brake=self.brake,
            gateway=self.gateway,
        )

    def _read_ceiling(self) -> UnpricedCeiling:
        of_tokens, of_units = self.unpriced_usd_per_million, self.unpriced_usd_per_unit
        return UnpricedCeiling(
            input_usd=of_tokens.input,
            output_usd=of_tokens.output,
            image_usd=of_units.image,
            video_second_usd=of_units.video_second,
            other_unit_usd=of_units.other,
        )


class GrantSetting(_BudgetModel):
    """An amount of credits that usage draws down."""

    id: GrantId
    """The name, which no other grant has."""
    usd: CreditUsd
    """The amount in US dollars, at the prices that you pay."""
    scope: ScopeSetting = ScopeSetting()
    """The usage that it pays for; without this field, that of the account."""
    priority: Priority = DEFAULT_PRIORITY
    """The place among the grants that could pay: the lowest number pays first."""
    effective_from: WholeHour
    """The first hour whose usage it pays for."""
    expires_at: WholeHour | None = None
    """The hour from which it pays for no usage; without this field, it has no end."""
    note: str = ""
    """A text, such as the number of an order."""

    @model_validator(mode="after")
    def _can_be_granted(self) -> Self:
        check_grant(self.to_domain())
        return self

    def to_domain(self) -> CreditGrant:
        """The grant, as if it was granted in the hour in which it begins."""
        return CreditGrant(
            id=self.id,
            picodollars=to_picodollars(self.usd),
            scope=self.scope.to_domain(),
            priority=self.priority,
            effective_from=self.effective_from,
            expires_at=self.expires_at,
            created_at=self.effective_from,
            note=self.note,
        )


class BudgetsFile(_BudgetModel):
    """Budgets of Bedrock Meter."""

    schema_address: Annotated[str | None, Field(alias="$schema")] = None
    """The address of this schema, for editors."""
    managed_by: EntryName
    """The name of what manages these budgets, such as a team. Other files cannot change them."""
    budgets: tuple[BudgetSetting, ...]
    grants: tuple[GrantSetting, ...] = ()
    """Credits. Only reports on log files read them; bedrock-meter credits grant adds those of a
    deployment.
    """

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        names = Counter(budget.name for budget in self.budgets)
        check("budgets", f"each name once; {_list_repeated(names)}", is_so=_are_different(names))
        ids = Counter(grant.id for grant in self.grants)
        check("grants", f"each id once; {_list_repeated(ids)}", is_so=_are_different(ids))
        check("grants", f"up to {MAX_GRANTS:,} of them", is_so=len(ids) <= MAX_GRANTS)
        return self

    def to_domain(self) -> tuple[Budget, ...]:
        """The budgets."""
        return tuple(budget.to_domain(self.managed_by) for budget in self.budgets)


def _are_different(names: Counter[str]) -> bool:
    return all(count == 1 for count in names.values())


def _list_repeated(names: Counter[str]) -> str:
    repeated = sorted(name for name, count in names.items() if count > 1)
    return f"more than once: {', '.join(repeated)}"
