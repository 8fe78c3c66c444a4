"""The books that enrich calls, wired to an account in memory."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from lambdas.domain.attribution.directory import MAX_LOOK_UP_SECONDS
from lambdas.domain.calls import CallBooks
from lambdas.domain.invocations import UsageRecord
from lambdas.wiring.attribution_rules import AttributionSetting, LabelNamesSetting
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF, MAX_CALL_MS
from lambdas.wiring.enrichment import current_books
from tests.aws import REGION, STATE
from tests.builders import ANA, usage_record

ACCOUNT = "111122223333"
NOW = datetime.now(UTC)
PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/a1b2c3"
BY_PROFILE = usage_record(model_id=PROFILE, invoked_model_id=PROFILE, timestamp=NOW)
RULES = AttributionSetting(label_names=LabelNamesSetting(project=("app",)))


@pytest.fixture(autouse=True)
def roles(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role `chat`, whose tag names a project, and a Bedrock that does not answer."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "http://127.0.0.1:9")  # nothing listens there
    boto3.client("iam").create_role(
        RoleName="chat", AssumeRolePolicyDocument="{}", Tags=[{"Key": "App", "Value": "search"}]
    )


def books(account_id: str = ACCOUNT) -> CallBooks:
    settings = CallSettings(account_id=account_id, state_table=STATE, attribution=RULES)
    return current_books(settings, boto3.client("dynamodb")).get()


def find_project(record: UsageRecord, books: CallBooks) -> str:
    (call,) = books.enrich([record], NOW)
    return call.attribution.project


def test_the_tags_of_a_role_give_the_project_of_its_sessions_and_are_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = usage_record(identity_arn=ANA, timestamp=NOW)
    assert find_project(record, books()) == "search"
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:9")
    assert find_project(record, books()) == "search"


def test_roles_of_another_account_are_not_confused_with_local_roles() -> None:
    record = usage_record(identity_arn=ANA, timestamp=NOW)
    assert find_project(record, books("444455556666")) == "unattributed"


def test_an_unreachable_bedrock_is_logged_and_role_tags_still_apply(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert find_project(BY_PROFILE, books()) == "search"
    assert "bedrock does not answer: EndpointConnectionError" in caplog.text


def test_requests_of_a_lookup_have_shorter_timeouts_than_essential_calls() -> None:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""
    brief: Any = BRIEF
    tries = brief.retries["total_max_attempts"]
    of_a_call = tries * (brief.connect_timeout + brief.read_timeout) + (tries - 1)
    calls_of_a_profile = 2
    assert MAX_LOOK_UP_SECONDS + calls_of_a_profile * of_a_call < MAX_CALL_MS / 1000
