"""Who changed something, from what CloudTrail tells of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.domain.logging_configuration import LoggingChange
from tests.unit.logging_configuration.deployed import (
    ACCOUNT,
    CONFIGURATOR,
    MALLORY,
    change,
    session_of,
)


def test_a_change_is_who_did_what_when() -> None:
    assert change() == LoggingChange(
        event_id="event-1",
        at=datetime(2026, 9, 8, 11, 58, 3, tzinfo=UTC),
        action="DeleteModelInvocationLoggingConfiguration",
        target=None,
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
def test_somebody_is_always_named(identity: dict[str, Any] | None, who: str) -> None:
    assert change(userIdentity=identity).who == who


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"logGroupName": "logs", "filterName": "x"}, "logs"),
        ({"roleName": "role", "policyName": "x"}, "role"),
        ({"loggingConfig": {}}, None),
        (None, None),
    ],
)
def test_what_was_changed_is_named_by_the_request(
    parameters: dict[str, Any] | None, target: str | None
) -> None:
    assert change(requestParameters=parameters).target == target


@pytest.mark.parametrize(
    ("identity", "is_by_deployment"),
    [
        (session_of(CONFIGURATOR), True),
        (
            session_of("arn:aws:iam::1:role/deployer", invokedBy="cloudformation.amazonaws.com"),
            True,
        ),
        (session_of(f"{CONFIGURATOR}-of-mallory"), False),
        ({"type": "IAMUser", "arn": MALLORY}, False),
    ],
)
def test_what_a_deployment_does_is_known_by_its_role_or_by_cloudformation(
    identity: dict[str, Any], is_by_deployment: bool
) -> None:
    assert change(userIdentity=identity).is_by_deployment(CONFIGURATOR) is is_by_deployment
