"""The alerts of budgets: crossed thresholds, their messages and events, and their delivery."""

from lambdas.domain.budgets.alert_detail import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    join_details,
    make_alerts,
    write_detail,
)
from lambdas.domain.budgets.alert_events import write_alert_events
from lambdas.domain.budgets.alert_messages import write_alert_notice, write_joint_notice
from lambdas.domain.budgets.alerts import (
    CLAIM,
    HOLD,
    AlertKey,
    AlertState,
    AlertStore,
    BudgetAlert,
    DeliveryWay,
    LastAlert,
    ThresholdKind,
    find_crossings,
    list_probable,
    make_alert_key,
)
from lambdas.domain.budgets.ports import AlertNotDeliveredError, AlertPublisher

__all__ = [
    "BUDGET_ALERT_EVENT",
    "CLAIM",
    "HOLD",
    "AlertDetail",
    "AlertKey",
    "AlertNotDeliveredError",
    "AlertPublisher",
    "AlertState",
    "AlertStore",
    "BudgetAlert",
    "DeliveryWay",
    "LastAlert",
    "ThresholdKind",
    "find_crossings",
    "join_details",
    "list_probable",
    "make_alert_key",
    "make_alerts",
    "write_alert_events",
    "write_alert_notice",
    "write_detail",
    "write_joint_notice",
]
