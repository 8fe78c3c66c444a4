"""Sends the traces of a share of all calls, and counts those that are lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from lambdas.domain.bedrock_calls import CallReport
from lambdas.domain.call_traces import (
    Sampler,
    TraceExporter,
    TraceIds,
    TraceNotSentError,
    read_trace_parent,
    write_trace,
)
from lambdas.logs import logger

PAUSE = timedelta(seconds=10)
"""After a failure, no trace is sent for so long: the environment serves calls meanwhile."""
LOG_PAUSE = timedelta(minutes=1)
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


@dataclass(slots=True)
class CallTracer:
    """Traces calls of callers with a valid key.

    Attributes:
        sampler: Chooses the calls.
        exporter: Sends traces.
        resource: The attributes of what runs the gateway.
        make_id: Makes so many random bytes.
        clock: The time in UTC.
        on_loss: Counts a trace that was not sent.
    """

    sampler: Sampler
    exporter: TraceExporter
    resource: Mapping[str, str]
    make_id: Callable[[int], bytes]
    clock: Callable[[], datetime]
    on_loss: Callable[[], None]
    _failed_at: datetime | None = None
    _logged_at: datetime | None = None
    _lock: Lock = field(default_factory=Lock)

    def observe(self, report: CallReport) -> None:
        """Send the trace of a call, if it is chosen. Requests without a valid key have none."""
        if report.caller is None:
            return
        parent = read_trace_parent(report.traceparent)
        trace_id = self._make_id(_TRACE_ID_BYTES) if parent is None else parent.trace_id
        if not self.sampler.is_sampled(trace_id, parent):
            return
        if self._failed_at is not None and self.clock() - self._failed_at < PAUSE:
            self.on_loss()
            return
        ids = TraceIds(trace_id, self._make_id(_SPAN_ID_BYTES), self._make_id(_SPAN_ID_BYTES))
        try:
            self.exporter.send(write_trace(report, ids, parent, self.resource))
        except TraceNotSentError as error:
            self._note_loss(error)
        else:
            self._failed_at = None

    def _make_id(self, length: int) -> bytes:
        """Make an id: of zeros alone, it would be none."""
        made = self.make_id(length)
        return made if any(made) else bytes(length - 1) + b"\x01"

    def _note_loss(self, error: TraceNotSentError) -> None:
        now = self.clock()
        self.on_loss()
        with self._lock:
            self._failed_at = now
            is_logged = self._logged_at is None or now - self._logged_at >= LOG_PAUSE
            if is_logged:
                self._logged_at = now
        if is_logged:
            logger.warning("A trace was not sent", reason=str(error))
