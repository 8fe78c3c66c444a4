"""Budgets: amounts for scopes and periods, and their sums. `budget_alerts` has their alerts."""

from lambdas.domain.budgets.accumulators import (
    AccumulatorDifference,
    AccumulatorKey,
    WideCellsError,
    compare_while_counting,
    rebuild,
)
from lambdas.domain.budgets.alerts import digest_value
from lambdas.domain.budgets.amount import (
    DEFAULT_CEILING,
    BudgetAmount,
    BudgetUnit,
    UnpricedCeiling,
    to_usd,
)
from lambdas.domain.budgets.braking import find_brake_obstacle, list_named_callers
from lambdas.domain.budgets.budget import BrakeMode, Budget, BudgetSubject, BudgetThresholds
from lambdas.domain.budgets.current_sums import CurrentSums
from lambdas.domain.budgets.descriptions import (
    describe_periods,
    describe_scope,
    describe_time,
    describe_usage,
)
from lambdas.domain.budgets.documents import make_weeks, read_budget, write_budget
from lambdas.domain.budgets.drift import READINGS, SumReading, find_drift
from lambdas.domain.budgets.gateway_limits import (
    LATE_LABELS,
    CoveringBudget,
    GatewayBudgets,
    find_gateway_subject,
    find_gateway_window,
)
from lambdas.domain.budgets.history import PeriodUse, replay_usage
from lambdas.domain.budgets.period_sums import find_incomplete_since, read_statuses, read_sums
from lambdas.domain.budgets.plan import (
    BudgetPlan,
    BudgetPlanError,
    find_crowded_calls,
    plan_changes,
)
from lambdas.domain.budgets.ports import BudgetSumStore, StatusDetails, SumReader, UsageForecaster
from lambdas.domain.budgets.reading_limit import (
    MAX_CELLS,
    ReadingLimit,
    ReadingLimitError,
    TooManyCellsError,
)
from lambdas.domain.budgets.rebuilding import (
    CellsExpiredError,
    can_be_built,
    check_cells,
    is_known_everywhere,
    list_cell_ranges,
    list_incomplete_slots,
)
from lambdas.domain.budgets.scope import BudgetScope, read_label, read_principal
from lambdas.domain.budgets.status import BudgetStatus, DriverSums, find_drivers
from lambdas.domain.budgets.stored_budgets import (
    MAX_CHANGES,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    BudgetStore,
    StoredBudget,
    UnreadableBudget,
    UsageGap,
)
from lambdas.domain.periods import (
    BudgetPeriod,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
)
from lambdas.domain.scope_field import ScopeField

__all__ = [
    "DEFAULT_CEILING",
    "LATE_LABELS",
    "MAX_CELLS",
    "MAX_CHANGES",
    "READINGS",
    "AccumulatorDifference",
    "AccumulatorKey",
    "BrakeMode",
    "Budget",
    "BudgetAmount",
    "BudgetBook",
    "BudgetChanges",
    "BudgetPeriod",
    "BudgetPlan",
    "BudgetPlanError",
    "BudgetScope",
    "BudgetState",
    "BudgetStatus",
    "BudgetStore",
    "BudgetSubject",
    "BudgetSumStore",
    "BudgetThresholds",
    "BudgetUnit",
    "BudgetsChangedError",
    "CellsExpiredError",
    "CoveringBudget",
    "CurrentSums",
    "DayPeriods",
    "DriverSums",
    "GatewayBudgets",
    "HourPeriods",
    "MonthPeriods",
    "PeriodRule",
    "PeriodUse",
    "ReadingLimit",
    "ReadingLimitError",
    "RollingHours",
    "ScopeField",
    "StatusDetails",
    "StoredBudget",
    "SumReader",
    "SumReading",
    "TooManyCellsError",
    "UnpricedCeiling",
    "UnreadableBudget",
    "UsageForecaster",
    "UsageGap",
    "WideCellsError",
    "can_be_built",
    "check_cells",
    "compare_while_counting",
    "describe_periods",
    "describe_scope",
    "describe_time",
    "describe_usage",
    "digest_value",
    "find_brake_obstacle",
    "find_crowded_calls",
    "find_drift",
    "find_drivers",
    "find_gateway_subject",
    "find_gateway_window",
    "find_incomplete_since",
    "is_known_everywhere",
    "list_cell_ranges",
    "list_incomplete_slots",
    "list_named_callers",
    "make_weeks",
    "plan_changes",
    "read_budget",
    "read_label",
    "read_principal",
    "read_statuses",
    "read_sums",
    "rebuild",
    "replay_usage",
    "to_usd",
    "write_budget",
]
