"""Exact counters in the local cloud: each call in its cells once, and counted again at will."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lambdas.domain.counters import CellSpan, UsageTotals
from tests.end_to_end.counters import end_announcement, open_counters, recount
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA, BEN, CEM = user("counted-ana"), user("counted-ben"), user("counted-cem")


def count_up(deployed: Deployed, identity: str, span: CellSpan) -> UsageTotals:
    """The sum of an identity's cells of the last hours."""
    counters = open_counters(deployed)
    state = counters.read_state()
    if state is None:
        return UsageTotals.ZERO
    now = datetime.now(UTC)
    cells = counters.read_identity_cells(
        state.generation, identity, span, now - timedelta(days=2), now + timedelta(hours=1)
    )
    return sum((cell.totals for cell in cells), UsageTotals.ZERO)


def test_repeated_deliveries_are_in_the_cells_once(deployed: Deployed) -> None:
    messages = list(calls(ANA, 7))
    for _ in range(2):
        deployed.log_calls(*messages)
    deployed.log_calls(*calls(BEN, 2))
    wait_for(lambda: count_up(deployed, BEN, CellSpan.HOUR).calls == 2)
    wait_for(lambda: count_up(deployed, ANA, CellSpan.DAY).calls >= 7)
    deployed.settle()
    for span in (CellSpan.HOUR, CellSpan.DAY):
        totals = count_up(deployed, ANA, span)
        assert (totals.calls, totals.total_tokens) == (7, 7 * 15)
        assert totals.cost_picodollars > 0


def test_a_recount_counts_each_call_once_into_new_cells(deployed: Deployed) -> None:
    deployed.log_calls(*calls(CEM, 3))
    wait_for(lambda: count_up(deployed, CEM, CellSpan.DAY).calls == 3)
    recount(deployed, count_again=True)
    assert count_up(deployed, CEM, CellSpan.DAY) == UsageTotals.ZERO
    deployed.log_calls(*calls(CEM, 1))
    wait_for(lambda: count_up(deployed, CEM, CellSpan.DAY).calls == 1)
    recount(deployed)
    assert count_up(deployed, CEM, CellSpan.DAY).calls == 1  # it was announced just now
    end_announcement(deployed)
    for _ in range(2):
        recount(deployed)
        assert count_up(deployed, CEM, CellSpan.DAY).calls == 4
    assert count_up(deployed, CEM, CellSpan.HOUR).total_tokens == 4 * 15
