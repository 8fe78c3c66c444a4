"""All projections, and the rules beside them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.account import Account
from tests.simulation.checks.cells import CellsProjection
from tests.simulation.checks.ledger import LedgerProjection
from tests.simulation.checks.metrics import MetricsProjection
from tests.simulation.checks.projection import Projection
from tests.simulation.cloud.functions import FAILURES

PROJECTIONS: tuple[Projection, ...] = (LedgerProjection(), MetricsProjection(), CellsProjection())


def find_violations(account: Account) -> Iterator[str]:
    """Find what does not hold: errors that no fault explains, and events that never arrived."""
    functions = account.functions
    yield from functions.unexpected[:3]
    for function in functions.given_up:
        yield f"{function}: an event was tried at every attempt"
    left = sum(bucket == FAILURES for bucket, _ in account.s3.objects)
    if left:
        yield f"{left} events are left in the failure bucket"
    for function, source in account.sources.items():
        if not source.is_done:
            yield f"{function}: the stream was not read to its end"
