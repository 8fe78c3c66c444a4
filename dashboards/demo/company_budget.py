"""The company's budgets: applied after its last call, with the usage of the whole period."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, LocalCloud
from cdk.local_cloud.deployment import start_function
from cdk.operations.budgets import apply_file, read_file
from cdk.operations.terminal import CommandError
from dashboards.demo.company_brake import JOB
from dashboards.demo.plain_sums import PlainSums
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.counters import (
    ANNOUNCEMENT,
    CellSpan,
    CountingState,
    UsageTotals,
    to_picodollars,
)

PROJECT = "invoicing"
"""The project that has the budget, and the name of the budget."""
BRAKED = "invoice-jobs"
"""The budget of each session of a job, with a brake."""
_USD = 230
_BRAKED_USD = 150  # less than the session has used
_DAYS = 21  # the last week of them is to come
_PAUSE_SECONDS = 0.2
_SCHEDULED_EVENT = {"detail-type": "Scheduled Event"}


@dataclass(frozen=True, slots=True)
class CompanyBudget:
    """Budgets of a project and of a job, in the tables of a deployment with governance.

    Attributes:
        cloud: The local cloud.
        store: The stored budgets.
        counters: The exact counters, with the sums of budgets.
        first_day: The first day of its period.
    """

    cloud: LocalCloud
    store: DynamoDbBudgetStore
    counters: DynamoDbUsageCounters
    first_day: datetime

    @classmethod
    def from_outputs(
        cls, cloud: LocalCloud, storage: Mapping[str, str], first_day: datetime
    ) -> CompanyBudget:
        """Find the tables in the outputs of the storage stack."""
        dynamodb = cloud.client("dynamodb")
        counters = DynamoDbUsageCounters(
            dynamodb, storage["CounterTableName"], storage["LedgerTableName"]
        )
        store = DynamoDbBudgetStore(dynamodb, storage["GovernanceTableName"])
        return cls(cloud, store, counters, first_day)

    @property
    def description(self) -> str:
        """The amounts, the project, the job and the period."""
        return (
            f"${_USD} for project {PROJECT}, and ${_BRAKED_USD} with a brake for each session of"
            f" {JOB}, for {_DAYS} days from {self.first_day:%Y-%m-%d}"
        )

    def begin_counting(self) -> None:
        """Let the meter find that the ledger has no calls from before, when it has none.

        Raises:
            CommandError: The counters did not begin.
        """
        start_function(self.cloud, stack_names.GOVERNANCE, "UsageRecounter", _SCHEDULED_EVENT)
        state = self._read_state()
        # It waits five minutes for batches that do not know the recount. None runs yet.
        recounts = (
            replace(recount, begun_at=recount.begun_at - ANNOUNCEMENT) for recount in state.recounts
        )
        self.counters.write_state(state.following(recounts=tuple(recounts)))
        start_function(self.cloud, stack_names.GOVERNANCE, "UsageRecounter", _SCHEDULED_EVENT)

    def check_counters(self, logged: PlainSums, seconds_to_settle: float) -> None:
        """Wait until all calls are counted, and check their sums.

        Args:
            logged: The sums of all logs.
            seconds_to_settle: The time to wait for another call to be counted.

        Raises:
            CommandError: The counters do not say what the logs say.
        """
        calls, counted = logged.calls + logged.failed_calls, 0
        deadline = time.monotonic() + seconds_to_settle
        while (totals := self._add_up_cells()).calls + totals.failed_calls < calls:
            self.cloud.check()
            now_counted = totals.calls + totals.failed_calls
            if now_counted > counted:
                counted, deadline = now_counted, time.monotonic() + seconds_to_settle
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        found = (
            *(totals.calls, totals.failed_calls, totals.total_tokens, totals.quota_tokens),
            totals.cost_picodollars,
        )
        expected = (*logged[:-1], to_picodollars(logged.cost_usd))
        if found != expected:
            message = f"the counters have {found}, and logs and prices {expected}."
            raise CommandError(message)

    def apply(self) -> None:
        """Apply the budgets as `bedrock-meter budgets apply` does, and let the meter evaluate them.

        All calls have to be counted before.

        Raises:
            CommandError: Their sums are not complete afterwards.
        """
        path = self.cloud.home / "budgets.json"
        path.write_text(json.dumps(self._write_file()), encoding="utf-8")
        with redirect_stdout(io.StringIO()):  # the story has a line of its own
            apply_file(
                self.store,
                read_file(path),
                (),
                is_dry_run=False,
                has_brake=True,
                has_gateway=True,
                now=datetime.now(UTC),
            )
        for name, stored in self.store.read().budgets.items():
            # The meter waits five minutes for batches that do not know it. None runs any more.
            self.store.announce(name, stored.generation, datetime.now(UTC) - ANNOUNCEMENT)
        start_function(self.cloud, stack_names.GOVERNANCE, "BudgetBuilder", _SCHEDULED_EVENT)
        for name, stored in self.store.read().budgets.items():
            if not stored.is_active:
                message = f"the sums of the budget {name} are not complete."
                raise CommandError(message)
        start_function(self.cloud, stack_names.MONITORING, "BudgetEvaluator", _SCHEDULED_EVENT)

    def _add_up_cells(self) -> UsageTotals:
        """Add up the cells of all days."""
        cells = self.counters.read_cells(
            self._read_state().generation,
            CellSpan.DAY,
            self.first_day.replace(hour=0, minute=0, second=0, microsecond=0),
            datetime.now(UTC),
        )
        return sum((cell.totals for cell in cells), UsageTotals.ZERO)

    def _read_state(self) -> CountingState:
        state = self.counters.read_state()
        if state is None:
            message = "the counters did not begin."
            raise CommandError(message)
        return state

    def _write_file(self) -> dict[str, object]:
        period = {"every": "day", "count": _DAYS, "anchor": f"{self.first_day:%Y-%m-%d}"}
        return {
            "managed_by": "finance",
            "budgets": [
                {
                    "name": PROJECT,
                    "scope": {"project": PROJECT},
                    "amount": {"usd": _USD},
                    "period": period,
                    "alerts": {"actual": [80, 100], "forecast": [100]},
                },
                {
                    "name": BRAKED,
                    "scope": {"principal": f"arn:aws:iam::{ACCOUNT}:role/{JOB}"},
                    "per": "identity",
                    "amount": {"usd": _BRAKED_USD},
                    "period": period,
                    "alerts": {"actual": [], "forecast": []},
                    "brake": "deny",
                },
            ],
        }
