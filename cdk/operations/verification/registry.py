"""All checks of a verification, in their order. A new check is one line here."""

from __future__ import annotations

from cdk.operations.verification.brake_check import check_brake
from cdk.operations.verification.check import Check
from cdk.operations.verification.credit_check import check_credits
from cdk.operations.verification.dashboard_checks import check_dashboards
from cdk.operations.verification.function_checks import make_function_checks
from cdk.operations.verification.gateway_check import check_gateway
from cdk.operations.verification.masking_check import check_masking
from cdk.operations.verification.model_calls import (
    call_model,
    check_ledger,
    check_log,
    check_metrics,
)
from cdk.operations.verification.notification_checks import check_alarm, check_tampering
from cdk.operations.verification.webhook_check import check_webhooks

CHECKS: tuple[Check, ...] = (
    Check("model calls", call_model),
    Check("invocation log", check_log),
    Check("ledger", check_ledger),
    Check("metrics", check_metrics),
    Check("alarm and notification", check_alarm),
    *make_function_checks(),
    Check("dashboards", check_dashboards),
    Check("tamper notice", check_tampering),
    Check("masking", check_masking),
    Check("brake", check_brake),
    Check("credits", check_credits),
    Check("gateway", check_gateway),
    Check("webhooks", check_webhooks),
)
