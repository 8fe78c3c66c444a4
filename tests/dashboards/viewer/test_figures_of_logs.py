"""The dashboards show the same totals of log files as plain sums over the files' own JSON.

The expected totals use no reader, aggregation or evaluator of the meter.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dashboards.demo.company import PROFILE, PROFILE_MODEL, invocation_logs
from dashboards.demo.plain_sums import PlainSums, get_identity, sum_calls
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.sources import source_of_logs
from tests.invocation_logs import as_lines, log

LOGS = [
    {**call, "modelId": f"us.{PROFILE_MODEL}"} if call["modelId"] == PROFILE else call
    for call in invocation_logs()
]
SUCCESSES = [call for call in LOGS if "errorCode" not in call]
KINDS = {
    "Input": ("input", "inputTokenCount"),
    "Cache reads": ("input", "cacheReadInputTokenCount"),
    "Cache writes": ("input", "cacheWriteInputTokenCount"),
    "Output": ("output", "outputTokenCount"),
}


def tokens(call: dict[str, Any], kind: str) -> int:
    part, name = KINDS[kind]
    count: int = call[part].get(name, 0)
    return count


def total(call: dict[str, Any]) -> int:
    return sum(tokens(call, kind) for kind in KINDS)


def quota(call: dict[str, Any]) -> int:
    (sums,) = sum_calls([call], get_identity).values()
    return sums.quota_tokens


def get_model(call: Mapping[str, Any]) -> str:
    model: str = call["modelId"]
    return model.removeprefix("us.").removeprefix("global.")


def summed(calls: Iterable[dict[str, Any]], key: Callable[[Any], str], count: Any) -> Counter[str]:
    sums: Counter[str] = Counter()
    for call in calls:
        sums[key(call)] += count(call)
    return +sums


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """The widgets' numbers and lines by their labels."""
    path: Path = tmp_path_factory.mktemp("logs") / "company.ndjson"
    path.write_bytes(as_lines(*LOGS))
    session = DashboardSession.from_source(source_of_logs([path]))

    @cache
    def widgets(dashboard: str, choice: str) -> dict[str, Any]:
        view = session.view(dashboard, choice, "1d")["widgets"]
        return {widget["title"]: widget for widget in view}

    def series(
        dashboard: str, title: str, choice: str = "", field: str = "value"
    ) -> dict[str, Any]:
        drawn = widgets(dashboard, choice)[title]["series"]
        return {each["name"]: each[field] for each in drawn}

    return series


Shown = Callable[..., dict[str, Any]]


def test_account_totals_match_sums_over_the_logs(shown: Shown) -> None:
    found = shown("usage_overview", "Totals for the selected time")
    del found["Cost, USD"]
    assert found == {
        "Quota tokens": sum(map(quota, SUCCESSES)),
        "Total tokens": sum(map(total, SUCCESSES)),
        "Calls": len(SUCCESSES),
        "Failed calls": len(LOGS) - len(SUCCESSES),
        "Unpriced calls": None,  # every model of the company has a price
        "Tokens without a project, %": 100,  # without settings of attribution
    }


def test_token_kinds_match_sums_over_the_logs(shown: Shown) -> None:
    lines = shown("cost", "Tokens by kind, stacked", field="values")
    assert {kind: sum(filter(None, values)) for kind, values in lines.items()} == {
        kind: sum(tokens(call, kind) for call in SUCCESSES) for kind in KINDS
    }


def test_the_largest_callers_are_ranked_by_sums_over_the_logs(shown: Shown) -> None:
    sums = summed(SUCCESSES, lambda call: call["identity"]["arn"], quota)
    found = shown("usage_overview", "Quota tokens by identity, last 28 days")
    others = found.pop("All others", None)
    assert list(found.items()) == sums.most_common(9)
    assert (others or 0) == sums.total() - sum(found.values())


def test_totals_of_each_identity_match_the_logs(shown: Shown) -> None:
    callers = {call["identity"]["arn"] for call in LOGS}
    assert len(callers) > 5
    for caller in callers:
        calls = [call for call in SUCCESSES if call["identity"]["arn"] == caller]
        found = shown("identity_detail", "Totals for the selected time", caller)
        assert found["Total tokens"] == sum(map(total, calls))
        assert found["Quota tokens"] == sum(map(quota, calls))
        assert found["Calls"] == len(calls)
        failed = sum(call["identity"]["arn"] == caller for call in LOGS) - len(calls)
        assert (found["Failed calls"] or 0) == failed


def test_sums_and_means_of_each_model_match_the_logs(shown: Shown) -> None:
    answering = [call for call in SUCCESSES if "embed" not in call["modelId"]]
    calls = summed(answering, get_model, lambda _: 1)
    assert shown("model_comparison", "Calls by model") == calls
    output = summed(answering, get_model, lambda call: tokens(call, "Output"))
    assert shown("model_comparison", "Output tokens per call") == pytest.approx(
        {model: output[model] / calls[model] for model in calls}
    )
    everything = summed(SUCCESSES, get_model, lambda call: tokens(call, "Input"))
    assert shown("cost", "Input tokens by model") == everything
    failed = [call for call in LOGS if "errorCode" in call]
    failures = summed(failed, get_model, lambda _: 1)
    assert shown("usage_overview", "Failed calls by model (__other__: overflow)") == failures


def test_lines_show_sums_per_five_minutes(shown: Shown) -> None:
    lines = shown("cost", "Tokens by kind, stacked", field="values")
    for kind in KINDS:
        sums: defaultdict[str, int] = defaultdict(int)
        for call in SUCCESSES:
            hour, minute = call["timestamp"][11:16].split(":")
            sums[f"{hour}:{int(minute) // 5 * 5:02}"] += tokens(call, kind)
        in_order = [count for _, count in sorted(sums.items())]
        assert [value for value in lines[kind] if value is not None] == in_order


def test_cost_of_each_model_is_its_tokens_by_its_list_prices(shown: Shown) -> None:
    costs = {model: float(sums.cost_usd) for model, sums in sum_calls(LOGS, get_model).items()}
    assert len(costs) > 4
    found = shown("usage_overview", "Cost by model, last 28 days")
    others = found.pop("All others", None)
    largest = dict(Counter(costs).most_common(7))
    assert found == pytest.approx(largest)
    assert (others or 0) == pytest.approx(sum(costs.values()) - sum(largest.values()))


def test_plain_sums_count_successes_and_failures_separately() -> None:
    """Nova Lite: 0.06 and 0.24 dollars a million tokens; Sonnet 4.5: 3.3, 16.5, 0.33 and 4.125."""
    nova, claude = "amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    cached = {"inputTokenCount": 1, "cacheReadInputTokenCount": 20}
    written = {"inputTokenCount": 300, "cacheWriteInputTokenCount": 4000}
    calls = [
        log("1", modelId=claude, input=cached),
        log("2", modelId=claude, input=written),
        log("3", modelId=claude, errorCode="ThrottlingException"),
        log("4", modelId=nova, identity={"arn": "ben"}, output={}),
        log("5", modelId=nova, identity={"arn": "ben"}),
    ]
    assert sum_calls(calls, get_identity) == {
        "arn:aws:iam::111122223333:user/ana": PlainSums(
            2, 1, 4321 + 10, 4301 + 5 * 10, Decimal("0.0176649")
        ),
        "ben": PlainSums(2, 0, 25, 25, Decimal("0.0000024")),
    }
