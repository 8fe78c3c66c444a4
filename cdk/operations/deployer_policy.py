"""Derives the permissions that CloudFormation needs for a deployment: `make deployer-policy`.

The types of resources come from the synthesized templates. The permissions of each type come from
AWS's own resource schemas, which cfn-lint ships.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from policy_sentry.querying.actions import get_action_data

from cdk.operations.deployer_policies import Subject
from cdk.operations.deployer_resources import GRANTS, LISTS, RESOURCES, Grant
from cdk.operations.terminal import CommandError

_TEMPLATES = Path(__file__).parents[2] / "cdk.out"

# Schemas list everything that a type can do. The features below, recognized by words in action
# names, are not used here. The same holds for actions that read or write data, give others access,
# or give a role more rights than the templates' own policies do.
_UNUSED = re.compile(
    "Abac|Accelerate|Acl$|Analytics|BearerToken|Bucket(Metadata|Website)|CORS|Cors|CapacityProvider"
    "|CodeSigning|Group(Policy)$|Import|IndexPolic|IntelligentTiering|Inventory"
    "|Kinesis|LogDelivery|LogEvents|Metadata|MetricData|MetricsConfiguration|Notification"
    "|OwnershipControls|PrimaryRegion|REST|Recursion|Replica"
    "|RuntimeManagement|Scaling|ServiceLinkedRole|UserPolicy|Website|BucketLogging"
    "|^dynamodb:(BatchWriteItem|(Delete|Get|Put|Update)Item|Query|Scan)$|^logs:CreateLogStream$"
    "|^s3:(Delete|Put)Object|^sns:\\w+DataProtectionPolicy$"
    "|^(?!dynamodb:)\\w+:(Delete|Put)ResourcePolicy$"
    "|^iam:(AttachRolePolicy|DeleteRolePermissionsBoundary|DetachRolePolicy|(Tag|Untag)Policy)$"
    "|^kms:(?!CreateKey$|List(Aliases|Keys)$)"  # the key's own policy allows them
)
_SERVICES: Mapping[Subject, frozenset[str]] = {
    Subject.DATA: frozenset({"dynamodb", "kms", "logs", "s3", "ssm"}),
    Subject.FUNCTIONS: frozenset({"cloudwatch", "events", "iam", "lambda", "sns", "sqs"}),
}
_ALL_SERVICES = frozenset[str]().union(*_SERVICES.values())
# IAM knows no such actions: CloudFormation's handlers name an API operation, or a permission that
# has another name (s3:PutEncryptionConfiguration deletes as well).
_NOT_ACTIONS = {
    "lambda:AssociateRuntimeAlias",
    "s3:DeleteBucketEncryption",
    "s3:DeleteBucketLifecycle",
}
_SUBSCRIBING = frozenset(
    {
        "logs:DeleteSubscriptionFilter",
        "logs:DescribeSubscriptionFilters",
        "logs:PutSubscriptionFilter",
    }
)
_READS = re.compile(r"\w+:(Describe|List)")


# Made by some settings and not by others.
_BY_CONFIGURATION = {
    "AWS::CloudWatch::InsightRule",
    "AWS::Lambda::Url",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
}


def derive(templates: Iterable[dict[str, Any]]) -> dict[Subject, dict[str, Any]]:
    """The policies for CloudFormation's execution role that the templates need, and no more."""
    resources = [resource for template in templates for resource in template["Resources"].values()]
    types = _BY_CONFIGURATION | {
        resource["Type"]
        for resource in resources
        if resource["Type"].startswith("AWS::") and resource["Type"] != "AWS::CDK::Metadata"
    }
    # CloudFormation itself calls the custom resource, and reads the version of the bootstrap.
    needed = {"lambda:InvokeFunction", "ssm:GetParameters"}.union(*map(_actions, types))
    statements = {
        subject: _derive_statements(services, _select(needed, services))
        for subject, services in _SERVICES.items()
    }
    statements[Subject.DATA] += [
        _statement(_subscribing(number, log_group), _SUBSCRIBING)
        for number, log_group in enumerate(_adopted_log_groups(resources), start=1)
    ]
    return {
        subject: {"Version": "2012-10-17", "Statement": found}
        for subject, found in statements.items()
    }


