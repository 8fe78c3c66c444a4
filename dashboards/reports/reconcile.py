"""Compares your logs with AWS's bill: `make reconcile CUR="PATH ..." LOGS="PATH ..."`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from rich.text import Text

from cdk.config import Config, read_config
from cdk.operations.terminal import CommandError, open_console, printable
from dashboards.reports.commands import (
    check_for_gaps,
    check_for_logs,
    explained_failures,
    meter_files,
    require_json_name,
    without_output,
    write_report,
)
from dashboards.reports.cur_files import CurFiles, find_cur_files, read_bill
from dashboards.reports.local_meter import LocalMeter, open_local_meter
from dashboards.reports.logs.log_files import LogFiles, find_log_files
from dashboards.reports.printed_tables import print_table
from dashboards.reports.reconciliation_json import START_OF_REPORT, report_json
from dashboards.reports.reconciliation_tables import report_tables
from dashboards.reports.usage_json import files_json
from dashboards.reports.usage_notes import print_coverage, print_notes
from lambdas.domain.attribution import TagFacts
from lambdas.domain.calls import CallEnricher
from lambdas.domain.pricing import Pricing, Route, Routing, TokenKind
from lambdas.domain.reports.reconciliation import (
    Bill,
    BillError,
    ListPrice,
    Metered,
    Reconciliation,
    TooManyUsesError,
    UsageKey,
    reconcile,
)
from lambdas.domain.words import plural


def utc_now() -> datetime:
    """Return the time; usage newer than 72 hours is not compared."""
    return datetime.now(UTC)


def reconcile_bill(bill: Sequence[Path], logs: Sequence[Path], out: Path | None) -> None:
    """Compare the calls in logs with a bill; write the JSON where `out` says.

    Args:
        bill: Files and folders of a CUR 2.0 export.
        logs: Files and folders of invocation logs.
        out: The file for the JSON; `None` for none.
    """
    if out:
        require_json_name(out)
    found, cur = find_log_files(logs), find_cur_files(bill)
    if out:
        found = without_output(out, found, START_OF_REPORT)
        _check_is_no_bill(out, cur)
    with explained_failures():
        _run(_Inputs(found, cur, out), read_config(), utc_now())


@dataclass(frozen=True, slots=True)
class _Inputs:
    logs: LogFiles
    cur: CurFiles
    out: Path | None


def _run(inputs: _Inputs, config: Config, now: datetime) -> None:
    bill = Bill(now, get_list_price(config.pricing))
    try:
        notes = read_bill(inputs.cur, bill)
        if not bill.lines:
            message = "the bill has no lines."
            raise CommandError(message)
        with open_local_meter(pricing=config.pricing) as meter:
            meter_files(meter, inputs.logs)
            check_for_logs(meter, inputs.logs)
            metered, profiles = Metered(), TagFacts.from_profiles(bill.profiles)
            enricher = CallEnricher(config.pricing, facts=profiles)
            for record in meter.ledger.in_order_of_time():
                metered.add(enricher.enrich(record))
            if not meter.summary.calls:
                message = "there is no call in these logs. make meter says why."
                raise CommandError(message)
            _report(reconcile(bill, metered, now), inputs, notes, meter)
            check_for_gaps(meter)
    except (BillError, TooManyUsesError) as error:
        message = f"{error}."
        raise CommandError(message) from None


def get_list_price(pricing: Pricing) -> ListPrice:
    """Get the list price of tokens for a line of the bill."""

    def list_price(key: UsageKey, kind: TokenKind) -> Decimal | None:
        route = Route(key.region, "global" if key.routing is Routing.GLOBAL else "")
        prices = pricing.book.get_prices(key.model_id, route, key.day, key.service_tier)
        rate = prices.token_rates(0).get(kind)
        return None if rate is None else rate.usd

    return list_price


def _check_is_no_bill(out: Path, cur: CurFiles) -> None:
    if out.exists() and any(out.samefile(path) for path in cur.paths):
        message = f"--out {out} is the bill. Name another file."
        raise CommandError(message)


def _report(
    reconciliation: Reconciliation, inputs: _Inputs, notes: list[str], meter: LocalMeter
) -> None:
    """Write the JSON and print the tables; where both go to standard output, only the first."""
    read = {
        "files": files_json(meter),
        "records_read": meter.report.read,
        "records_rejected": meter.report.rejected,
        "bill_files": len(inputs.cur.paths),
        "bill_files_left_out": inputs.cur.left_out,
        "notes": notes,
    }
    if inputs.out is not None and not write_report(inputs.out, report_json(reconciliation, read)):
        return
    console = open_console()
    print_coverage(meter, console)
    for table in report_tables(reconciliation):
        print_table(table, console)
    if inputs.cur.left_out:
        notes = [
            *notes,
            f"{plural(inputs.cur.left_out, 'file')} of earlier runs of the export left out.",
        ]
    for note in notes:
        console.print(Text(printable(note)), soft_wrap=True)
    print_notes(meter, console)
