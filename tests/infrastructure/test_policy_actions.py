"""Every action in a policy exists, and stands on a resource on which it allows something."""

import json
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions

from cdk.config import stack_names
from cdk.config.resource_names import DEAD_LETTERS, WEBHOOK_DELIVERIES, WEBHOOK_EVENTS
from cdk.operations.deployer_policies import Subject
from tests.infrastructure.synthesis import CONFIGURATIONS, ROOT, as_list, deployment, resources

Statement = dict[str, Any]
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
MAX_SERVICE_CONTROL_POLICY = 5120
WRITES = {
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
    "dynamodb:UpdateItem",
}
"""The actions that change items."""
KNOWN = {action.lower() for action in get_all_actions()}
# Actions that AWS has added since this release of policy-sentry, each with where AWS documents it.
NEWER: dict[str, str] = {}


def find_mistakes(statements: list[Statement], *, has_resources: bool = True) -> list[str]:
    """Find actions that do not exist, or that allow nothing on the statement's resources.

    Args:
        statements: The statements of one policy.
        has_resources: True for a role's policy; a resource's own policy names that resource.
    """
    mistakes = []
    for statement in statements:
        for action in as_list(statement["Action"]):
            if action in NEWER:
                continue
            if not _exists(action):
                mistakes.append(f"{action} does not exist")
            elif has_resources and _needs_all_resources(action) and _is_narrow(statement):
                mistakes.append(f"{action} supports no resource-level permissions: it needs *")
    return mistakes


def _exists(action: str) -> bool:
    if "*" in action:
        return any(fnmatchcase(known, action.lower()) for known in KNOWN)
    return action.lower() in KNOWN


def _is_narrow(statement: Statement) -> bool:
    """Check that a statement names resources; a trust policy names no resource."""
    return "*" not in as_list(statement.get("Resource", "*"))


def _needs_all_resources(action: str) -> bool:
    if "*" in action:
        return False
    service, name = action.split(":")
    rows = get_action_data(service, name)
    assert rows, action
    return {row["resource_arn_format"] for row in rows[service]} == {"*"}


def policies(value: Any) -> Iterator[list[Statement]]:
    """The statements of every policy inside a value; data protection policies have no actions."""
    if isinstance(value, dict):
        if value.get("Version") == "2012-10-17":
            yield as_list(value["Statement"])
        else:
            for part in value.values():
                yield from policies(part)
    elif isinstance(value, list):
        for part in value:
            yield from policies(part)


@pytest.mark.parametrize("subject", Subject)
def test_the_deployer_s_policies_have_no_mistake(subject: Subject) -> None:
    assert find_mistakes(json.loads(subject.file.read_text())["Statement"]) == []


def test_the_service_control_policy_denies_existing_actions_on_the_meter_s_resources() -> None:
    policy = (ROOT / "docs" / "service-control-policy.json").read_text()
    denied = json.loads(policy)["Statement"]
    assert find_mistakes(denied) == []
    assert {statement["Effect"] for statement in denied} == {"Deny"}
    assert len(json.dumps(json.loads(policy), separators=(",", ":"))) <= MAX_SERVICE_CONTROL_POLICY


