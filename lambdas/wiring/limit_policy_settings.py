"""Policies of the gateway as `limits.json` writes them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from lambdas.domain.limit_policies import (
    MAX_AMOUNT,
    MAX_USD,
    Partition,
    Policy,
    PolicyLimit,
    PolicyMatch,
    PolicySet,
    Tier,
    WhenOut,
)
from lambdas.domain.limits import (
    MAX_COUNTERS,
    MAX_ROLLING_SECONDS,
    AnyWindow,
    CalendarUnit,
    FailMode,
    Limit,
    LimitMode,
    LimitUnit,
    RollingWindow,
    make_calendar_window,
)
from lambdas.domain.money import to_picodollars
from lambdas.wiring.allowed_values import SettingsModel, allowed, check, like
from lambdas.wiring.file_values import EntryName, Names, TimeZone
from lambdas.wiring.model_names import foundation_model

MAX_POLICIES = 100
MAX_MARKS = 5
_UTC = "UTC"
_MAX_LIMITS = MAX_COUNTERS + 1
_PER = re.compile(r"(?P<seconds>[1-9]\d{0,3})s|minute|hour|day|week|month", re.ASCII)
_PER_FORM = (
    f"1s to {MAX_ROLLING_SECONDS}s for the last seconds before any call, or minute, hour, day,"
    " week or month for a period of the calendar"
)
_USD_PLACES = 6


def _is_per(text: str) -> bool:
    found = _PER.fullmatch(text)
    return found is not None and int(found["seconds"] or 1) <= MAX_ROLLING_SECONDS


_Pattern: TypeAlias = Annotated[
    str, like(r"[^?\[\]]{1,256}", "a text of up to 256 letters, in which * stands for any text")
]
_Caller: TypeAlias = Annotated[
    str,
    like(
        r"[\w+=,.@*-]{1,256}",
        "the name of a caller's sessions, as keys list prints it, in which * stands for any text",
    ),
]
_Model: TypeAlias = Annotated[_Pattern, AfterValidator(foundation_model)]
_KeyPrefix: TypeAlias = Annotated[
    str, like(r"bmk_[a-z2-7]{8}", "the prefix of a key, as keys list prints it")
]
_Per: TypeAlias = Annotated[
    str,
    allowed(_PER_FORM, _is_per),
    WithJsonSchema({"type": "string", "pattern": f"^({_PER.pattern.replace('?P<seconds>', '')})$"}),
]
_Mark: TypeAlias = Annotated[int, Field(ge=1, le=100)]
_Marks: TypeAlias = Annotated[
    tuple[_Mark, ...],
    allowed(
        f"up to {MAX_MARKS} different percentages",
        lambda marks: len(marks) <= MAX_MARKS and len({*marks}) == len(marks),
    ),
    AfterValidator(lambda marks: tuple(sorted(marks))),
]


class _PolicyModel(SettingsModel):
    """A part of the file; the texts below fields are in its JSON Schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class MatchSetting(_PolicyModel):
    """The calls of a policy: those that meet every condition; {} for all calls.

    A condition is a name, or a list of up to 20 names. One of them has to match.
    """

    caller: Names[_Caller] = ()
    """Callers: the names of their sessions, as keys list prints them; * stands for any text."""
    key: Names[_KeyPrefix] = ()
    """The prefixes of keys."""
    tier: Names[EntryName] = ()
    """Tiers of keys."""
    project: Names[_Pattern] = ()
    """Projects of keys; * stands for any text."""
    model: Names[_Model] = ()
    """Ids of foundation models, such as anthropic.claude*, without us. or global. before them; *
    stands for any text. Calls whose model is hidden match, too."""
    operation: Names[
        Literal["Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"]
    ] = ()
    """Operations of Bedrock."""

    def to_domain(self) -> PolicyMatch:
        """The conditions as they are applied."""
        return PolicyMatch(**dict(self))


