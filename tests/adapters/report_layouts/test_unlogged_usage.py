"""Usage outside the logs as JSON for programs and as text for people."""

from decimal import Decimal

from lambdas.adapters.report_layouts.tables import plain_text
from lambdas.adapters.report_layouts.unlogged_usage import (
    ROWS_SHOWN,
    unlogged_json,
    unlogged_tables,
)
from lambdas.domain.pricing import Cost, Unpriced
from lambdas.domain.unlogged import BatchTokens, MantleTokens, ReportedBatchJob, UnloggedUsage
from tests.builders import HAIKU_3
from tests.unlogged import JOBS, batch_job

COST = Cost(None, Decimal("2.25"), None)
USAGE = UnloggedUsage(
    (MantleTokens("chat", "openai.gpt-oss-120b", 1200, None),),
    (
        ReportedBatchJob(batch_job("priced"), BatchTokens(1_000_000, 100_000), COST),
        ReportedBatchJob(batch_job("unread"), None, Unpriced.NO_COUNTS),
    ),
    ("batch jobs cannot be listed: AccessDenied",),
)


def test_the_json_keeps_its_contract() -> None:
    assert unlogged_json(USAGE) == {
        "bedrock_mantle": [
            {
                "project": "chat",
                "model": "openai.gpt-oss-120b",
                "input_tokens": 1200,
                "output_tokens": None,
            }
        ],
        "batch_jobs": [
            {
                "job_arn": f"{JOBS}/priced",
                "model_id": HAIKU_3,
                "ended_at": "2026-09-08T12:00:00+00:00",
                "input_tokens": 1_000_000,
                "output_tokens": 100_000,
                "cost_usd": "2.25",
                "unpriced": None,
                "has_assumed_price": False,
            },
            {
                "job_arn": f"{JOBS}/unread",
                "model_id": HAIKU_3,
                "ended_at": "2026-09-08T12:00:00+00:00",
                "input_tokens": None,
                "output_tokens": None,
                "cost_usd": None,
                "unpriced": "no_counts",
                "has_assumed_price": False,
            },
        ],
        "unread": ["batch jobs cannot be listed: AccessDenied"],
    }


def test_the_text_names_each_source_and_marks_missing_values() -> None:
    lines = plain_text(unlogged_tables(USAGE)).splitlines()
    rows = [line.split() for line in lines]
    assert ["chat", "openai.gpt-oss-120b", "1,200", "-"] in rows
    ended = ["2026-09-08", "12:00:00"]
    assert ["priced", HAIKU_3, *ended, "1,000,000", "100,000", "$2.25"] in rows
    assert ["unread", HAIKU_3, *ended, "-", "-", "unpriced"] in rows
    assert any("batch_output_buckets" in line for line in lines)
    assert any("AccessDenied" in line for line in lines)


def test_without_usage_there_is_no_text() -> None:
    assert list(unlogged_tables(UnloggedUsage())) == []


def test_a_truncated_list_says_so() -> None:
    rows = tuple(MantleTokens("chat", f"model-{n}", n, n) for n in range(ROWS_SHOWN + 3))
    (table,) = unlogged_tables(UnloggedUsage(rows))
    assert len(table.rows) == ROWS_SHOWN
    assert table.notes == ("3 more rows in the JSON.",)


def test_a_hostile_project_name_is_printed_without_control_characters() -> None:
    usage = UnloggedUsage((MantleTokens("\x1b[2J", "a\nb", 1, 1),))
    text = plain_text(unlogged_tables(usage))
    assert "\x1b" not in text
    assert "a\nb" not in text
