"""Checks that each dashboard exists, and that CloudWatch answers what its graphs ask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cdk.components.dashboards import dashboard_name, deployed_dashboards
from cdk.operations.verification.check import CheckFailedError
from cdk.operations.verification.metric_answers import PERIOD, build_query
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.metrics.catalog import NAMESPACE

_UNSUPPORTED = "Unsupported"
"""The local cloud's code for expressions, which it does not evaluate."""
_BAND = "ANOMALY_DETECTION_BAND"


def check_dashboards(meter: VerifiedMeter) -> str:
    """Read each dashboard and ask for everything that it shows."""
    client = meter.session.client("cloudwatch")
    asked = unsupported = 0
    failed: list[str] = []
    names = deployed_dashboards(meter.config)
    for name in names:
        deployed = dashboard_name(name, str(meter.session.region_name))
        body = json.loads(client.get_dashboard(DashboardName=deployed)["DashboardBody"])
        answers = [meter.answers.ask(graph, meter.started_at) for graph in _list_graphs(body)]
        meter.answers.store(name, answers)
        for result in (result for answer in answers for result in answer.results):
            asked += 1
            codes = {message["Code"] for message in result.get("Messages", [])}
            if _UNSUPPORTED in codes:
                unsupported += 1
            elif result["StatusCode"] != "Complete":
                failed.append(f"{name}: {result.get('Label', result['Id'])}")
    if meter.answers.folder is not None:
        meter.answers.store("metrics", meter.answers.ask_sums(NAMESPACE, meter.started_at))
    if failed:
        message = f"CloudWatch does not answer {len(failed)} of {asked} queries: {failed[0]}"
        raise CheckFailedError(message)
    text = f"{len(names)} dashboards, {asked} queries answered"
    return f"{text}; {unsupported} expressions not evaluated here" if unsupported else text


def _list_graphs(body: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """List the queries of each graph, those of Metrics Insights alone: a request takes one.

    Bands are left out: CloudWatch answers them only once it has learnt what is usual.
    """
    for widget in body["widgets"]:
        properties = widget["properties"]
        queries = [
            _build_query(f"q{number}", row, properties)
            for number, row in enumerate(properties.get("metrics", ()))
            if not _is_band(row)
        ]
        insights = [query for query in queries if _is_insights(query)]
        if others := [query for query in queries if query not in insights]:
            yield others
        for query in insights:
            yield [query]


def _is_insights(query: Mapping[str, Any]) -> bool:
    return bool(query.get("Expression", "").startswith("SELECT "))


def _is_band(row: list[Any]) -> bool:
    return isinstance(row[0], dict) and row[0].get("expression", "").startswith(_BAND)


def _build_query(query_id: str, row: list[Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Build the query of a row: a metric's namespace, name and dimensions, or an expression."""
    *names, last = row
    options = last if isinstance(last, dict) else {}
    period = int(properties.get("period", PERIOD))
    if "expression" in options:
        query = {"Id": query_id, "Expression": options["expression"], "Period": period}
    else:
        names = names if options else row
        namespace, metric, *pairs = names
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        stat = options.get("stat", properties.get("stat", "Average"))
        query = build_query(query_id, namespace, metric, dimensions, stat, period=period)
    is_shown = options.get("visible", True)  # a hidden number could not be answered
    return query | {"Id": options.get("id", query_id), "ReturnData": is_shown}
