"""Our evaluation gives what CloudWatch answered when an account was verified."""

from pathlib import Path

import pytest

from dashboards.cloudwatch import LocalEvaluator, UnknownExpressionError
from tests.dashboards.cloudwatch.stored_answers import StoredGraph, StoredMetrics, read_graphs

STORED = Path(__file__).parents[2] / "fixtures" / "metric-answers"
ACCOUNTS = sorted(path for path in STORED.iterdir() if path.is_dir())
"""A folder for each verification whose answers were kept."""
MADE_TOKENS = 460
"""The tokens of the twenty calls of the verification in the local cloud."""


def count_equal(graph: StoredGraph, evaluator: LocalEvaluator) -> int:
    """Evaluate a graph, compare each series that CloudWatch answered, and count these."""
    found = evaluator.evaluate(graph.queries, graph.periods).series
    by_id: dict[str, list[tuple[float | None, ...]]] = {}
    for (query_id, _), values in graph.answers.items():
        by_id.setdefault(query_id, []).append(values)
    for query_id, answered in by_id.items():
        ours = [series.values for series in found[query_id]]
        assert sorted(map(str, ours)) == sorted(map(str, answered)), query_id
    return len(by_id)


@pytest.mark.parametrize("folder", ACCOUNTS, ids=lambda folder: folder.name)
def test_graphs_have_the_values_that_cloudwatch_answered(folder: Path) -> None:
    evaluator = LocalEvaluator(StoredMetrics(folder / "metrics.json"))
    compared = 0
    for graph in read_graphs(folder / "usage_overview.json"):
        try:
            compared += count_equal(graph, evaluator)
        except UnknownExpressionError as error:
            assert "only hourly sums are stored" in str(error)  # noqa: PT017  # others follow
    assert compared > 10


def test_a_search_finds_the_identity_that_called() -> None:
    folder = STORED / "local-cloud"
    evaluator = LocalEvaluator(StoredMetrics(folder / "metrics.json"))
    graph = next(
        graph
        for graph in read_graphs(folder / "usage_overview.json")
        if "IdentityArn" in graph.queries[0].get("Expression", "")
    )
    (series,) = evaluator.evaluate(graph.queries, graph.periods).series[graph.queries[0]["Id"]]
    assert series.label == "ARN"
    assert sum(series.present) == MADE_TOKENS
