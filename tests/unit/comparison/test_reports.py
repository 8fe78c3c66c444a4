"""What programs and people get of a comparison."""

import json
from decimal import Decimal
from typing import Any

from lambdas.domain.comparison import (
    START_OF_REPORT,
    RequestOutline,
    plain_text,
    report_json,
    report_tables,
)
from lambdas.domain.comparison.losses import MEANINGS, Loss
from lambdas.domain.comparison.report_tables import CHEAPEST_SHOWN, LOSSES_SHOWN, PROJECTS_SHOWN
from lambdas.domain.comparison.unknowns import UNKNOWNS
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import Pricing, shipped_prices
from tests.builders import HAIKU_3
from tests.unit.comparison.observing import call, report_on
from tests.unit.comparison.prices import CACHELESS, DEAR, EMBEDDING

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
    told = json.loads(text, parse_float=Decimal)
    assert list(told) == [
        *("version", "start", "end", "calls", "outlined_calls", "read", "account", "projects"),
        *("losses", "meanings", "unknown"),
    ]
    assert told["start"] == told["end"] == "2026-09-08T12:00:00+00:00"
    assert told["version"] == 1
    assert (told["calls"], told["outlined_calls"], told["read"]) == (3, 1, 3)
    assert told["account"]["project"] is None
    assert told["account"]["failed_calls"] == 1
    assert told["account"]["unpriced"] == [
        {"model_id": CACHELESS, "reason": "no_counts", "calls": 1}
    ]
    (traffic,) = told["account"]["traffic"]
    models = {it["model_id"]: it for it in traffic.pop("models")}
    assert traffic == {
        "purpose": "text",
        "calls": 1,
        "cost_usd": Decimal("18.300000"),
        "tokens": {"cache_read": M, "input": M, "output": M},
        "in_use": [{"model_id": DEAR, "calls": 1, "cost_usd": Decimal("18.300000")}],
    }
    assert models[DEAR] == {
        "model_id": DEAR,
        "is_in_use": True,
        "as_cached_usd": Decimal("18.300000"),
        "as_cached_saves": Decimal(0),
        "uncached_usd": Decimal("21.000000"),
        "uncached_saves": Decimal("-0.1475"),
        "lacks": [],
    }
    assert models[CACHELESS]["as_cached_usd"] is models[CACHELESS]["as_cached_saves"] is None
    assert models[CACHELESS]["lacks"] == ["cache_read"]
    assert [it["project"] for it in told["projects"]] == ["search", "chat"]
    assert told["losses"] == [
        {
            "project": "search",
            "model_id": DEAR,
            "loss": "failed_calls",
            "calls": 1,
            "tokens": 3,
            "size_bytes": 0,
            "usd": Decimal("0.000009"),
            "unpriced_calls": 0,
        }
    ]
    assert set(told["meanings"]) == set(Loss) == set(MEANINGS)
    assert told["unknown"] == list(UNKNOWNS)


def test_the_text_shows_the_cheapest_models_and_those_in_use() -> None:
    report = report_on(
        call(tokens=TokenCounts(M, M), model=HAIKU_3), pricing=Pricing(shipped_prices())
    )
    text = plain_text(report_tables(report))
    assert "All projects, text: 1 calls for 1.50 USD" in text
    assert f"{HAIKU_3} *" in text
    shown = text.partition("Saves\n")[2].partition("  Tokens:")[0].splitlines()
    assert len(shown) == CHEAPEST_SHOWN + 1
    assert all(line in text for line in UNKNOWNS)
    assert "The requests of 0 of 1 calls were found in the log" in text


def test_a_text_line_is_what_it_says() -> None:
    report = report_on(call(tokens=TokenCounts(M, 0)), call(tokens=TokenCounts(3), **FAILED))
    lines = plain_text(report_tables(report)).splitlines()
    assert lines[0] == "2 calls, 2026-09-08 12:00:00 to 2026-09-08 12:00:00 UTC"
    dear = next(line for line in lines if line.startswith(f"{DEAR} *"))
    assert dear.split() == [DEAR, "*", "3.00", "0.0%", "3.00", "0.0%"]
    failed = next(line for line in lines if line.startswith("failed_calls"))
    assert failed.split() == ["failed_calls", "search", DEAR, "1", "3", "0.000009", "0"]


def test_projects_and_losses_past_a_bound_are_counted() -> None:
    report = report_on(
        *(
            call(tokens=TokenCounts(M), project=f"p{n}", model=EMBEDDING)
            for n in range(PROJECTS_SHOWN + 2)
        ),
        *(call(tokens=TokenCounts(M), project=f"p{n}", **FAILED) for n in range(LOSSES_SHOWN + 3)),
        *(call(model=f"nobody.knows-{n}") for n in range(7)),
    )
    text = plain_text(report_tables(report))
    more = len(report.projects) - PROJECTS_SHOWN
    assert f"{more} more projects cost less" in text
    assert "3 smaller ones are in the JSON." in text
    assert "and 2 more (the JSON has all)" in text


def test_names_cannot_steer_what_shows_them() -> None:
    report = report_on(call(project="a\x1b[2Jb\nc"), call(model="x\ry"))
    text = plain_text(report_tables(report))
    assert all(it.isprintable() for it in text.replace("\n", ""))
    assert "a\ufffd[2Jb\ufffdc" in text


def test_nothing_found_is_said() -> None:
    text = plain_text(report_tables(report_on(call(outline=RequestOutline()))))
    assert "Where money is lost: nothing found" in text
    assert "of 1 calls have their request" not in text
