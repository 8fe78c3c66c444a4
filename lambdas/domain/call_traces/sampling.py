"""Chooses the calls that are traced, by the ids of their traces."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from lambdas.domain.call_traces.trace_parent import TraceParent

# https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
_RANDOM_BYTES = 7
_VALUES = 1 << 8 * _RANDOM_BYTES


class Sampler:
    """Chooses a share of all traces: the same ones wherever an id is asked for.

    Attributes:
        rejected: The lowest random value that is chosen, of 2**56: OpenTelemetry's threshold.
    """

    def __init__(self, share: Decimal) -> None:
        """Choose a share, from 0 for none to 1 for all."""
        rejected = (1 - share) * _VALUES
        self.rejected: int = int(rejected.to_integral_value(ROUND_HALF_EVEN))

    @property
    def is_on(self) -> bool:
        """True if any trace can be chosen."""
        return self.rejected < _VALUES

    def is_sampled(self, trace_id: bytes, parent: TraceParent | None) -> bool:
        """Say if a call is traced. While traces are on, a caller decides for its own trace.

        Args:
            trace_id: The trace.
            parent: The caller's span, if its call is a part of the caller's trace.
        """
        if not self.is_on:
            return False
        if parent is not None:
            return parent.is_sampled
        return int.from_bytes(trace_id[-_RANDOM_BYTES:]) >= self.rejected
