"""The evaluator and the sender of `budget_evaluator`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.due_marks import DynamoDbDueMarks
from lambdas.adapters.notifiers.brake_event_notifier import BrakeEventNotifier
from lambdas.adapters.notifiers.budget_alert_publisher import BudgetAlertPublisher
from lambdas.adapters.notifiers.limit_mark_notifier import LimitMarkNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.budgets import ReadingLimit
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.services.evaluate_budgets import BudgetEvaluator
from lambdas.services.read_calibration import CalibratedErrors
from lambdas.services.send_brake_events import BrakeEventSender
from lambdas.services.send_budget_alerts import BudgetAlertSender
from lambdas.services.send_limit_marks import LimitMarkSender
from lambdas.services.trace_budget_usage import BudgetUsageTracer
from lambdas.wiring.client_timeouts import MAX_CALL_MS, PROMPT, time_check
from lambdas.wiring.governing_settings import GoverningSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_READING_MS = 60_000


def make_evaluator(settings: GoverningSettings) -> BudgetEvaluator:
    """Make an evaluator of the budgets in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    budgets = DynamoDbBudgetStore(dynamodb, settings.governance_table)
    sums = DynamoDbCounters(dynamodb, settings.counter_table)
    tracer = BudgetUsageTracer(
        budgets=budgets,
        sums=sums,
        cell_minutes=settings.cell_minutes,
        errors=CalibratedErrors(
            store=DynamoDbCalibrationStore(dynamodb, settings.governance_table),
            shipped=read_shipped_ratios(),
        ),
    )
    return BudgetEvaluator(
        budgets=budgets,
        sums=sums,
        alerts=DynamoDbAlertStore(dynamodb, settings.governance_table),
        details=tracer,
        forecaster=tracer,
        metrics=BudgetPublishing(CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT))),
    )


def make_reading_limit(context: LambdaContext) -> ReadingLimit:
    """Make the limit of a reading of cells that begins now: it ends within a minute."""
    needed_ms = context.get_remaining_time_in_millis() - _READING_MS
    return ReadingLimit(time_check(context, max(needed_ms, MAX_CALL_MS)))


def make_sender(
    settings: GoverningSettings, *, topic_arn: str, dashboard_url: str
) -> BudgetAlertSender:
    """Make a sender to a topic, and to the default bus of the function's Region."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    publisher = BudgetAlertPublisher(
        SnsNotifier(boto3.client("sns", config=PROMPT), topic_arn),
        boto3.client("events", config=PROMPT),
        dashboard_url,
    )
    alerts = DynamoDbAlertStore(dynamodb, settings.governance_table)
    return BudgetAlertSender(alerts, publisher, dashboard_url)


def make_mark_sender(*, limits_table: str, topic_arn: str, dashboard_url: str) -> LimitMarkSender:
    """Make a sender of marks of the gateway's limits to the same destinations."""
    return LimitMarkSender(
        DynamoDbDueMarks(boto3.client("dynamodb", config=PROMPT), limits_table),
        LimitMarkNotifier(
            SnsNotifier(boto3.client("sns", config=PROMPT), topic_arn),
            boto3.client("events", config=PROMPT),
        ),
        dashboard_url,
    )


def make_brake_sender(
    settings: GoverningSettings, *, topic_arn: str, dashboard_url: str
) -> BrakeEventSender:
    """Make a sender of the brake's events to the same destinations."""
    return BrakeEventSender(
        DynamoDbBrakeEvents(boto3.client("dynamodb", config=PROMPT), settings.governance_table),
        BrakeEventNotifier(
            SnsNotifier(boto3.client("sns", config=PROMPT), topic_arn),
            boto3.client("events", config=PROMPT),
        ),
        dashboard_url,
    )
