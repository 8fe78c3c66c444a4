"""A source that evaluates queries receives a graph's queries, and its answer is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from dashboards.cloudwatch import Evaluation, Metric, Periods, Query, Series, Value
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import Source, draw
from dashboards.viewer.recent_views import RecentViews
from dashboards.viewer.time_ranges import until
from tests.builders import NOON
from tests.dashboards.viewer.test_drawings import widget

LAST_DAY = until(NOON, timedelta(days=1))


class NoMetrics:
    """Metrics that nothing may read: the account evaluates."""

    def metrics(self, *_: object) -> Sequence[Metric]:
        raise AssertionError

    def values(self, *_: object) -> Mapping[Metric, tuple[Value, ...]]:
        raise AssertionError


class Answering:
    """An evaluator that records its queries and has one answer for every query."""

    def __init__(self, *series: Series, messages: tuple[str, ...] = ()) -> None:
        self.asked: list[tuple[Sequence[Query], Periods]] = []
        self._series = series
        self._messages = messages

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        self.asked.append((queries, periods))
        found = {query["Id"]: self._series for query in queries if query["ReturnData"]}
        return Evaluation(found, self._messages)


def account(evaluator: Answering) -> Source:
    return Source("an account", NoMetrics(), lambda: NOON, evaluator=evaluator)


def test_the_queries_of_a_graph_are_sent_to_the_account_unchanged() -> None:
    evaluator = Answering(Series("haiku", (7,)))
    search = "SORT(SEARCH('{BedrockMeter,ModelId} MetricName=\"X\"', 'Sum'), SUM, DESC)"
    label = "${PROP('Dim.ModelId')}"
    graph = widget(
        view="bar",
        setPeriodToTimeRange=True,
        metrics=[
            ["BedrockMeter", "InputTokens", {"id": "m1", "visible": False, "stat": "p99"}],
            [{"id": "e1", "expression": search, "label": label}],
        ],
    )
    (drawing,) = draw([graph], account(evaluator), LAST_DAY)
    metric = {"Namespace": "BedrockMeter", "MetricName": "InputTokens", "Dimensions": []}
    stat = {"Metric": metric, "Period": 86_400, "Stat": "p99"}
    queries = [
        {"Id": "m1", "ReturnData": False, "MetricStat": stat},
        {"Id": "e1", "ReturnData": True, "Label": label, "Expression": search, "Period": 86_400},
    ]
    assert evaluator.asked == [(queries, LAST_DAY.whole)]
    assert [(series["name"], series["value"]) for series in drawing["series"]] == [("haiku", 7)]


def test_messages_of_an_account_are_shown_below_the_graph() -> None:
    evaluator = Answering(Series("haiku", (7,)), messages=("Too many metrics.",))
    graph = widget(view="bar", metrics=[["BedrockMeter", "InputTokens"]])
    (drawing,) = draw([graph], account(evaluator), LAST_DAY)
    assert drawing["note"] == "Too many metrics."


def test_answers_of_an_account_are_cached_for_a_minute() -> None:
    seconds, evaluator = [0.0], Answering()
    views = RecentViews(DashboardSession.from_source(account(evaluator)), clock=lambda: seconds[0])
    views.view("usage_overview", "", "1d")
    asked = len(evaluator.asked)
    assert asked > 10
    seconds[0] = 59.9
    views.view("usage_overview", "", "1d")
    assert len(evaluator.asked) == asked
    seconds[0] = 60
    views.view("usage_overview", "", "1d")
    assert len(evaluator.asked) == 2 * asked


def test_concurrent_views_keep_the_evaluator_setting() -> None:
    local = replace(account(Answering()), evaluator=None)
    assert DashboardSession.from_source(local).memoize().source.evaluator is None
