"""Budgets: amounts for scopes and periods, their sums, and alerts when thresholds are crossed."""

from lambdas.domain.budgets.accumulators import (
    AccumulatorDifference,
    AccumulatorKey,
    WideCellsError,
    accumulate,
    compare_while_counting,
    rebuild,
)
from lambdas.domain.budgets.alert_detail import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    join_details,
    make_alerts,
    write_detail,
)
from lambdas.domain.budgets.alert_messages import write_alert_notice
from lambdas.domain.budgets.alerts import (
    CLAIM,
    AlertKey,
    AlertState,
    AlertStore,
    BudgetAlert,
    LastAlert,
    ThresholdKind,
    digest_value,
    find_crossings,
    make_alert_key,
)
from lambdas.domain.budgets.amount import (
    DEFAULT_CEILING,
    BudgetAmount,
    BudgetUnit,
    UnpricedCeiling,
    to_usd,
)
from lambdas.domain.budgets.braking import find_brake_obstacle, list_named_callers
from lambdas.domain.budgets.budget import (
    NO_VALUE,
    BrakeMode,
    Budget,
    BudgetSubject,
    BudgetThresholds,
)
from lambdas.domain.budgets.calendar_periods import DayPeriods, MonthPeriods
from lambdas.domain.budgets.current_sums import (
    BOOK_LIFETIME,
    CurrentSums,
    is_built_from_cells,
)
from lambdas.domain.budgets.descriptions import (
    describe_period,
    describe_periods,
    describe_scope,
    describe_time,
)
from lambdas.domain.budgets.documents import WEEKDAYS, make_weeks, read_budget, write_budget
from lambdas.domain.budgets.history import PastCrossing, PeriodUse, replay_usage
from lambdas.domain.budgets.hour_periods import HourPeriods, RollingHours
from lambdas.domain.budgets.patterns import is_pattern, matches
from lambdas.domain.budgets.period import BudgetPeriod, PeriodRule
from lambdas.domain.budgets.period_sums import read_statuses, read_sums
from lambdas.domain.budgets.plan import (
    BudgetPlan,
    BudgetPlanError,
    ChangedBudget,
    find_crowded_calls,
    plan_changes,
)
from lambdas.domain.budgets.ports import (
    AlertNotDeliveredError,
    AlertPublisher,
    BudgetSumStore,
    StatusDetails,
    SumReader,
    UsageForecaster,
)
from lambdas.domain.budgets.rebuilding import (
    CellRange,
    CellsExpiredError,
    check_cells,
    is_known_everywhere,
    list_cell_ranges,
    list_incomplete_slots,
)
from lambdas.domain.budgets.scope import BudgetScope, ScopeField, read_principal
from lambdas.domain.budgets.status import (
    BudgetStatus,
    UsageDriver,
    UsageForecast,
    find_drivers,
)
from lambdas.domain.budgets.stored_budgets import (
    MAX_CHANGES,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    BudgetStore,
    StoredBudget,
)

__all__ = [
    "BOOK_LIFETIME",
    "BUDGET_ALERT_EVENT",
    "CLAIM",
    "DEFAULT_CEILING",
    "MAX_CHANGES",
    "NO_VALUE",
    "WEEKDAYS",
    "AccumulatorDifference",
    "AccumulatorKey",
    "AlertDetail",
    "AlertKey",
    "AlertNotDeliveredError",
    "AlertPublisher",
    "AlertState",
    "AlertStore",
    "BrakeMode",
    "Budget",
    "BudgetAlert",
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
    "CellRange",
    "CellsExpiredError",
    "ChangedBudget",
    "CurrentSums",
    "DayPeriods",
    "HourPeriods",
    "LastAlert",
    "MonthPeriods",
    "PastCrossing",
    "PeriodRule",
    "PeriodUse",
    "RollingHours",
    "ScopeField",
    "StatusDetails",
    "StoredBudget",
    "SumReader",
    "ThresholdKind",
    "UnpricedCeiling",
    "UsageDriver",
    "UsageForecast",
    "UsageForecaster",
    "WideCellsError",
    "accumulate",
    "check_cells",
    "compare_while_counting",
    "describe_period",
    "describe_periods",
    "describe_scope",
    "describe_time",
    "digest_value",
    "find_brake_obstacle",
    "find_crossings",
    "find_crowded_calls",
    "find_drivers",
    "is_built_from_cells",
    "is_known_everywhere",
    "is_pattern",
    "join_details",
    "list_cell_ranges",
    "list_incomplete_slots",
    "list_named_callers",
    "make_alert_key",
    "make_alerts",
    "make_weeks",
    "matches",
    "plan_changes",
    "read_budget",
    "read_principal",
    "read_statuses",
    "read_sums",
    "rebuild",
    "replay_usage",
    "to_usd",
    "write_alert_notice",
    "write_budget",
    "write_detail",
]
