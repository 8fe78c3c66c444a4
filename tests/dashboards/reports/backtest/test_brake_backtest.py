"""The backtest of the brake on public usage: its rules, its results and its honesty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dashboards.reports.backtest.backtest import BRAKE_PAGE, replace_results
from dashboards.reports.backtest.brake_backtest import run_brake_backtest
from dashboards.reports.backtest.brake_replay import BrakeCase, replay_case
from dashboards.reports.backtest.brake_tables import TrialGroup
from dashboards.reports.backtest.brake_trials import (
    HOUR,
    MARGIN,
    MIN_CALLS,
    SHARE,
    list_busiest_hours,
    list_days,
    run_brake_trials,
)
from dashboards.reports.backtest.call_traces import (
    AZURE_CODE,
    HOUR_SECONDS,
    CallTrace,
    HourPattern,
    Usage,
    read_call_traces,
)
from dashboards.reports.backtest.delays import FAST, NONE, SLOW, WINDOW_SECONDS
from dashboards.reports.backtest.traces import START, read_traces
from lambdas.domain.brake import ASSUMED_REACTION, MAX_RESERVE_PERCENT, MIN_REACTIONS

README = Path(__file__).parents[4] / "README.md"
LEAST = 1 - Fraction(MAX_RESERVE_PERCENT) / 100
DELAYS = st.sampled_from([NONE, FAST, SLOW])
SHARES = st.sampled_from([Fraction(1, 4), SHARE, Fraction(9, 10), MARGIN])
CALLS = st.dictionaries(
    st.integers(0, HOUR_SECONDS - 1), st.integers(1, 10_000), min_size=1, max_size=200
)


def make_case(calls: Mapping[int, int], name: str = "caller") -> BrakeCase:
    """A caller's hour with calls at some seconds, by their tokens."""
    pattern = HourPattern(
        [(calls.get(second, 0), int(second in calls)) for second in range(HOUR_SECONDS)]
    )
    hour = Usage(START, pattern.tokens, pattern.calls)
    return BrakeCase(
        CallTrace(name, [hour], pattern, is_own=True), HOUR, HOUR.period_at(hour.start)
    )


def test_pages_state_the_results_of_this_code_and_the_reserve_lowers_every_figure() -> None:
    """One test, since workers share no results, and these take half a minute."""
    backtest = run_brake_backtest()
    page = BRAKE_PAGE.read_text(encoding="utf-8")
    assert page == replace_results(page, backtest.tables), "Run: make backtest WRITE=1"
    groups = {(group.period, group.delays): group for group in backtest.groups}
    assert set(groups) == {
        (period, name) for period in ("day", "hour") for name in ("fast", "slow")
    }
    for group in backtest.groups:
        assert len(group.trials) > 150
        for with_reserve, without in zip(group.early, group.late, strict=True):
            assert with_reserve < without
    check_readme(groups["hour", "fast"])
    for name in (AZURE_CODE, *read_traces().clients):
        assert f"| {name} | hour | fast |" in backtest.callers


def check_readme(hours: TrialGroup) -> None:
    text = " ".join(README.read_text(encoding="utf-8").split())
    early, late = hours.early, hours.late
    assert f"{early.median:.1f}% of the limit was used" in text
    assert f"(median; p95 {early.p95:.1f}%, worst {early.worst:.1f}%)" in text
    assert f"and {late.median:.1f}, {late.p95:.1f} and {late.worst:.1f}% without" in text
    assert "The brake is no hard limit" in text


def test_calls_of_an_hour_are_spread_without_a_loss() -> None:
    for trace in read_call_traces()[:6]:
        for hour in trace.hours[:20]:
            spread = list(trace.spread(hour))
            assert sum(usage.tokens for usage in spread) == hour.tokens
            assert sum(usage.calls for usage in spread) == hour.calls
            assert all(usage.calls for usage in spread)
            assert {usage.start.replace(minute=0, second=0) for usage in spread} == {hour.start}