def _derive_statements(services: AbstractSet[str], needed: set[str]) -> list[dict[str, Any]]:
    """The statements for the actions of some services."""
    statements = []
    grants = [grant for grant in GRANTS if _select(grant.actions, services)]
    for grant in (*grants, _lists(needed)):
        statements.append(_statement(grant, needed))
        needed -= grant.actions
    for service, arns in RESOURCES.items():
        if service in services:
            actions = frozenset(_select(needed, {service}))
            named = Grant("", actions, "Bounded by their names.", arns)
            statements.append(_statement(named, needed))
            needed -= actions
    if needed:
        message = f"{', '.join(sorted(needed))}: say in deployer_resources.py on what."
        raise CommandError(message)
    return statements


def _select(actions: AbstractSet[str], services: AbstractSet[str]) -> set[str]:
    return {action for action in actions if action.partition(":")[0] in services}


def _statement(grant: Grant, needed: AbstractSet[str]) -> dict[str, Any]:
    actions = sorted(grant.actions & needed)
    if not actions:
        name = grant.sid or ", ".join(grant.resources)
        message = f"{name}: no template needs it; take it out of deployer_resources.py."
        raise CommandError(message)
    resources = [*grant.resources]
    return {
        **({"Sid": grant.sid} if grant.sid else {}),
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else resources,
        **({"Condition": dict(grant.condition)} if grant.condition else {}),
    }


def _lists(needed: AbstractSet[str]) -> Grant:
    """The reads that AWS checks against no resource."""
    found = {action for action in needed if _READS.match(action) and takes_no_resource(action)}
    return replace(LISTS, actions=LISTS.actions | found)


def takes_no_resource(action: str) -> bool:
    """True if AWS checks an action against no resource."""
    service, name = action.split(":")
    rows = get_action_data(service, name)
    return bool(rows) and {row["resource_arn_format"] for row in rows[service]} == {"*"}


def _adopted_log_groups(resources: Iterable[dict[str, Any]]) -> list[str]:
    """The log groups of others that are subscribed to, by name."""
    names = {
        resource["Properties"]["LogGroupName"]
        for resource in resources
        if resource["Type"] == "AWS::Logs::SubscriptionFilter"
        and isinstance(resource["Properties"]["LogGroupName"], str)
    }
    return sorted(names)


def _subscribing(number: int, log_group: str) -> Grant:
    return Grant(
        f"AdoptedLogGroup{number}",
        _SUBSCRIBING,
        "The log group of the setting adopted_log_group.",
        (f"arn:*:logs:*:*:log-group:{log_group}:*",),
    )


def _actions(type_: str) -> set[str]:
    """The actions for deploying a type, from its schema; listing resources is left out."""
    named = {
        action
        for name, handler in _handlers()[type_].items()
        if name != "list"
        for action in handler["permissions"]
    }
    return {
        action
        for action in named - _NOT_ACTIONS
        if action.split(":")[0] in _ALL_SERVICES and not _UNUSED.search(action)
    }


@cache
def _handlers() -> dict[str, dict[str, Any]]:
    """Read each type's handlers from all files, since file names do not contain the type."""
    schemas = (
        json.loads(path.read_text())
        for path in (files("cfnlint") / "data" / "schemas" / "resources").iterdir()
        if path.name.endswith(".json")
    )
    return {schema["typeName"]: schema["handlers"] for schema in schemas if "handlers" in schema}


def read_templates() -> list[dict[str, Any]]:
    """Read the templates in cdk.out.

    Raises:
        CommandError: There are no templates.
    """
    templates = [json.loads(path.read_text()) for path in _TEMPLATES.glob("*.template.json")]
    if not templates:
        message = "there are no templates: run make synth first."
        raise CommandError(message)
    return templates


def write_policies() -> None:
    """Write the policies for the templates in cdk.out."""
    for subject, policy in derive(read_templates()).items():
        subject.file.write_text(json.dumps(policy, indent=2) + "\n")
        print(f"Wrote cdk/{subject.file.name}.")
