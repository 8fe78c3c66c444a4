"""Budgets and usage for tests, from defaults that each test overrides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetState,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    StoredBudget,
    UnpricedCeiling,
    find_brake_obstacle,
    find_gateway_window,
    make_weeks,
)
from lambdas.domain.budgets.documents import WEEKDAYS
from lambdas.domain.counters import UsageChange, UsageLabels, UsageTotals
from lambdas.domain.limits import LimitMode
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4

DOLLAR = 10**12
"""In pico-dollars."""
EVERYTHING = BudgetScope()
MONTHLY = MonthPeriods("UTC")
LABELS = UsageLabels(
    identity_arn=ANA,
    project="chat",
    department="sales",
    use_case="support",
    model_id=SONNET_4,
    provider="anthropic",
    region="us-east-1",
    service_tier="standard",
)


def budget(name: str = "account", **changes: Any) -> Budget:
    """A budget of $100 a month for the account, but for the changes."""
    defaults: dict[str, Any] = {
        "managed_by": "platform",
        "scope": EVERYTHING,
        "amount": BudgetAmount.from_usd(Decimal(100)),
        "periods": MONTHLY,
    }
    return Budget(name=name, **defaults | changes)


def stored(
    made: Budget, generation: int = 1, state: BudgetState = BudgetState.ACTIVE
) -> StoredBudget:
    """A budget in a generation, active unless a test says otherwise."""
    return StoredBudget(made, generation, state)


def usage(dollars: float = 0, **figures: int) -> UsageTotals:
    """The totals of one call with a cost."""
    return UsageTotals(**{"calls": 1, "cost_picodollars": round(dollars * DOLLAR)} | figures)


def change(
    dollars: float = 1,
    minute: datetime = NOON,
    totals: UsageTotals | None = None,
    **labels: str,
) -> UsageChange:
    """A call with a cost, or other totals."""
    return UsageChange(LABELS._replace(**labels), minute, totals or usage(dollars))


zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"])
counts = st.integers(-(10**6), 10**9)
totals = st.builds(
    UsageTotals,
    calls=st.integers(-3, 3),
    total_tokens=counts,
    quota_tokens=counts,
    cost_picodollars=st.integers(-(10**12), 10**15),
    unpriced_calls=st.integers(-3, 3),
    unpriced_input_tokens=counts,
    unpriced_output_tokens=counts,
    unpriced_images=st.integers(-3, 3),
    unpriced_video_seconds=st.integers(-3, 30),
    unpriced_other_units=st.integers(-3, 30),
)
labels = st.builds(
    UsageLabels,
    identity_arn=st.sampled_from([ANA, BEN, "unknown"]),
    project=st.sampled_from(["chat", "search", "unattributed"]),
    department=st.sampled_from(["sales", "unattributed"]),
    use_case=st.just("support"),
    model_id=st.sampled_from([SONNET_4, HAIKU_3]),
    provider=st.just("anthropic"),
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    service_tier=st.just("standard"),
)
minutes = st.integers(-60 * 24 * 70, 60 * 24 * 70).map(
    lambda number: datetime(2026, 10, 25, tzinfo=UTC) + timedelta(minutes=number)
)
changes = st.builds(UsageChange, labels, minutes, totals)

_days = st.dates(date(2024, 1, 1), date(2027, 1, 1))
periods: st.SearchStrategy[PeriodRule] = st.one_of(
    st.builds(HourPeriods, zones),
    st.builds(DayPeriods, zones),
    st.builds(make_weeks, zones, st.sampled_from(WEEKDAYS)),
    st.builds(DayPeriods, zones, st.integers(2, 90), _days),
    st.builds(MonthPeriods, zones, st.integers(1, 12), _days),
    st.builds(RollingHours, st.integers(2, 168)),
)
_patterns = st.sampled_from([(), (), ("chat",), ("search", "c*")])
scopes = st.builds(
    BudgetScope,
    project=_patterns,
    department=st.sampled_from([(), ("sales",)]),
    identity=st.sampled_from([(), (), (ANA,), ("arn:aws:*:user/*",)]),
    principal=st.sampled_from([(), (), ("arn:aws:iam::111122223333:role/chat",)]),
    model=st.sampled_from([(), (), ("anthropic.claude-3-*",)]),
    region=st.sampled_from([(), ("us-*",)]),
)
percentages = st.decimals(Decimal("0.01"), Decimal(1000), places=2)
budgets = st.builds(
    Budget,
    name=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    managed_by=st.just("platform"),
    scope=scopes,
    amount=st.one_of(
        st.builds(BudgetAmount.from_usd, st.decimals(Decimal("0.01"), 10**6, places=2)),
        st.builds(
            BudgetAmount,
            st.sampled_from([BudgetUnit.TOTAL_TOKENS, BudgetUnit.QUOTA_TOKENS]),
            st.integers(1, 10**12),
        ),
    ),
    periods=periods,
    thresholds=st.builds(
        BudgetThresholds,
        st.lists(percentages, max_size=4, unique=True).map(tuple),
        st.lists(percentages, max_size=2, unique=True).map(tuple),
        st.decimals(Decimal("0.01"), 1, places=2),
    ),
    unpriced_ceiling=st.builds(
        UnpricedCeiling,
        *[st.decimals(0, 1000, places=6)] * 5,
    ),
    per=st.none() | st.sampled_from(BudgetSubject),
    brake=st.sampled_from(BrakeMode),
    gateway=st.none() | st.sampled_from(LimitMode),
).filter(
    lambda made: (
        (made.brake is BrakeMode.NOTIFY or not find_brake_obstacle(made.scope, made.per))
        and (made.gateway is None or find_gateway_window(made.periods) is not None)
    )
)