def test_the_hour_that_has_seconds_is_replayed_as_it_was() -> None:
    trace = read_call_traces()[0]
    (hour,) = trace.hours
    spread = {usage.start - START: usage[1:] for usage in trace.spread(hour)}
    assert trace.name == AZURE_CODE
    assert spread == {
        timedelta(seconds=second): usage
        for second, usage in enumerate(trace.pattern.usage)
        if usage[1]
    }


def test_hours_begin_at_other_seconds_of_the_pattern() -> None:
    trace = read_call_traces()[1]
    firsts = {next(iter(trace.spread(hour))).start - hour.start for hour in trace.hours[:5]}
    assert len(firsts) > 1


def test_cases_are_days_of_the_second_week_and_one_hour_of_each_day() -> None:
    traces = read_call_traces()
    days, hours = list(list_days(traces)), list(list_busiest_hours(traces))
    assert {(case.period.start - START).days for case in days} == set(range(7, 14))
    dates = [(case.trace.name, case.period.start.date()) for case in hours]
    assert len(dates) == len(set(dates))
    for case in days + hours:
        assert sum(hour.calls for hour in case.hours) >= MIN_CALLS


@given(CALLS, SHARES, DELAYS, st.integers(0, 600))
def test_the_reserve_never_lets_a_caller_use_more(
    calls: dict[int, int], share: Fraction, delays: object, seconds: int
) -> None:
    trial = replay_case(make_case(calls), share, delays, timedelta(seconds=seconds))  # type: ignore[arg-type]
    assert trial.early.spent <= trial.late.spent
    if trial.late.decided_at is not None:
        assert trial.early.decided_at is not None
        assert trial.early.decided_at <= trial.late.decided_at


@given(CALLS, SHARES, DELAYS)
def test_no_caller_is_denied_before_80_percent_or_without_a_limit_in_reach(
    calls: dict[int, int], share: Fraction, delays: object
) -> None:
    trial = replay_case(make_case(calls), share, delays, ASSUMED_REACTION)  # type: ignore[arg-type]
    if trial.early.decided_at is not None:
        assert trial.early.spent >= LEAST - Fraction(1, sum(calls.values()))
    if share > 1:
        assert trial.late.decided_at is None


@given(CALLS)
def test_without_delays_at_most_one_call_exceeds_the_limit(calls: dict[int, int]) -> None:
    apart = {second - second % WINDOW_SECONDS: tokens for second, tokens in calls.items()}
    case = make_case(apart)
    limit = max(1, case.tokens // 2)
    trial = replay_case(case, SHARE, NONE, ASSUMED_REACTION)
    for stop in (trial.early, trial.late):
        assert stop.spent * limit < limit + max(apart.values())


@given(CALLS, DELAYS)
def test_a_replay_is_repeatable(calls: dict[int, int], delays: object) -> None:
    once, twice = (
        replay_case(make_case(calls), SHARE, delays, ASSUMED_REACTION)  # type: ignore[arg-type]
        for _ in range(2)
    )
    assert (once.early, once.late, once.reaction) == (twice.early, twice.late, twice.reaction)


def test_the_actual_reaction_time_is_that_of_calls_which_the_decision_did_not_know() -> None:
    case = make_case(dict.fromkeys(range(HOUR_SECONDS), 10))
    trial = replay_case(case, SHARE, NONE, timedelta(0))
    assert trial.reaction is not None
    assert trial.reaction.actual < timedelta(seconds=WINDOW_SECONDS)
    slow = replay_case(case, SHARE, SLOW, timedelta(0))
    assert slow.reaction is not None
    assert slow.reaction.measured is not None
    assert timedelta(seconds=50) < slow.reaction.actual < slow.reaction.measured


def test_reaction_times_are_those_that_were_measured_before() -> None:
    hours = [case for case in list_busiest_hours(read_call_traces()) if case.trace.name < "m-mid"]
    trials = list(run_brake_trials(hours, SHARE, FAST))
    assert trials[0].assumed == ASSUMED_REACTION
    assert trials[-1].assumed < timedelta(minutes=1)
    assert sum(trial.assumed == ASSUMED_REACTION for trial in trials) >= MIN_REACTIONS
