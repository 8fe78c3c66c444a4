"""Shows what was metered: as tables for people, as JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashboards.preview.local_meter import LocalMeter
from lambdas.domain.invocations import CallerIdentity, IdentityKind
from lambdas.domain.metering import UsageFigures, total_figures

CONTRACT_VERSION = 1
_ROWS_SHOWN = 25
_REJECTED_SHOWN = 5

# IAM Identity Center names its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`.
_SSO_ROLE = re.compile(r"role/AWSReservedSSO_(.+)_[0-9a-f]{16}")
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

_Ranking: TypeAlias = list[tuple[str, UsageFigures]]
_COLUMNS: tuple[tuple[str, Callable[[UsageFigures], int]], ...] = (
    ("Calls", lambda figures: figures.invocations),
    ("Errors", lambda figures: figures.invocation_errors),
    ("Input", lambda figures: figures.input_tokens),
    ("Cache read", lambda figures: figures.cache_read_tokens),
    ("Cache write", lambda figures: figures.cache_write_tokens),
    ("Output", lambda figures: figures.output_tokens),
    ("Total tokens", lambda figures: figures.total_tokens),
    ("Quota tokens", lambda figures: figures.quota_tokens),
    ("Failed tokens", lambda figures: figures.failed_tokens),
    ("No counts", lambda figures: figures.records_missing_counts),
)
_ALWAYS_SHOWN = frozenset({"Calls", "Input", "Output", "Total tokens"})


def write_json(meter: LocalMeter, out: TextIO) -> None:
    """Write the summary as JSON, version 1 of the contract in `dashboards/README.md`."""
    summary = {
        "version": CONTRACT_VERSION,
        "records": _record_counts(meter),
        "by_identity": _rows(meter.summary.by_identity(), "identity_arn"),
        "by_model": _rows(meter.summary.by_model(), "model_id"),
    }
    # Rejected records can be many, so they are written as they are read.
    out.write(json.dumps(summary, indent=1).removesuffix("\n}"))
    out.write(',\n "rejected": [')
    separator = "\n  "
    for record in meter.quarantine:
        row = {"source": record.source, "line": record.line, "code": record.reason.value}
        out.write(separator + json.dumps(row))
        separator = ",\n  "
    out.write("\n ]\n}\n")


def print_report(meter: LocalMeter, console: Console) -> None:
    """Print tables per identity and per model, and what was not counted and why."""
    if meter.summary.calls:
        console.print(_table("Identity", meter.summary.by_identity(), shorten_identity))
        console.print()
        console.print(_table("Model", meter.summary.by_model(), str))
        console.print()
    for line in _notes(meter):
        console.print(Text(printable(line)), soft_wrap=True)


def shorten_identity(arn: str) -> str:
    """Shorten an ARN to account, principal and session: what people tell callers apart by."""
    caller = CallerIdentity.from_arn(arn)
    if caller.kind is IdentityKind.UNKNOWN:
        return arn
    principal = _SSO_ROLE.sub(r"SSO \1", caller.principal)
    session = f"/{caller.session_name}" if caller.session_name else ""
    return f"{caller.account_id or ''} {principal}{session}".lstrip()


def printable(text: str) -> str:
    """Text that cannot steer a terminal: names in logs are the callers' own choice."""
    return "".join(letter if letter.isprintable() else _UNPRINTABLE for letter in text)


def _record_counts(meter: LocalMeter) -> dict[str, int]:
    report, summary = meter.report, meter.summary
    return {
        "read": report.read,
        "counted": summary.calls,
        "duplicates": report.accepted - summary.calls,
        "conflicting_duplicates": summary.corrections,
        "ignored": report.ignored,
        "rejected": report.rejected,
    }


def _rows(ranking: _Ranking, key_name: str) -> list[dict[str, Any]]:
    return [
        {
            key_name: key,
            "invocations": figures.invocations,
            "invocation_errors": figures.invocation_errors,
            "input_tokens": figures.input_tokens,
            "cache_read_tokens": figures.cache_read_tokens,
            "cache_write_tokens": figures.cache_write_tokens,
            "output_tokens": figures.output_tokens,
            "total_tokens": figures.total_tokens,
            "quota_tokens": figures.quota_tokens,
            "failed_tokens": figures.failed_tokens,
            "records_missing_counts": figures.records_missing_counts,
            "cost_usd": None,
            "unpriced_invocations": 0,
        }
        for key, figures in ranking
    ]


def _table(heading: str, ranking: _Ranking, shorten: Callable[[str], str]) -> Table:
    everything = total_figures(figures for _, figures in ranking)
    columns = [
        (name, value_of)
        for name, value_of in _COLUMNS
        if name in _ALWAYS_SHOWN or value_of(everything)
    ]
    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column(heading, "All", overflow="fold", min_width=24)
    for name, value_of in columns:
        table.add_column(name, f"{value_of(everything):,}", justify="right", no_wrap=True)
    for key, figures in ranking[:_ROWS_SHOWN]:
        cells = [f"{value_of(figures):,}" for _, value_of in columns]
        table.add_row(Text(printable(shorten(key))), *cells)
    if len(ranking) > _ROWS_SHOWN:
        rest = total_figures(figures for _, figures in ranking[_ROWS_SHOWN:])
        cells = [f"{value_of(rest):,}" for _, value_of in columns]
        table.add_row(f"{len(ranking) - _ROWS_SHOWN:,} more", *cells, style="dim")
    return table


def _notes(meter: LocalMeter) -> Iterator[str]:
    counts = _record_counts(meter)
    yield (
        f"{counts['read']:,} lines read: {counts['counted']:,} calls counted,"
        f" {counts['duplicates']:,} duplicates, {counts['ignored']:,} ignored,"
        f" {counts['rejected']:,} rejected."
    )
    if counts["conflicting_duplicates"]:
        yield (
            f"{counts['conflicting_duplicates']:,} of the duplicates told something else than"
            " before; the newest reading stands."
        )
    if counts["rejected"]:
        reasons = meter.quarantine.count_by_reason()
        yield "Rejected: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        for record, _ in zip(meter.quarantine, range(_REJECTED_SHOWN), strict=False):
            yield f"  {record.source}, line {record.line}: {record.reason}"
        if (more := counts["rejected"] - _REJECTED_SHOWN) > 0:
            yield f"  and {more:,} more (OUT=summary.json lists all)"
