"""Budgets are evaluated after each addition, and their alerts sent once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

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
    ReadingLimitError,
    RollingHours,
    TooManyCellsError,
    UsageGap,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.budgets.budget_alerts import (
    CLAIM,
    HOLD,
    AlertDetail,
    AlertNotDeliveredError,
    BudgetAlert,
    DeliveryWay,
    LastAlert,
    ThresholdKind,
)
from lambdas.domain.budgets.status import UsageDriver
from lambdas.domain.counters import (
    Chunk,
    PriceEdition,
    Sums,
    TooManyValuesError,
    UsageChange,
    UsageTotals,
    begin_counting,
)
from lambdas.domain.metrics import MetricsUnavailableError, StatisticSet
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.domain.scope_field import ScopeField
from lambdas.services import evaluate_budgets
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator
from lambdas.services.send_budget_alerts import RETRY_AFTER, BudgetAlertSender, SendReport
from tests.budget_store import InMemoryAlertStore, InMemoryBudgetStore
from tests.builders import ANA, BEN, NOON
from tests.counters import InMemoryCounters
from tests.fakes import InMemoryMetricSink
from tests.unit.budgets.builders import DOLLAR, budget, change, stored

DAILY = DayPeriods("UTC")
A_MINUTE_LATER = NOON + timedelta(minutes=1)
DRIVERS = (UsageDriver(ScopeField.IDENTITY, ANA, DOLLAR),)
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
        self.problem: BaseException | None = None

    def add_to(self, statuses: Sequence[BudgetStatus], *_: object) -> list[BudgetStatus]:
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        return [replace(status, drivers=DRIVERS) for status in statuses]

    def forecast(self, *_: object) -> FixedForecast | None:
        self.forecasts += 1
        if self.problem is not None:
            raise self.problem
        return None if self.dollars is None else FixedForecast(self.dollars)


class Inbox:
    """Collects messages, and refuses them while it is closed."""

    def __init__(self) -> None:
        self.received: list[tuple[Notice, AlertDetail]] = []
        self.notices: list[Notice] = []
        self.closed_for: set[str] = set()
        self.taken: set[DeliveryWay] = set()
        self.delivered_before: list[Collection[DeliveryWay]] = []

    def publish(
        self,
        notice: Notice,
        details: Sequence[AlertDetail],
        delivered: Collection[DeliveryWay] = (),
    ) -> None:
        self.delivered_before.append(delivered)
        for detail in details:
            if detail["budget"]["name"] in self.closed_for:
                raise AlertNotDeliveredError(detail["budget"]["name"], self.taken)
        self.notices.append(notice)
        self.received += ((notice, detail) for detail in details)


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
        """Evaluate usage and forecasts; returns the results of both."""
        usage = self.evaluator.evaluate_usage(now, has_time)
        ahead = self.evaluator.evaluate_forecasts(usage, now, has_time)
        return replace(
            ahead,
            evaluated=usage.evaluated,
            alerts=usage.alerts + ahead.alerts,
            skipped=usage.skipped + ahead.skipped,
            failures=usage.failures + ahead.failures,
            without_details=usage.without_details + ahead.without_details,
        )

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

    def send(self, now: datetime = NOON) -> list[str]:
        before = len(self.inbox.notices)
        self.sender.send(now)
        return [notice.subject for notice in self.inbox.notices[before:]]

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
    assert governed.send() == ["Bedrock budget daily: 80% reached"]
    ((_, detail),) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["50", "80"]
    assert detail["incomplete_since"] is not None


def test_each_threshold_is_sent_once_a_day() -> None:
    governed = Governed(daily())
    for _ in range(12):
        governed.count(change(1))
    assert governed.send() == ["Bedrock budget daily: 100% reached"]
    governed.count(change(50))
    assert governed.send() == []
    governed.count(change(6, NOON + timedelta(days=1)))
    assert governed.send() == ["Bedrock budget daily: 50% reached"]


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
    assert governed.send() == ["Bedrock budget daily: 80% reached"]


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


class KilledError(BaseException):
    """Lambda ends the process."""


def test_an_alert_is_stored_before_its_details_are_read_and_sent_though_the_run_dies() -> None:
    governed = Governed(daily())
    governed.details.problem = KilledError()
    with pytest.raises(KilledError):
        governed.count(change(9))
    assert governed.sender.send(NOON + HOLD - timedelta(seconds=1)).sent == 0
    assert governed.sender.send(NOON + HOLD).sent == 1
    ((notice, detail),) = governed.inbox.received
    assert (detail["drivers"], detail["forecast"]) == (None, None)
    assert detail["amount"]["used"] == "9"
    assert "The model, project and identity with the most usage are unknown." in notice.text


def test_other_runs_leave_an_alert_to_the_one_that_reads_its_details() -> None:
    governed = Governed(daily())
    sent_meanwhile = list[int]()

    class Interrupted(Details):
        def add_to(self, statuses: Sequence[BudgetStatus], *_: object) -> list[BudgetStatus]:
            sent_meanwhile.append(governed.sender.send(NOON).sent)
            return super().add_to(statuses)

    governed.evaluator = replace(governed.evaluator, details=Interrupted())
    governed.count(change(9))
    assert sent_meanwhile == [0]
    assert governed.send() == ["Bedrock budget daily: 80% reached"]
    ((_, detail),) = governed.inbox.received
    assert [driver["name"] for driver in detail["drivers"]] == [ANA]


def test_details_that_cannot_be_read_are_reported_and_stop_no_alert() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.end_first_count()
    governed.details.problem = ValueError("a damaged cell")
    result = governed.count(change(9))
    assert {failed.name for failed in result.without_details} == {"first", "second"}
    assert result.alerts == 4
    assert len(governed.send()) == 2


def test_more_usage_than_a_run_reads_stops_no_alert_and_is_no_failure() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.problem = ReadingLimitError()
    result = governed.count(change(9))
    assert (result.alerts, result.failures, result.without_details) == (2, (), ())
    assert result.skipped == 1  # the forecast
    assert governed.send() == ["Bedrock budget daily: 80% reached"]
    governed.details.problem, governed.details.dollars = None, 5
    assert governed.count(change(0.1)).alerts == 1  # in the same minute: it was not done


def test_forecasts_that_no_run_can_make_are_reported_and_metrics_of_usage_published() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.problem = TooManyCellsError()
    result = governed.count(change(4))
    assert isinstance(result.unread, TooManyCellsError)
    assert [name for *_, name, _ in governed.published()] == ["BudgetUsed"]


def test_a_forecast_that_is_reached_with_usage_is_in_the_same_message() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 9
    governed.add(change(6))
    assert governed.evaluator.evaluate_usage(NOON).alerts == 2
    assert governed.send() == ["Bedrock budget daily: 50% reached"]
    ((_, detail),) = governed.inbox.received
    assert [entry["kind"] for entry in detail["crossings"]] == ["actual", "forecast"]
    assert governed.evaluate(NOON).alerts == 0


def test_values_that_cross_together_are_read_together() -> None:
    governed = Governed(daily("each", per=BudgetSubject.IDENTITY))
    governed.count(*(change(9, identity_arn=f"{ANA}-{number}") for number in range(20)))
    assert governed.details.asked == 1
    assert len(governed.inbox.received) == 0


def test_a_default_budget_with_too_many_values_fails_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate_budgets, "MAX_VALUES", 2)
    governed = Governed(daily("each", per=BudgetSubject.IDENTITY), daily("all"))
    result = governed.count(*(change(9, identity_arn=f"{ANA}-{number}") for number in range(3)))
    assert [(failed.name, type(failed.error)) for failed in result.failures] == [
        ("each", TooManyValuesError)
    ]
    assert governed.send() == ["Bedrock budget all: 100% reached"]


def test_messages_for_which_there_is_no_time_stay_due() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.count(change(6))
    time_left = [True]
    has_time: Callable[[], bool] = lambda: bool(time_left and time_left.pop())  # noqa: E731
    assert governed.sender.send(NOON, has_time).sent == 1
    assert len(governed.send()) == 1


def test_few_values_have_a_message_each_and_many_have_one() -> None:
    name = ANA.rpartition(":")[2]
    for values, subjects in (
        (5, [f"Bedrock budget each: 80% reached ({name}-{number})" for number in range(5)]),
        (6, ["Bedrock budget each: 6 identities"]),
        (230, [f"Bedrock budget each: {part} identities" for part in (100, 100, 30)]),
    ):
        governed = Governed(daily("each", per=BudgetSubject.IDENTITY))
        for number in range(values):
            governed.add(change(9, identity_arn=f"{ANA}-{number}"))
        governed.evaluate(NOON)
        assert governed.send() == subjects
        received = [detail["budget"]["value"] for _, detail in governed.inbox.received]
        assert len({*received}) == len(received) == values
        assert governed.send() == []


def test_a_budget_without_usage_says_from_when_on_it_may_lack_some() -> None:
    governed = Governed(daily())
    stored = governed.budgets.read().budgets["daily"]
    since = NOON - timedelta(minutes=1)
    governed.budgets.resume("daily", stored.generation, UsageGap(since, NOON))
    (evaluated,) = governed.evaluator.evaluate_usage(NOON).budgets
    assert [status.incomplete_since for status in evaluated.statuses] == [since]


def test_a_run_sends_a_bounded_number_of_messages_and_the_next_the_rest() -> None:
    governed = Governed(*(daily(f"team-{number:02}") for number in range(45)))
    governed.count(change(6))
    assert [len(governed.send()) for _ in range(4)] == [20, 20, 5, 0]


def test_a_damaged_alert_of_one_value_stops_no_other_value() -> None:
    governed = Governed(daily("each", per=BudgetSubject.IDENTITY))
    governed.count(*(change(6, identity_arn=f"{ANA}-{number}") for number in range(10)))
    damaged = next(governed.alerts.list_due())
    governed.alerts.alerts[damaged.key.id] = replace(damaged, detail={})
    report = governed.sender.send(NOON)
    assert (report.sent, [type(error) for error in report.errors]) == (1, [KeyError])
    assert [due.key for due in governed.alerts.list_due()] == [damaged.key]


def test_a_threshold_that_is_reached_while_messages_are_refused_has_its_own_event() -> None:
    governed = Governed(daily())
    governed.count(change(6))
    governed.inbox.closed_for, governed.inbox.taken = {"daily"}, {DeliveryWay.EVENT}
    governed.sender.send(NOON)
    governed.inbox.closed_for = set()
    governed.count(change(3))
    assert governed.sender.send(NOON + RETRY_AFTER).sent == 2
    assert governed.inbox.delivered_before == [frozenset(), frozenset(), {DeliveryWay.EVENT}]


def test_an_alert_that_is_not_delivered_is_sent_again_after_minutes_in_the_other_way() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.inbox.closed_for, governed.inbox.taken = {"daily"}, {DeliveryWay.EVENT}
    for seconds in range(0, RETRY_AFTER.seconds, 5):
        governed.sender.send(NOON + timedelta(seconds=seconds))
    assert governed.inbox.delivered_before == [frozenset()]
    governed.inbox.closed_for = set()
    assert governed.sender.send(NOON + RETRY_AFTER).sent == 1
    assert governed.inbox.delivered_before[1:] == [{DeliveryWay.EVENT}]


def test_a_forecast_alerts_before_usage_does() -> None:
    governed = Governed(daily())
    governed.end_first_count()
    governed.details.dollars = 8
    assert governed.count(change(1)).alerts == 0
    assert governed.count(change(1.5, A_MINUTE_LATER)).alerts == 1
    assert governed.send() == ["Bedrock budget daily: 100% expected"]
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
        result = governed.evaluate(at, lambda left=time_left: bool(left and left.pop()))  # type: ignore[misc]
        assert (result.alerts, result.skipped) == (1, 2)
    assert {alert.key.budget for alert in governed.alerts.list_due()} == {"first", "second"}


class BrokenStore(InMemoryAlertStore):
    """Fails for one budget, as a table does that refuses its items."""

    def add_due(self, alert: BudgetAlert, held_until: datetime | None = None) -> bool:
        if alert.key.budget == "broken":
            raise ValueError(alert.key.budget)
        return super().add_due(alert, held_until)


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
    assert governed.send() == ["Bedrock budget daily: 80% reached"]


def test_a_raised_amount_keeps_its_usage_and_alerts_at_its_new_levels_alone() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    governed.amend(replace(daily(), amount=BudgetAmount.from_usd(Decimal(20))))
    assert governed.count(change(0.5)).alerts == 0
    assert governed.count(change(1)).alerts == 1
    assert governed.send() == ["Bedrock budget daily: 50% reached"]
    governed.count(change(10))
    governed.count(change(10))
    assert governed.send() == ["Bedrock budget daily: 100% reached"]
    (_, _, (_, detail)) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["80", "100"]


def test_after_a_raise_nothing_alerts_below_what_has_alerted() -> None:
    governed = Governed(daily())
    governed.count(change(10.8))
    governed.send()
    governed.amend(replace(daily(), amount=BudgetAmount.from_usd(Decimal(12))))
    assert governed.count(change(0.1)).alerts == 0  # 50 and 80% are $6 and $9.60, $10 has alerted
    governed.count(change(1.2))
    assert governed.send() == ["Bedrock budget daily: 100% reached"]
    (_, (_, detail)) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["100"]


def test_other_alerts_or_a_lower_amount_hold_at_once_and_repeat_nothing() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    more = replace(daily(), thresholds=BudgetThresholds(actual=(*map(Decimal, (50, 80, 90)),)))
    governed.amend(more)
    governed.count(change(0.5))
    assert governed.send() == ["Bedrock budget daily: 90% reached"]
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
    assert governed.send() == [
        "Bedrock budget each: 50% reached (assumed-role/chat/ana@example.com)"
    ]
    governed.budgets.mark_active("anas", governed.budgets.read().revision)
    assert governed.count(change(50, identity_arn=ANA)).alerts == 0


def test_a_window_adds_up_its_hours() -> None:
    governed = Governed(budget("window", amount=TEN_DOLLARS, periods=RollingHours(3)))
    for hour in range(5):
        governed.count(change(2, NOON + timedelta(hours=hour)))
    assert governed.send() == ["Bedrock budget window: 50% reached"]


def test_a_message_that_fails_stops_no_other_and_is_sent_later() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.count(change(6))
    governed.inbox.closed_for = {"first"}
    assert governed.sender.send(NOON) == SendReport(1, ("first",))
    governed.inbox.closed_for = set()
    assert governed.send(NOON + RETRY_AFTER) == ["Bedrock budget first: 50% reached"]
    assert governed.send() == []


def test_sessions_share_the_amount_of_their_principal_and_not_of_an_identity() -> None:
    governed = Governed(
        daily("each-identity", per=BudgetSubject.IDENTITY),
        daily("each-principal", per=BudgetSubject.PRINCIPAL),
    )
    sessions = [f"arn:aws:sts::1:assumed-role/team/{number}" for number in range(3)]
    governed.count(*(change(4, identity_arn=session) for session in sessions))
    assert governed.send() == ["Bedrock budget each-principal: 100% reached (role/team)"]
    ((_, detail),) = governed.inbox.received
    assert detail["budget"]["value"] == "arn:aws:iam::1:role/team"


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
    assert governed.evaluate(NOON) == BudgetEvaluation(0, 0)


def test_nothing_is_evaluated_before_anything_is_counted() -> None:
    governed = Governed(daily())
    governed.sums.state = None
    assert governed.evaluate(NOON) == BudgetEvaluation()


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
    governed.evaluate(NOON)
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
    assert governed.send() == ["Bedrock budget daily: 50% reached"]
    governed.evaluate(NOON + timedelta(minutes=1))
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
