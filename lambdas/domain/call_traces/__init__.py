"""Traces of the gateway's calls, as OpenTelemetry's documents."""

from lambdas.domain.call_traces.document import RESOURCE_NAME, SCOPE_NAME, TraceIds, write_trace
from lambdas.domain.call_traces.ports import JsonDocument, TraceExporter, TraceNotSentError
from lambdas.domain.call_traces.sampling import Sampler
from lambdas.domain.call_traces.trace_parent import TraceParent, read_trace_parent

__all__ = [
    "RESOURCE_NAME",
    "SCOPE_NAME",
    "JsonDocument",
    "Sampler",
    "TraceExporter",
    "TraceIds",
    "TraceNotSentError",
    "TraceParent",
    "read_trace_parent",
    "write_trace",
]
