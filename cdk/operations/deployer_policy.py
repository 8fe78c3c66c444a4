"""Derives what CloudFormation must be allowed for a deployment: `make deployer-policy`.

The types of resources come from the synthesised templates; what each type needs, from AWS's own
resource schemas, which cfn-lint ships.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from cdk.operations.terminal import CommandError, run_command

POLICY = Path(__file__).parents[1] / "deployer-policy.json"
_TEMPLATES = Path(__file__).parents[2] / "cdk.out"

# Schemas name whatever a type can do. These features, found by words in the names of actions, are
# not used here; nor is any action that reads or writes data.
_UNUSED = re.compile(
    "Abac|Accelerate|Acl$|Analytics|BearerToken|Bucket(Metadata|Website)|CORS|Cors|CapacityProvider"
    "|CodeSigning|DataProtection|Group(Policy)$|Import|IndexPolic|IntelligentTiering|Inventory"
    "|Kinesis|LogDelivery|LogEvents|Metadata|MetricData|MetricsConfiguration|Notification"
    "|ObjectLock|OwnershipControls|PermissionsBoundary|PrimaryRegion|REST|Recursion|Replica"
    "|RuntimeManagement|Scaling|ServiceLinkedRole|UserPolicy|Website|BucketLogging"
    "|^dynamodb:(BatchWriteItem|(Delete|Get|Put|Update)Item|Query|Scan)$|^logs:CreateLogStream$"
    "|^s3:(Delete|Put)Object"
)
# The names that CloudFormation makes begin with the stack's. Roles and buckets of others are out of
# reach; what else is created in an account hands out no rights.
_RESOURCES = {
    "iam": ["arn:*:iam::*:role/BedrockMeter-*", "arn:*:iam::*:policy/BedrockMeter-*"],
    "s3": ["arn:*:s3:::bedrockmeter-*", "arn:*:s3:::cdk-*-assets-*", "arn:*:s3:::cdk-*-assets-*/*"],
}
_SERVICES_OF_OURS = {
    *("cloudwatch", "dynamodb", "events", "iam", "kms", "lambda", "logs", "s3", "sns", "ssm"),
}
_PASS_ROLE = "iam:PassRole"  # noqa: S105  # an action
# IAM knows no such actions: CloudFormation's handlers name an API operation, or a permission that
# has another name (s3:PutEncryptionConfiguration deletes as well).
_NOT_ACTIONS = {
    "lambda:AssociateRuntimeAlias",
    "s3:DeleteBucketEncryption",
    "s3:DeleteBucketLifecycle",
}
# These support no resource-level permissions: on the ARN of a role or of a bucket they allow
# nothing.
_ON_ALL_RESOURCES = {"iam:ListRoles", "s3:ListAllMyBuckets"}


# Made by some settings and not by others.
_BY_CONFIGURATION = {
    "AWS::CloudWatch::InsightRule",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
}


def derive(templates: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The policy for CloudFormation's execution role that the templates need, and no more."""
    types = _BY_CONFIGURATION | {
        it["Type"]
        for template in templates
        for it in template["Resources"].values()
        if it["Type"].startswith("AWS::") and it["Type"] != "AWS::CDK::Metadata"
    }
    by_service: dict[str, set[str]] = {}
    # CloudFormation itself calls the custom resource, and reads the version of the bootstrap.
    for action in {"lambda:InvokeFunction", "ssm:GetParameters"}.union(*map(_actions, types)):
        by_service.setdefault(action.split(":")[0], set()).add(action)
    statements = [
        {
            "Sid": service.capitalize(),
            "Effect": "Allow",
            "Action": sorted(actions - {_PASS_ROLE} - _ON_ALL_RESOURCES),
            "Resource": _RESOURCES.get(service, "*"),
        }
        for service, actions in sorted(by_service.items())
    ]
    passing = {
        "Sid": "PassRole",
        "Effect": "Allow",
        "Action": _PASS_ROLE,
        "Resource": _RESOURCES["iam"][0],
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }
    listing = {
        "Sid": "List",
        "Effect": "Allow",
        "Action": sorted(_ON_ALL_RESOURCES & set().union(*by_service.values())),
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [*statements, listing, passing]}


def _actions(type_: str) -> set[str]:
    """What the handlers of a type call, as its schema says."""
    handlers = _schemas()[type_]["handlers"]
    named = {action for it in handlers.values() for action in it["permissions"]}
    return {
        action
        for action in named - _NOT_ACTIONS
        if action.split(":")[0] in _SERVICES_OF_OURS and not _UNUSED.search(action)
    }


def _schemas() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in (files("cfnlint") / "data" / "schemas" / "resources").iterdir():
        if path.name.endswith(".json"):
            schema = json.loads(path.read_text())
            found[schema["typeName"]] = schema
    return found


def main() -> None:
    """Write the policy for the templates in cdk.out."""
    templates = [json.loads(it.read_text()) for it in _TEMPLATES.glob("*.template.json")]
    if not templates:
        message = "there are no templates: run make synth first."
        raise CommandError(message)
    POLICY.write_text(json.dumps(derive(templates), indent=2) + "\n")
    print(f"Wrote {POLICY.name}.")


if __name__ == "__main__":
    run_command("deployer-policy", main)
