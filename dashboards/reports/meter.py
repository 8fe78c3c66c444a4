"""Meters log files: `make meter LOGS="PATH ..." [BY="month project"] [BUDGETS=budgets.json]`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cdk.config import read_config
from cdk.operations.budgets import read_file
from cdk.operations.terminal import CommandError, open_console
from dashboards.reports.budget_json import budgets_json
from dashboards.reports.budget_outcomes import find_outcomes
from dashboards.reports.budget_report import print_budgets
from dashboards.reports.budget_usage import BudgetUsage
from dashboards.reports.commands import (
    check_for_gaps,
    explained_failures,
    require_json_name,
    without_output,
    write_report,
)
from dashboards.reports.credit_outcomes import find_credit_outcomes
from dashboards.reports.credit_report import credits_json, print_credits
from dashboards.reports.credit_usage import CreditUsage
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.tallied_logs import meter_logs
from dashboards.reports.usage_json import START_OF_SUMMARY, summary_json
from dashboards.reports.usage_report import Grouping, print_report
from lambdas.domain.usage import GroupField
from lambdas.wiring.budgets_file import DeclaredBudgets

_PRINTED_WIDTH = 120  # without a terminal, so that what is printed to a file fits most screens


def report_usage(
    logs: Sequence[Path], out: Path | None, grouping: Grouping, budgets: Path | None = None
) -> None:
    """Meter files and folders; print the tables, and write the summary where `out` says.

    Args:
        logs: The files and folders.
        out: The file of the summary; `None` for tables.
        grouping: The rows of the tables.
        budgets: A file of budgets and grants, whose use is printed after the tables, and is in the
            summary.

    Raises:
        CommandError: Something cannot be read or written.
    """
    if out:
        require_json_name(out)
    declared = _read_budgets(budgets) if budgets else DeclaredBudgets("", ())
    files = find_log_files(logs)
    if out:
        files = without_output(out, files, START_OF_SUMMARY)
    with explained_failures():
        config = read_config()
        rules = config.attribution_rules if GroupField.PROJECT in grouping.by else None
        now = datetime.now(UTC)
        usage = BudgetUsage(declared.budgets, config.pricing, config.attribution_rules, now)
        credit_usage = CreditUsage(config.pricing, config.attribution_rules, now)
        streams = [usage.apply] if declared.budgets else []
        streams += [credit_usage.apply] if declared.grants else []
        with meter_logs(files, config.pricing, rules, *streams) as meter:
            outcomes = find_outcomes(usage, declared.budgets)
            credits_ = find_credit_outcomes(credit_usage, declared.grants)
            rows = budgets_json(outcomes) if budgets else None
            credit_rows = credits_json(credits_) if declared.grants else None
            summary = summary_json(
                meter, grouping.by, now=now, budgets=rows, credit_rows=credit_rows
            )
            if out is None or write_report(out, summary):
                print_report(meter, open_console(_PRINTED_WIDTH), grouping, now=now)
                print_budgets(usage, outcomes, open_console(), grouping.top)
                print_credits(credits_, open_console())
            check_for_gaps(meter)


def _read_budgets(path: Path) -> DeclaredBudgets:
    try:
        return read_file(path)
    except OSError as error:
        message = f"--budgets {path}: {error.strerror}."
        raise CommandError(message) from None
