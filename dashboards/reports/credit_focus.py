"""Writes the books of credits in FOCUS columns: `bedrock-meter credits focus`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from dashboards.reports.focus import check_out, explained_writing, manifest_path, write_file
from lambdas.adapters.report_layouts.focus_files import write_credit_manifest
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import CreditBook, CreditEntry
from lambdas.domain.reports.focus import CREDIT_COLUMNS, CreditCharges, CreditIssuer
from lambdas.domain.times import write_seconds
from lambdas.domain.words import exact_text, plural


def write_credits(
    entries: Sequence[CreditEntry],
    book: CreditBook,
    issuer: CreditIssuer,
    period: tuple[datetime, datetime],
    out: Path,
) -> None:
    """Write the entries of a time to a file, and a manifest beside it.

    Args:
        entries: The entries that were booked in the time.
        book: All grants.
        issuer: The deployment.
        period: The first time of booking, and the time after the last one.
        out: The file, whose extension says the format.

    Raises:
        CommandError: It cannot be written.
    """
    check_out(out)

    def get_scope(name: str) -> BudgetScope | None:
        balance = book.grants.get(name)
        return None if balance is None else balance.grant.scope

    charges = CreditCharges.from_entries(entries)
    sums, (start, end) = charges.add_up(), period
    facts = {
        "account_id": issuer.account_id,
        "region": issuer.region,
        "booked_from": write_seconds(start),
        "booked_until": write_seconds(end),
    }
    with explained_writing(out):
        write_file(charges.write_rows(issuer, get_scope), out, CREDIT_COLUMNS)
        write_credit_manifest(manifest_path(out), sums, [out], facts)
    print(
        f"{plural(sums.rows, 'row')} in {out}: {exact_text(sums.billed_usd)} USD billed,"
        f" {exact_text(sums.effective_usd)} USD effective."
    )
