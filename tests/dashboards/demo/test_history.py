"""The dashboards of the demo show the months before it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.cloudwatch import Metric, Periods, Statistic
from dashboards.demo.company import CALLERS
from dashboards.demo.history import HISTORY_DAYS, add_history, make_history
from dashboards.reports.log_metrics import LogMetrics
from dashboards.viewer.drawings import Source
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.metrics.catalog import (
    ACCEPTED_RECORDS,
    ESTIMATED_COST,
    HEALTH_NAMESPACE,
    INVOCATIONS,
    METERING_DELAY,
    NAMESPACE,
    PROJECT,
)
from tests.dashboards.cloudwatch.figures import InMemoryMetrics

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
DAY = 86_400
COST = Metric(NAMESPACE, ESTIMATED_COST.name)


@pytest.fixture(scope="module")
def history() -> LogMetrics:
    return make_history(NOW - timedelta(days=13), {})


def test_there_are_calls_on_every_day_and_none_after(history: LogMetrics) -> None:
    (costs,) = history.values([COST], Statistic.SUM, Periods(NOW, DAY, HISTORY_DAYS + 13)).values()
    assert all(costs[:HISTORY_DAYS])
    assert costs[HISTORY_DAYS:] == (None,) * 13


def test_projects_are_those_of_the_demo(history: LogMetrics) -> None:
    found = {
        dict(metric.dimensions)[PROJECT]
        for metric in history.metrics(NAMESPACE, ESTIMATED_COST.name)
        if metric.dimension_names == frozenset({PROJECT})
    }
    assert found == {caller.project or UNATTRIBUTED for caller in CALLERS}


def test_both_sources_are_shown_as_one(history: LogMetrics) -> None:
    """A source that is shown before itself doubles its sums, and nothing else."""
    source = Source(name="the cloud", metrics=history, now=lambda: NOW)
    both = add_history(source, history)
    assert both.name == f"the cloud and {HISTORY_DAYS} made-up days before it"
    joined = both.metrics
    metrics = joined.metrics(NAMESPACE, INVOCATIONS.name)
    assert metrics == history.metrics(NAMESPACE, INVOCATIONS.name)
    periods = Periods(NOW, DAY, 20)
    for statistic, factor in ((Statistic.SUM, 2), (Statistic.MAXIMUM, 1)):
        once = history.values([COST], statistic, periods)[COST]
        assert joined.values([COST], statistic, periods)[COST] == tuple(
            None if value is None else value * factor for value in once
        )


def test_health_metrics_are_those_of_calls_that_were_logged_in_time() -> None:
    """All calls are logged in the last of three hours: the first two have none of their own."""
    hours = Periods(NOW, 3600, 3)
    calls, accepted, delay = (
        Metric(NAMESPACE, INVOCATIONS.name),
        Metric(HEALTH_NAMESPACE, ACCEPTED_RECORDS.name),
        Metric(HEALTH_NAMESPACE, METERING_DELAY.name),
    )
    logged = InMemoryMetrics({calls: [5, None, 7], accepted: [None, None, 12]})
    nothing = InMemoryMetrics({})
    source = Source(name="the cloud", metrics=logged, now=lambda: NOW)
    counts = add_history(source, nothing).metrics.values([accepted], Statistic.SAMPLE_COUNT, hours)
    assert counts[accepted] == (1, None, 12)
    sums = add_history(source, nothing).metrics.values([accepted], Statistic.SUM, hours)
    assert sums[accepted] == (None, None, 12)
    late = replace(source, metrics=InMemoryMetrics({delay: [60, 7200, 900_000]}))
    delays = add_history(late, nothing).metrics.values([delay], Statistic.MAXIMUM, hours)
    assert delays[delay] == (60, None, None)
