"""A table that loses items or no longer reports changes is a drift."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.logging_configuration import Subject
from lambdas.domain.safeguards.deployed import UNKNOWN
from lambdas.domain.safeguards.ledger import Table, compare_tables
from tests.unit.safeguards.deployed import ALARMS_PUBLISH, FUNCTION, KEY, resource

NAME = "BedrockMeter-Storage-UsageLedger-1A"
STREAM = f"arn:aws:dynamodb:us-east-1:111122223333:table/{NAME}/stream/2026-09-01T00:00:00.000"
PROPERTIES: dict[str, Any] = {
    "DeletionProtectionEnabled": True,
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
}
READER = resource(
    "AWS::Lambda::EventSourceMapping",
    "mapping",
    {"FunctionName": FUNCTION, "EventSourceArn": STREAM},
)
LIVE = Table("NEW_AND_OLD_IMAGES", STREAM, "expires_at", is_protected=True, is_recoverable=True)


KEY_POLICY = {"Statement": [ALARMS_PUBLISH]}


def found(live: Table | None, **properties: Any) -> list[str]:
    table = resource("AWS::DynamoDB::Table", NAME, PROPERTIES | properties)
    key = resource("AWS::KMS::Key", KEY.rpartition("/")[2], {"KeyPolicy": KEY_POLICY})
    tables = {} if live is None else {NAME: live}
    drifts = [*compare_tables([table, key, READER], tables)]
    assert {drift.subject for drift in drifts} <= {Subject.LEDGER}
    return [drift.text.removeprefix(f"table {NAME} ") for drift in drifts]


@pytest.mark.parametrize(
    ("live", "texts"),
    [
        (LIVE, []),
        (None, ["is gone"]),
        (
            replace(LIVE, stream_view=None),
            ["has the stream view not set, was 'NEW_AND_OLD_IMAGES'"],
        ),
        (
            replace(LIVE, stream_view="KEYS_ONLY"),
            ["has the stream view 'KEYS_ONLY', was 'NEW_AND_OLD_IMAGES'"],
        ),
        (
            replace(LIVE, stream_arn=f"{STREAM}-later"),
            ["has a different stream from the one that MetricPublisher reads"],
        ),
        (replace(LIVE, expiry_attribute="x"), ["has Time to Live on 'x', was 'expires_at'"]),
        (replace(LIVE, expiry_attribute=None), ["has Time to Live on not set, was 'expires_at'"]),
        (replace(LIVE, is_protected=False), ["is no longer protected from deletion"]),
        (replace(LIVE, is_recoverable=False), ["can no longer be restored to a point in time"]),
        (replace(LIVE, key=KEY), [f"is encrypted with key {KEY!r}, was not set"]),
        (replace(LIVE, resource_policy="{}"), ["has a resource policy: '{}'"]),
    ],
)
def test_each_setting_that_loses_or_hides_items_is_drift(
    live: Table | None, texts: list[str]
) -> None:
    assert found(live) == texts


def test_a_table_must_use_the_customer_key() -> None:
    encrypted = {"SSEEnabled": True, "KMSMasterKeyId": UNKNOWN}
    assert found(replace(LIVE, key=KEY), SSESpecification=encrypted) == []
    for key in (None, f"{KEY}-other"):
        (text,) = found(replace(LIVE, key=key), SSESpecification=encrypted)
        assert text.startswith("is encrypted with key ")


DENIES: dict[str, Any] = {
    "Statement": [
        {
            "Sid": "NoChanges",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["dynamodb:UpdateItem", "dynamodb:DeleteItem"],
            "Resource": "*",
        },
        {
            "Sid": "OneWriter",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "dynamodb:PutItem",
            "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/writer"}},
        },
    ]
}
ONE, OTHER = DENIES["Statement"]
WRITTEN_OTHERWISE = {**ONE, "Principal": "*", "Action": [*reversed(ONE["Action"])]}
WEAKER = {**OTHER, "Condition": {"ArnNotLike": {"aws:PrincipalArn": "*"}}}


@pytest.mark.parametrize(
    ("live", "lacking"),
    [
        (json.dumps(DENIES), []),
        (json.dumps({"Statement": [OTHER, WRITTEN_OTHERWISE, {"Effect": "Allow"}]}), []),
        (json.dumps({"Statement": [OTHER]}), ["NoChanges"]),
        (json.dumps({"Statement": [ONE, WEAKER]}), ["OneWriter"]),
        (json.dumps({"Statement": [{**ONE, "Effect": "Allow"}, OTHER]}), ["NoChanges"]),
        (None, ["NoChanges", "OneWriter"]),
        ("no JSON", ["NoChanges", "OneWriter"]),
        ("[]", ["NoChanges", "OneWriter"]),
        ('{"Statement": ["x"]}', ["NoChanges", "OneWriter"]),
    ],
)
def test_denials_of_a_deployed_policy_that_are_missing_are_drift(
    live: str | None, lacking: list[str]
) -> None:
    policy = {"PolicyDocument": DENIES}
    assert found(replace(LIVE, resource_policy=live), ResourcePolicy=policy) == [
        f"has a resource policy without the deployed statement {sid}" for sid in lacking
    ]
