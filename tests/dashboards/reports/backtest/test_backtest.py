"""The backtest of forecasts on public usage: its targets, its results and its honesty."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from cdk.operations.terminal import CommandError
from dashboards.reports.backtest.backtest import PAGE, Backtest, replace_results, run_backtest
from dashboards.reports.backtest.budgets import score_probabilities
from dashboards.reports.backtest.calibrations import Calibrations
from dashboards.reports.backtest.scores import score_coverage, score_errors
from dashboards.reports.backtest.traces import Traces, read_traces
from dashboards.reports.backtest.trials import (
    DAY,
    DAY_AHEAD,
    END_OF_WEEK,
    LAST_DAY,
    OURS,
    SAME_WEEK_BEFORE,
    STRAIGHT_LINE,
    WEEK,
    run_trials,
)
from lambdas.domain.forecasting import (
    COVERAGES,
    SHIPPED_FILE,
    Activity,
    Coverage,
    HourlyUsage,
    write_error_ratios,
)

HOUR = timedelta(hours=1)
README = Path(__file__).parents[4] / "README.md"


@pytest.fixture(scope="module")
def backtest() -> Backtest:
    return run_backtest()


def make_traces(**clients: list[int]) -> Traces:
    """Make two weeks of usage, by client and hour."""
    start = read_traces().start
    usage = {
        client: HourlyUsage({start + n * HOUR: tokens for n, tokens in enumerate(hours)}, start)
        for client, hours in clients.items()
    }
    return Traces(usage, start, start + 2 * WEEK)


@pytest.mark.parametrize("coverage", COVERAGES)
def test_a_day_ahead_intervals_hold_what_they_promise_within_five_points(
    backtest: Backtest, coverage: Coverage
) -> None:
    day_ahead = [trial for trial in backtest.trials if trial.horizon == DAY_AHEAD]
    assert len(day_ahead) > 700
    assert score_coverage(day_ahead, coverage) == pytest.approx(coverage, abs=5)


def test_probabilities_are_better_than_the_straight_line(backtest: Backtest) -> None:
    scores = score_probabilities(backtest.budgets)
    assert len(backtest.budgets) > 1000
    assert scores.forecast < scores.straight_line < scores.base_rate


def test_the_page_has_the_results_of_this_code(backtest: Backtest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == replace_results(page, backtest.tables), "Run: make backtest WRITE=1"


def test_the_summary_of_the_page_states_the_measured_scores(backtest: Backtest) -> None:
    summary, _, _ = PAGE.read_text(encoding="utf-8").partition("## Method")
    scores = score_probabilities(backtest.budgets)
    assert f"Brier score {scores.forecast:.3f} against {scores.straight_line:.3f}" in summary
    day_ahead = [trial for trial in backtest.trials if trial.horizon == DAY_AHEAD]
    low, middle, high = (f"{score_coverage(day_ahead, coverage):.0f}" for coverage in COVERAGES)
    assert f"{low}, {middle} and {high}% of what followed" in summary
    for horizon in (DAY_AHEAD, END_OF_WEEK):
        found = [trial for trial in backtest.trials if trial.horizon == horizon]
        last_day, ours = (score_errors(found, method).median_ape for method in (LAST_DAY, OURS))
        assert f"({last_day:.0f} against {ours:.0f}%)" in " ".join(summary.split())


def test_the_readme_states_the_measured_scores(backtest: Backtest) -> None:
    text = " ".join(README.read_text(encoding="utf-8").split())
    scores = score_probabilities(backtest.budgets)
    assert f"(Brier score {scores.forecast:.3f} against {scores.straight_line:.3f})" in text
    day_ahead = [trial for trial in backtest.trials if trial.horizon == DAY_AHEAD]
    low, middle, high = (f"{score_coverage(day_ahead, coverage):.0f}" for coverage in COVERAGES)
    assert f"{low}, {middle} and {high}% of amounts" in text
    errors = [
        score_errors([trial for trial in backtest.trials if trial.horizon == horizon], method)
        for horizon in (DAY_AHEAD, END_OF_WEEK)
        for method in (LAST_DAY, OURS)
    ]
    assert (
        "({:.0f} against {:.0f}% a day ahead, {:.0f} against {:.0f}% at the end of a week)"
    ).format(*(error.median_ape for error in errors)) in text


def test_the_shipped_errors_are_those_of_this_code(backtest: Backtest) -> None:
    written = write_error_ratios(backtest.ratios)
    assert SHIPPED_FILE.read_text(encoding="utf-8") == written, "Run: make backtest WRITE=1"


def test_a_page_without_a_place_for_results_is_refused() -> None:
    with pytest.raises(CommandError, match="has no place for results"):
        replace_results("# Forecasts\n", "")


def test_neither_the_tested_client_nor_later_days_make_its_intervals() -> None:
    traces = read_traces()
    tested = "m-mid/60"
    origin = traces.start + 9 * DAY + timedelta(hours=6)
    known = Calibrations(traces, timedelta(hours=12)).get_strict(tested, origin)
    hours = {
        client: {
            traces.start + n * HOUR: usage.sum_hours(
                traces.start + n * HOUR, traces.start + (n + 1) * HOUR
            )
            for n in range(24 * 9)
        }
        for client, usage in traces.clients.items()
        if client != tested
    }
    first = {client: usage.observed_since for client, usage in traces.clients.items()}
    cut = {client: HourlyUsage(usage, first[client]) for client, usage in hours.items()}
    earlier = traces._replace(clients=cut, end=traces.start + 9 * DAY)
    assert known == Calibrations(earlier, timedelta(hours=12)).calibrate_all()


def test_a_forecast_does_not_read_what_follows_it() -> None:
    week = list(range(1, 169))
    trials = [
        next(run_trials(traces, Calibrations(traces, HOUR), WEEK))
        for later in (5, 10**6)
        for traces in (make_traces(ana=[*week, *[later] * 168], bob=[*week, *week]),)
    ]
    one, other = trials
    assert one.forecast == other.forecast
    assert one.amounts == other.amounts
    assert one.actual != other.actual


def test_baselines_are_the_last_day_the_week_before_and_the_mean_rate() -> None:
    week = [1] * 144 + [2] * 24
    traces = make_traces(ana=[*week, *[3] * 168], bob=[*week, *week])
    trials = run_trials(traces, Calibrations(traces, HOUR), DAY)
    at_once, three_days = next(trials), next(trials)
    assert at_once.amounts[LAST_DAY] == 2 * 24
    assert three_days.amounts[LAST_DAY] == 2 * 72
    assert at_once.amounts[SAME_WEEK_BEFORE] == 24
    assert at_once.amounts[STRAIGHT_LINE] == Fraction(144 + 48, 168) * 24
    end = next(trial for trial in trials if trial.horizon == END_OF_WEEK)
    assert end.amounts[STRAIGHT_LINE] == 3 * 144
    assert (end.used, end.week_before) == (3 * 24, 144 + 48)
    assert score_errors([end], STRAIGHT_LINE) == (0, 0)
    assert score_errors([at_once], LAST_DAY) == pytest.approx((100 / 3, 100 / 3))


def test_the_traces_are_those_of_thirty_clients_in_two_weeks() -> None:
    traces = read_traces()
    assert len(traces.clients) == 30
    assert traces.end - traces.start == 2 * WEEK
    total = sum(u.sum_hours(traces.start, traces.end) for u in traces.clients.values())
    assert total == sum(u.sum_last(30 * DAY, traces.end) for u in traces.clients.values())


def test_every_activity_is_tested(backtest: Backtest) -> None:
    tested = Counter(trial.forecast.activity for trial in backtest.trials)
    assert set(tested) == set(Activity)
