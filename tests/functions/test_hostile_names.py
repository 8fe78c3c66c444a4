"""Hostile names are text in metrics, logs, notifications and deployed reports."""

import json
from datetime import datetime
from typing import Any

import boto3
import pytest

from lambdas.domain.metrics.catalog import NAMESPACE, dimension_value
from lambdas.functions.comparison_reporter import handler as comparison_reporter
from lambdas.functions.coverage_auditor import handler as coverage_auditor
from lambdas.functions.log_processor import handler as log_processor
from lambdas.functions.metric_publisher import handler as metric_publisher
from lambdas.functions.weekly_summarizer import handler as weekly_summarizer
from lambdas.observability import logger
from tests.aws import (
    subscribe_queue,
)
from tests.functions.all_functions import (
    CONTEXT,
    LAST_WEEK,
    NOW,
    REPORTS,
    SETTLED_WEEK,
    audit_missing_calls,
    set_variables_of_all_functions,
)
from tests.functions.deliveries import Table, deliver, publish
from tests.hostile_names import HOSTILE_NAMES, ROLE
from tests.invocation_logs import log

NAMES = tuple(HOSTILE_NAMES.values())
FUNCTIONS = (
    *(comparison_reporter, coverage_auditor, log_processor, metric_publisher),
    weekly_summarizer,
)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables_of_all_functions(monkeypatch)


def meter(*logs: dict[str, Any], table: Table) -> None:
    deliver(*map(json.dumps, logs))
    publish(table.changes())


def calls(at: datetime) -> list[dict[str, Any]]:
    """A call of each name as a session, a project and a model, and one of each as an identity."""
    return [
        log(str(number), timestamp=at.isoformat(), **changes)
        for number, changes in enumerate(
            changes
            for name in NAMES
            for changes in (
                {"identity": {"arn": f"{ROLE}/{name}"}, "modelId": f"vendor.{name}"},
                {"identity": {"arn": name}, "requestMetadata": {"project": name}},
            )
        )
    ]


def read_values(dimension: str) -> set[str]:
    pages = boto3.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
    return {
        part["Value"]
        for page in pages
        for series in page["Metrics"]
        for part in series["Dimensions"]
        if part["Name"] == dimension
    }


def test_every_name_has_a_unique_valid_dimension_value() -> None:
    meter(*calls(NOW), table=Table())
    models, identities = read_values("ModelId"), read_values("IdentityArn")
    assert {dimension_value(name) for name in NAMES if len(name) < 1000} <= identities
    assert len(identities) == 2 * len(NAMES)
    assert len(models) == len(NAMES) + 1
    for value in models | identities:
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 1024


def test_each_log_line_is_one_json_object(caplog: pytest.LogCaptureFixture) -> None:
    table = Table()
    meter(*calls(NOW), table=table)
    disputed = [line | {"identity": {"arn": f"{ROLE}/other"}} for line in calls(NOW)]
    meter(*disputed, {"requestId": NAMES[0]}, table=table)
    lines = [logger.registered_formatter.format(record) for record in caplog.records]
    assert any("disagree" in line for line in lines)
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert line.isprintable()
        assert len(line) < 256 * 1024  # a longer line is cut off and is no JSON any more


def test_notifications_name_models_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    models = [f"vendor.{name[:1000]}" for name in NAMES if name.isascii() and name.isprintable()]
    audit_missing_calls(models)
    (message,) = received()
    assert message["Subject"].isprintable()
    lines = message["Message"].split("\n")
    assert sum(line.startswith("- vendor.") for line in lines) == len(models)
    assert [line for line in lines if not line.isprintable()] == []
    assert len(message["Message"]) < 256 * 1024


def test_the_deployed_comparison_has_no_control_characters() -> None:
    meter(*calls(LAST_WEEK), table=Table())
    comparison_reporter.lambda_handler({}, CONTEXT)
    client = boto3.client("s3")
    (key,) = (
        kept["Key"]
        for kept in client.list_objects_v2(Bucket=REPORTS)["Contents"]
        if kept["Key"].endswith(".txt")
    )
    text = client.get_object(Bucket=REPORTS, Key=key)["Body"].read().decode()
    assert "vendor." in text
    assert [line for line in text.split("\n") if not line.isprintable()] == []


def test_the_weekly_summary_shows_names_as_text_each_in_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    meter(*calls(SETTLED_WEEK), table=Table())
    weekly_summarizer.lambda_handler({}, CONTEXT)
    (message,) = received()
    lines = message["Message"].split("\n")
    assert sum("vendor." in line for line in lines) > 1
    assert [line for line in lines if not line.isprintable()] == []
    assert message["Subject"].isprintable()
    assert len(message["Message"]) < 16 * 1024
