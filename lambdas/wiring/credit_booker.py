"""The booker, the watcher and the sender of `credit_booker`."""

from __future__ import annotations

from datetime import timedelta

import boto3

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.credit_alert_store import DynamoDbCreditAlerts
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.adapters.notifiers.budget_alert_publisher import BudgetAlertPublisher
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.change_marks import CREDIT_BOOKER
from lambdas.domain.counters import get_spans
from lambdas.domain.credits.alerts import CREDIT_ALERT_EVENT
from lambdas.domain.metrics.credit_metrics import CreditPublishing
from lambdas.services.book_credits import CreditBooker
from lambdas.services.send_credit_alerts import CreditAlertSender
from lambdas.services.watch_credits import CreditWatcher
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.governing_settings import GoverningSettings


def make_booker(settings: GoverningSettings, *, ledger_retention_days: int) -> CreditBooker:
    """Make a booker of the usage in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return CreditBooker(
        store=make_store(settings),
        counters=DynamoDbCounters(dynamodb, settings.counter_table),
        hours=DynamoDbChangedHours(dynamodb, settings.counter_table),
        span=get_spans(settings.cell_minutes)[0],
        ledger_retention=timedelta(days=ledger_retention_days),
    )


def make_watcher(settings: GoverningSettings, *, low_percent: int) -> CreditWatcher:
    """Make a watcher of the same books."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return CreditWatcher(
        store=make_store(settings),
        alerts=DynamoDbCreditAlerts(dynamodb, settings.governance_table),
        exhausted=DynamoDbExhaustedScopes(dynamodb, settings.governance_table),
        metrics=CreditPublishing(CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT))),
        low_percent=low_percent,
    )


def make_sender(
    settings: GoverningSettings, *, topic_arn: str, dashboard_url: str
) -> CreditAlertSender:
    """Make a sender to a topic, and to the default bus of the function's Region."""
    publisher = BudgetAlertPublisher(
        SnsNotifier(boto3.client("sns", config=PROMPT), topic_arn),
        boto3.client("events", config=PROMPT),
        dashboard_url,
        CREDIT_ALERT_EVENT,
    )
    alerts = DynamoDbCreditAlerts(
        boto3.client("dynamodb", config=PROMPT), settings.governance_table
    )
    return CreditAlertSender(alerts, publisher, dashboard_url)


def make_store(settings: GoverningSettings) -> DynamoDbCreditStore:
    """Make the books of credits."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return DynamoDbCreditStore(dynamodb, settings.governance_table, changed_by=CREDIT_BOOKER)
