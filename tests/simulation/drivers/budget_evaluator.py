"""Alerts of budgets: each is sent once, and none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import BudgetsChangedError, ReadingLimit
from lambdas.domain.budgets.budget_alerts import (
    AlertKey,
    AlertNotDeliveredError,
    AlertState,
    BudgetAlert,
    ThresholdKind,
)
from lambdas.domain.counters import CountersUnavailableError
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.domain.runs import is_after_counting
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator
from lambdas.services.read_calibration import CalibratedErrors
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from lambdas.services.trace_budget_usage import BudgetUsageTracer
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.drivers.alert_inbox import DASHBOARD_URL, AlertInbox
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

_READ_HOURS = 24 * 7


class _NotingSender:
    """Sends alerts, and allows no repetition after a run that has noted all it sent."""

    def __init__(self, sender: BudgetAlertSender, account: Account) -> None:
        self._sender, self._account = sender, account

    def send(self, now: datetime, has_time: Callable[[], bool]) -> SendReport:
        process = self._account.world.current
        assert process is not None
        before = len(process.sent)
        report = self._sender.send(now, has_time)
        if not report.errors:
            del process.sent[before:]
        return report


class _Time:
    """The time of a run, which may be up before its work is done.

    Attributes:
        is_up: True if there was no time for a budget.
        is_reading_cut: True if a reading of cells was cut off, or could have been.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.is_up = self.is_reading_cut = False

    def has_time(self) -> bool:
        """Say if there is time for another budget."""
        has_time = self._driver.has_time()
        self.is_up = self.is_up or not has_time
        return has_time

    def make_limit(self) -> ReadingLimit:
        """Make a limit of a reading; some readings are cut off after some of their hours."""
        if self._driver.has_time():
            return ReadingLimit()
        self.is_reading_cut = True
        steps = iter(range(self._driver.account.world.random.randrange(_READ_HOURS)))
        return ReadingLimit(lambda: next(steps, None) is not None)


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
        self._has_read = False

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
        sender = BudgetAlertSender(alerts, self.inbox.publisher, DASHBOARD_URL)
        return evaluator, _NotingSender(sender, self.account)

    def restart(self) -> None:
        super().restart()
        self._has_read = False

    def handle(self, event: Any) -> None:
        """Handle an event, and note what has to be alerted if the run comes to its end.

        Usage may change meanwhile, so only what is crossed before and after is noted. A process
        keeps earlier hours, so forecasts are noted where it has read none.
        """
        now, has_forecasts = self.account.now, not self._has_read and not is_after_counting(event)
        before = self._thresholds.list_now(now, has_forecasts=has_forecasts) - self.crossed
        kinds = super().handle(event)
        evaluated = {crossing for crossing in before if crossing.kind in kinds}
        if evaluated:
            self.crossed |= evaluated & self._thresholds.list_now(now, has_forecasts=has_forecasts)

    def run(self, event: Any) -> set[ThresholdKind]:
        """Do what the handler does; returns the kinds whose thresholds were all evaluated."""
        evaluator, sender = self.service
        now, time = self.account.now, _Time(self)
        reports = [sender.send(now, self.has_time)]
        results = [evaluator.evaluate_usage(now, time.has_time, time.make_limit)]
        kinds = set() if time.is_up else {ThresholdKind.ACTUAL}
        if results[-1].alerts:
            self._has_read = True
            reports.append(sender.send(now, self.has_time))
        if not is_after_counting(event):
            self._has_read = True
            results.append(
                evaluator.evaluate_forecasts(results[-1], now, time.has_time, time.make_limit)
            )
            if not time.is_up and not time.is_reading_cut:
                kinds.add(ThresholdKind.FORECAST)
            if results[-1].alerts:
                reports.append(sender.send(now, self.has_time))
        for error in _list_errors(results, reports):
            raise error
        return kinds

    def _run_another(self) -> None:
        """Send alerts from another run, which may not send those of the first.

        Where AWS refuses it what follows delivery, what it has delivered may come again.
        """
        before = self.inbox.received.copy()
        alerts = DynamoDbAlertStore(self.account.dynamodb, GOVERNANCE)
        other = BudgetAlertSender(alerts, self.inbox.sure_publisher, DASHBOARD_URL)
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
            if not crossing.has_alerted(sent):
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


def _list_errors(
    results: Sequence[BudgetEvaluation], reports: Sequence[SendReport]
) -> Iterator[Exception]:
    """List the errors for which the handler fails."""
    for result in results:
        yield from (failed.error for failed in (*result.failures, *result.without_details))
        yield from (error for error in (result.unread, result.unpublished) if error is not None)
    for report in reports:
        yield from report.errors
        if report.failures:
            yield AlertNotDeliveredError("; ".join(report.failures))


def _is_late(alert: BudgetAlert) -> bool:
    """Say if an alert was made in another period than its own."""
    return not alert.key.period.includes(datetime.fromisoformat(alert.detail["evaluated_at"]))
