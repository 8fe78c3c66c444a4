"""Budgets are evaluated after each addition, and their alerts sent once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetScope,
    BudgetStatus,
    BudgetSubject,
    BudgetThresholds,
    DayPeriods,
    RollingHours,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.budgets.budget_alerts import (
    CLAIM,
    AlertDetail,
    AlertNotDeliveredError,
    BudgetAlert,
    LastAlert,
    ThresholdKind,
)
from lambdas.domain.counters import (
    Chunk,
    PriceEdition,
    Sums,
    UsageChange,
    UsageTotals,
    begin_counting,
)
from lambdas.domain.metrics import MetricsUnavailableError, StatisticSet
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from tests.budget_store import InMemoryAlertStore, InMemoryBudgetStore
from tests.builders import ANA, BEN, NOON
from tests.counters import InMemoryCounters
from tests.fakes import InMemoryMetricSink
from tests.unit.budgets.builders import DOLLAR, budget, change, stored

DAILY = DayPeriods("UTC")
A_MINUTE_LATER = NOON + timedelta(minutes=1)
TEN_DOLLARS = BudgetAmount.from_usd(Decimal(10))


class FixedForecast:
    """A forecast that some dollars will be used."""

    def __init__(self, dollars: int) -> None:
        self.amount = dollars * DOLLAR
        self.calibrated_at: datetime | None = None

    def probability_of_exceeding(self, amount_left: int) -> float:
        return float(self.amount > amount_left)

    def get_interval(self, _: int) -> tuple[int, int]:
        return self.amount // 2, 2 * self.amount

    def exhausted_at(self, amount_left: int) -> datetime | None:
        return NOON if self.amount > amount_left else None


class Details:
    """Counts how often details are asked for, and forecasts some dollars of each budget."""

    def __init__(self) -> None:
        self.asked = 0
        self.forecasts = 0
        self.dollars: int | None = None

    def add_to(self, status: BudgetStatus, now: datetime) -> BudgetStatus:  # noqa: ARG002
        self.asked += 1
        return status

    def forecast(self, *_: object) -> FixedForecast | None:
        self.forecasts += 1
        return None if self.dollars is None else FixedForecast(self.dollars)


class Inbox:
    """Collects messages, and refuses them while it is closed."""

    def __init__(self) -> None:
        self.received: list[tuple[Notice, AlertDetail]] = []
        self.closed_for: set[str] = set()

    def publish(self, notice: Notice, detail: AlertDetail) -> None:
        if detail["budget"]["name"] in self.closed_for:
            raise AlertNotDeliveredError(detail["budget"]["name"])
        self.received.append((notice, detail))


class Governed:
    """A meter with budgets, from the addition of usage to the message."""

    def __init__(self, *made: Budget) -> None:
        self.counted = 0
        self.budgets, self.sums = InMemoryBudgetStore(), InMemoryCounters()
        self.alerts, self.inbox, self.details = InMemoryAlertStore(), Inbox(), Details()
        self.metrics = InMemoryMetricSink()
        self.sums.state = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
        self.evaluator = BudgetEvaluator(
            budgets=self.budgets,
            sums=self.sums,
            alerts=self.alerts,
            details=self.details,
            forecaster=self.details,
            metrics=BudgetPublishing(self.metrics),
        )
        self.sender = BudgetAlertSender(self.alerts, self.inbox, "https://example")
        self.apply(*made)

    def apply(self, *made: Budget, is_built: bool = True) -> None:
        book = self.budgets.write(BudgetChanges(made), self.budgets.read().revision)
        for each in made:
            if is_built:
                self.budgets.mark_active(each.name, book.revision)

    def amend(self, *made: Budget) -> None:
        self.budgets.write(BudgetChanges(amended=made), self.budgets.read().revision)

    def count(self, *changes: UsageChange) -> BudgetEvaluation:
        self.add(*changes)
        return self.evaluate(max(each.minute for each in changes))

    def evaluate(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> BudgetEvaluation:
        """Evaluate usage and forecasts."""
        return self.evaluator.evaluate(now, has_time)

    def add(self, *changes: UsageChange) -> None:
        self.counted += 1
        sums = accumulate(changes, list(self.budgets.read()))
        added = Sums(accumulators={key.counter_key: totals for key, totals in sums.items()})
        self.sums.commit(Chunk(1, "shard", self.counted, self.counted, added, (), NOON))

    def end_first_count(self) -> None:
        assert self.sums.state is not None
        (first,) = self.sums.state.recounts
        ended = replace(first, scanned_at=NOON)
        self.sums.state = replace(self.sums.state, recounts=(ended,))

    def send(self) -> list[str]:
        before = len(self.inbox.received)
        self.sender.send(NOON)
        return [notice.subject for notice, _ in self.inbox.received[before:]]

    def published(self) -> list[tuple[datetime, str, str, Decimal]]:
        """All values that were published: time, budget, metric and percentage."""
        return [
            (point.minute, point.dimensions[0][1], point.metric.name, Decimal(point.values.sum))
            for points in self.metrics.calls
            for point in points
            if isinstance(point.values, StatisticSet)
        ]


def daily(name: str = "daily", **changes: object) -> Budget:
    return budget(name, amount=TEN_DOLLARS, periods=DAILY, **changes)


def test_thresholds_reached_together_are_one_message() -> None:
    governed = Governed(daily())
    assert governed.count(change(9)) == BudgetEvaluation(evaluated=1, alerts=2)
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]
    ((_, detail),) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["50", "80"]
    assert detail["incomplete_since"] is not None


def test_each_threshold_is_sent_once_a_day() -> None:
    governed = Governed(daily())
    for _ in range(12):
        governed.count(change(1))
    assert governed.send() == ["Bedrock budget daily: 100 % reached"]
    governed.count(change(50))
    assert governed.send() == []
    governed.count(change(6, NOON + timedelta(days=1)))
    assert governed.send() == ["Bedrock budget daily: 50 % reached"]


def test_a_late_record_changes_the_past_and_does_not_alert_today() -> None:
    governed = Governed(daily())
    governed.count(change(1), change(100, NOON - timedelta(days=1)))
    assert governed.send() == []


def test_a_building_budget_alerts_once_it_is_active() -> None:
    governed = Governed()
    governed.apply(daily(), is_built=False)
    assert governed.count(change(9)).evaluated == 0
    governed.budgets.mark_active("daily", governed.budgets.read().revision)
    assert governed.count(change(0.5)).alerts == 2
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]


def test_alerts_are_read_for_budgets_that_reached_a_threshold_alone() -> None:
    governed = Governed(daily("used"), daily("unused", scope=BudgetScope(identity=(BEN,))))
    asked: set[str] = set()

    class Asked(InMemoryAlertStore):
        def read_alerted(self, budget: str, generation: int) -> Mapping[str, LastAlert]:
            asked.add(budget)
            return super().read_alerted(budget, generation)

    governed.evaluator = replace(governed.evaluator, alerts=Asked())
    governed.count(change(4))
    asked.clear()
    governed.count(change(2, NOON + timedelta(seconds=5)))
    assert asked == {"used"}


def test_details_are_read_for_new_crossings_alone() -> None:
    governed = Governed(daily())
    for _ in range(5):
        governed.count(change(1.5))
    assert governed.details.asked == 1


def test_a_forecast_alerts_before_usage_does() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 8
    assert governed.count(change(1)).alerts == 0
    assert governed.count(change(1.5, A_MINUTE_LATER)).alerts == 1
    assert governed.send() == ["Bedrock budget daily: 100 % forecast"]
    ((_, detail),) = governed.inbox.received
    assert detail["forecast"]["expected"] == "10.5"
    assert governed.count(change(1, A_MINUTE_LATER + timedelta(minutes=1))).alerts == 0


def test_a_process_forecasts_once_a_minute_and_evaluates_usage_each_time() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    for seconds in range(0, 60, 5):
        governed.count(change(0.1, NOON + timedelta(seconds=seconds)))
    assert governed.details.forecasts == 1
    assert governed.count(change(5, NOON + timedelta(seconds=59))).alerts == 1
    before = governed.details.forecasts
    governed.count(change(0.1, A_MINUTE_LATER))
    assert governed.details.forecasts == before + 1


def test_a_forecast_for_which_there_was_no_time_is_made_by_the_next_run() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 20
    governed.add(change(1))
    time_left = [True]  # for usage
    result = governed.evaluate(NOON, lambda: bool(time_left and time_left.pop()))
    assert (result.alerts, result.skipped) == (0, 1)
    assert governed.evaluate(NOON + timedelta(seconds=5)).alerts == 1


def test_nothing_more_is_forecast_once_a_forecast_has_alerted_or_the_amount_is_used() -> None:
    governed = Governed(daily("early"), daily("used"))
    governed.end_first_count()
    governed.details.dollars = 99
    governed.count(change(1))
    before = governed.details.forecasts
    governed.count(change(1))
    assert governed.details.forecasts == before
    governed.details.dollars = None
    governed.count(change(20, NOON + timedelta(days=1)))
    before = governed.details.forecasts
    governed.count(change(1, NOON + timedelta(days=1)))
    assert governed.details.forecasts == before


def test_nothing_is_forecast_while_calls_of_the_ledger_are_being_counted() -> None:
    governed = Governed(daily())
    governed.details.dollars = 100
    assert governed.count(change(1)).alerts == 0


def test_budgets_for_which_there_was_no_time_come_first_in_the_next_minute() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.add(change(6))
    for minute in range(2):
        time_left = [True]
        at = NOON + timedelta(minutes=minute)
        result = governed.evaluator.evaluate(at, lambda left=time_left: bool(left and left.pop()))  # type: ignore[misc]
        assert (result.alerts, result.skipped) == (1, 2)
    assert {alert.key.budget for alert in governed.alerts.list_due()} == {"first", "second"}


class BrokenStore(InMemoryAlertStore):
    """Fails for one budget, as a table does that refuses its items."""

    def add_due(self, alert: BudgetAlert) -> bool:
        if alert.key.budget == "broken":
            raise ValueError(alert.key.budget)
        return super().add_due(alert)


def test_a_budget_that_fails_is_reported_and_stops_no_other() -> None:
    governed = Governed(daily("account"), daily("broken"), daily("chat"))
    governed.end_first_count()
    governed.details.dollars = 99
    governed.evaluator = replace(governed.evaluator, alerts=(store := BrokenStore()))
    for minute in range(3):  # another one comes first
        result = governed.count(change(6, NOON + timedelta(days=minute, minutes=minute)))
        assert {failed.name for failed in result.failures} == {"broken"}
    kinds = {(alert.key.budget, alert.key.kind) for alert in store.list_due()}
    assert kinds == {(name, kind) for name in ("account", "chat") for kind in ThresholdKind}


def test_two_senders_at_the_same_time_send_once() -> None:
    governed = Governed(daily())
    governed.count(change(6))
    (due,) = governed.alerts.list_due()
    assert governed.alerts.claim(due.key, NOON)  # the other run, before it publishes
    assert governed.send() == []
    governed.sender.send(NOON + CLAIM)  # the other run has died
    assert len(governed.inbox.received) == 1


def test_a_rebuilt_budget_counts_from_its_own_sums_and_alerts_again() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    governed.apply(daily())
    assert governed.count(change(1)).alerts == 0
    governed.count(change(7))
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]


def test_a_raised_amount_keeps_its_usage_and_alerts_at_its_new_levels_alone() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    governed.amend(replace(daily(), amount=BudgetAmount.from_usd(Decimal(20))))
    assert governed.count(change(0.5)).alerts == 0
    assert governed.count(change(1)).alerts == 1
    assert governed.send() == ["Bedrock budget daily: 50 % reached"]
    governed.count(change(10))
    governed.count(change(10))
    assert governed.send() == ["Bedrock budget daily: 100 % reached"]
    (_, _, (_, detail)) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["80", "100"]


def test_other_alerts_or_a_lower_amount_hold_at_once_and_repeat_nothing() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    more = replace(daily(), thresholds=BudgetThresholds(actual=(*map(Decimal, (50, 80, 90)),)))
    governed.amend(more)
    governed.count(change(0.5))
    assert governed.send() == ["Bedrock budget daily: 90 % reached"]
    governed.amend(replace(more, amount=BudgetAmount.from_usd(Decimal(5))))
    assert governed.count(change(1)).alerts == 0


def test_a_default_budget_alerts_for_each_value_but_not_for_those_with_their_own() -> None:
    governed = Governed(
        daily("each", per=BudgetSubject.IDENTITY),
        budget(
            "bens",
            amount=BudgetAmount.from_usd(Decimal(1000)),
            periods=DAILY,
            scope=BudgetScope(identity=(BEN,)),
        ),
    )
    governed.count(change(6, identity_arn=ANA), change(60, identity_arn=BEN))
    governed.send()
    ((_, detail),) = governed.inbox.received
    assert detail["budget"]["value"] == ANA


def test_a_default_budget_holds_until_the_one_set_by_name_is_active() -> None:
    governed = Governed(daily("each", per=BudgetSubject.IDENTITY))
    own = BudgetAmount.from_usd(Decimal(1000))
    governed.apply(
        replace(daily("anas", scope=BudgetScope(identity=(ANA,))), amount=own), is_built=False
    )
    governed.count(change(6, identity_arn=ANA))
    assert governed.send() == ["Bedrock budget each: 50 % reached"]
    governed.budgets.mark_active("anas", governed.budgets.read().revision)
    assert governed.count(change(50, identity_arn=ANA)).alerts == 0


def test_a_window_adds_up_its_hours() -> None:
    governed = Governed(budget("window", amount=TEN_DOLLARS, periods=RollingHours(3)))
    for hour in range(5):
        governed.count(change(2, NOON + timedelta(hours=hour)))
    assert governed.send() == ["Bedrock budget window: 50 % reached"]


def test_a_message_that_fails_stops_no_other_and_is_sent_later() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.count(change(6))
    governed.inbox.closed_for = {"first"}
    assert governed.sender.send(NOON) == SendReport(1, ("first",))
    governed.inbox.closed_for = set()
    assert governed.send() == ["Bedrock budget first: 50 % reached"]
    assert governed.send() == []


def test_an_alert_that_fails_or_cannot_be_read_stops_no_message() -> None:
    governed = Governed(daily("damaged"), daily("first"), daily("unreadable"))
    governed.count(change(6))
    by_name = {alert.key.budget: alert for alert in governed.alerts.list_due()}
    damaged, unreadable = by_name["damaged"].key.id, by_name["unreadable"].key.id
    without_amount = replace(by_name["damaged"], detail=by_name["damaged"].detail | {"amount": {}})
    governed.alerts.alerts[damaged] = without_amount
    governed.alerts.unreadable = {unreadable}
    report = governed.sender.send(NOON)
    assert (report.sent, report.failures) == (1, (f"alert {unreadable} cannot be read",))
    assert [type(error) for error in report.errors] == [KeyError]
    assert [detail["budget"]["name"] for _, detail in governed.inbox.received] == ["first"]


def test_a_sender_that_stops_after_publishing_repeats_the_same_ids() -> None:
    governed = Governed(daily())
    governed.count(change(6))
    due = dict(governed.alerts.alerts)
    governed.send()
    governed.alerts.alerts = due
    governed.sender.send(NOON + CLAIM)
    first, second = (detail["alert_ids"] for _, detail in governed.inbox.received)
    assert first == second


def test_a_deleted_budget_is_left_out() -> None:
    governed = Governed(daily())
    governed.budgets.write(BudgetChanges((), ("daily",)), governed.budgets.read().revision)
    assert governed.evaluator.evaluate(NOON) == BudgetEvaluation(0, 0)


def test_nothing_is_evaluated_before_anything_is_counted() -> None:
    governed = Governed(daily())
    governed.sums.state = None
    assert governed.evaluator.evaluate(NOON) == BudgetEvaluation()


def test_usage_and_forecast_are_published_in_percent_of_the_amount() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 8
    governed.count(change(2.5))
    expected = {"BudgetUsed": 25, "BudgetForecast": 105}
    expected |= {"BudgetForecastLow": 65, "BudgetForecastHigh": 185}
    assert {name: value for *_, name, value in governed.published()} == expected
    assert {(at, name) for at, name, *_ in governed.published()} == {(NOON, "daily")}


def test_a_forecast_that_cannot_be_made_is_not_published() -> None:
    governed = Governed(daily(), daily("no-forecast", thresholds=BudgetThresholds(forecast=())))
    governed.count(change(1))
    assert [(budget, name) for _, budget, name, _ in governed.published()] == [
        ("daily", "BudgetUsed"),
        ("no-forecast", "BudgetUsed"),
    ]


def test_a_budget_publishes_once_in_five_minutes() -> None:
    governed = Governed(daily())
    for minute in range(12):
        governed.count(change(1, NOON + timedelta(minutes=minute)))
    assert {at - NOON: value for at, _, _, value in governed.published()} == {
        timedelta(minutes=0): Decimal(10),
        timedelta(minutes=5): Decimal(60),
        timedelta(minutes=10): Decimal(110),
    }


def test_a_budget_without_usage_in_its_period_publishes_zero() -> None:
    governed = Governed(daily())
    governed.evaluator.evaluate(NOON)
    assert [value for *_, value in governed.published()] == [0]


def test_default_and_building_budgets_publish_nothing() -> None:
    governed = Governed(daily("each", per=BudgetSubject.IDENTITY))
    governed.apply(daily("new"), is_built=False)
    governed.count(change(1))
    assert governed.published() == []


def test_a_forecast_is_published_also_after_it_has_alerted() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 99
    for minute in (0, 5):
        governed.count(change(1, NOON + timedelta(minutes=minute)))
    forecasts = [value for *_, name, value in governed.published() if name == "BudgetForecast"]
    assert forecasts == [1000, 1010]


def test_metrics_that_are_refused_stop_no_alert_and_are_published_a_minute_later() -> None:
    governed = Governed(daily())
    governed.metrics.taken_before_a_refusal = 0
    assert isinstance(governed.count(change(6)).unpublished, MetricsUnavailableError)
    assert governed.send() == ["Bedrock budget daily: 50 % reached"]
    governed.evaluator.evaluate(NOON + timedelta(minutes=1))
    assert [value for *_, value in governed.published()] == [60]


def test_budgets_that_fail_are_reported_also_where_metrics_are_refused() -> None:
    governed = Governed(daily("account"), daily("broken"))
    governed.evaluator = replace(governed.evaluator, alerts=BrokenStore())
    governed.metrics.taken_before_a_refusal = 0
    result = governed.count(change(6))
    assert [failed.name for failed in result.failures] == ["broken"]
    assert result.unpublished is not None


def test_a_request_has_at_most_a_thousand_values() -> None:
    sink = InMemoryMetricSink()
    status = BudgetStatus(
        stored=stored(daily()), period=DAILY.period_at(NOON), totals=UsageTotals.ZERO
    )
    BudgetPublishing(sink).publish([status] * 1_001, NOON)
    assert [len(points) for points in sink.calls] == [1_000, 1]
