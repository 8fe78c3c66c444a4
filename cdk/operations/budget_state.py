"""The state of budgets and exact counters, as `make doctor` reports it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_BUILDING = timedelta(minutes=30)


class BudgetReport(NamedTuple):
    """The state of budgets.

    Attributes:
        is_late: True if a budget has been building for longer than it should.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_budget_state(
    dynamodb: DynamoDBClient, budget_table: str, counter_table: str, now: datetime
) -> BudgetReport:
    """Read how many budgets are active, and which are still building.

    Raises:
        UnreadableBudgetError: A stored budget cannot be read.
    """
    book = DynamoDbBudgetStore(dynamodb, budget_table).read()
    state = DynamoDbCounters(dynamodb, counter_table).read_state()
    building = [stored for stored in book if not stored.is_active]
    late = [
        stored.budget.name
        for stored in building
        if stored.announced_at is not None and now - stored.announced_at > _MAX_BUILDING
    ]
    parts = [f"{plural(len(book.budgets) - len(building), 'active budget')}."]
    if building:
        parts.append(f"Building: {list_names([stored.budget.name for stored in building])}.")
    if late:
        parts.append(
            f"For more than {_MAX_BUILDING.total_seconds() / 60:.0f} minutes:"
            f" {list_names(late)}; the log of BudgetBuilder has the reason."
        )
    if state is None:
        parts.append("Nothing is counted yet.")
    elif state.incomplete_since is not None:
        parts.append("Calls of the ledger are being counted: usage is too low until that ends.")
    return BudgetReport(bool(late), " ".join(parts))
