"""`make bootstrap` makes the boundary, the policy that the brake attaches, and the deployer's ones.

Nothing that deploys or runs may write these policies.
"""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.operations.bootstrap_policies import check, list_deployer_policies, put
from cdk.operations.deny_policy import DenyPolicy
from cdk.operations.deployer_policies import Subject
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError
from lambdas.domain.brake import SessionPolicyNames
from tests.policy_sizes import LONG_REGIONS, MAX_MANAGED_POLICY, count_letters

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICIES = f"arn:aws:iam::{ACCOUNT}:policy"
DENY = f"{POLICIES}/bedrock-meter-deny/{REGION}/BedrockMeter-Deny-{REGION}"
DEPLOYER = [f"{POLICIES}/{subject.policy_name}" for subject in Subject]
BRAKE = ("governance=true", "brake=true")
EXECUTION = "--cloudformation-execution-policies"


@pytest.fixture
def session(aws: None) -> boto3.Session:
    return boto3.Session()


def read_policy(session: boto3.Session, arn: str) -> object:
    iam = session.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def test_the_deny_policy_is_made_where_the_brake_is_on(
    session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    put(session, read_settings())
    with pytest.raises(ClientError, match="NoSuchEntity"):
        read_policy(session, DENY)
    put(session, read_settings(BRAKE))
    assert read_policy(session, DENY) == deny_policy(session).document
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Deny policy BedrockMeter-Deny-us-east-1: made."
    )


def test_a_deny_policy_that_was_changed_stops_a_deployment_until_it_is_made_again(
    session: boto3.Session,
) -> None:
    put(session, read_settings(BRAKE))
    check(session, read_settings(BRAKE))
    allowing = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    session.client("iam").create_policy_version(
        PolicyArn=DENY,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowing]}),
        SetAsDefault=True,
    )
    with pytest.raises(
        CommandError, match=r"deny policy BedrockMeter-Deny-us-east-1 is of another version"
    ):
        check(session, read_settings(BRAKE))
    put(session, read_settings(BRAKE))
    check(session, read_settings(BRAKE))
    assert read_policy(session, DENY) == deny_policy(session).document


def test_without_the_brake_a_deployment_needs_no_deny_policy(session: boto3.Session) -> None:
    put(session, read_settings())
    check(session, read_settings())
    with pytest.raises(CommandError, match="permissions boundary"):
        check(session, read_settings(BRAKE))


def test_the_deployer_s_policies_are_made_where_the_bootstrap_names_them(
    session: boto3.Session,
) -> None:
    put(session, read_settings())
    assert list_deployer_policies(session) == []
    put(session, read_settings(), [EXECUTION, ",".join(DEPLOYER)])
    for arn, subject in zip(DEPLOYER, Subject, strict=True):
        assert read_policy(session, arn) == json.loads(subject.file.read_text())


def test_the_deployer_s_policies_are_brought_up_to_date_without_being_named(
    session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    put(session, read_settings(), [EXECUTION, DEPLOYER[0]])
    session.client("iam").create_policy_version(
        PolicyArn=DEPLOYER[0],
        PolicyDocument=Subject.FUNCTIONS.file.read_text(),
        SetAsDefault=True,
    )
    put(session, read_settings())
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Deployer's policy BedrockMeter-Deployer-Data: brought up to date."
    )
    (used,) = list_deployer_policies(session)
    assert read_policy(session, used.arn) == used.document


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("region", LONG_REGIONS)
def test_the_deny_policy_fits_in_every_partition(region: str) -> None:
    session = boto3.Session(region_name=region)
    policy = deny_policy(session, region)
    assert policy.arn.split(":")[1] == session.get_partition_for_region(region)
    assert count_letters(policy.document) <= MAX_MANAGED_POLICY


def test_functions_may_write_no_policy_at_the_path_of_the_fixed_one(
    session: boto3.Session,
) -> None:
    sessions = SessionPolicyNames("BedrockMeter", REGION)
    assert not deny_policy(session).path.startswith(sessions.path)


def deny_policy(session: boto3.Session, region: str = REGION) -> DenyPolicy:
    return DenyPolicy(session.client("iam"), session.client("sts"), region)
