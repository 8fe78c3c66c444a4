"""Every page shows sums over the logs' own JSON: each month, account, Region, model and identity.

The expected figures use no reader, aggregation or evaluator of the meter. Compared are metrics and
what a SEARCH finds (sums and means), lines without their open period, ratios, "All others", bars of
days, and the cost of the month; percentiles, latency and the meter's own metrics are not.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cdk.config import Config
from dashboards.demo.company import PROFILE
from dashboards.demo.plain_sums import get_identity, sum_calls
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.hidden_widgets import hide_missing
from dashboards.viewer.sources import source_of_logs
from tests.dashboards.viewer.test_figures_of_logs import KINDS as FIELDS
from tests.dashboards.viewer.test_figures_of_logs import LOGS, get_model, tokens
from tests.invocation_logs import as_lines

UNPRICED = "acme.unlisted-v1:0"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE_NAME = PROFILE.partition(":111122223333:")[2]
"""Its model is not in log files, and so its calls have no price."""
WITHOUT_LISTED_PRICES = "af-south-1"
"""Sonnet has no price there: the one of the United States is the highest, and is assumed."""
MONTHS = ("2026-06", "2026-07", "2026-08")


def make_calls() -> list[dict[str, Any]]:
    """Calls of three months, two accounts and two Regions.

    Some are of a model without a price, of an application profile, or have an assumed price.
    """
    calls = []
    for number, call in enumerate(LOGS[::5]):
        place = [
            {"accountId": "111122223333", "region": "us-east-1"},
            {"accountId": "444455556666", "region": "us-west-2"},
        ][number % 2]
        time = f"{MONTHS[number % 3]}-{number % 28 + 1:02}{call['timestamp'][10:]}"
        model = {}
        if number % 11 == 0 or (number % 2 and "errorCode" in call):
            model = {"modelId": UNPRICED}
        elif number % 11 == 1:
            model = {"modelId": PROFILE}
        elif call["modelId"] == f"us.{SONNET}" and number % 2:
            model = {"modelId": SONNET, "region": WITHOUT_LISTED_PRICES}
        calls.append({**call, **place, **model, "timestamp": time, "requestId": f"call-{number}"})
    return calls


CALLS = make_calls()


def has_assumed_price(call: dict[str, Any]) -> bool:
    return bool(call["region"] == WITHOUT_LISTED_PRICES)


def is_unpriced(call: dict[str, Any]) -> bool:
    return call["modelId"] in {UNPRICED, PROFILE}


def cost(call: dict[str, Any]) -> float | None:
    if has_assumed_price(call):
        call = {**call, "modelId": f"us.{SONNET}"}
    (sums,) = sum_calls([call], get_identity).values()
    return None if is_unpriced(call) else float(sums.cost_usd)


def count_all(call: dict[str, Any]) -> int:
    return sum(tokens(call, kind) for kind in KINDS.values())


def has_counts(call: dict[str, Any]) -> bool:
    return any(name in call[part] for part, name in FIELDS.values())


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
    "TotalTokens": count_all,
    "UnattributedTokens": count_all,
    "UnpricedInvocations": lambda call: 1 if is_unpriced(call) else None,
    "AssumedPriceInvocations": lambda call: 1 if has_assumed_price(call) else None,
}


def get_model_or_profile(call: dict[str, Any]) -> str:
    return PROFILE_NAME if call["modelId"] == PROFILE else get_model(call)


KEYS: dict[str, Callable[[Any], str]] = {
    "IdentityArn": get_identity,
    "ModelId": get_model_or_profile,
    "Project": lambda _: "unattributed",
}
SEARCH = re.compile(
    r"(?:SLICE\()?SORT\(SEARCH\('\{BedrockMeter,(?P<dimension>\w+)\} MetricName=\"(?P<name>\w+)\""
    r"(?P<kind> (?:NOT )?\(embed OR embeddings\))?'"
    r", '(?P<statistic>Sum|Average)'(?:, \d+)?\), SUM, DESC\)(?:, 0, (?P<count>\d+)\))?"
)


def get_values(name: str, calls: Iterable[dict[str, Any]]) -> list[float] | None:
    """The value of each call; `None` for a metric that is not compared here."""
    if name == "InvocationErrors":
        return [1 for call in calls if "errorCode" in call]
    if name == "FailedTokens":
        return [count_all(call) for call in calls if "errorCode" in call and has_counts(call)]
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


def get_row_values(row: list[Any], calls: list[dict[str, Any]]) -> list[float] | None:
    """The value of each call for a row that names a metric; `None` if it is not compared."""
    if row[0] != "BedrockMeter":
        return None
    names = [*row[2:-1]] if isinstance(row[-1], dict) else [*row[2:]]
    dimensions = dict(zip(names[::2], names[1::2], strict=True))
    chosen = [call for call in calls if all(KEYS[k](call) == v for k, v in dimensions.items())]
    return get_values(row[1], chosen)


WITHOUT_OPEN_PERIOD = re.compile(
    r"(\w+) / IF\(EPOCH\(\1\) < MAX\(EPOCH\(\1\)\) AND \1 >= 0, 1, 0\)"
)
OTHERS = re.compile(r"\((\w+) - SUM\(\w+\)\) / IF\(\1 - SUM\(\w+\) > ([\d.]+), 1, 0\)")
RATIO = re.compile(r"[\d\s()+*/a-z_]+")
FILLED = re.compile(r"FILL\((\w+), 0\)")
IS_POSITIVE = re.compile(r"IF\(([^,]+ > 0), 1, 0\)")
DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?: so far)?")


def compute_ratio(formula: str, sums: Mapping[str, float | None]) -> float | None:
    """Compute a ratio of sums as Python does; unknown if a sum is that it cannot do without."""
    with suppress(ZeroDivisionError, TypeError):
        names = {name: value for name, value in sums.items() if re.search(rf"\b{name}\b", formula)}
        python = IS_POSITIVE.sub(r"(1 if \1 else 0)", FILLED.sub(r"(\1 or 0)", formula))
        return float(eval(python, {"__builtins__": {}}, names))  # noqa: S307  # of our dashboards
    return None


def expect_formulas(
    properties: Mapping[str, Any], drawn: Mapping[str, Any], calls: list[dict[str, Any]]
) -> Iterator[tuple[str, float | None]]:
    """The number, or the sum of the line, that each formula of a widget has to show."""
    rows = [row for row in properties["metrics"] if isinstance(row[-1], dict)]
    values = {
        row[-1]["id"]: get_row_values(row, calls)
        for row in rows
        if "expression" not in row[-1] and "id" in row[-1] and "stat" not in row[-1]
    }
    means = properties.get("stat", "Sum") == "Average"
    sums = {
        name: (sum(found) / (len(found) if means else 1)) if found else None
        for name, found in values.items()
    }
    for row in rows:
        options = row[-1]
        formula = options.get("expression", "")
        others = OTHERS.fullmatch(formula)
        used = {others[1]} if others else set(re.findall(r"\b[a-z]\w*\b", formula))
        if options.get("visible") is False or any(values.get(name) is None for name in used):
            continue
        if line := WITHOUT_OPEN_PERIOD.fullmatch(formula):
            yield options["label"], sums[line[1]]
        elif others:
            largest = [each["value"] for each in drawn["series"] if each["name"] != "All others"]
            rest = (sums[others[1]] or 0) - sum(largest)
            yield options["label"], rest if largest and rest > float(others[2]) else None
        elif drawn["view"] == "singleValue" and RATIO.fullmatch(
            IS_POSITIVE.sub("1", FILLED.sub(r"\1", formula))
        ):
            yield options["label"], compute_ratio(formula, sums)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> DashboardSession:
    path: Path = tmp_path_factory.mktemp("logs") / "months.ndjson"
    path.write_bytes(as_lines(*CALLS))
    return DashboardSession.from_source(source_of_logs([path])).memoize()


@pytest.mark.parametrize("shown", [*MONTHS, "all"])
def test_every_page_shows_sums_over_the_logs(session: DashboardSession, shown: str) -> None:
    calls = [call for call in CALLS if shown in {"all", call["timestamp"][:7]}]
    compared: Counter[str] = Counter()
    for dashboard, choice, body, drawn in draw_all(session, shown):
        properties = body["properties"]
        is_own_time = "start" in properties and not OF_RANGE.search(properties["title"])
        if is_own_time or (properties.get("stat") == "Average" and drawn["view"] == "timeSeries"):
            continue
        series = {each["name"]: each for each in drawn.get("series", [])}
        for row in properties["metrics"]:
            for label, value in (expect_row(row, calls) or {}).items():
                where = (dashboard, choice, drawn["title"], label)
                assert label in series, where
                assert add_up(series[label]) == pytest.approx(value), where
                compared[dashboard] += 1
                compared[drawn["view"]] += 1
        for label, expected in expect_formulas(properties, drawn, calls):
            where = (dashboard, choice, drawn["title"], label)
            is_line = drawn["view"] == "timeSeries"
            found = series.get(label) and (
                add_up(series[label]) if is_line else series[label]["value"]
            )
            assert found == (None if expected is None else pytest.approx(expected)), where
            compared["formula"] += 1
    pages = set(session.bodies) - {"pipeline_health"}  # which has metrics of the meter itself
    assert {"timeSeries", "singleValue", "bar", "pie", "formula"} <= compared.keys()
    assert pages <= compared.keys(), json.dumps(compared)


OF_RANGE = re.compile(r", last \d+ days$")
"""In the title of a ranking, which in a month is of that month."""


def draw_all(
    session: DashboardSession, shown: str
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Draw every page: dashboard, choice, and the body and drawing of each metric widget."""
    for dashboard in session.bodies:
        for choice in session.choices(dashboard) or [""]:
            view = session.view(dashboard, choice, shown)["widgets"]
            bodies = read_bodies(Config())[dashboard].widgets(choice or None)
            kept, _ = hide_missing(bodies, session.source)
            for body, drawn in zip(kept, view, strict=True):
                if body["type"] == "metric":
                    yield dashboard, choice, dict(body), drawn


