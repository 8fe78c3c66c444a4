"""Prints every benchmark figure as one JSON line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.benchmarks import (
    admission,
    decoding,
    functions,
    gateway,
    gateway_start,
    large_deliveries,
    metering,
    windows,
)
from tests.benchmarks.figure import Figure


def _figures() -> Iterator[Figure]:
    yield from windows.figures()
    yield from admission.figures()
    yield from decoding.figures()
    yield from functions.figures()
    yield from gateway.figures()
    yield from gateway_start.figures()
    yield from large_deliveries.figures()
    yield from metering.figures()


for figure in _figures():
    print(json.dumps(figure._asdict()), flush=True)
