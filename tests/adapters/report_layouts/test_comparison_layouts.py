"""A comparison as JSON for programs and as text for people."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lambdas.adapters.report_layouts.comparison_json import START_OF_REPORT, report_json
from lambdas.adapters.report_layouts.comparison_tables import (
    MAX_WASTE_ROWS,
    OPTIONS_SHOWN,
    report_tables,
)
from lambdas.adapters.report_layouts.tables import plain_text
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
    Price,
    PriceBook,
    Pricing,
    Rates,
    Routing,
    Unpriced,
    shipped_prices,
)
from lambdas.domain.reports.comparison import (
    ABSENCES,
    COMPARABLE,
    CONDITIONS,
    OptionKind,
    RequestOutline,
)
from lambdas.domain.reports.comparison import report as comparison_report
from lambdas.domain.reports.comparison.report import Unknown
from lambdas.domain.reports.comparison.unknowns import UNKNOWNS
from lambdas.domain.reports.comparison.waste import MEANINGS, WasteKind
from tests.builders import SONNET_4, usd_by_kind
from tests.unit.reports.comparison.observing import call, report_on
from tests.unit.reports.comparison.prices import CACHELESS, CHEAP, DEAR

M = 1_000_000
FAILED: dict[str, Any] = {"error_code": "ModelErrorException"}


def test_the_json_keeps_its_contract() -> None:
    report = report_on(
        call(tokens=TokenCounts(M, M, M), outline=RequestOutline(M * 2)),
        call(tokens=TokenCounts(), model=CACHELESS, project="chat"),
        call(tokens=TokenCounts(3), error_code="ModelErrorException"),
    )
    text = report_json(report, {"read": 3})
    assert text.startswith(START_OF_REPORT)
    document = json.loads(text)
    assert list(document) == [
        *("version", "start", "end", "calls", "outlined_calls", "read", "account", "projects"),
        *("waste", "meanings", "unknown", "days", "comparable", "conditions", "options"),
        *("absent_options", "absences"),
    ]
    assert document["start"] == document["end"] == "2026-09-08T12:00:00+00:00"
    assert document["version"] == 1
    assert (document["calls"], document["outlined_calls"], document["read"]) == (3, 1, 3)
    assert document["account"]["project"] is None
    assert document["account"]["failed_calls"] == 1
    assert document["account"]["unpriced"] == [
        {"model_id": CACHELESS, "reason": "no_counts", "calls": 1}
    ]
    (traffic,) = document["account"]["traffic"]
    models = {model["model_id"]: model for model in traffic.pop("models")}
    assert traffic == {
        "purpose": "text",
        "calls": 1,
        "cost_usd": "18.300000",
        "guardrail_usd": "0.000000",
        "tokens": {"cache_read": M, "input": M, "output": M},
        "in_use": [
            {
                "model_id": DEAR,
                "calls": 1,
                "cost_usd": "18.300000",
                "assumed_price_calls": 0,
            }
        ],
        "unlisted_models": 1,  # that with a global price alone
    }
    assert models[DEAR] == {
        "model_id": DEAR,
        "is_in_use": True,
        "is_same_family": True,
        "has_assumed_price": False,
        "as_cached_usd": "18.300000",
        "as_cached_saves": 0,
        "uncached_usd": "21.000000",
        "uncached_saves": -0.1475,
        "lacks": [],
    }
    assert models[CACHELESS]["as_cached_usd"] is models[CACHELESS]["as_cached_saves"] is None
    assert models[CACHELESS]["lacks"] == ["cache_read"]
    assert [project["project"] for project in document["projects"]] == ["search", "chat"]
    assert document["waste"] == [
        {
            "project": "search",
            "model_id": DEAR,
            "kind": "failed_calls",
            "calls": 1,
            "tokens": 3,
            "size_bytes": 0,
            "usd": "0.000009",
            "unpriced_calls": 0,
        }
    ]
    assert set(document["meanings"]) == set(WasteKind) == set(MEANINGS)
    assert document["unknown"] == list(UNKNOWNS)
    assert document["days"] == 1
    assert document["comparable"] == COMPARABLE
    assert document["conditions"] == {kind.value: text for kind, text in CONDITIONS.items()}
    assert document["options"] == []  # no context window of the other models is known
    assert document["absences"] == {reason.value: text for reason, text in ABSENCES.items()}
    assert document["absent_options"][0] == {
        "option": "batch",
        "project": "search",
        "model_id": DEAR,
        "cost_usd": "18.300000",
        "reason": "no_price",
    }
    assert len(document["absent_options"]) == len(OptionKind)


def listed(*models: str, region: str = "us-east-1") -> list[Price]:
    """Prices of models in ascending order."""
    return [
        Price(
            model,
            Routing.REGION,
            region,
            None,
            (Rates(0, usd_by_kind(str(n + 1), str(n + 1))),),
            "tests",
            date(2026, 1, 1),
        )
        for n, model in enumerate(models)
    ]


NEAR, MIDDLE, FAR = "maker.line-near-v1", "maker.line-middle-v1", "maker.line-far-v1"


@pytest.fixture
def _known_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large context windows of made-up models."""
    windows = dict.fromkeys(("maker.line-near", "maker.line-middle", "maker.line-far"), 10 * M)
    monkeypatch.setattr(comparison_report, "shipped_windows", lambda: windows)


