"""Notes below a report: what was read, and what was not counted or priced."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from cdk.operations.terminal import printable, printable_name
from dashboards.reports.call_times import is_possible
from dashboards.reports.local_meter import LocalMeter
from lambdas.adapters.report_layouts.tables import shown_time
from lambdas.domain.invocations import CONFLICTING_IDENTITY, RejectionReason
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.money import dollars
from lambdas.domain.pricing import UNPRICED_MEANINGS, Unpriced
from lambdas.domain.usage import add_up_totals
from lambdas.domain.words import list_first, plural

_REJECTED_SHOWN = 5
_NAMES_SHOWN = 8
REJECTION_MEANINGS = {
    RejectionReason.NOT_JSON: "not JSON",
    RejectionReason.NOT_AN_OBJECT: "JSON, but not an object",
    RejectionReason.WRONG_SCHEMA: "not a ModelInvocationLog",
    RejectionReason.NO_REQUEST_ID: "without a requestId",
    RejectionReason.NO_MODEL: "without a modelId",
    RejectionReason.BAD_TIMESTAMP: "without a readable timestamp",
    RejectionReason.TRUNCATED: "its end is missing",
    RejectionReason.TOO_LONG: "longer than 16 MB, as no invocation log is",
    RejectionReason.TOO_OLD: "older than the ledger's retention",
    RejectionReason.IN_THE_FUTURE: "dated in the future",
    RejectionReason.WRONG_SOURCE: "from another log group or log stream",
    RejectionReason.WRONG_ACCOUNT: "from another account",
    RejectionReason.WRONG_REGION: "of another Region",
    RejectionReason.MASKED: "with a mask over the caller or the counts",
}


def print_coverage(meter: LocalMeter, console: Console) -> None:
    """Print the period, the accounts and the Regions of the calls; nothing without calls."""
    coverage = meter.coverage()
    if coverage is None:
        return
    days = (coverage.end.date() - coverage.start.date()).days + 1
    line = (
        f"{shown_time(coverage.start)} to {shown_time(coverage.end)} UTC"
        f" ({plural(days, 'calendar day')}),"
        f" {plural(len(coverage.account_ids), 'account')} ({_name(coverage.account_ids)}),"
        f" {plural(len(coverage.regions), 'Region')} ({_name(coverage.regions)})"
    )
    console.print(Text(printable(line), style="bold"))
    console.print()


def print_notes(meter: LocalMeter, console: Console) -> None:
    """Print the files that were read, and the records that were not counted."""
    for line in _notes(meter):
        console.print(Text(printable(line)), soft_wrap=True)


def _notes(meter: LocalMeter) -> Iterator[str]:
    counts = meter.record_counts()
    yield from _notes_on_files(meter)
    failed = add_up_totals(totals for _, totals in meter.summary.by_model()).invocation_errors
    calls = plural(counts["counted"] - failed, "call")
    if failed:
        calls += f" and {plural(failed, 'failed call')}"
    yield (
        f"{plural(counts['read'], 'line')} read:"
        f" {calls} counted, {plural(counts['duplicates'], 'duplicate')},"
        f" {counts['ignored']:,} ignored,"
        f" {counts['rejected']:,} rejected."
    )
    yield from _notes_on_times(meter)
    yield from _notes_on_prices(meter)
    if counts["conflicting_duplicates"]:
        yield (
            f"{plural(counts['conflicting_duplicates'], 'conflicting duplicate')}: the larger of"
            " each count is used, and a call with several callers is shown as"
            f" {CONFLICTING_IDENTITY}."
        )
    yield from _notes_on_doubts(meter)
    if counts["rejected"]:
        reasons = meter.quarantine.count_by_reason()
        yield "Rejected: " + ", ".join(
            f"{count:,} {reason} ({REJECTION_MEANINGS[reason]})"
            for reason, count in reasons.items()
        )
        for record, _ in zip(meter.quarantine, range(_REJECTED_SHOWN), strict=False):
            yield f"  {record.source}, line {record.line}: {record.reason}"
        if (more := counts["rejected"] - _REJECTED_SHOWN) > 0:
            yield f"  and {more:,} more (--out summary.json lists all)"


def _notes_on_prices(meter: LocalMeter) -> Iterator[str]:
    """Say for each reason which calls are unpriced, and which have an assumed price."""
    unpriced: defaultdict[Unpriced, Counter[str]] = defaultdict(Counter)
    assumed, assumed_usd = Counter[str](), Decimal(0)
    for group, model_id, _, cost in meter.summary.priced_groups:
        if isinstance(cost, Unpriced):
            unpriced[cost][model_id] += group.calls
        elif cost is not None and cost.is_assumed:
            assumed[f"{model_id} in {group.example.region or 'no Region'}"] += group.calls
            assumed_usd += cost.effective_usd
    if unpriced:
        total = sum(models.total() for models in unpriced.values())
        yield f"{plural(total, 'call')} unpriced:"
    for reason, models in sorted(unpriced.items(), key=lambda item: -item[1].total()):
        calls = f"{models.total():,} {reason}: {UNPRICED_MEANINGS[reason]}"
        yield f"  {calls} ({_name_by_count(models)})"
        if reason is Unpriced.NO_PRICE:
            yield from _explain_missing_prices(models)
    if assumed:
        yield (
            f"{plural(assumed.total(), 'call')} at an assumed price,"
            f" {dollars(assumed_usd, is_assumed=True)}: their Region has no listed price, so the"
            f" highest one that is listed elsewhere is used ({_name_by_count(assumed)})."
        )


def _explain_missing_prices(models: Iterable[str]) -> Iterator[str]:
    """Say how models get a price, and why logs do not show that of a profile."""
    if any(model_id.startswith(APPLICATION_PROFILE) for model_id in models):
        yield (
            "    Logs do not name the model of an application inference profile. A deployment asks"
            " Bedrock for it, and then has its price."
        )
    yield (
        "    To price these calls here, enter a name above as model in contracted_prices in"
        " cdk.json (docs/settings.md#contracted-prices)."
    )


def _name_by_count(counts: Counter[str]) -> str:
    """Name what has the most calls first, each with its number of calls."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = [f"{printable_name(name)}: {calls:,}" for name, calls in ranked]
    return list_first(names, _NAMES_SHOWN)


def _name(values: Sequence[str]) -> str:
    """Name accounts or Regions: the first of them, where there are many."""
    shown = [value or "not named" for value in values[:_NAMES_SHOWN]]
    return ", ".join([*shown, "..."] if len(values) > len(shown) else shown)


def _notes_on_times(meter: LocalMeter) -> Iterator[str]:
    """Warn of calls that cannot have been made when they say."""
    coverage, now = meter.coverage(), datetime.now(UTC)
    if coverage is None:
        return
    for called_at in (coverage.start, coverage.end):
        if not is_possible(called_at, now):
            when = "in the future" if called_at > now else "before Bedrock existed"
            yield (
                f"There are calls dated {when}, such as {shown_time(called_at)} UTC: a clock was"
                " wrong. They are counted here; budgets and make preview leave them out."
            )


def _notes_on_doubts(meter: LocalMeter) -> Iterator[str]:
    everything = add_up_totals(totals for _, totals in meter.summary.by_model())
    if everything.records_missing_output:
        yield (
            f"{plural(everything.records_missing_output, 'call')} without an output count (a stream"
            " that was cut off, for example): their output is missing from output, total and cost."
        )
    if everything.ambiguous_invocations:
        yield (
            f"{plural(everything.ambiguous_invocations, 'call')} with ambiguous usage: the reported"
            " total does not match the counts, which were used as reported."
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
