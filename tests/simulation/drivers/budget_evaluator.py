"""Alerts of budgets: each is sent once, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import BudgetsChangedError
from lambdas.domain.budgets.budget_alerts import (
    AlertKey,
    AlertNotDeliveredError,
    AlertState,
    BudgetAlert,
)
from lambdas.domain.counters import CountersUnavailableError
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.services.evaluate_budgets import BudgetEvaluator
from lambdas.services.read_calibration import CalibratedErrors
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from lambdas.services.trace_budget_usage import BudgetUsageTracer
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.drivers.alert_inbox import AlertInbox
from tests.simulation.drivers.budgets import (
    WEEK,
    list_reached,
    plan_budgets,
    read_sums,
    store_budgets,
)
from tests.simulation.drivers.crossed_thresholds import CrossedThresholds, Crossing
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START


class _NotingSender:
    """Sends alerts, and allows no repetition after a run that has noted all it sent."""

    def __init__(self, sender: BudgetAlertSender, account: Account) -> None:
        self._sender, self._account = sender, account

    def send(self, now: datetime) -> SendReport:
        process = self._account.world.current
        assert process is not None
        before = len(process.sent)
        report = self._sender.send(now)
        if not report.errors:
            del process.sent[before:]
        return report


class BudgetEvaluatorDriver(Driver):
    """Evaluates budgets and sends their alerts.

    Attributes:
        inbox: The alerts that reached people and programs.
        crossed: The thresholds that were crossed before and after a run that had all its time.
    """

    function = "budget_evaluator"
    expected_errors = (
        *(AlertNotDeliveredError, BudgetsChangedError),
        *(CountersUnavailableError, MetricsUnavailableError),
    )

    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.inbox = AlertInbox(account, self._run_another)
        self.crossed: set[Crossing] = set()
        self._thresholds = CrossedThresholds(account)
        self._cuts = 0

    def make(self) -> tuple[BudgetEvaluator, _NotingSender]:
        alerts = DynamoDbAlertStore(self.dynamodb, GOVERNANCE)
        sums = DynamoDbCounters(self.dynamodb, COUNTERS, self.account.pause)
        tracer = BudgetUsageTracer(
            budgets=store_budgets(self),
            sums=sums,
            cell_minutes=60,
            errors=CalibratedErrors(
                store=DynamoDbCalibrationStore(self.dynamodb, GOVERNANCE),
                shipped=read_shipped_ratios(),
            ),
        )
        evaluator = BudgetEvaluator(
            budgets=store_budgets(self),
            sums=sums,
            alerts=alerts,
            details=tracer,
            forecaster=tracer,
            metrics=BudgetPublishing(CloudWatchMetricSink(self.account.cloudwatch)),
        )
        sender = BudgetAlertSender(alerts, self.inbox.publisher, "https://console.example.com")
        return evaluator, _NotingSender(sender, self.account)

    def handle(self, event: Any) -> Any:
        """Handle an event, and note what has to be alerted if the run comes to its end.

        Usage may change meanwhile, so only what is crossed before and after is noted. A process
        reads earlier hours once, so forecasts are noted where it is new.
        """
        now, is_new, cuts = self.account.now, self._service is None, self._cuts
        before = self._thresholds.list_now(now, has_forecasts=is_new) - self.crossed
        answer = super().handle(event)
        if before and self._cuts == cuts:
            self.crossed |= before & self._thresholds.list_now(now, has_forecasts=is_new)
        return answer

    def has_time(self) -> bool:
        has_time = super().has_time()
        self._cuts += not has_time
        return has_time

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
        publisher = self.inbox.sure_publisher
        other = BudgetAlertSender(alerts, publisher, "https://console.example.com")
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
        for received, times in self.inbox.received.items():
            if times > 1 + self.inbox.repeatable[received]:
                yield f"{received.way} of alert {received.alert_id}: received {times} times"
        yield from (f"alert {alert.key.id}: never sent" for alert in alerts.list_due())
        stored = [
            alert
            for name, generation in sorted(self._list_generations())
            for alert in alerts.list_alerts(name, generation)
        ]
        yield from (
            f"alert {alert.key.id}: of another period" for alert in stored if _is_late(alert)
        )
        sent = [alert.key for alert in stored if self._is_sent(alert)]
        yield from self._find_missing(sent)
        for crossing in sorted(self.crossed):
            if not any(map(crossing.is_alerted_by, sent)):
                yield f"{crossing}: crossed in its period, and no alert"

    def _list_generations(self) -> set[tuple[str, int]]:
        known = {(stored.budget.name, stored.generation) for stored in store_budgets(self).read()}
        return known | {(crossing.budget, crossing.generation) for crossing in self.crossed}

    def _is_sent(self, alert: BudgetAlert) -> bool:
        return alert.state is AlertState.SENT and self.inbox.has_both(alert.key.id)

    def _find_missing(self, sent: Sequence[AlertKey]) -> Iterator[str]:
        """Find thresholds of active budgets that are reached and for which nothing was received."""
        sums = DynamoDbCounters(self.account.dynamodb, COUNTERS, self.account.pause)
        state = sums.read_state()
        for stored in store_budgets(self).read():
            if state is None or not stored.is_active or stored.budget.periods != WEEK:
                continue
            generation = (stored.budget.name, stored.generation)
            for value, totals in read_sums(sums, state, stored, self.account.now).items():
                for percent in list_reached(stored, totals):
                    level = stored.budget.amount.take_percentage(percent)
                    if not any(
                        (key.budget, key.generation) == generation
                        and (key.value, key.percent) == (value, percent)
                        and key.level >= level
                        for key in sent
                    ):
                        yield f"{stored.budget.name} {value}: no alert at {percent} %"


def _is_late(alert: BudgetAlert) -> bool:
    """Say if an alert was made in another period than its own."""
    return not alert.key.period.includes(datetime.fromisoformat(alert.detail["evaluated_at"]))