@pytest.mark.usefixtures("_known_windows")
def test_the_options_of_a_workload_are_shown_with_dollars_a_month() -> None:
    pricing = Pricing(PriceBook(listed(NEAR, MIDDLE, FAR)))
    day = 86_400
    report = report_on(
        call(0, TokenCounts(M, M), model=FAR),
        call(9 * day, TokenCounts(M, M), model=FAR),
        pricing=pricing,
    )
    lines = plain_text(report_tables(report)).splitlines()
    assert "Text: 2 calls for $12.00, $36.00 in 30 days. Tokens: 2,000,000 input" in lines[1]
    start = lines.index("What would be cheaper, in dollars for 30 days")
    assert [" ".join(line.split()) for line in lines[start + 2 : start + 4]] == [
        f"search {FAR} move to {NEAR} 2 $36.00 $24.00 66.7%",
        f"search {FAR} move to {MIDDLE} 2 $36.00 $12.00 33.3%",
    ]
    text = "\n".join(lines)
    assert f"  {COMPARABLE}" in text
    assert "  move to: the other model has to answer well enough" in text
    assert "Options for the same calls exclude each other" in text
    assert "less than a week" not in text
    start = lines.index("Options that do not appear, and why")
    assert lines[start + 1 : start + 4] == [
        f"  batch jobs: the price book has no such price of the model ({FAR}).",
        f"  prompt caching: the price book has no price of cache reads of the model there ({FAR}).",
        f"  flex tier: the price book has no such price of the model ({FAR}).",
    ]
    best, _ = json.loads(report_json(report, {}))["options"]
    assert best == {
        "option": "move",
        "project": "search",
        "model_id": FAR,
        "target_model_id": NEAR,
        "is_same_family": True,
        "calls": 2,
        "cost_usd": "12.000000",
        "option_cost_usd": "4.000000",
        "saves_usd": "8.000000",
        "saves_usd_a_month": "24.000000",
    }


@pytest.mark.usefixtures("_known_windows")
def test_a_short_period_is_pointed_out_and_counts_as_a_day() -> None:
    pricing = Pricing(PriceBook(listed(NEAR, FAR)))
    report = report_on(call(tokens=TokenCounts(M, M), model=FAR), pricing=pricing)
    text = plain_text(report_tables(report))
    assert "1 call for $4.00, $120.00 in 30 days" in text
    assert "less than a week" in text


def test_assumed_prices_are_marked_and_no_alternative_uses_one() -> None:
    near = listed("maker.line-near-v1")
    far = listed("maker.line-far-v1", "maker.line-farther-v1", region="eu-west-1")
    report = report_on(
        call(tokens=TokenCounts(M, M), model=far[0].model_id),
        pricing=Pricing(PriceBook([*near, *far])),
    )
    text = plain_text(report_tables(report))
    assert "Text: 1 call for ~$2.00" in text
    (traffic,) = json.loads(report_json(report, {}))["account"]["traffic"]
    assert traffic["in_use"][0]["assumed_price_calls"] == traffic["unlisted_models"] == 1
    costs = {model["model_id"]: model["has_assumed_price"] for model in traffic["models"]}
    assert costs == {"maker.line-far-v1": True, "maker.line-near-v1": False}