def is_denied(
    action: str, resource: str, role: str, context: Collection[str] = frozenset()
) -> bool:
    """Evaluate the service control policy for a role, by its name.

    Args:
        action: The action.
        resource: The ARN that it is for.
        role: The name of the role.
        context: The names of condition keys that the request has.
    """
    policy = json.loads((ROOT / "docs" / "service-control-policy.json").read_text())
    return any(
        action in as_list(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in as_list(statement["Resource"]))
        and _has_keys(statement["Condition"].get("Null", {}), context)
        and not any(
            fnmatchcase(f"arn:aws:iam::111122223333:role/{role}", pattern)
            for pattern in as_list(statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"])
        )
        for statement in policy["Statement"]
    )


def _has_keys(condition: Mapping[str, str], context: Collection[str]) -> bool:
    """Evaluate a condition `Null`: `true` for keys that the request may not have."""
    return all((key not in context) is (absent == "true") for key, absent in condition.items())


def list_writes() -> Iterator[tuple[str, str, str]]:
    """List the role, action and table of each grant to functions to write items."""
    made = deployment("everything")
    tables = resources(made.storage, "AWS::DynamoDB::Table")
    for stack, template in made.templates.items():
        for policy in resources(template, "AWS::IAM::Policy").values():
            (role,) = policy["Roles"]
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                named = json.dumps(statement["Resource"])
                yield from (
                    (f"{stack}-{role['Ref']}-1B", action, f"{stack_names.STORAGE}-{table}-1B")
                    for action in as_list(statement["Action"])
                    if action in WRITES
                    for table in tables
                    if table in named
                )


def test_the_service_control_policy_denies_no_function_what_its_role_allows() -> None:
    granted = {*list_writes()}
    assert len({role for role, _, _ in granted}) > 12
    refused = [
        (role, action, table)
        for role, action, table in granted
        if is_denied(action, f"arn:aws:dynamodb:us-east-1:111122223333:table/{table}", role)
    ]
    assert refused == []
    for _, action, table in granted:
        arn = f"arn:aws:dynamodb:us-east-1:111122223333:table/{table}"
        assert is_denied(action, arn, "Mallory"), (action, table)


@pytest.mark.parametrize("queue", [WEBHOOK_EVENTS, f"{WEBHOOK_DELIVERIES}{DEAD_LETTERS}"])
@pytest.mark.parametrize(
    "action", ["AddPermission", "DeleteQueue", "PurgeQueue", "SetQueueAttributes"]
)
def test_only_deployments_and_operators_change_queues_of_webhooks(queue: str, action: str) -> None:
    arn = f"arn:aws:sqs:us-east-1:111122223333:{queue}"
    assert is_denied(f"sqs:{action}", arn, "Mallory")
    assert not is_denied(f"sqs:{action}", arn, "YOUR-OPERATORS")


def test_only_the_sender_decrypts_addresses_and_secrets_of_receivers() -> None:
    """Other requests for decryption are denied to no one."""
    key, context = "arn:aws:kms:us-east-1:111122223333:key/1-2", {"kms:EncryptionContext:webhook"}
    sender = f"{stack_names.WEBHOOKS}-WebhookSenderRole-1B"
    assert is_denied("kms:Decrypt", key, "YOUR-OPERATORS", context)
    assert not is_denied("kms:Decrypt", key, sender, context)
    assert not is_denied("kms:Decrypt", key, "Mallory")


def test_only_deployments_and_operators_change_the_key_of_webhooks() -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/YOUR-WEBHOOK-KEY"
    for action in ("CreateGrant", "DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"):
        assert is_denied(f"kms:{action}", key, "Mallory")
        assert not is_denied(f"kms:{action}", key, "YOUR-OPERATORS")
        assert not is_denied(f"kms:{action}", key.replace("YOUR", "OTHER"), "Mallory")


@pytest.mark.parametrize("suffix", ["", "-us-east-1"])  # a deployment to several Regions has one
def test_the_service_control_policy_allows_only_the_meter(suffix: str) -> None:
    storage, ingestion = f"{stack_names.STORAGE}{suffix}", f"{stack_names.INGESTION}{suffix}"
    monitoring = f"{stack_names.MONITORING}{suffix}"
    reporting = f"{stack_names.REPORTING}{suffix}"
    governance = f"{stack_names.GOVERNANCE}{suffix}"
    here = "us-east-1:111122223333"
    log_group = f"arn:aws:logs:{here}:log-group:{storage}-InvocationLogs7A-1B:log-stream:x"
    function = f"arn:aws:lambda:{here}:function:{ingestion}-LoggingConfigurator-1B"
    table = f"arn:aws:dynamodb:{here}:table/{storage}-UsageLedger-1B"
    state = f"arn:aws:dynamodb:{here}:table/{storage}-MeterState-1B"
    parameter = f"arn:aws:ssm:{here}:parameter/CFN-LoggingState-1B"
    role = f"arn:aws:iam::111122223333:role/{ingestion}-LoggingRole-2C"
    deployer = "cdk-hnb659fds-cfn-exec-role-111122223333-us-east-1"
    operators = "YOUR-OPERATORS"
    for action, resource, roles in (
        ("logs:PutLogEvents", log_group, [f"{ingestion}-LoggingRole-1B"]),
        (
            *("lambda:InvokeFunction", function),
            [
                *(f"{ingestion}-LoggingProviderframeworkonEvent-1B", operators, deployer),
                f"{governance}-UsageCounterRole-1B",
            ],
        ),
        (
            *("dynamodb:PutItem", table),
            [
                *(f"{ingestion}-LogProcessorR-1B", f"{monitoring}-W-1B", f"{reporting}-F-1B"),
                f"{governance}-UsageCounterRole-1B",
            ],
        ),
        ("dynamodb:DeleteItem", table, [f"{ingestion}-MetricPublisher-1B", operators]),
        ("dynamodb:PutItem", state, [f"{ingestion}-LoggingConfigurator-1B", f"{monitoring}-W-1B"]),
        ("dynamodb:DeleteItem", state, [f"{ingestion}-PriceRefresher-1B", operators]),
        ("ssm:PutParameter", parameter, [f"{ingestion}-LoggingConfigurator-1B", deployer]),
        ("lambda:UpdateFunctionCode", function, [deployer, operators]),
        ("dynamodb:UpdateTimeToLive", table, [deployer, operators]),
        ("iam:CreateRole", role, [deployer, operators]),
        ("iam:CreateRole", f"arn:aws:iam::111122223333:role/{deployer}", [operators]),
        (
            *(
                "iam:CreatePolicyVersion",
                "arn:aws:iam::111122223333:policy/BedrockMeter-Boundary-x",
            ),
            [operators],
        ),
        *(
            (action, "arn:aws:iam::111122223333:policy/bedrock-meter-deny/x/Other", [operators])
            for action in ("iam:CreatePolicy", "iam:CreatePolicyVersion")
        ),
    ):
        assert is_denied(action, resource, "Mallory"), action
        for allowed in roles:
            assert not is_denied(action, resource, allowed), (action, allowed)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_no_policy_of_the_templates_has_a_mistake(configuration: str) -> None:
    checked = 0
    for template in deployment(configuration).templates.values():
        for name, resource in template["Resources"].items():
            for statements in policies(resource):
                is_of_role = resource["Type"].startswith("AWS::IAM::")
                assert find_mistakes(statements, has_resources=is_of_role) == [], name
                checked += is_of_role
    assert checked >= 18  # a role and its policy for each function, for Bedrock and the provider


@pytest.mark.parametrize(
    ("action", "resource", "mistakes"),
    [
        ("lambda:AssociateRuntimeAlias", "*", 1),
        ("s3:DeleteBucketEncryption", "arn:*:s3:::bedrockmeter-*", 1),
        ("s3:DeleteBucketLifecycle", "arn:*:s3:::bedrockmeter-*", 1),
        ("kms:ReEncript*", "*", 1),
        ("iam:ListRoles", "arn:*:iam::*:role/BedrockMeter-*", 1),
        ("iam:ListRoles", "*", 0),
        ("kms:ReEncrypt*", "*", 0),
        ("dynamodb:PartiQLInsert", "arn:*:dynamodb:*:*:table/BedrockMeter-*", 0),
    ],
)
def test_mistakes_are_found(action: str, resource: str, mistakes: int) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    assert len(find_mistakes([statement])) == mistakes


def test_actions_newer_than_the_data_are_reported_as_unknown() -> None:
    """Take an action out of the table once policy-sentry knows it."""
    assert {action for action in NEWER if _exists(action)} == set()
