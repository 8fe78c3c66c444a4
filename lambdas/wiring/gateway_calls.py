"""Observers of the gateway's calls: metrics of latency, and traces.

Their parts are imported and made after the first answer, so that no caller waits for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lambdas.domain.bedrock_calls import NS_OF_A_MS, CallObserver, CallReport
from lambdas.wiring.gateway_clients import get_own_credentials, make_client
from lambdas.wiring.gateway_settings import RelaySettings


def make_call_observers(settings: RelaySettings) -> Sequence[CallObserver]:
    """Make the observers of calls."""
    is_traced = settings.trace_share > 0
    return (LatencyMetrics(), *((LateTracer(settings),) if is_traced else ()))


class LatencyMetrics:
    """Publishes how long callers wait, of calls that Bedrock has answered with success."""

    def observe(self, report: CallReport) -> None:
        """Write the metrics of a call to the log."""
        times, path = report.times, report.path
        is_answered = report.error is None and times.first_piece is not None
        if not is_answered or path is None or not path.operation.uses_tokens:
            return
        # The names of metrics take long to import.
        from lambdas.domain.metrics.catalog import (  # noqa: PLC0415
            ADDED_LATENCY,
            TIME_TO_FIRST_TOKEN,
        )
        from lambdas.observability import record_gateway_call  # noqa: PLC0415

        first = times.first_piece or 0
        record_gateway_call(
            path.operation.log_name,
            {
                TIME_TO_FIRST_TOKEN: round(first / NS_OF_A_MS, 3),
                ADDED_LATENCY: round(times.own / NS_OF_A_MS, 3),
            },
        )


class LateTracer:
    """Traces calls by what is made for the first one."""

    def __init__(self, settings: RelaySettings) -> None:
        """Trace the share of calls that the settings have."""
        self._settings = settings
        self._tracer: CallObserver | None = None

    def observe(self, report: CallReport) -> None:
        """Trace a call, if it is chosen."""
        if self._tracer is None:
            self._tracer = _make_tracer(self._settings)
        self._tracer.observe(report)


def _make_tracer(settings: RelaySettings) -> CallObserver:
    from lambdas.adapters.xray_traces import XRayTraces  # noqa: PLC0415
    from lambdas.domain.call_traces import Sampler  # noqa: PLC0415
    from lambdas.services.trace_calls import CallTracer  # noqa: PLC0415

    # As AWS's SDK finds it: by the partition, and by the environment.
    endpoint = str(make_client("xray", region=settings.region).meta.endpoint_url)
    return CallTracer(
        sampler=Sampler(settings.trace_share),
        exporter=XRayTraces(endpoint, settings.region, get_own_credentials),
        resource=describe_resource(settings.region, os.environ),
        make_id=os.urandom,
        clock=lambda: datetime.now(UTC),
        on_loss=_count_loss,
    )


def describe_resource(region: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Describe what runs the gateway.

    Names: https://opentelemetry.io/docs/specs/semconv/resource/faas/
    """
    from lambdas.domain.call_traces import RESOURCE_NAME  # noqa: PLC0415

    variables = {
        "faas.name": "AWS_LAMBDA_FUNCTION_NAME",
        "faas.version": "AWS_LAMBDA_FUNCTION_VERSION",
        "faas.instance": "AWS_LAMBDA_LOG_STREAM_NAME",
    }
    return {
        "service.name": RESOURCE_NAME,
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": region,
        **{name: environ[variable] for name, variable in variables.items() if variable in environ},
    }


def _count_loss() -> None:
    from lambdas.domain.metrics.catalog import LOST_TRACES  # noqa: PLC0415  # take long to import
    from lambdas.observability import record_health  # noqa: PLC0415

    record_health({LOST_TRACES: 1})