def test_guardrails_cost_the_same_with_any_model_and_other_units_are_excluded() -> None:
    units = [
        replace(price, rates=(), usd_per_unit={unit: Decimal(3)})
        for price, unit in zip(
            listed(GUARDRAILS, "maker.pictures-v1"),
            (BilledUnit.GUARDRAIL_TOPIC_UNIT, BilledUnit.IMAGE),
            strict=True,
        )
    ]
    model = "maker.line-v1"
    report = report_on(
        call(tokens=TokenCounts(M, 0), model=model, billed_units=(("guardrail_topic_unit", 5),)),
        call(tokens=TokenCounts(0, 0), model="maker.pictures-v1", billed_units=(("image", 2),)),
        pricing=Pricing(PriceBook([*units, *listed(model)])),
    )
    (traffic,) = report.account.traffic
    assert (traffic.mix.usd, traffic.mix.guardrail_usd) == (Decimal(1), Decimal(15))
    assert "Guardrails cost $15.00 beside that" in plain_text(report_tables(report))
    assert report.account.unpriced == {
        Unknown("maker.pictures-v1", Unpriced.BILLED_IN_OTHER_UNITS): 1
    }


def test_the_text_names_shipped_models_that_are_comparable() -> None:
    report = report_on(
        call(tokens=TokenCounts(M // 10, M // 20), model=SONNET_4),
        pricing=Pricing(shipped_prices()),
    )
    text = plain_text(report_tables(report))
    assert "Text: 1 call for $1.05" in text
    assert f"{SONNET_4} move to anthropic.claude-haiku-4-5" in " ".join(text.split())
    assert all(line in text for line in UNKNOWNS)
    assert "The logs have no requests, so repeated prefixes" in text


def test_each_text_line_shows_its_values() -> None:
    report = report_on(call(tokens=TokenCounts(M, 0)), call(tokens=TokenCounts(3), **FAILED))
    lines = plain_text(report_tables(report)).splitlines()
    assert (
        lines[0] == "2 calls, failed ones included, 2026-09-08 12:00:00 to 2026-09-08 12:00:00 UTC"
    )
    assert lines[1] == "  Text: 1 call for $3.00, $90.00 in 30 days. Tokens: 1,000,000 input."
    assert "What would be cheaper, in dollars for 30 days: nothing found" in lines
    failed = next(line for line in lines if line.startswith("Failed calls"))
    assert "Where money is lost, in the whole period (1 day)" in lines
    amounts = ["<$0.0001", "$0.0003"]  # in the period, in 30 days
    assert failed.split() == ["Failed", "calls", "search", DEAR, "1", "3", *amounts, "0"]


def test_a_cheaper_tier_is_an_option_of_calls_of_the_standard_tier() -> None:
    report = report_on(
        call(0, TokenCounts(M, M), model=CHEAP),
        call(1, TokenCounts(M, M), model=CHEAP, service_tier="flex"),
    )
    text = " ".join(plain_text(report_tables(report)).split())
    assert f"search {CHEAP} flex tier 1 $180.00 $90.00 50.0%" in text
    assert "flex tier: answers may take longer" in text


def test_projects_and_savings_opportunities_beyond_a_limit_are_counted() -> None:
    report = report_on(
        *(
            call(tokens=TokenCounts(M, M), project=f"p{n}", model=CHEAP)
            for n in range(OPTIONS_SHOWN + 2)
        ),
        *(
            call(tokens=TokenCounts(M), project=f"p{n}", **FAILED)
            for n in range(MAX_WASTE_ROWS + 3)
        ),
        *(call(model=f"unknown.model-{n}") for n in range(7)),
    )
    text = plain_text(report_tables(report))
    assert text.count("flex tier  ") == OPTIONS_SHOWN
    assert "  2 smaller options not shown here; the JSON has all." in text
    assert "  3 smaller rows not shown here; the JSON has all." in text
    assert "and 2 more (the JSON has all)" in text


def test_projects_beyond_a_limit_are_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_report, "MAX_PROJECTS", 2)
    calls = [call(tokens=TokenCounts(tokens), project=f"p{tokens}") for tokens in (1, 2, 3, 4)]
    report = report_on(
        *calls,
        call(project="p1", model="unknown.model"),
        *(call(tokens=TokenCounts(n), project=f"p{n}", **FAILED) for n in (1, 2, 4)),
    )
    assert [project.project for project in report.projects] == ["p4", "p3", "__other__"]
    others = report.projects[-1]
    assert sum(part.mix.usd for part in others.traffic) == Decimal("0.000009")
    assert (others.failed_calls, sum(others.unpriced.values())) == (2, 1)
    waste = {
        key.project: (figures.calls, figures.tokens, figures.usd) for key, figures in report.waste
    }
    assert waste == {
        "p4": (1, 4, Decimal("0.000012")),
        "__other__": (2, 3, Decimal("0.000009")),
    }
    text = plain_text(report_tables(report))
    assert "There are more than 2 projects; the rest of them are one, __other__." in text
    assert [project["project"] for project in json.loads(report_json(report, {}))["projects"]] == [
        *("p4", "p3", "__other__")
    ]
    assert "There are more than" not in plain_text(report_tables(report_on(*calls[:2])))


def test_the_number_of_projects_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_report, "MAX_OBSERVED_PROJECTS", 3)
    projects = ("a", "b", "a", "c", UNATTRIBUTED, "b")
    calls = [
        call(n, TokenCounts(M * (n + 1)), project=project, **changes)
        for n, project in enumerate(projects)
        for changes in ({}, FAILED)
    ]
    report = report_on(*calls)
    assert [(project.project, project.failed_calls) for project in report.projects] == [
        *(("b", 2), (UNATTRIBUTED, 1), ("a", 2), ("__other__", 1))
    ]
    assert report.account.failed_calls == 6
    assert {key.project for key, _ in report.waste} == {"a", "b", UNATTRIBUTED, "__other__"}


