"""The doctor's check of the audit trail."""

from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.audit_state import AuditReport, read_audit_state
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.audit import AuditAnchor, ChainHead
from tests.audit import ANCHORS, chain, create_anchor_bucket
from tests.builders import NOON
from tests.operations.deployed import deploy

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def bucket(aws: None) -> None:
    create_anchor_bucket()


def read(now: datetime = NOON, created_at: datetime = NOON - 9 * HOUR) -> AuditReport:
    return read_audit_state(boto3.client("s3"), ANCHORS, created_at, now)


def anchor(at: datetime, length: int = 2) -> None:
    head = ChainHead(length, chain(length)[-1].hash)
    S3AuditAnchors(boto3.client("s3"), ANCHORS).write(AuditAnchor.at(at, head))


def check(**settings: Any) -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    results = DeploymentChecks(session, deployment, **settings, open_brake=open_brake).examine()
    return next(result for result in results if result.check == "audit trail")


def test_the_last_anchor_is_named() -> None:
    for hours in (30, 2, 1):
        anchor(NOON - hours * HOUR)
    assert read().text.startswith("2 entries at 2026-09-08 11:00 UTC, the last anchor.")
    assert not read().is_late


def test_a_late_anchor_is_a_warning() -> None:
    anchor(NOON - 4 * HOUR, 1)
    assert read().is_late
    assert read().text.startswith("1 entry at ")
    assert read().text.endswith("It is late: the log of AuditWriter has the reason.")


def test_the_last_anchor_is_found_after_midnight() -> None:
    midnight = NOON.replace(hour=0)
    anchor(midnight - HOUR)
    assert not read(midnight).is_late


def test_objects_that_are_no_anchors_are_passed_over() -> None:
    anchor(NOON - HOUR)
    boto3.client("s3").put_object(
        Bucket=ANCHORS, Key="anchors/2026-09-08T99", Body=b"", ChecksumAlgorithm="SHA256"
    )
    assert not read().is_late


def test_a_missing_anchor_is_a_warning_once_there_should_be_one() -> None:
    assert not read(created_at=NOON - HOUR).is_late
    assert read().is_late


def test_the_doctor_reads_the_deployed_bucket() -> None:
    assert (
        check(stacks=(stack_names.STORAGE,)).text == "Off: governance in cdk.json switches it on."
    )
    assert check().text == "Not deployed yet."
    deploy(stack_names.STORAGE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    found = check()
    assert (found.status, found.text) == (
        Status.OK,
        "No anchor yet: the first one comes in an hour.",
    )
