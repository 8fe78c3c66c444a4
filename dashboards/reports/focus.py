"""Writes the cost of calls in FOCUS columns: `make focus LOGS="PATH ..." OUT=focus.csv`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cdk.config import read_config
from cdk.operations.terminal import CommandError, open_console, printable
from dashboards.reports.commands import (
    check_for_gaps,
    check_for_logs,
    explained_failures,
    meter_files,
    without_output,
)
from dashboards.reports.local_meter import open_local_meter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.usage_notes import print_coverage, print_notes
from lambdas.adapters.duckdb_parquet import ParquetError, convert_to_parquet
from lambdas.adapters.report_layouts.focus_files import write_manifest, write_rows
from lambdas.adapters.report_layouts.focus_manifest import MANIFEST_VERSION
from lambdas.domain.calls import CallEnricher
from lambdas.domain.ledger import LedgerChange, LedgerListener
from lambdas.domain.reports.focus import (
    COLUMNS,
    Column,
    CostTotals,
    DailyCharges,
    IdentityDetail,
    Row,
    TooManyChargesError,
    build_row,
)
from lambdas.domain.words import exact_text, plural

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_START_OF_MANIFEST = f'{{\n "manifest_version": {MANIFEST_VERSION},'


def export_costs(logs: Sequence[Path], out: Path) -> None:
    """Write the costs of the calls in files and folders.

    Raises:
        CommandError: They cannot be read, or not be written there.
    """
    check_out(out)
    beside = manifest_path(out)
    files = without_output(out, find_log_files(logs))
    files = without_output(beside, files, _START_OF_MANIFEST)
    with explained_failures():
        config = read_config()
        charges = DailyCharges()
        follow = _following(charges, CallEnricher(config.pricing, config.attribution_rules))
        with open_local_meter(follow, pricing=config.pricing) as meter:
            try:
                meter_files(meter, files)
            except TooManyChargesError as error:
                message = f"{error}. Name fewer logs at a time."
                raise CommandError(message) from None
            check_for_logs(meter, files)
            with explained_writing(out):
                totals = write_costs(charges, out, config.billing_account_id or None)
            console = open_console()
            print_coverage(meter, console)
            print_notes(meter, console)
            _print_totals(console, out, totals)
            check_for_gaps(meter)


def check_out(out: Path) -> None:
    """Check that the name of a file says its format.

    Raises:
        CommandError: It does not.
    """
    if not out.name.endswith(_SUFFIXES):
        message = f"--out {out}: name a file that ends in .csv, .csv.gz or .parquet."
        raise CommandError(message)


def manifest_path(out: Path) -> Path:
    """The path of the manifest of a file of costs."""
    return out.with_name(f"{out.name}.manifest.json")


@contextmanager
def explained_writing(out: Path) -> Iterator[None]:
    """Explain why a file could not be written.

    Raises:
        CommandError: It was not written.
    """
    try:
        yield
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    except ParquetError as error:
        message = f"--out {out}: {' '.join(str(error).split())}"
        raise CommandError(message) from None


def write_file(rows: Iterable[Row], out: Path, columns: Sequence[Column] = COLUMNS) -> None:
    """Write rows to a file, in the format of its file extension; all of them or nothing.

    Args:
        rows: The rows.
        out: The file.
        columns: The columns of the rows.

    Raises:
        OSError: It cannot be written.
        ParquetError: It cannot be written as Parquet.
    """
    with tempfile.TemporaryDirectory() as folder:
        finished = Path(folder, f"focus{out.suffix}")
        write_rows(rows, [finished], partial(convert_to_parquet, columns=columns), columns)
        shutil.copyfile(finished, out)


def write_costs(charges: DailyCharges, out: Path, billing_account_id: str | None) -> CostTotals:
    """Write charges to a file, in the format of its file extension, then the manifest beside it.

    Args:
        charges: The charges to write.
        out: The file.
        billing_account_id: The account that pays; `None` for the one that was called.

    Raises:
        OSError: It cannot be written.
        ParquetError: It cannot be written as Parquet.
    """
    months = charges.months()
    totals = CostTotals.from_charges(charges, months)
    rows = (
        build_row(charge, billing_account_id)
        for month in months
        for charge in charges.charges(month)
    )
    write_file(rows, out)
    facts = {"identity_detail": totals.identity_detail.label}
    write_manifest(manifest_path(out), totals, [out], facts)
    return totals


def _following(charges: DailyCharges, enricher: CallEnricher) -> LedgerListener:
    """Keep charges up to date with a ledger; on this machine no tags are known."""

    def apply(changes: Sequence[LedgerChange]) -> None:
        for change in changes:
            for record, times in ((change.replaced, -1), (change.record, 1)):
                if record is not None:
                    charges.add(enricher.enrich(record), times)

    return apply


def _print_totals(console: Console, out: Path, totals: CostTotals) -> None:
    sums, detail, left_out = totals.sums, totals.identity_detail, totals.left_out
    cost = (
        f"{exact_text(sums.billed_usd)} USD, as an estimate"
        f" ({exact_text(sums.list_usd)} at list prices)."
    )
    lines = [f"{plural(sums.rows, 'row')} in {out}: {cost}"]
    if sums.assumed_usd:
        lines.append(
            f"Of it, {exact_text(sums.assumed_usd)} USD is at assumed prices (x_PriceBasis): the"
            " call's Region has no listed price, so the highest one listed for its model elsewhere"
            " is used."
        )
    if detail is not IdentityDetail.SESSIONS:
        lines.append(
            "There are too many callers to name each: the rows name"
            f" {detail.label.replace('_', ' ')} (identity_detail in the manifest)."
        )
    if left_out:
        lines.append("Not in this cost, because it is not known (see the manifest):")
    lines += [
        f"  {part.model_id}: {plural(part.invocations, 'call')},"
        f" {plural(part.tokens, 'token')} ({part.reason})"
        for part in left_out
    ]
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
