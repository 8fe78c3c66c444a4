"""Exact counters in the local cloud: each call in its cells once, and counted again at will."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cdk.config import stack_names
from cdk.local_cloud.cloud import open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.counters import CellSpan, UsageTotals
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA, BEN = user("ana"), user("ben")


@pytest.fixture(scope="module")
def governed() -> Iterator[Deployed]:
    with open_local_cloud() as cloud:
        deploy(cloud, synthesize(cloud, {"governance": True}))
        yield Deployed(cloud)


def count_up(governed: Deployed, identity: str, span: CellSpan) -> UsageTotals:
    """The sum of an identity's cells of the last hours."""
    counters = DynamoDbUsageCounters(
        governed.cloud.client("dynamodb"),
        governed.bucket("CounterTableName"),
        governed.bucket("LedgerTableName"),
    )
    state = counters.read_state()
    if state is None:
        return UsageTotals.ZERO
    now = datetime.now(UTC)
    cells = counters.read_identity_cells(
        state.generation, identity, span, now - timedelta(days=2), now + timedelta(hours=1)
    )
    return sum((cell.totals for cell in cells), UsageTotals.ZERO)


def test_repeated_deliveries_are_in_the_cells_once(governed: Deployed) -> None:
    messages = list(calls(ANA, 7))
    for _ in range(2):
        governed.log_calls(*messages)
    governed.log_calls(*calls(BEN, 2))
    wait_for(lambda: count_up(governed, BEN, CellSpan.HOUR).calls == 2)
    wait_for(lambda: count_up(governed, ANA, CellSpan.DAY).calls >= 7)
    governed.settle()
    for span in (CellSpan.HOUR, CellSpan.DAY):
        totals = count_up(governed, ANA, span)
        assert (totals.calls, totals.total_tokens) == (7, 7 * 15)
        assert totals.cost_picodollars > 0


def test_counting_again_begins_with_new_cells(governed: Deployed) -> None:
    before = count_up(governed, ANA, CellSpan.DAY)
    governed.start("UsageRecounter", {"count_again": True}, stack=stack_names.GOVERNANCE)
    assert count_up(governed, ANA, CellSpan.DAY) == UsageTotals.ZERO
    governed.log_calls(*calls(ANA, 1))
    wait_for(lambda: count_up(governed, ANA, CellSpan.DAY).calls == 1)
    # The recount begins five minutes after it was announced, which no test waits for.
    governed.start("UsageRecounter", {}, stack=stack_names.GOVERNANCE)
    assert count_up(governed, ANA, CellSpan.DAY).calls == 1
    assert before.calls == 7
