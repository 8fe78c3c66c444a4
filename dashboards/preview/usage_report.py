"""Shows what was metered: as tables for people, as JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable
from dashboards.preview.local_meter import LocalMeter
from lambdas.domain.invocations import (
    CONFLICTING_IDENTITY,
    CallerIdentity,
    IdentityKind,
    RejectionReason,
)
from lambdas.domain.metering import UsageFigures, UsageSummary, total_figures
from lambdas.domain.pricing import Unpriced
from lambdas.domain.report_text import cost_legend, dollars, exact_json

CONTRACT_VERSION = 1
_START_OF_SUMMARY = f'{{"version": {CONTRACT_VERSION},\n "records": '
_ROWS_SHOWN = 25
_REJECTED_SHOWN = 5

# IAM Identity Center names its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`.
_SSO_ROLE = re.compile(r"role/AWSReservedSSO_(.+)_[0-9a-f]{16}")
_Ranking: TypeAlias = list[tuple[str, UsageFigures]]


def _output_text(figures: UsageFigures) -> str:
    """Output tokens; a dash where every call that has output lacks its count."""
    is_unknown = figures.records_missing_output and not figures.output_tokens
    return "-" if is_unknown else f"{figures.output_tokens:,}"


def cost_text(figures: UsageFigures) -> str:
    """The cost of calls as people read it; a dash where no call succeeded."""
    if not figures.invocations:
        return _NO_COST
    usd = figures.priced_usd if figures.priced_invocations else None
    return dollars(usd, is_assumed=figures.assumed_price_invocations > 0)


# In the order in which they are shown; the number says which go first where a terminal is narrow.
_Column: TypeAlias = tuple[str, int, Callable[[UsageFigures], str]]
_COLUMNS: tuple[_Column, ...] = (
    ("Calls", 0, lambda figures: f"{figures.invocations:,}"),
    ("Errors", 7, lambda figures: f"{figures.invocation_errors:,}"),
    ("Input", 5, lambda figures: f"{figures.input_tokens:,}"),
    ("Cache read", 6, lambda figures: f"{figures.cache_read_tokens:,}"),
    ("Cache write", 8, lambda figures: f"{figures.cache_write_tokens:,}"),
    ("Output", 4, _output_text),
    ("No output", 11, lambda figures: f"{figures.records_missing_output:,}"),
    ("Total tokens", 0, lambda figures: f"{figures.total_tokens:,}"),
    ("Quota tokens", 3, lambda figures: f"{figures.quota_tokens:,}"),
    ("Failed tokens", 9, lambda figures: f"{figures.failed_tokens:,}"),
    ("No counts", 10, lambda figures: f"{figures.records_missing_counts:,}"),
    ("Cost", 1, cost_text),
    ("Unpriced", 2, lambda figures: f"{figures.unpriced_invocations:,}"),
)
_ALWAYS_SHOWN = frozenset({"Calls", "Input", "Output", "Total tokens", "Quota tokens", "Cost"})
_UNPRICED_MEANINGS = {
    Unpriced.NO_PRICE: "no price of the model is known",
    Unpriced.NO_PRICE_OF_THE_TIER: "no price of the service tier is known",
    Unpriced.NO_PRICE_OF_A_KIND: "no price of a kind of their tokens is known",
    Unpriced.NO_COUNTS: "the log does not say how many tokens they used",
    Unpriced.BILLED_IN_OTHER_UNITS: "billed for something other than tokens, without a known price",
    Unpriced.ONLY_ASSUMED: "priced elsewhere only, and assume_prices is off",
}
_REJECTION_MEANINGS = {
    RejectionReason.NOT_JSON: "not JSON",
    RejectionReason.NOT_AN_OBJECT: "JSON, but not an object",
    RejectionReason.WRONG_SCHEMA: "not a ModelInvocationLog",
    RejectionReason.NO_REQUEST_ID: "without a requestId",
    RejectionReason.NO_MODEL: "without a modelId",
    RejectionReason.BAD_TIMESTAMP: "without a readable timestamp",
    RejectionReason.TRUNCATED: "cut off, or too long",
    RejectionReason.TOO_OLD: "older than the ledger keeps calls",
}
_TIME = "%Y-%m-%d %H:%M:%S"
_NOTHING = "0"
_NO_COST = "-"
_NARROWEST_NAME = 24
_GAP = 2  # between columns


def write_json(meter: LocalMeter, out: TextIO) -> None:
    """Write the summary as JSON, version 1 of the contract in `dashboards/README.md`.

    Rows can be many, so each is written as it is made.
    """
    out.write(_START_OF_SUMMARY + json.dumps(_record_counts(meter)))
    unpriced = {reason.value: calls for reason, calls in sorted((+meter.summary.unpriced).items())}
    out.write(f',\n "files": {json.dumps(files_json(meter))}')
    out.write(f',\n "unpriced": {json.dumps(unpriced)}')
    out.write(f',\n "coverage": {json.dumps(_coverage_json(meter))}')
    rejected = (
        {"source": record.source, "line": record.line, "code": record.reason.value}
        for record in meter.quarantine
    )
    for part, rows in (
        ("by_identity", _rows(meter.summary.by_identity(), "identity_arn")),
        ("by_model", _rows(meter.summary.by_model(), "model_id")),
        ("rejected", rejected),
    ):
        out.write(f',\n "{part}": [')
        separator = "\n  "
        for row in rows:
            out.write(separator + exact_json(row))
            separator = ",\n  "
        out.write("]")
    out.write("}\n")


def is_summary(path: Path) -> bool:
    """Whether a file is a summary that was written before."""
    with path.open("rb") as file:
        return file.read(len(_START_OF_SUMMARY)) == _START_OF_SUMMARY.encode()


def print_report(meter: LocalMeter, console: Console) -> None:
    """Print tables per identity and per model, and what was not counted and why."""
    if meter.summary.calls:
        _print_table(console, "Identity", meter.summary.by_identity(), shorten_identity)
        _print_table(console, "Model", meter.summary.by_model(), str)
        _print_legend(console, meter.summary)
    print_notes(meter, console)


def print_notes(meter: LocalMeter, console: Console) -> None:
    """Print what was read, and what was not counted and why."""
    for line in _notes(meter):
        console.print(Text(printable(line)), soft_wrap=True)


def files_json(meter: LocalMeter) -> dict[str, Any]:
    """The files that were read and that were not, as both JSON contracts have them."""
    return {
        "read": meter.files_read,
        "skipped": [
            {"reason": reason.value, "files": files, "examples": list(examples)}
            for reason, files, examples in meter.skipped
        ],
    }


def _coverage_json(meter: LocalMeter) -> dict[str, Any] | None:
    coverage = meter.ledger.coverage()
    return coverage and {
        "start": coverage.start.isoformat(),
        "end": coverage.end.isoformat(),
        "account_ids": list(coverage.account_ids),
        "regions": list(coverage.regions),
    }


def shorten_identity(arn: str) -> str:
    """Shorten an ARN to account, principal and session: what people tell callers apart by."""
    caller = CallerIdentity.from_arn(arn)
    if caller.kind is IdentityKind.UNKNOWN:
        return arn
    principal = _SSO_ROLE.sub(r"SSO \1", caller.principal)
    session = f"/{caller.session_name}" if caller.session_name else ""
    return f"{caller.account_id or ''} {principal}{session}".lstrip()


def _record_counts(meter: LocalMeter) -> dict[str, int]:
    report, summary = meter.report, meter.summary
    return {
        "read": report.read,
        "counted": summary.calls,
        "duplicates": report.accepted - summary.calls,
        "conflicting_duplicates": meter.ledger.count_conflicting(),
        "ignored": report.ignored,
        "rejected": report.rejected,
    }


def _rows(ranking: _Ranking, key_name: str) -> Iterator[dict[str, Any]]:
    for key, figures in ranking:
        yield {
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
            "records_missing_output": figures.records_missing_output,
            "ambiguous_invocations": figures.ambiguous_invocations,
            "unverified_invocations": figures.unverified_invocations,
            "cost_usd": figures.cost_usd,
            "unpriced_invocations": figures.unpriced_invocations,
            "assumed_price_invocations": figures.assumed_price_invocations,
            "assumed_cost_usd": figures.assumed_cost_usd,
        }


def _print_table(
    console: Console, heading: str, ranking: _Ranking, shorten: Callable[[str], str]
) -> None:
    """Print the largest rows; numbers are never cut, so a narrow terminal shows fewer columns."""
    everything = total_figures(figures for _, figures in ranking)
    told = [it for it in _COLUMNS if it[0] in _ALWAYS_SHOWN or it[2](everything) != _NOTHING]
    columns = sorted(told, key=lambda column: column[1])
    while _width(columns, everything) > console.width and len(columns) > 1:
        columns.pop()
    shown = [column for column in told if column in columns]
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, _GAP, 0, 0))
    table.add_column(heading, "All", overflow="fold", min_width=_NARROWEST_NAME)
    for name, _, text_of in shown:
        table.add_column(name, text_of(everything), justify="right", no_wrap=True)
    for key, figures in ranking[:_ROWS_SHOWN]:
        cells = [text_of(figures) for _, _, text_of in shown]
        table.add_row(Text(printable(shorten(key))), *cells)
    if len(ranking) > _ROWS_SHOWN:
        rest = total_figures(figures for _, figures in ranking[_ROWS_SHOWN:])
        cells = [text_of(rest) for _, _, text_of in shown]
        table.add_row(f"{len(ranking) - _ROWS_SHOWN:,} more", *cells, style="dim")
    console.print(table)
    if left_out := [name for name, _, _ in told if name not in [it[0] for it in shown]]:
        console.print(f"(a wider terminal shows {', '.join(left_out)})", style="dim")
    console.print()


def _print_legend(console: Console, summary: UsageSummary) -> None:
    figures = [part for ranking in (summary.by_identity(), summary.by_model()) for part in ranking]
    if lines := cost_legend(cost_text(part) for _, part in figures):
        for line in lines:
            console.print(Text(line, style="dim"), soft_wrap=True)
        console.print()


def _width(columns: Sequence[_Column], everything: UsageFigures) -> int:
    """How wide a table of columns gets; sums are the longest numbers in it."""
    return _NARROWEST_NAME + sum(
        _GAP + max(len(name), len(text_of(everything))) for name, _, text_of in columns
    )


def _notes(meter: LocalMeter) -> Iterator[str]:
    counts = _record_counts(meter)
    yield from _notes_on_files(meter)
    yield (
        f"{plural(counts['read'], 'line')} read: {plural(counts['counted'], 'call')} counted,"
        f" {plural(counts['duplicates'], 'duplicate')}, {counts['ignored']:,} ignored,"
        f" {counts['rejected']:,} rejected."
    )
    if coverage := meter.ledger.coverage():
        yield (
            f"{coverage.start:{_TIME}} to {coverage.end:{_TIME}} UTC,"
            f" {plural(len(coverage.account_ids), 'account')},"
            f" {plural(len(coverage.regions), 'Region')}."
        )
    if unpriced := +meter.summary.unpriced:
        yield f"{plural(unpriced.total(), 'call')} unpriced:"
        for reason, calls in unpriced.most_common():
            yield f"  {calls:,} {reason}: {_UNPRICED_MEANINGS[reason]}"
    if counts["conflicting_duplicates"]:
        yield (
            f"{plural(counts['conflicting_duplicates'], 'conflicting duplicate')}: of each count"
            " the larger stands, and a call of several callers is shown as"
            f" {CONFLICTING_IDENTITY}."
        )
    yield from _notes_on_doubts(meter)
    if counts["rejected"]:
        reasons = meter.quarantine.count_by_reason()
        yield "Rejected: " + ", ".join(
            f"{count:,} {reason} ({_REJECTION_MEANINGS[reason]})"
            for reason, count in reasons.items()
        )
        for record, _ in zip(meter.quarantine, range(_REJECTED_SHOWN), strict=False):
            yield f"  {record.source}, line {record.line}: {record.reason}"
        if (more := counts["rejected"] - _REJECTED_SHOWN) > 0:
            yield f"  and {more:,} more (make meter OUT=summary.json lists all)"


def _notes_on_doubts(meter: LocalMeter) -> Iterator[str]:
    everything = total_figures(figures for _, figures in meter.summary.by_model())
    if everything.records_missing_output:
        yield (
            f"{plural(everything.records_missing_output, 'call')} without an output count (a stream"
            " that was cut off, for example): the output, total and cost leave theirs out."
        )
    if everything.ambiguous_invocations:
        yield (
            f"{plural(everything.ambiguous_invocations, 'call')} with ambiguous usage: the reported"
            " total does not fit the counts, which were taken as they stand."
        )
    if everything.unverified_invocations:
        yield (
            f"{plural(everything.unverified_invocations, 'call')} with unverified usage: model and"
            " operation decided whether the input includes cached tokens."
        )


def _notes_on_files(meter: LocalMeter) -> Iterator[str]:
    groups = list(meter.skipped)
    if not groups:
        return
    skipped = sum(group.files for group in groups)
    verb = "was" if skipped == 1 else "were"
    yield f"{plural(meter.files_read, 'file')} read. {plural(skipped, 'file')} {verb} not:"
    for reason, files, examples in groups:
        more = ", ..." if files > len(examples) else ""
        yield f"  {reason.meaning}: {files:,} ({', '.join(examples)}{more})"


def plural(count: int, noun: str) -> str:
    """A number of things: `1 call`, `2,000 calls`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
