"""The deployed counters, and their recounts, whose wait a test does not sit through."""

from __future__ import annotations

from dataclasses import replace

from cdk.config import stack_names
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.counters import ANNOUNCEMENT
from tests.end_to_end.deployed import Deployed


def open_counters(deployed: Deployed) -> DynamoDbUsageCounters:
    return DynamoDbUsageCounters(
        deployed.cloud.client("dynamodb"),
        deployed.bucket("CounterTableName"),
        deployed.bucket("LedgerTableName"),
    )


def recount(deployed: Deployed, **event: bool) -> None:
    """Start the function that recounts, as its schedule or an operator does."""
    deployed.start("UsageRecounter", event, stack=stack_names.GOVERNANCE)


def end_announcement(deployed: Deployed) -> None:
    """Continue as if the five minutes that an announced recount waits were over."""
    counters = open_counters(deployed)
    state = counters.read_state()
    assert state is not None
    if state.scanning is None:
        return
    begun = replace(state.scanning, begun_at=state.scanning.begun_at - ANNOUNCEMENT)
    counters.write_state(state.following(recounts=(*state.recounts[:-1], begun)))
