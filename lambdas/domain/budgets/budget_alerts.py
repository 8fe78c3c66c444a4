"""The alerts of budgets: crossed thresholds, their messages and events, and their delivery."""

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
    find_crossings,
    make_alert_key,
)
from lambdas.domain.budgets.ports import AlertNotDeliveredError, AlertPublisher

__all__ = [
    "BUDGET_ALERT_EVENT",
    "CLAIM",
    "AlertDetail",
    "AlertKey",
    "AlertNotDeliveredError",
    "AlertPublisher",
    "AlertState",
    "AlertStore",
    "BudgetAlert",
    "LastAlert",
    "ThresholdKind",
    "find_crossings",
    "join_details",
    "make_alert_key",
    "make_alerts",
    "write_alert_notice",
    "write_detail",
]
