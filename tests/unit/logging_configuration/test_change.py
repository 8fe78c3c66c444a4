"""The author of a change, as read from CloudTrail."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.domain.logging_configuration import LoggingChange
from tests.unit.logging_configuration.deployed import (
    ACCOUNT,
    CONFIGURATOR,
    MALLORY,
    change,
    make_session,
)


def test_a_change_has_a_caller_an_action_and_a_time() -> None:
    assert change() == LoggingChange(
        event_id="event-1",
        at=datetime(2026, 9, 8, 11, 58, 3, tzinfo=UTC),
        action="DeleteModelInvocationLoggingConfiguration",
        targets=(),
        who=MALLORY,
        role_arn=None,
        via_cloudformation=False,
    )


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}, f"arn:aws:iam::{ACCOUNT}:root"),
        ({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, "config.amazonaws.com"),
        ({"type": "AWSAccount", "principalId": "AIDAOTHER"}, "AIDAOTHER"),
        ({"type": "Unknown"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_caller_is_always_named(identity: dict[str, Any] | None, who: str) -> None:
    assert change(userIdentity=identity).who == who


@pytest.mark.parametrize(
    ("parameters", "targets"),
    [
        ({"logGroupName": "logs", "filterName": "x"}, ("logs",)),
        ({"roleName": "role", "policyName": "x"}, ("role",)),
        ({"name": "logging_state", "value": "HIDDEN", "type": "String"}, ("logging_state",)),
        ({"names": ["logging_state", "other"]}, ("logging_state", "other")),
        ({"alarmNames": ["one", "two"]}, ("one", "two")),
        ({"name": "mute", "muteTargets": {"alarmNames": ["one"]}}, ("one", "mute")),
        ({"topicArn": "arn:topic"}, ("arn:topic",)),
        ({"keyId": "key"}, ("key",)),
        ({"uUID": "mapping"}, ("mapping",)),
        ({"policyName": "masks", "policyType": "DATA_PROTECTION_POLICY"}, ()),
        ({"loggingConfig": {}}, ()),
        (None, ()),
    ],
)
def test_the_request_names_the_changed_resource(
    parameters: dict[str, Any] | None, targets: tuple[str, ...]
) -> None:
    assert change(requestParameters=parameters).targets == targets


@pytest.mark.parametrize(
    ("identity", "role_arn", "via_cloudformation"),
    [
        (make_session(CONFIGURATOR), CONFIGURATOR, False),
        (make_session(CONFIGURATOR, invokedBy="cloudformation.amazonaws.com"), CONFIGURATOR, True),
        (make_session(CONFIGURATOR, invokedBy="config.amazonaws.com"), CONFIGURATOR, False),
        ({"type": "IAMUser", "arn": MALLORY}, None, False),
    ],
)
def test_a_change_names_the_role_and_whether_cloudformation_used_it(
    identity: dict[str, Any], role_arn: str | None, via_cloudformation: bool
) -> None:
    found = change(userIdentity=identity)
    assert (found.role_arn, found.via_cloudformation) == (role_arn, via_cloudformation)
