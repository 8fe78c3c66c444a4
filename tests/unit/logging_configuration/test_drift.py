"""Every change from the deployed invocation logging is found, and nothing else."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.logging_configuration import (
    DeployedLogging,
    Drift,
    LoggingConfiguration,
    LoggingState,
    LogGroup,
    Role,
    Subject,
    compare_configuration,
    compare_log_group,
    compare_role,
)
from tests.unit.logging_configuration.deployed import (
    CONFIGURATION,
    DEPLOYED,
    DEPLOYED_ROLE,
    DESTINATION,
    GROUP,
    LIVE_GROUP,
    LIVE_ROLE,
    POLICY,
    ROLE,
    ROLE_ARN,
    TRUST,
    group,
    role,
)

ADOPTED = replace(DEPLOYED, configuration=None, log_group="/audit/bedrock")
AUDIT = {"cloudWatchConfig": {"logGroupName": "/audit/bedrock", "roleArn": "arn:role/audit"}}


def texts(drifts: Any, subject: Subject) -> list[str]:
    found: list[Drift] = list(drifts)
    assert {drift.subject for drift in found} <= {subject}
    return [drift.text for drift in found]


def list_configuration_drift(
    live: LoggingConfiguration | None, deployed: DeployedLogging = DEPLOYED
) -> list[str]:
    return texts(compare_configuration(deployed, live), Subject.CONFIGURATION)


def list_role_drift(live: Role | None) -> list[str]:
    return texts(compare_role(DEPLOYED_ROLE, live), Subject.ROLE)


def without_fingerprints(found: list[str]) -> list[str]:
    return [re.sub(r" \(now [0-9a-f]{16}\)", "", text) for text in found]


def test_an_unchanged_configuration_has_no_drift() -> None:
    assert list_configuration_drift(CONFIGURATION) == []
    assert list(compare_log_group(DEPLOYED, LIVE_GROUP)) == []
    assert list_role_drift(LIVE_ROLE) == []


@pytest.mark.parametrize(
    ("live", "deployed", "expected"),
    [
        (None, DEPLOYED, "Bedrock's invocation logging is off"),
        (None, ADOPTED, "Bedrock's invocation logging is off"),
        (
            AUDIT,
            replace(ADOPTED, log_group="/other"),
            "Bedrock's invocation logs go to log group /audit/bedrock, not to log group /other",
        ),
        (
            CONFIGURATION | {"textDataDeliveryEnabled": True},
            DEPLOYED,
            "in Bedrock's logging configuration, textDataDeliveryEnabled is True, was False",
        ),
        (
            CONFIGURATION | {"s3Config": {"bucketName": "elsewhere", "keyPrefix": ""}},
            DEPLOYED,
            "in Bedrock's logging configuration, s3Config.bucketName is 'elsewhere', was not set",
        ),
    ],
)
def test_a_different_configuration_is_reported_by_its_differences(
    live: LoggingConfiguration | None, deployed: DeployedLogging, expected: str
) -> None:
    assert list_configuration_drift(live, deployed) == [expected]


def test_every_changed_setting_is_reported() -> None:
    assert list_configuration_drift(AUDIT) == [
        f"in Bedrock's logging configuration, {change}"
        for change in (
            f"cloudWatchConfig.logGroupName is '/audit/bedrock', was '{GROUP}'",
            f"cloudWatchConfig.roleArn is 'arn:role/audit', was '{ROLE_ARN}'",
            "embeddingDataDeliveryEnabled is not set, was False",
            "imageDataDeliveryEnabled is not set, was False",
            "textDataDeliveryEnabled is not set, was False",
        )
    ]


def test_flags_unknown_to_a_region_are_not_drift() -> None:
    older = {
        name: value for name, value in CONFIGURATION.items() if not name.startswith(("vid", "aud"))
    }
    assert list_configuration_drift(older) == []


def test_an_adopted_configuration_may_change_while_its_logs_are_read() -> None:
    assert list_configuration_drift(AUDIT, ADOPTED) == []
    assert list_configuration_drift(AUDIT | {"textDataDeliveryEnabled": True}, ADOPTED) == []


@given(st.dictionaries(st.sampled_from(list(CONFIGURATION)), st.none() | st.booleans()))
def test_a_foreign_configuration_always_has_a_reported_difference(
    changes: dict[str, Any],
) -> None:
    live = CONFIGURATION | changes
    assert bool(list_configuration_drift(live)) is not LoggingState((CONFIGURATION,)).is_ours(live)


@pytest.mark.parametrize(
    ("live", "subject", "expected"),
    [
        (None, Subject.LOG_GROUP, f"log group {GROUP} is gone"),
        (
            group(log_class="INFREQUENT_ACCESS"),
            Subject.LOG_GROUP,
            f"log group {GROUP} is of class INFREQUENT_ACCESS, which cannot be metered",
        ),
        (
            group(retention_days=1),
            Subject.LOG_GROUP,
            f"log group {GROUP} keeps logs for 1 day instead of 90 days",
        ),
        (
            group(retention_days=None),
            Subject.LOG_GROUP,
            f"log group {GROUP} keeps logs forever instead of 90 days",
        ),
        (
            group(subscriptions=frozenset({("arn:of:other-team", "")})),
            Subject.SUBSCRIPTION,
            f"log group {GROUP} has no subscription filter of the meter any more",
        ),
        (
            group(subscriptions=frozenset({(DESTINATION, "nothing")})),
            Subject.SUBSCRIPTION,
            f"log group {GROUP} delivers only events that match 'nothing'",
        ),
    ],
)
def test_a_different_log_group_is_reported_by_its_differences(
    live: LogGroup | None, subject: Subject, expected: str
) -> None:
    assert texts(compare_log_group(DEPLOYED, live), subject) == [expected]


def test_other_subscriptions_are_allowed() -> None:
    live = group(subscriptions=LIVE_GROUP.subscriptions | {("arn:of:other-team", "ERROR")})
    assert list(compare_log_group(DEPLOYED, live)) == []


def trusted_to(service: str) -> Mapping[str, Any]:
    (statement,) = TRUST["Statement"]
    return {**TRUST, "Statement": [{**statement, "Principal": {"Service": service}}]}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (None, "is gone"),
        (
            role(trust=trusted_to("ec2.amazonaws.com")),
            "has a different trust policy",
        ),
        (role(policies={}), "no longer has the policy that lets it write logs"),
        (
            role(policies={"Writing": POLICY, "Deny": TRUST}),
            "has policies that were not deployed: Deny",
        ),
        (
            role(attached=frozenset({"arn:aws:iam::aws:policy/Other"})),
            "has policies that were not deployed: arn:aws:iam::aws:policy/Other",
        ),
        (role(boundary=None), "no longer has its permissions boundary"),
        (
            role(boundary="arn:aws:iam::aws:policy/AWSDenyAll"),
            "has a different permissions boundary: arn:aws:iam::aws:policy/AWSDenyAll",
        ),
    ],
)
def test_a_different_role_is_reported_by_its_differences(live: Role | None, expected: str) -> None:
    assert without_fingerprints(list_role_drift(live)) == [f"logging role {ROLE} {expected}"]


def test_a_rewritten_policy_is_drift() -> None:
    assert without_fingerprints(list_role_drift(role(policies={"Writing": TRUST}))) == [
        f"logging role {ROLE} no longer has the policy that lets it write logs",
        f"logging role {ROLE} has policies that were not deployed: Writing",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        lambda document: {"trust": document},
        lambda document: {"policies": {"Writing": POLICY, "Deny": document}},
    ],
)
def test_a_second_change_of_a_setting_is_new_drift(
    changes: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    first = list_role_drift(
        role(**changes({"Statement": [{"Effect": "Deny", "Action": "logs:*"}]}))
    )
    second = list_role_drift(role(**changes({"Statement": [{"Effect": "Deny", "Action": "s3:*"}]})))
    assert len(first) == len(second) == 1
    assert first != second


def test_a_truncated_value_differs_even_if_only_its_end_changes() -> None:
    one, other = (
        list_configuration_drift(CONFIGURATION | {"s3Config": {"bucketName": "b" * 300 + end}})
        for end in ("1", "2")
    )
    assert one != other
    assert max(map(len, one)) < 400


def test_an_equivalent_policy_is_not_drift() -> None:
    (statement,) = POLICY["Statement"]
    same = {
        "Statement": {
            "Resource": [statement["Resource"]],
            "Action": list(reversed(statement["Action"])),
            "Effect": "Allow",
        },
        "Version": "2012-10-17",
    }
    assert list_role_drift(role(policies={"Renamed": same})) == []
