"""Derives the permissions boundary from the roles of the templates: `make deployer-policy`.

The boundary is the most that any role of a deployment may do, whatever its own policy says.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from cdk.components.caller_role import CALLED_ACTIONS
from cdk.config.gateway_names import TRACE_ACTIONS, caller_role_name
from cdk.operations.boundary import BOUNDARY_FILE
from cdk.operations.deployer_policy import read_templates, takes_no_resource
from cdk.operations.terminal import CommandError
from cdk.operations.webhook_boundary import QUEUE_ACTIONS
from lambdas.domain.unlogged import MANIFEST_NAME
from lambdas.meter_name import DEFAULT_NAME

_HERE = "${AWS::Region}:${AWS::AccountId}"
_ARN = "arn:*"  # short, since a managed policy has 6,144 letters; an account has one partition
_ROLES = f"{_ARN}:iam::*:role"  # IAM acts on its own account alone
_KEYS = f"{_ARN}:kms:{_HERE}:key/*"

_BUCKETS = f"{_ARN}:s3:::{DEFAULT_NAME.lower()}-*storage-*"

# Of several types of resources, each action has one: a list allows no more, and is shorter.
_RESOURCES: Mapping[str, str | Sequence[str]] = {
    "account": f"{_ARN}:account::${{AWS::AccountId}}:account",
    "bedrock": f"{_ARN}:bedrock:{_HERE}:application-inference-profile/*",
    "cloudformation": f"{_ARN}:cloudformation:{_HERE}:stack/{DEFAULT_NAME}-*",
    "cloudwatch": f"{_ARN}:cloudwatch:{_HERE}:alarm:*",
    "dynamodb": f"{_ARN}:dynamodb:{_HERE}:table/{DEFAULT_NAME}-*Storage-*",
    "events": [
        f"{_ARN}:events:{_HERE}:event-bus/default",
        f"{_ARN}:events:{_HERE}:rule/{DEFAULT_NAME}-*",
    ],
    "iam": f"{_ROLES}/{DEFAULT_NAME}-*",
    "kms": _KEYS,
    "lambda": [
        f"{_ARN}:lambda:{_HERE}:event-source-mapping:*",
        f"{_ARN}:lambda:{_HERE}:function:{DEFAULT_NAME}-*",
    ],
    "logs": f"{_ARN}:logs:{_HERE}:log-group:{DEFAULT_NAME}-*",
    "s3": _BUCKETS,
    "sns": f"{_ARN}:sns:{_HERE}:{DEFAULT_NAME}-*Monitoring-*",
    "ssm": f"{_ARN}:ssm:{_HERE}:parameter/CFN-LoggingState*",
}
"""The resources that roles may act on, by service; the actions below are exceptions."""

_LOG_GROUPS = f"{_ARN}:logs:{_HERE}:log-group:*"
_PRINCIPALS = [f"{_ROLES}/*", f"{_ARN}:iam::*:user/*"]
_ACTIONS: Mapping[str, str | Sequence[str]] = {
    "cloudwatch:DescribeAlarms": "*",
    "cloudwatch:GetAlarmMuteRule": "*",
    "cloudwatch:ListAlarmMuteRules": "*",
    # The id and the tags of a caller's role, for denying its sessions.
    "iam:GetRole": _PRINCIPALS,
    # The names of those whom a policy is attached to.
    "iam:ListEntitiesForPolicy": "*",
    # The tags of callers, who may be anyone.
    "iam:ListRoleTags": _PRINCIPALS,
    "iam:ListUserTags": _PRINCIPALS,
    # Restoring a replaced configuration needs its own role, whose name is not known beforehand.
    "iam:PassRole": f"{_ROLES}/*",
    # A replaced logging configuration may name any log group. No data is read.
    "logs:DescribeSubscriptionFilters": _LOG_GROUPS,
    "logs:GetDataProtectionPolicy": _LOG_GROUPS,
    "logs:GetTransformer": _LOG_GROUPS,
    # The setting batch_output_buckets names buckets of others. A manifest has counts alone.
    "s3:GetObject": [_BUCKETS, f"{_ARN}:s3:::*/{MANIFEST_NAME}"],
}
_CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "cloudwatch:PutMetricData": {
        "StringLike": {"cloudwatch:namespace": [DEFAULT_NAME, f"{DEFAULT_NAME}-*"]}
    },
    "iam:PassRole": {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
}
# No function uses a key itself: DynamoDB, S3 and SNS do, on its behalf.
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
_VIA_SERVICES = {
    "StringEquals": {
        "kms:ViaService": [
            f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"
            for service in ("dynamodb", "s3", "sns")
        ]
    }
}
_KEY_IS_USED = re.compile(r"kms:(Decrypt|Encrypt|GenerateDataKey|ReEncrypt)")
# Needed with some settings and not with others: brake_sessions, customer_keys, governance and
# log_content.
_BY_SETTINGS = {
    *("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
    *("dynamodb:ConditionCheckItem", "logs:FilterLogEvents"),
    *("s3:GetObjectVersion", "s3:ListBucketVersions"),
    *("iam:ListEntitiesForPolicy", "iam:ListPolicies"),
}
_OF_BRAKE = {
    *("iam:AttachRolePolicy", "iam:AttachUserPolicy"),
    *("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion"),
    *("iam:DetachGroupPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy"),
    *("iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"),
}
"""The actions that `brake_boundary` allows where the brake is on, and no statement here."""
_OF_GATEWAY = {*CALLED_ACTIONS, *TRACE_ACTIONS}
"""The actions that `gateway_boundary` allows where the gateway is on, and no statement here."""
_OF_WEBHOOKS = set(QUEUE_ACTIONS)
"""The actions that `webhook_boundary` allows where webhooks are on, and no statement here."""
_CHANGES_ROLES = re.compile(r"iam:(?!Get|List|PassRole$)|sts:")


def derive_boundary(templates: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the boundary within which the roles of the templates do their work.

    Raises:
        CommandError: An action has no entry here, or may never be allowed.
    """
    by_bound: dict[str, tuple[dict[str, Any], set[str]]] = {}
    optional = _OF_BRAKE | _OF_GATEWAY | _OF_WEBHOOKS
    for action in _BY_SETTINGS.union(_role_actions(templates)) - optional:
        bound = _bound(action)
        by_bound.setdefault(json.dumps(bound), (bound, set()))[1].add(action)
    allowed = [
        _AllowedActions(_drop_covered(actions), bound)
        for _, (bound, actions) in sorted(by_bound.items())
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [group.statement for group in _join_services(allowed)],
    }