class LimitSetting(_PolicyModel):
    """A limit of a policy."""

    unit: LimitUnit
    """quota_tokens counts as Bedrock's quotas do; input has no cached tokens; usd is what you pay
    for tokens."""
    amount: Annotated[Decimal, WithJsonSchema({"type": ["number", "string"]})]
    """The amount that is allowed: a whole number, or US dollars."""
    per: _Per | None = None
    """The window, such as 60s for the last 60 seconds, or minute, hour, day, week or month."""
    time_zone: TimeZone = _UTC
    """The IANA name of the time zone of an hour, a day, a week or a month."""
    mode: LimitMode = LimitMode.ENFORCE
    """enforce refuses calls, shadow only reports them."""
    near: _Marks = ()
    """Percentages of the amount that are reported when they are reached, such as [80, 95]."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        is_usd, is_concurrent = self.unit is LimitUnit.USD, self.unit is LimitUnit.CONCURRENT
        check(
            "amount",
            f"0 to {MAX_USD:,} with up to {_USD_PLACES} decimal places for usd, else a whole"
            f" number from 0 to {MAX_AMOUNT:,}",
            is_so=self._is_usd if is_usd else self._is_whole,
        )
        form = "none for concurrent" if is_concurrent else _PER_FORM
        check("per", form, is_so=(self.per is None) is is_concurrent)
        has_zone = self.per in {"hour", "day", "week", "month"}
        check(
            "time_zone",
            "only if per is hour, day, week or month",
            is_so=self.time_zone == _UTC or has_zone,
        )
        return self

    @property
    def _is_usd(self) -> bool:
        return 0 <= self.amount <= MAX_USD and self.amount == round(self.amount, _USD_PLACES)

    @property
    def _is_whole(self) -> bool:
        return 0 <= self.amount <= MAX_AMOUNT and self.amount == int(self.amount)

    def to_domain(self) -> PolicyLimit:
        """The limit as it is applied."""
        is_usd = self.unit is LimitUnit.USD
        amount = to_picodollars(self.amount) if is_usd else int(self.amount)
        return PolicyLimit(Limit(self.unit, amount, self._make_window(), self.mode), self.near)

    def _make_window(self) -> AnyWindow | None:
        if self.per is None:
            return None
        if self.per.endswith("s"):
            return RollingWindow(int(self.per.removesuffix("s")))
        return make_calendar_window(CalendarUnit(self.per), self.time_zone)


class PolicySetting(_PolicyModel):
    """A policy: which calls are limited, what they are counted by, and the limits."""

    name: EntryName
    """The name, which callers see. Policies of one name count together."""
    match: MatchSetting = MatchSetting()
    """The calls that it limits."""
    partition_by: Names[Partition] = ()
    """The properties that it counts by: each caller, key, project, model or tier has the limits for
    itself. All calls share them if this is left out."""
    limits: Annotated[
        tuple[LimitSetting, ...],
        allowed(
            f"1 to {MAX_COUNTERS} limits, and one of unit concurrent",
            lambda limits: 1 <= len(limits) <= _MAX_LIMITS,
        ),
        Field(json_schema_extra={"minItems": 1, "maxItems": _MAX_LIMITS}),
    ]
    """The limits. A call has to keep all of them."""
    when_out: WhenOut | None = None
    """throttle: AWS's SDKs wait and try again. refuse: they do not. If it is left out, they wait
    for up to two minutes."""
    fail: FailMode = FailMode.CLOSED
    """open admits calls while limits cannot be checked, closed refuses them."""

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        self.to_domain()
        return self

    def to_domain(self) -> Policy:
        """The policy as it is applied."""
        return Policy(
            self.name,
            tuple(limit.to_domain() for limit in self.limits),
            self.match.to_domain(),
            self.partition_by,
            self.when_out,
            self.fail,
        )


class TierSetting(_PolicyModel):
    """A tier: policies for the keys that have its name."""

    extends: EntryName | None = None
    """The tier whose policies it inherits, unless it has one of the same name."""
    policies: tuple[PolicySetting, ...] = ()
    """The policies."""

    def to_domain(self) -> Tier:
        """The tier as it is applied."""
        return Tier(tuple(policy.to_domain() for policy in self.policies), self.extends)


class PoliciesFile(_PolicyModel):
    """The limits of calls through the gateway."""

    schema_: str | None = Field(None, alias="$schema")
    """The JSON Schema of the file, for editors."""
    policies: tuple[PolicySetting, ...] = ()
    """Policies for keys of every tier."""
    tiers: dict[EntryName, TierSetting] = Field(default_factory=dict)
    """Tiers by name."""
    break_glass: Annotated[tuple[_Caller, ...], Field(max_length=20)] = ()
    """Callers whose calls are counted and never refused; * stands for any text."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        count = len(self.policies) + sum(len(tier.policies) for tier in self.tiers.values())
        check("policies", f"up to {MAX_POLICIES} with those of tiers", is_so=count <= MAX_POLICIES)
        self.to_domain()
        return self

    def to_domain(self) -> PolicySet:
        """The policies as they are applied."""
        return PolicySet(
            tuple(policy.to_domain() for policy in self.policies),
            {name: tier.to_domain() for name, tier in self.tiers.items()},
            self.break_glass,
        )
