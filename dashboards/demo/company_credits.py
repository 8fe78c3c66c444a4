"""The company's prepaid credits: granted to a project, and drawn down by its calls."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from cdk.config import Config, stack_names
from cdk.local_cloud.cloud import LocalCloud
from cdk.local_cloud.deployment import start_function
from cdk.operations.terminal import CommandError
from dashboards.demo.commands import run_command
from dashboards.demo.company_account import make_role, open_role_session
from dashboards.demo.plain_sums import LIST_PRICES
from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.credit_alert_store import DynamoDbCreditAlerts
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.counters import CellSpan, to_picodollars
from lambdas.domain.credits import NO_BURN, scope_key, sum_burned
from lambdas.domain.metrics.credit_metrics import CreditPublishing
from lambdas.services.watch_credits import CreditWatcher

PROJECT = "pilot"
"""The project that has credits."""
GRANT = "pilot-order"
AMOUNT_USD = "0.02"
LOW_CALLS, MORE_CALLS = 5, 2
"""The calls after which less than a fifth is left, and those that use up the rest."""
_ROLE, _SESSION = "pilot-app", "pilot-app"
_MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
_PROMPT = "Which invoices are due? " * 167  # some 1,000 tokens
_SCHEDULED_EVENT = {"detail-type": "Scheduled Event"}
_PAUSE_SECONDS = 0.2
_MILLION = 1_000_000


class CreditState(NamedTuple):
    """The credits of the project, as `bedrock-meter credits balance` has them.

    Attributes:
        calls: The calls so far.
        granted: The amount in US dollars, as text.
        burned_picodollars: The usage that was booked, with overage.
        balance: What is left.
        overage: The usage that no grant has paid.
        days_left: The days that the balance lasts; `None` if it is not known.
    """

    calls: int
    granted: str
    burned_picodollars: int
    balance: str
    overage: str
    days_left: float | None


@dataclass(slots=True)
class CompanyCredits:
    """The books of a deployment with credits, and a project that has some.

    Attributes:
        cloud: The local cloud.
        store: The books.
        counters: The exact counters.
        watcher: Publishes the metrics of credits.
        granted_at: The time of the grant.
        calls: The calls of the project so far.
        cost_picodollars: Their cost, by the tokens in answers and list prices.
    """

    cloud: LocalCloud
    store: DynamoDbCreditStore
    counters: DynamoDbUsageCounters
    watcher: CreditWatcher
    granted_at: datetime
    calls: int = 0
    cost_picodollars: int = 0

    @classmethod
    def grant(cls, cloud: LocalCloud, storage: Mapping[str, str]) -> CompanyCredits:
        """Create the role of the project, and grant credits, as a person does.

        Args:
            cloud: The local cloud.
            storage: The outputs of the storage stack.

        Raises:
            CommandError: The grant was refused.
        """
        make_role(cloud, _ROLE, PROJECT)
        granted_at = datetime.now(UTC)
        run_command(cloud, "credits", "grant", GRANT, AMOUNT_USD, "--project", PROJECT)
        dynamodb, governance = cloud.client("dynamodb"), storage["GovernanceTableName"]
        store = DynamoDbCreditStore(dynamodb, governance)
        counters = DynamoDbUsageCounters(
            dynamodb, storage["CounterTableName"], storage["LedgerTableName"]
        )
        watcher = CreditWatcher(
            store=store,
            alerts=DynamoDbCreditAlerts(dynamodb, governance),
            exhausted=DynamoDbExhaustedScopes(dynamodb, governance),
            metrics=CreditPublishing(CloudWatchMetricSink(cloud.client("cloudwatch"))),
            low_percent=Config().credits_low_percent,
        )
        return cls(cloud, store, counters, watcher, granted_at)

    def draw_down(self, calls: int, seconds_to_settle: float) -> CreditState:
        """Call a model, and let the meter book the calls.

        Args:
            calls: The number of calls.
            seconds_to_settle: The time to wait until they are counted, and until they are booked.

        Returns:
            The state afterwards, in which counted and booked usage are the same.

        Raises:
            CommandError: The meter counted or booked something else than the calls cost.
        """
        bedrock = open_role_session(self.cloud, _ROLE, _SESSION)
        for _ in range(calls):
            self.cost_picodollars += _call_model(bedrock)
        self.calls += calls
        deadline = time.monotonic() + seconds_to_settle
        while (counted := self._count()) != self.cost_picodollars:
            self._check_time(deadline, "counted", counted)
        deadline = time.monotonic() + seconds_to_settle
        while (booked := self._read_booked()) != self.cost_picodollars:
            start_function(self.cloud, stack_names.MONITORING, "CreditBooker", _SCHEDULED_EVENT)
            self._check_time(deadline, "booked", booked)
        # An earlier run may have booked them, and not sent a message yet.
        start_function(self.cloud, stack_names.MONITORING, "CreditBooker", _SCHEDULED_EVENT)
        return self._read_state()

    def publish_metrics(self) -> None:
        """Publish metrics of the state now. The meter does so once in five minutes.

        Raises:
            CommandError: The books do not fit, or the metrics were not published.
        """
        report = self.watcher.watch(datetime.now(UTC))
        if problem := report.unreadable or report.unpublished or ", ".join(report.differing):
            message = f"the metrics of credits are not published: {problem}"
            raise CommandError(message)

    def _check_time(self, deadline: float, done: str, picodollars: int) -> None:
        """Wait a little, unless the time is over."""
        self.cloud.check()
        if time.monotonic() > deadline:
            message = (
                f"{self.calls} calls of project {PROJECT} cost {self.cost_picodollars:,}"
                f" pico-dollars, and the meter has {done} {picodollars:,}."
            )
            raise CommandError(message)
        time.sleep(_PAUSE_SECONDS)

    def _count(self) -> int:
        """Add up the counted cost of the project since the hour of the grant."""
        state = self.counters.read_state()
        if state is None:
            message = "the counters did not begin."
            raise CommandError(message)
        start, end = CellSpan.HOUR.get_start(self.granted_at), datetime.now(UTC)
        return sum(
            cell.totals.cost_picodollars
            for cell in self.counters.read_cells(state.generation, CellSpan.HOUR, start, end)
            if cell.key.labels.project == PROJECT
        )

    def _read_booked(self) -> int:
        entries = self.store.list_entries(CellSpan.HOUR.get_start(self.granted_at))
        until = datetime.now(UTC) + timedelta(minutes=1)
        burned = sum_burned(entries, self.granted_at - timedelta(hours=1), until)
        return burned.get(scope_key(BudgetScope(project=(PROJECT,))), NO_BURN).picodollars

    def _read_state(self) -> CreditState:
        printed = json.loads(run_command(self.cloud, "credits", "balance", "--json"))
        (scope,) = printed["scopes"]
        return CreditState(
            self.calls,
            scope["granted_usd"],
            self._read_booked(),
            scope["balance_usd"],
            scope["overage_usd"],
            scope["days_left"],
        )


def _call_model(bedrock: Any) -> int:  # noqa: ANN401  # a client without types
    """Call a model; returns the cost in pico-dollars, by its answer and its list prices."""
    messages = [{"role": "user", "content": [{"text": _PROMPT}]}]
    used = bedrock.converse(modelId=_MODEL, messages=messages)["usage"]
    prices = LIST_PRICES[_MODEL]
    output = Decimal(0) if prices.output is None else prices.output
    usd = prices.input * used["inputTokens"] + output * used["outputTokens"]
    return to_picodollars(usd / _MILLION)