def test_names_are_shown_as_plain_text() -> None:
    project = "a\x1b[2Jb\nc"
    report = report_on(call(project=project, **FAILED), call(model="x\ry"))
    text = plain_text(report_tables(report))
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "a\ufffd[2Jb\ufffdc" in text


def test_an_empty_result_is_reported() -> None:
    text = plain_text(report_tables(report_on(call(outline=RequestOutline()))))
    assert "Where money is lost: nothing found" in text
    assert "were not searched for" not in text
    assert "The logs have the requests of" not in text


def test_failed_calls_without_tokens_are_counted_in_one_line() -> None:
    failed = call(0, tokens=TokenCounts(), **FAILED), call(1, tokens=TokenCounts(), **FAILED)
    counted = call(2, tokens=TokenCounts(M), project="chat", **FAILED)
    text = plain_text(report_tables(report_on(*failed, counted)))
    assert "Not in the table, because the logs have no tokens of them: failed calls 2." in text
    table = text[text.index("What  ") : text.index("Failed calls: at most")]
    rows = [line.split()[:3] for line in table.splitlines()[1:] if line.strip()]
    assert rows == [["Failed", "calls", "chat"]]


def test_options_that_do_not_appear_name_the_most_costly_calls_first() -> None:
    models = [f"maker.model-{number}" for number in range(5)]
    pricing = Pricing(PriceBook(listed(*models)))
    made = [
        call(number, TokenCounts(M, M), model=model, project="chat" if number else "search")
        for number, model in enumerate(models)
    ]
    text = plain_text(report_tables(report_on(*made, pricing=pricing)))
    assert (
        "  batch jobs: the price book has no such price of the model (chat: maker.model-4,"
        " chat: maker.model-3, chat: maker.model-2 and 2 more).\n"
    ) in text
