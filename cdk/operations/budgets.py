"""Applies, lists and checks budgets: `bedrock-meter budgets`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import boto3
from rich.table import Table

from cdk.config import stack_names
from cdk.config.region_names import explain_unknown_region, known_regions
from cdk.operations.budget_warnings import print_missing_parts, print_weak_budgets
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, open_console, printable
from lambdas.domain.budgets import (
    MAX_CHANGES,
    BrakeMode,
    Budget,
    BudgetBook,
    BudgetChanges,
    BudgetPlan,
    BudgetPlanError,
    BudgetsChangedError,
    BudgetScope,
    BudgetStatus,
    BudgetStore,
    StoredBudget,
    SumReader,
    check_cells,
    describe_periods,
    describe_scope,
    find_crowded_calls,
    plan_changes,
    read_statuses,
)
from lambdas.domain.forecasting import (
    CalibrationStore,
    CalibrationUnreadableError,
    describe_errors,
)
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.patterns import matches
from lambdas.domain.words import exact_text, plural, show
from lambdas.wiring.budgets_file import DeclaredBudgets, read_budgets
from lambdas.wiring.declared_files import InvalidFileError

_QUARTER_MINUTES = 15
_SHORTEST_LEDGER = timedelta(days=15)  # the least that settings allow
_BUILDING = "building: sums are not complete yet, so the budget sends no alerts"
_COUNTING = "Calls of the ledger are being counted: usage is too low until that ends."
_DRY_RUN = "This was a dry run: nothing is changed."


class BudgetTables(NamedTuple):
    """The names of deployed tables.

    Attributes:
        budgets: The table of budgets.
        counters: The table of counters, with the sums of budgets.
        has_brake: True if the brake is deployed.
        has_gateway: True if the gateway is deployed.
    """

    budgets: str
    counters: str
    has_brake: bool
    has_gateway: bool


def find_tables(session: boto3.Session) -> BudgetTables:
    """Find the deployed tables.

    Raises:
        CommandError: Governance is off, or the meter is not deployed.
    """
    deployment = Deployment(session.client("cloudformation"))
    if deployment.status(stack_names.GOVERNANCE) is None:
        message = (
            "governance is off in this Region: set governance to true in cdk.json, then run make"
            " deploy."
        )
        raise CommandError(message)
    return BudgetTables(
        deployment.output(stack_names.STORAGE, "GovernanceTableName"),
        deployment.output(stack_names.STORAGE, "CounterTableName"),
        has_brake=deployment.brake_controller is not None,
        has_gateway=deployment.gateway_url is not None,
    )


def read_file(path: Path) -> DeclaredBudgets:
    """Read a file of budgets.

    Raises:
        CommandError: It has faults; the details name each field.
    """
    try:
        declared = read_budgets(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        message = f"{path}: not JSON in UTF-8."
        raise CommandError(message) from None
    except InvalidFileError as error:
        raise _refuse_file(path, error.problems) from None
    if problems := [*_find_unknown_regions(declared)]:
        raise _refuse_file(path, problems)
    return declared


def _refuse_file(path: Path, problems: Sequence[str]) -> CommandError:
    message = f"{path}: {plural(len(problems), 'problem')}:"
    return CommandError(message, *(f"  {problem}" for problem in problems))


def _find_unknown_regions(declared: DeclaredBudgets) -> Iterator[str]:
    scopes = [
        *((f"budget {budget.name}", budget.scope) for budget in declared.budgets),
        *((f"grant {grant.id}", grant.scope) for grant in declared.grants),
    ]
    for name, scope in scopes:
        for problem in find_unknown_regions(scope):
            yield f"{name}: scope.{problem}"


def find_unknown_regions(scope: BudgetScope) -> Iterator[str]:
    """Find names in a scope that are not those of Regions, nor their beginnings."""
    for name in scope.region:
        if not any(matches(name, region) for region in known_regions()):
            yield f"region = {show(name)}: {explain_unknown_region(name)}"


def validate(path: Path, now: datetime) -> None:
    """Check a file without a deployment, and print its budgets.

    Args:
        path: The file.
        now: The time.

    Raises:
        CommandError: The file has faults, or no deployment can take its budgets.
    """
    declared = read_file(path)
    if problems := [*find_crowded_calls(declared.budgets)]:
        raise _make_error(BudgetPlanError(problems))
    if declared.budgets:
        _print_budgets(declared.budgets)
    print(f"{_count(declared.budgets)} of {printable(declared.managed_by)}: valid.")
    if not declared.budgets:
        print("The file has no budgets: apply stores none, and lists those that it could delete.")
    _print_grants(declared)
    _print_short_cells(declared.budgets)
    print_weak_budgets(declared.budgets)
    _print_obstacles(declared, now)


def _print_grants(declared: DeclaredBudgets) -> None:
    if declared.grants:
        print(
            f"{plural(len(declared.grants), 'grant')} of credits left out: only make meter reads"
            " grants in a file. Add them with bedrock-meter credits grant."
        )


def _print_obstacles(declared: DeclaredBudgets, now: datetime) -> None:
    """Print why a deployment that has none of the budgets would not take them all at once, now."""
    nothing = BudgetBook(0, {})
    try:
        plan_changes(nothing, declared.budgets, declared.managed_by)
        check_cells(declared.budgets, now)
    except BudgetPlanError as error:
        for problem in error.problems:
            print(f"Unless they are applied already: {problem}.")


def list_budgets(
    store: BudgetStore,
    sums: SumReader,
    calibrations: CalibrationStore,
    now: datetime,
    *,
    has_brake: bool,
    has_gateway: bool,
) -> None:
    """Print the stored budgets of all managers, with the usage of their current periods.

    Args:
        store: The stored budgets.
        sums: Their sums.
        calibrations: The errors that forecasts stand on.
        now: The time.
        has_brake: True if the brake is deployed.
        has_gateway: True if the gateway is deployed.

    Raises:
        CommandError: A stored budget cannot be read.
    """
    book = _read_book(store)
    if not book.budgets:
        print("There are no budgets.")
        return
    state = sums.read_state()
    since = state.incomplete_since if state else None
    table = Table(
        *("Name", "Covers", "Amount", "Period", "Used", "State", "Managed by"),
        caption=_BUILDING if since is None else f"{_BUILDING}\n{_COUNTING}",
    )
    for stored in book:
        budget = stored.budget
        statuses = list(read_statuses(book, stored, sums, state, now)) if state else []
        used = _describe_use(statuses) if stored.is_active else "-"
        shown = _describe_state(stored)
        table.add_row(*_describe(budget), used, shown, printable(budget.managed_by))
    open_console().print(table)
    print(_describe_calibration(calibrations))
    _print_gaps(book, now)
    budgets = [stored.budget for stored in book]
    print_missing_parts(budgets, has_brake=has_brake, has_gateway=has_gateway)
    if state is not None:
        _print_incomplete_periods(book, state.counted_since, now)


def _describe_calibration(calibrations: CalibrationStore) -> str:
    """Say which errors the forecasts of a deployment stand on."""
    try:
        errors = calibrations.read()
    except CalibrationUnreadableError as error:
        reason = printable(str(error))
        return f"Forecasts use {describe_errors(None)}: your own cannot be read ({reason})."
    return f"Forecasts use {describe_errors(None if errors is None else errors.own)}."


def _print_gaps(book: BudgetBook, now: datetime) -> None:
    """Name the budgets whose sums of the current period lack usage."""
    for stored in book:
        gap = stored.find_gap(stored.budget.periods.period_at(now))
        if gap is not None:
            print(
                f"{printable(stored.budget.name)} could not be read from {gap.since:%Y-%m-%d %H:%M}"
                f" to {gap.until:%H:%M} UTC: its sums may lack usage of that time."
            )


def _print_incomplete_periods(book: BudgetBook, counted_since: datetime, now: datetime) -> None:
    """Name the budgets whose period began before calls that the ledger had for sure."""
    names = [
        printable(stored.budget.name)
        for stored in book
        if stored.budget.periods.period_at(now).start < counted_since - _SHORTEST_LEDGER
    ]
    if names:
        print(
            f"{', '.join(names)}: all calls were counted again on {counted_since:%Y-%m-%d}. Usage"
            " from before that day is included as far back as the ledger had it then"
            " (ledger_retention_days)."
        )


def _describe_state(stored: StoredBudget) -> str:
    """Describe the state of a budget, with its brake and its gateway where they do something."""
    brake, gateway = stored.budget.brake, stored.budget.gateway
    parts = [
        stored.state.value,
        *([] if brake is BrakeMode.NOTIFY else [f"brake {brake.value}"]),
        *([] if gateway is None else [f"gateway {gateway.value}"]),
    ]
    return ", ".join(parts)


def _describe_use(statuses: Sequence[BudgetStatus]) -> str:
    """Describe the usage of a budget, or of the value of a default budget with the most usage."""
    if not statuses:
        return "nothing"
    most = max(statuses, key=lambda status: status.used)
    budget = most.stored.budget
    used = f"{budget.amount.describe(most.used)} ({exact_text(most.percent_used)}%)"
    if budget.per is None:
        return used
    name = printable(shorten_identity(most.value))
    return f"{used} by {name}, the most of {plural(len(statuses), 'value')}"


def apply_file(
    store: BudgetStore,
    declared: DeclaredBudgets,
    deletions: Sequence[str],
    *,
    is_dry_run: bool,
    has_brake: bool,
    has_gateway: bool,
    now: datetime,
) -> None:
    """Apply the budgets of a file, and print the differences.

    Args:
        store: The stored budgets.
        declared: The budgets of the file.
        deletions: The names of budgets to delete.
        is_dry_run: Only print what would change.
        has_brake: True if the brake is deployed.
        has_gateway: True if the gateway is deployed.
        now: The time.

    Raises:
        CommandError: The budgets cannot be applied. Nothing is changed then.
    """
    book = _read_book(store)
    try:
        plan = plan_changes(book, declared.budgets, declared.managed_by, deletions)
    except BudgetPlanError as error:
        raise _make_error(error) from None
    _check_cells(plan.changes.written, now)
    _print_plan(plan)
    if is_dry_run:
        print(_DRY_RUN)
    elif plan.changes:
        _write(store, plan.changes, book)
    else:
        print("Nothing to change.")
    _print_grants(declared)
    print_weak_budgets(declared.budgets)
    print_missing_parts(declared.budgets, has_brake=has_brake, has_gateway=has_gateway)


def rebuild(store: BudgetStore, names: Sequence[str], now: datetime) -> None:
    """Build sums of stored budgets again from cells, and print what begins.

    Args:
        store: The stored budgets.
        names: Their names.
        now: The time.

    Raises:
        CommandError: A budget is not stored, or cannot be built now. Nothing is changed then.
    """
    book = _read_book(store)
    if missing := [printable(name) for name in names if name not in book.budgets]:
        message = f"there is no budget of this name: {', '.join(missing)}."
        raise CommandError(message)
    budgets = tuple(book.budgets[name].budget for name in dict.fromkeys(names))
    if len(budgets) > MAX_CHANGES:
        message = f"at most {MAX_CHANGES} budgets at a time."
        raise CommandError(message)
    _check_cells(budgets, now)
    _write(store, BudgetChanges(budgets), book)


def _check_cells(budgets: Iterable[Budget], now: datetime) -> None:
    try:
        check_cells(budgets, now)
    except BudgetPlanError as error:
        raise _make_error(error) from None


def _make_error(error: BudgetPlanError) -> CommandError:
    message = "the budgets cannot be applied; nothing is changed:"
    return CommandError(message, *(f"  {problem}" for problem in error.problems))


def _write(store: BudgetStore, changes: BudgetChanges, book: BudgetBook) -> None:
    try:
        written = store.write(changes, book.revision)
    except BudgetsChangedError:
        message = "someone else has changed budgets at the same time: run the command again."
        raise CommandError(message) from None
    print(f"Applied, revision {written.revision}.")
    if changes.written:
        names = ", ".join(printable(budget.name) for budget in changes.written)
        print(f"Building: {names}. They send alerts once their sums are complete.")
    if changes.amended:
        names = ", ".join(printable(budget.name) for budget in changes.amended)
        print(
            f"Changed: {names}. Sums go on. In the current period, a threshold that has alerted"
            " alerts again only if a raise puts it above all thresholds that have."
        )
    _print_short_cells(changes.written)


def _read_book(store: BudgetStore) -> BudgetBook:
    book = store.read()
    for name, budget in book.unreadable.items():
        manager = "unknown" if budget.managed_by is None else printable(budget.managed_by)
        print(
            f"{printable(name)} cannot be read, and is left out: {printable(budget.reason)}. Its"
            f" manager is {manager}."
        )
    return book


def _print_plan(plan: BudgetPlan) -> None:
    for budget in plan.added:
        print(f"+ {_describe_in_line(budget)}")
    for change in plan.changed:
        print(f"~ {printable(change.after.name)}")
        for field, (before, after) in change.fields.items():
            print(f"    {field}: {printable(before)} -> {printable(after)}")
    for budget in plan.deleted:
        print(f"- {_describe_in_line(budget)}")
    for name in plan.deleted_unreadable:
        print(f"- {printable(name)}, which cannot be read")
    for budget in plan.left:
        name = printable(budget.name)
        print(f"  {name} is not in the file and stays; to delete it: --delete {name}")
    deleted = len(plan.changes.deleted)
    print(
        f"{len(plan.added):,} new, {len(plan.changed):,} changed, {deleted:,} deleted,"
        f" {len(plan.unchanged):,} unchanged."
    )


def _print_short_cells(budgets: Iterable[Budget]) -> None:
    """Name budgets that make the meter keep cells of a quarter of an hour."""
    names = [
        printable(budget.name)
        for budget in budgets
        if budget.periods.cell_minutes == _QUARTER_MINUTES
    ]
    if names:
        print(
            f"{', '.join(names)}: this time zone is not a whole number of hours from UTC. The"
            " budget stays in the state building until its next period begins, unless cell_minutes"
            " is 15 in cdk.json and deployed, which takes up to 4 times as many cells."
        )


def _print_budgets(budgets: Iterable[Budget]) -> None:
    table = Table("Name", "Covers", "Amount", "Period", "Brake", "Gateway")
    for budget in budgets:
        table.add_row(*_describe(budget), budget.brake.value, budget.gateway or "-")
    open_console().print(table)


def _describe(budget: Budget) -> tuple[str, str, str, str]:
    return (
        printable(budget.name),
        printable(describe_scope(budget)),
        budget.amount.describe(),
        describe_periods(budget.periods),
    )


def _describe_in_line(budget: Budget) -> str:
    name, scope, amount, periods = _describe(budget)
    return f"{name}: {amount} for {scope}, {periods}"


def _count(budgets: Sequence[Budget]) -> str:
    return plural(len(budgets), "budget")
