"""Tokens that invocation logs do not have, as JSON for programs and as tables for people.

    {"bedrock_mantle": [{"project", "model", "input_tokens", "output_tokens"}],
     "batch_jobs": [{"job_arn", "model_id", "ended_at", "input_tokens", "output_tokens",
       "cost_usd", "unpriced", "has_assumed_price"}],
     "unread": [reason]}

A count that was not reported is null, as is an unknown cost; `unpriced` has its reason. Money is
text. `unread` names the parts that are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdas.adapters.report_layouts.tables import Table, shown_time
from lambdas.domain.money import dollars
from lambdas.domain.pricing import Cost
from lambdas.domain.unlogged import MantleTokens, ReportedBatchJob, UnloggedUsage
from lambdas.domain.words import exact_text, plural

ROWS_SHOWN = 25
"""So many rows of each table are shown; the JSON has all."""
_MISSING = "-"


def unlogged_json(usage: UnloggedUsage) -> dict[str, Any]:
    """Write usage as JSON values."""
    return {
        "bedrock_mantle": [
            {
                "project": row.project,
                "model": row.model,
                "input_tokens": row.input,
                "output_tokens": row.output,
            }
            for row in usage.mantle
        ],
        "batch_jobs": [_job_json(row) for row in usage.batch_jobs],
        "unread": list(usage.unread),
    }


def unlogged_tables(usage: UnloggedUsage) -> Iterator[Table]:
    """Lay usage out for people: a table for each source that has some."""
    if usage.mantle:
        yield Table(
            "Not in the logs, and in no figure above: tokens through bedrock-mantle",
            ("Project", "Model", "Input", "Output"),
            [_mantle_row(row) for row in usage.mantle[:ROWS_SHOWN]],
            _left_out(len(usage.mantle)),
            texts=2,
        )
    if usage.batch_jobs:
        notes = ("- marks a job whose manifest is not read (setting batch_output_buckets).",)
        unread = any(row.tokens is None for row in usage.batch_jobs)
        yield Table(
            "Not in the logs, and in no figure above: batch jobs, at batch prices",
            ("Job", "Model", "Ended (UTC)", "Input", "Output", "Cost"),
            [_job_row(row) for row in usage.batch_jobs[:ROWS_SHOWN]],
            (*_left_out(len(usage.batch_jobs)), *(notes if unread else ())),
            texts=3,
        )
    if usage.unread:
        yield Table("Not in the logs, and not read", (), [], usage.unread)


def _job_json(row: ReportedBatchJob) -> dict[str, Any]:
    cost = row.cost if isinstance(row.cost, Cost) else None
    return {
        "job_arn": row.job.arn,
        "model_id": row.job.model_id,
        "ended_at": row.job.ended_at.isoformat(),
        "input_tokens": row.tokens.input if row.tokens else None,
        "output_tokens": row.tokens.output if row.tokens else None,
        "cost_usd": exact_text(cost.effective_usd) if cost else None,
        "unpriced": None if isinstance(row.cost, Cost) else row.cost.value,
        "has_assumed_price": cost is not None and cost.is_assumed,
    }


def _mantle_row(row: MantleTokens) -> tuple[str, ...]:
    return row.project, row.model, _shown(row.input), _shown(row.output)


def _job_row(row: ReportedBatchJob) -> tuple[str, ...]:
    cost = row.cost if isinstance(row.cost, Cost) else None
    return (
        row.job.arn.rpartition("/")[2],
        row.job.model_id,
        shown_time(row.job.ended_at),
        _shown(row.tokens.input if row.tokens else None),
        _shown(row.tokens.output if row.tokens else None),
        dollars(cost.effective_usd, is_assumed=cost.is_assumed) if cost else dollars(None),
    )


def _shown(tokens: int | None) -> str:
    return _MISSING if tokens is None else f"{tokens:,}"


def _left_out(rows: int) -> tuple[str, ...]:
    more = rows - ROWS_SHOWN
    return (f"{plural(more, 'more row')} in the JSON.",) if more > 0 else ()