@pytest.mark.parametrize("shown", [*MONTHS, "all"])
def test_bars_of_days_are_sums_of_their_calls(session: DashboardSession, shown: str) -> None:
    compared: Counter[str] = Counter()
    for dashboard, choice, body, drawn in draw_all(session, shown):
        for series in drawn.get("series", []):
            if day := DAY.fullmatch(series["name"]):
                calls = [call for call in CALLS if call["timestamp"].startswith(day[1])]
                (row, *_) = (row for row in body["properties"]["metrics"] if len(row) > 1)
                values = get_row_values(row, calls)
                expected = pytest.approx(sum(values)) if values else None
                assert series["value"] == expected, (dashboard, choice, drawn["title"], day[0])
                compared[dashboard] += values is not None and bool(values)
    assert min(compared["usage_overview"], compared["identity_detail"]) > 0


def test_the_cost_of_each_month_and_the_one_before_is_the_sum_of_its_calls(
    session: DashboardSession,
) -> None:
    def sum_costs(start: datetime, end: datetime) -> Any:
        times = f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"
        chosen = [call for call in CALLS if times[0] <= call["timestamp"] < times[1]]
        values = get_values("EstimatedCostUSD", chosen)
        return pytest.approx(sum(values)) if values else None

    for month in MONTHS[:-1]:
        first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
        end = (first + timedelta(days=31)).replace(day=1)
        before = (first - timedelta(days=1)).replace(day=1)
        widgets = session.view("usage_overview", "", month)["widgets"]
        (numbers,) = (
            {series["name"]: series["value"] for series in widget["series"]}
            for widget in widgets
            if "by month" in widget["title"]
        )
        assert numbers[f"{first:%B %Y}"] == sum_costs(first, end)
        assert numbers["Last month"] == sum_costs(before, first)
        week = timedelta(days=7)
        assert numbers["Last 7 days"] == sum_costs(end - week, end)
        assert numbers["7 days before"] == sum_costs(end - 2 * week, end - week)
