"""Under faults, sums of budgets equal cells and alerts are sent once; what is wrong is found."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.domain.budgets import AccumulatorKey
from lambdas.domain.budgets.budget_alerts import AlertKey, LastAlert, find_crossings
from lambdas.services import send_budget_alerts
from tests.simulation.drivers import alert_inbox
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.budget_builder import BudgetBuilderDriver
from tests.simulation.drivers.budget_evaluator import BudgetEvaluatorDriver
from tests.simulation.drivers.budgets import plan_unchanged_budgets
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.forecast_calibrator import ForecastCalibratorDriver
from tests.simulation.drivers.usage_counter import EvaluatorEvents
from tests.simulation.faults import Fault
from tests.simulation.planted.budgets import ClaimsNoAlerts, CompletesSumsAgain, ForgetsDeliveries
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, BudgetBuilderDriver, BudgetEvaluatorDriver)
CALIBRATION: tuple[type[Driver], ...] = (*PIPELINE, ForecastCalibratorDriver)


@pytest.mark.parametrize("seed", [1, 8])
def test_sums_and_alerts_hold_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []


class Unscheduled(BudgetEvaluatorDriver):
    """Evaluates budgets only when `usage_counter` starts it."""

    def start(self) -> None:
        plan_unchanged_budgets(self.account)


UNSCHEDULED: tuple[type[Driver], ...] = (*PIPELINE, Unscheduled, BudgetBuilderDriver)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_alerts_need_no_schedule_while_calls_are_counted(seed: int) -> None:
    assert run(seed, frozenset(), drivers=UNSCHEDULED).violations == []


def test_alerts_that_wait_for_the_schedule_after_counting_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EvaluatorEvents, "start", lambda _: None)
    violations = run(1, frozenset(), drivers=UNSCHEDULED).violations
    assert any("no alert at" in violation for violation in violations)


def test_a_budget_that_is_built_before_all_processes_know_it_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lambdas.services.build_budgets.is_known_everywhere", lambda *_: True)
    violations = run(1, drivers=DRIVERS).violations
    assert any("cells have" in violation for violation in violations)


def test_sums_that_a_run_completes_again_after_a_lost_answer_are_found() -> None:
    lost_answers, bug = frozenset({Fault.LOST_ANSWERS}), CompletesSumsAgain()
    found = (seed for seed in range(30, 60) if run(seed, lost_answers, bug, DRIVERS).violations)
    finding = next(found, None)
    assert finding is not None
    assert run(finding, lost_answers, drivers=DRIVERS).violations == []
    assert run(finding, frozenset(), bug, DRIVERS).violations == []


def test_alerts_that_two_runs_send_at_the_same_time_are_found() -> None:
    violations = run(1, frozenset(), ClaimsNoAlerts(), DRIVERS).violations
    assert any("received 2 times" in violation for violation in violations)


def test_sums_that_a_changed_budget_shares_with_its_old_scope_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def name(key: AccumulatorKey) -> str:
        return f"budget#{key.budget}#{key.slot.id}"

    monkeypatch.setattr(AccumulatorKey, "name", property(name))
    violations = run(1, frozenset(), drivers=DRIVERS).violations
    assert any("cells have" in violation for violation in violations)


def test_alerts_that_are_marked_sent_and_not_delivered_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(send_budget_alerts.BudgetAlertSender):
        """Marks alerts sent, and delivers nothing."""

        def send(self, now: datetime, *_: object) -> send_budget_alerts.SendReport:
            for alert in self.alerts.list_due():
                self.alerts.mark_sent(alert.key, now)
            return send_budget_alerts.SendReport(0)

    monkeypatch.setattr("tests.simulation.drivers.budget_evaluator.BudgetAlertSender", Silent)
    violations = run(1, drivers=DRIVERS).violations
    assert any("no alert at" in violation for violation in violations)


def test_forecasts_that_alert_at_no_threshold_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.domain.budgets.alerts.list_probable", lambda *_: ())
    found = [line for seed in range(6) for line in run(seed, drivers=DRIVERS).violations]
    assert any("crossed in its period, and no alert" in violation for violation in found)
    assert all("forecast" in violation for violation in found)


def test_alerts_that_are_missing_in_periods_that_have_ended_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave_out_hours(*arguments: Any) -> list[AlertKey]:
        return [key for key in find_crossings(*arguments) if key.budget != "hourly"]

    monkeypatch.setattr("lambdas.services.evaluate_budgets.find_crossings", leave_out_hours)
    found = [line for seed in range(4) for line in run(seed, drivers=DRIVERS).violations]
    assert any("crossed in its period, and no alert" in violation for violation in found)
    assert all("hourly" in violation for violation in found)


def test_levels_of_a_raised_amount_that_do_not_alert_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def has_not_alerted(key: AlertKey, alerted: Mapping[str, LastAlert]) -> bool:
        last = alerted.get(key.threshold_id)
        return last is None or last.ends_at <= key.period.start

    monkeypatch.setattr(AlertKey, "is_new", has_not_alerted)
    violations = run(3, drivers=DRIVERS).violations
    assert any("crossed in its period, and no alert" in violation for violation in violations)


def test_alerts_that_come_one_way_alone_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_inbox.Topic, "publish", lambda *_: None)
    violations = run(1, drivers=DRIVERS).violations
    assert any("no alert" in violation for violation in violations)


def test_an_alert_comes_once_by_each_way_also_where_the_other_way_refuses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.simulation.ports._THROTTLED_SHARE", 0.3)
    throttles = frozenset({Fault.THROTTLES})
    assert run(0, throttles, drivers=DRIVERS).violations == []
    violations = run(0, throttles, ForgetsDeliveries(), DRIVERS).violations
    assert any("received 2 times" in violation for violation in violations)


@pytest.mark.parametrize("seed", [1, 8])
def test_forecasts_are_calibrated_on_what_was_counted_under_faults(seed: int) -> None:
    assert run(seed, drivers=CALIBRATION).violations == []


def test_a_calibration_that_is_not_stored_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoDbCalibrationStore, "write", lambda *_: None)
    violations = run(1, drivers=CALIBRATION).violations
    assert "forecasts: nothing is calibrated" in violations
