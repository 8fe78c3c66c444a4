"""Every log line carries the id of the invocation that wrote it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.domain.metrics.catalog import HELD_PRICES
from lambdas.functions.log_processor import handler as log_processor
from lambdas.observability import logger, record_health
from lambdas.wiring.environment import EnvironmentSettings
from tests.aws import event, lambda_context, set_log_processor_variables
from tests.invocation_logs import log
from tests.log_deliveries import pack

NOW = datetime.now(UTC)
SCHEDULED = event("Scheduled Event", NOW)
MESSAGE = {
    "messageId": "message",
    "receiptHandle": "handle",
    "body": json.dumps({"webhook": "a", "event": "b", "number": 0, "source": "aws.cloudwatch"}),
}
"""A delivery, and no alarm, so that both functions of webhooks read their settings."""
EVENTS: dict[str, Any] = {
    "audit_writer": {},
    "brake_controller": {},
    "brake_watchdog": {},
    "budget_builder": {},
    "budget_evaluator": {},
    "comparison_reporter": {},
    "coverage_auditor": SCHEDULED,
    "credit_booker": {},
    "focus_exporter": {},
    "forecast_calibrator": {},
    "limit_settler": {},
    "log_processor": {"awslogs": {"data": pack([json.dumps(log())])}},
    "logging_configurator": {"RequestType": "Create", "ResourceProperties": {}},
    "logging_watcher": SCHEDULED,
    "metric_publisher": {"Records": []},
    "price_refresher": {},
    "price_updater": {},
    "traffic_auditor": SCHEDULED,
    "usage_counter": {"shardId": "shardId-0", "Records": []},
    "usage_recounter": {},
    "webhook_router": {"Records": [MESSAGE]},
    "webhook_sender": {"Records": [MESSAGE]},
    "weekly_summarizer": {},
}
FUNCTIONS = Path(__file__).parents[2] / "lambdas" / "functions"


class _StoppedError(Exception):
    """Ends an invocation once it has logged."""


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The lines that functions log, without what earlier invocations left in the logger."""
    written = io.StringIO()
    before = logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
    logger.clear_state()
    yield written
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]


def request_ids(lines: io.StringIO) -> list[str]:
    return [json.loads(line)["function_request_id"] for line in lines.getvalue().splitlines()]


def test_no_environment_variable_makes_a_function_log_its_event() -> None:
    """Powertools would log events, which hold prompts, where a function's environment says so."""
    program = f"""
from importlib import import_module
from tests.aws import lambda_context
for name in {sorted(EVENTS)!r}:
    handler = import_module(f"lambdas.functions.{{name}}.handler")
    try:
        handler.lambda_handler({{"marker": "MARKED"}}, lambda_context())
    except Exception as error:
        print(name, type(error).__name__)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split()[::2] == sorted(EVENTS)
    assert "MARKED" not in ran.stdout + ran.stderr


def test_every_function_is_tested() -> None:
    tested_elsewhere = {"gateway"}  # by a client of its own: test_gateway_handler.py
    found = {path.parent.name for path in FUNCTIONS.glob("*/handler.py")}
    assert found == EVENTS.keys() | tested_elsewhere


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("function", EVENTS)
def test_every_log_line_has_the_id_of_its_invocation(
    function: str, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = import_module(f"lambdas.functions.{function}.handler")

    def log_and_stop(cls: type[EnvironmentSettings], environ: object) -> None:
        logger.warning("settings are read")
        raise _StoppedError

    monkeypatch.setattr(handler.Settings, "from_environment", classmethod(log_and_stop))
    for request_id in ("first", "second"):
        with pytest.raises(_StoppedError):
            handler.lambda_handler(EVENTS[function], lambda_context(request_id=request_id))
    # A function whose parts do not depend on one another reads its settings for each of them.
    assert list(dict.fromkeys(request_ids(lines))) == ["first", "second"]


@pytest.mark.usefixtures("aws")
def test_log_lines_and_health_metrics_of_a_delivery_have_the_same_id_and_no_event(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_log_processor_variables(monkeypatch)
    data = pack(["{ XyzzyMarker", json.dumps(log(timestamp=NOW.isoformat()))])
    log_processor.lambda_handler({"awslogs": {"data": data}}, lambda_context(request_id="delivery"))
    assert request_ids(lines) == ["delivery"]
    assert data not in lines.getvalue()
    assert "XyzzyMarker" not in lines.getvalue()
    health = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [metrics["function_request_id"] for metrics in health] == ["delivery"]
    assert len(boto3.client("s3").list_objects_v2(Bucket="quarantine")["Contents"]) == 1


def test_health_metrics_outside_an_invocation_have_no_id(
    lines: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    record_health({HELD_PRICES: 1})
    assert "function_request_id" not in json.loads(capsys.readouterr().out)
