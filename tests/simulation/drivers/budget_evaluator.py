"""Alerts of budgets: each is sent once, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import BudgetsChangedError
from lambdas.domain.budgets.budget_alerts import AlertDetail, AlertNotDeliveredError, AlertState
from lambdas.domain.counters import CountersUnavailableError
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.services.evaluate_budgets import BudgetEvaluator
from lambdas.services.send_budget_alerts import BudgetAlertSender
from lambdas.services.trace_budget_usage import BudgetUsageTracer
from tests.simulation.account import COUNTERS, GOVERNANCE
from tests.simulation.drivers.budgets import (
    WEEK,
    AlertInbox,
    list_reached,
    plan_budgets,
    read_sums,
    store_budgets,
)
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START


class _Received:
    """Takes each message at once."""

    def __init__(self, inbox: AlertInbox) -> None:
        self._inbox = inbox

    def publish(self, _notice: Notice, detail: AlertDetail) -> None:
        self._inbox.received.update(detail["alert_ids"])


class BudgetEvaluatorDriver(Driver):
    """Evaluates budgets and sends their alerts."""

    function = "budget_evaluator"
    expected_errors = (
        *(AlertNotDeliveredError, BudgetsChangedError),
        *(CountersUnavailableError, MetricsUnavailableError),
    )

    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.inbox = AlertInbox(account, self._run_another)

    def make(self) -> tuple[BudgetEvaluator, BudgetAlertSender]:
        alerts = DynamoDbAlertStore(self.dynamodb, GOVERNANCE)
        sums = DynamoDbCounters(self.dynamodb, COUNTERS, self.account.pause)
        tracer = BudgetUsageTracer(
            budgets=store_budgets(self), sums=sums, cell_minutes=60, ratios=read_shipped_ratios()
        )
        evaluator = BudgetEvaluator(
            budgets=store_budgets(self),
            sums=sums,
            alerts=alerts,
            details=tracer,
            forecaster=tracer,
            metrics=BudgetPublishing(CloudWatchMetricSink(self.account.cloudwatch)),
        )
        return evaluator, BudgetAlertSender(alerts, self.inbox, "https://console.example.com")

    def run(self, _event: Any) -> None:
        evaluator, sender = self.service
        try:
            result = evaluator.evaluate(self.account.now, self.has_time)
        finally:
            report = sender.send(self.account.now)
        for failed in result.failures:
            raise failed.error
        for error in report.errors:
            raise error
        if report.failures:
            raise AlertNotDeliveredError(report.failures)

    def _run_another(self) -> None:
        """Send alerts from another run, which may not send those of the first.

        Where AWS refuses it what follows delivery, what it has delivered may come again.
        """
        before = self.inbox.received.copy()
        alerts = DynamoDbAlertStore(self.account.dynamodb, GOVERNANCE)
        other = BudgetAlertSender(alerts, _Received(self.inbox), "https://console.example.com")
        try:
            has_failed = bool(other.send(self.account.now).errors)
        except (BotoCoreError, ClientError):
            has_failed = True
        if has_failed:
            self.inbox.repeatable.update(self.inbox.received - before)

    def start(self) -> None:
        plan_budgets(self.account)
        self.every(timedelta(minutes=7), START + timedelta(minutes=5), FAULTS_END, retries=0)
        self.every(timedelta(minutes=97), FAULTS_END + timedelta(minutes=5), END, retries=0)

    def check(self) -> Iterator[str]:
        alerts = DynamoDbAlertStore(self.account.dynamodb, GOVERNANCE)
        for alert_id, times in self.inbox.received.items():
            if times > 1 + self.inbox.repeatable[alert_id]:
                yield f"alert {alert_id}: received {times} times"
        yield from (f"alert {alert.key.id}: never sent" for alert in alerts.list_due())
        yield from self._find_missing(alerts)

    def _find_missing(self, alerts: DynamoDbAlertStore) -> Iterator[str]:
        """Find thresholds of active budgets that are reached and for which nothing was received."""
        sums = DynamoDbCounters(self.account.dynamodb, COUNTERS, self.account.pause)
        state = sums.read_state()
        for stored in store_budgets(self).read():
            if state is None or not stored.is_active or stored.budget.periods != WEEK:
                continue
            sent = [
                alert.key
                for alert in alerts.list_alerts(stored.budget.name, stored.generation)
                if alert.state is AlertState.SENT and self.inbox.received[alert.key.id]
            ]
            for value, totals in read_sums(sums, state, stored, self.account).items():
                for percent in list_reached(stored, totals):
                    level = stored.budget.amount.take_percentage(percent)
                    if not any(
                        (key.value, key.percent) == (value, percent) and key.level >= level
                        for key in sent
                    ):
                        yield f"{stored.budget.name} {value}: no alert at {percent} %"