class _AllowedActions(NamedTuple):
    """Actions that are allowed within the same bound: a resource, and conditions."""

    actions: list[str]
    bound: dict[str, Any]

    @property
    def services(self) -> frozenset[str]:
        """The services of the actions."""
        return frozenset(_get_service(action) for action in self.actions)

    @property
    def can_join(self) -> bool:
        """True if actions on resources of other services can stand in the same statement."""
        return self.bound.keys() == {"Resource"} and self.bound["Resource"] != "*"

    @property
    def statement(self) -> dict[str, Any]:
        """The statement that allows them."""
        return {"Effect": "Allow", "Action": _shorten(self.actions), **self.bound}

    def join(self, other: _AllowedActions) -> _AllowedActions:
        """Allow both in one statement."""
        resources = [*_list(self.bound["Resource"]), *_list(other.bound["Resource"])]
        return _AllowedActions([*self.actions, *other.actions], {"Resource": resources})


def _join_services(allowed: Iterable[_AllowedActions]) -> list[_AllowedActions]:
    """Join statements on resources of different services, which is shorter and allows no more.

    An action matches only resources of its own service.
    """
    joined: list[_AllowedActions] = []
    for group in sorted(allowed, key=lambda group: group.actions):
        for number, other in enumerate(joined):
            if group.can_join and other.can_join and not group.services & other.services:
                joined[number] = other.join(group)
                break
        else:
            joined.append(group)
    return joined


def _drop_covered(actions: Iterable[str]) -> list[str]:
    """Leave out the actions that a pattern among them matches."""
    listed = sorted(actions)
    patterns = [action for action in listed if "*" in action]
    return [
        action
        for action in listed
        if not any(fnmatchcase(action, other) for other in patterns if other != action)
    ]


def _get_service(action: str) -> str:
    return action.split(":", maxsplit=1)[0]


def _list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _shorten(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _bound(action: str) -> dict[str, Any]:
    """The resources and conditions within which an action may be allowed."""
    if _CHANGES_ROLES.match(action):
        message = f"{action}: no role of a deployment may change roles, or take another one."
        raise CommandError(message)
    if _KEY_IS_USED.match(action):
        return {"Resource": _KEYS, "Condition": _VIA_SERVICES}
    service = _get_service(action)
    resource = _ACTIONS.get(action) or (
        "*" if takes_no_resource(action) else _RESOURCES.get(service)
    )
    if resource is None:
        message = f"{action}: say in boundary_policy.py on what a role may be allowed it."
        raise CommandError(message)
    condition = _CONDITIONS.get(action)
    return {"Resource": resource, **({"Condition": condition} if condition else {})}


def _role_actions(templates: Iterable[dict[str, Any]]) -> Iterator[str]:
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::IAM::Policy":
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                    actions = statement["Action"]
                    if actions == "sts:AssumeRole" and _is_caller_role(statement["Resource"]):
                        continue
                    yield from [actions] if isinstance(actions, str) else actions


def _is_caller_role(resource: object) -> bool:
    """True for the role that the gateway assumes, which `gateway_boundary` allows."""
    return f":role/{caller_role_name('')}" in json.dumps(resource)


def write_boundary() -> None:
    """Write the boundary for the templates in cdk.out."""
    boundary = derive_boundary(read_templates())
    BOUNDARY_FILE.write_text(json.dumps(boundary, indent=2) + "\n")
    print(f"Wrote cdk/{BOUNDARY_FILE.name}.")
