"""Every page shows sums over the logs' own JSON: each month, account, Region, model and identity.

The expected sums use no reader, aggregation or evaluator of the meter. Compared is each series that
shows a metric as it is, or the metrics that a SEARCH finds; the other series are formulas over such
metrics, and `tests/dashboards/test_dashboards.py` and `test_months.py` compare formulas.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from dashboards.demo.plain_sums import get_identity, sum_calls
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.hidden_widgets import hide_missing
from dashboards.viewer.sources import source_of_logs
from tests.dashboards.viewer.test_figures_of_logs import KINDS as FIELDS
from tests.dashboards.viewer.test_figures_of_logs import LOGS, get_model, tokens
from tests.invocation_logs import as_lines

UNPRICED = "acme.unlisted-v1:0"
MONTHS = ("2026-06", "2026-07", "2026-08")


def make_calls() -> list[dict[str, Any]]:
    """Calls of three months, two accounts and two Regions, some of a model without a price."""
    calls = []
    for number, call in enumerate(LOGS[::5]):
        place = [
            {"accountId": "111122223333", "region": "us-east-1"},
            {"accountId": "444455556666", "region": "us-west-2"},
        ][number % 2]
        time = f"{MONTHS[number % 3]}-{number % 28 + 1:02}{call['timestamp'][10:]}"
        # A failed call of a model that is not listed counts with all such models together.
        is_unlisted = number % 11 == 0 and "errorCode" not in call
        model = {"modelId": UNPRICED} if is_unlisted else {}
        calls.append({**call, **place, **model, "timestamp": time, "requestId": f"call-{number}"})
    return calls


CALLS = make_calls()


def cost(call: dict[str, Any]) -> float | None:
    (sums,) = sum_calls([call], get_identity).values()
    return None if call["modelId"] == UNPRICED else float(sums.cost_usd)


def quota(call: dict[str, Any]) -> int:
    (sums,) = sum_calls([call], get_identity).values()
    return sums.quota_tokens


KINDS: dict[str, str] = {
    "InputTokens": "Input",
    "OutputTokens": "Output",
    "CacheReadTokens": "Cache reads",
    "CacheWriteTokens": "Cache writes",
}
SUCCESSES: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "Invocations": lambda _: 1,
    "EstimatedCostUSD": cost,
    "QuotaTokens": quota,
    "TotalTokens": lambda call: sum(tokens(call, kind) for kind in KINDS.values()),
    "UnpricedInvocations": lambda call: 1 if call["modelId"] == UNPRICED else None,
}
KEYS: dict[str, Callable[[Any], str]] = {"IdentityArn": get_identity, "ModelId": get_model}
SEARCH = re.compile(
    r"(?:SLICE\()?SORT\(SEARCH\('\{BedrockMeter,(?P<dimension>\w+)\} MetricName=\"(?P<name>\w+)\""
    r"(?P<kind> (?:NOT )?\(embed OR embeddings\))?'"
    r", '(?P<statistic>Sum|Average)'(?:, \d+)?\), SUM, DESC\)(?:, 0, (?P<count>\d+)\))?"
)


def get_values(name: str, calls: Iterable[dict[str, Any]]) -> list[float] | None:
    """The value of each call; `None` for a metric that is not compared here."""
    if name == "InvocationErrors":
        return [1 for call in calls if "errorCode" in call]
    successes = [call for call in calls if "errorCode" not in call]
    if name in KINDS:
        part, field = FIELDS[KINDS[name]]
        return [call[part][field] for call in successes if field in call[part]]
    if name not in SUCCESSES:
        return None
    return [value for call in successes if (value := SUCCESSES[name](call)) is not None]


def expect_row(row: list[Any], calls: list[dict[str, Any]]) -> dict[str, float] | None:
    """The series that a row of a widget has to show; `None` for a formula."""
    options = row[-1] if isinstance(row[-1], dict) else {}
    if options.get("visible") is False or "stat" in options:
        return None
    if found := SEARCH.fullmatch(options.get("expression", "")):
        if found["dimension"] not in KEYS:
            return None
        return expect_search(found, calls)
    if "expression" in options or row[0] != "BedrockMeter":
        return None
    dimensions = dict(zip(row[2:-1:2], row[3:-1:2], strict=True))
    chosen = [call for call in calls if all(KEYS[k](call) == v for k, v in dimensions.items())]
    values = get_values(row[1], chosen)
    return {options["label"]: sum(values)} if values else None


def expect_search(found: re.Match[str], calls: list[dict[str, Any]]) -> dict[str, float] | None:
    key = KEYS[found["dimension"]]
    if found["kind"]:
        is_wanted = not found["kind"].startswith(" NOT")
        calls = [call for call in calls if ("embed" in call["modelId"]) is is_wanted]
    sums: dict[str, float] = {}
    for name in {key(call) for call in calls}:
        values = get_values(found["name"], [call for call in calls if key(call) == name])
        if values:
            sums[name] = sum(values) / (1 if found["statistic"] == "Sum" else len(values))
    largest = sorted(sums.items(), key=lambda item: -item[1])
    return dict(largest[: int(found["count"])] if found["count"] else largest) or None


def add_up(series: dict[str, Any]) -> float | None:
    """The sum of a line, or the number of a bar or slice."""
    present = [value for value in series["values"] if value is not None]
    value: float | None = series["value"]
    return sum(present) if present else value


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> DashboardSession:
    path: Path = tmp_path_factory.mktemp("logs") / "months.ndjson"
    path.write_bytes(as_lines(*CALLS))
    return DashboardSession.from_source(source_of_logs([path])).memoize()


@pytest.mark.parametrize("shown", [*MONTHS, "all"])
def test_every_page_shows_sums_over_the_logs(session: DashboardSession, shown: str) -> None:
    calls = [call for call in CALLS if shown in {"all", call["timestamp"][:7]}]
    compared: Counter[str] = Counter()
    for dashboard in session.bodies:
        for choice in session.choices(dashboard) or [""]:
            view = session.view(dashboard, choice, shown)["widgets"]
            bodies = read_bodies()[dashboard].widgets(choice or None)
            kept, _ = hide_missing(bodies, session.source)
            for body, drawn in zip(kept, view, strict=True):
                properties = body["properties"]
                if body["type"] != "metric" or "start" in properties:
                    continue
                if properties.get("stat", "Sum") != "Sum" and properties["view"] == "timeSeries":
                    continue
                series = {each["name"]: each for each in drawn.get("series", [])}
                for row in properties["metrics"]:
                    for label, value in (expect_row(row, calls) or {}).items():
                        where = (dashboard, choice, drawn["title"], label)
                        assert add_up(series[label]) == pytest.approx(value), where
                        compared[dashboard] += 1
                        compared[drawn["view"]] += 1
    pages = set(session.bodies) - {"pipeline_health"}  # which has metrics of the meter itself
    # Pies have days of their own: test_figures_of_logs.py compares them.
    assert {"timeSeries", "singleValue", "bar"} <= compared.keys()
    assert pages <= compared.keys(), json.dumps(compared)
