"""The state of a deployed gateway, as `make doctor` reports it: its URL, role, table and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import boto3
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.operations.deployment import Deployment
from lambdas.domain.api_keys import ApiKey, ApiKeyStore, KeyState
from lambdas.domain.governance_keys import EXPIRES_AT
from lambdas.domain.limit_policies import (
    PoliciesUnavailableError,
    Policy,
    PolicySet,
    PolicyStore,
)
from lambdas.domain.limits import FailMode
from lambdas.domain.metrics.catalog import IDENTITY_ARN, INVOCATIONS, NAMESPACE
from lambdas.domain.words import list_names, plural
from lambdas.wiring.declared_files import InvalidFileError
from lambdas.wiring.limit_policies_file import read_policies

_TIMEOUT_SECONDS = 10
_REFUSED = 403
_ERROR_TYPE = "x-amzn-errortype"
_SOON = timedelta(days=7)
_ARN = "arn:"  # not of the overflow bucket
_TRAFFIC_DAYS = 14  # CloudWatch lists metrics with data of two weeks


class GatewayStores(NamedTuple):
    """The stored keys and policies of a gateway.

    Attributes:
        keys: The API keys.
        policies: The policies.
    """

    keys: ApiKeyStore
    policies: PolicyStore


OpenGateway: TypeAlias = Callable[[boto3.Session, str], GatewayStores]
"""Opens the stores in the table `Governance` with this name."""


@dataclass(slots=True)
class GatewayHealth:
    """The results of health checks of a gateway.

    Attributes:
        problems: Callers are refused, or not limited. Each says what to do.
        unknown: What could not be checked, and why.
        warnings: Some callers are refused.
        notes: What an operator should know.
    """

    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it, the worst first."""
        return " ".join([*self.problems, *self.unknown, *self.warnings, *self.notes])


def examine_gateway(
    session: boto3.Session, deployment: Deployment, stores: GatewayStores | None, now: datetime
) -> GatewayHealth:
    """Examine a deployed gateway, changing nothing.

    Args:
        session: A session with the account's credentials.
        deployment: The deployment there.
        stores: Its keys and policies; `None` to read neither.
        now: The time.
    """
    health, url = GatewayHealth(), deployment.output(stack_names.GATEWAY, "GatewayUrl")
    try:
        health.problems += _check_url(url)
    except BotoCoreError as error:
        health.unknown.append(f"Could not ask its URL: {' '.join(str(error).split())}.")
    health.problems += _check_role(session, deployment)
    health.problems += _check_table(session, deployment)
    if stores is not None:
        _add_stored(health, stores, now)
    health.notes += [*_find_ways_round(session), f"Callers reach it at {url}"]
    return health


def _check_url(url: str) -> Iterator[str]:
    """Ask without a key. That counts as one unknown key."""
    request = AWSRequest("POST", f"{url.rstrip('/')}/model/none/converse", data=b"{}").prepare()
    client = URLLib3Session(timeout=_TIMEOUT_SECONDS, proxies=get_environ_proxies(url))
    answer = client.send(request)
    if answer.status_code == _REFUSED and _ERROR_TYPE in answer.headers:
        return
    if answer.status_code == _REFUSED:
        yield (
            "Lambda itself refuses callers: a policy of the organization may forbid public URLs of"
            " functions."
        )
    else:
        yield (
            f"It answers a request without a key with status {answer.status_code} in place of"
            f" {_REFUSED}: the log of Gateway has the reason."
        )


def _check_role(session: boto3.Session, deployment: Deployment) -> Iterator[str]:
    """Compare who can assume the role of callers with the function's own role."""
    gateway = session.client("lambda").get_function_configuration(
        FunctionName=deployment.output(stack_names.GATEWAY, "GatewayName")
    )["Role"]
    name = caller_role_name(str(session.region_name))
    trust: Any = session.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    trusted = [
        (statement.get("Principal"), statement.get("Action")) for statement in trust["Statement"]
    ]
    if trusted != [({"AWS": gateway}, "sts:AssumeRole")]:
        yield (
            f"{name} trusts {json.dumps([principal for principal, _ in trusted])}, and not the"
            " gateway's role alone: run aws cloudformation detect-stack-drift, and restore it."
        )


def _check_table(session: boto3.Session, deployment: Deployment) -> Iterator[str]:
    table = deployment.output(stack_names.STORAGE, "LimitTableName")
    answer = session.client("dynamodb").describe_time_to_live(TableName=table)
    description = answer["TimeToLiveDescription"]
    is_on = description.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if not is_on or description.get("AttributeName") != EXPIRES_AT:
        yield (
            f"{table} keeps the limits of callers for good: Time to Live by {EXPIRES_AT} is off."
            " Switch it on."
        )


def _add_stored(health: GatewayHealth, stores: GatewayStores, now: datetime) -> None:
    keys = tuple(stores.keys.list_keys())
    health.notes += _describe_keys(keys, now)
    try:
        stored = stores.policies.read()
        policies = PolicySet() if stored.text is None else read_policies(stored.text).policies
    except (PoliciesUnavailableError, InvalidFileError):
        health.problems.append(
            "The stored policies cannot be read, so calls are refused: run bedrock-meter limits"
            " apply with a file."
        )
        return
    health.notes += _describe_policies(policies, keys, now)
    valid = [key for key in keys if key.get_state(now) is KeyState.VALID]
    if unknown := [key.prefix for key in valid if not policies.knows_tier(key.tier)]:
        health.warnings.append(f"No policy has the tier of {list_names(unknown)}: refused.")


def _describe_keys(keys: tuple[ApiKey, ...], now: datetime) -> Iterator[str]:
    valid = [key for key in keys if key.get_state(now) is KeyState.VALID]
    expired = [key.prefix for key in keys if key.get_state(now) is KeyState.EXPIRED]
    ending = [key.prefix for key in valid if key.expires_at and key.expires_at - now <= _SOON]
    yield f"{plural(len(valid), 'valid key')}."
    if ending:
        yield f"Within {_SOON.days} days expire: {list_names(ending)}."
    if expired:
        yield f"Expired: {list_names(expired)}."


def _describe_policies(
    policies: PolicySet, keys: tuple[ApiKey, ...], now: datetime
) -> Iterator[str]:
    named = dict(_list_policies(policies))
    if named:
        yield f"Policies: {list_names(named)}."
    else:
        yield "There are no policies, so calls are not limited."
    valid = [key for key in keys if key.get_state(now) is KeyState.VALID]
    used = {key.tier for key in valid}
    inherited = {tier.extends for tier in policies.tiers.values()}
    if unused := sorted(policies.tiers.keys() - used - inherited):
        yield f"No valid key has the tier {list_names(unused)}."
    if policies.has_tiers and (without := [key.prefix for key in valid if key.tier is None]):
        yield f"Without a tier, so with none of the policies of tiers: {list_names(without)}."
    if is_open := [name for name, policy in named.items() if policy.fail is FailMode.OPEN]:
        yield f"While limits cannot be checked, these policies admit calls: {list_names(is_open)}."


def _list_policies(policies: PolicySet) -> Iterator[tuple[str, Policy]]:
    yield from ((policy.name, policy) for policy in policies.policies)
    for name, tier in policies.tiers.items():
        yield from ((f"{name}/{policy.name}", policy) for policy in tier.policies)


def _find_ways_round(session: boto3.Session) -> Iterator[str]:
    """Find callers with metrics of their own that are not sessions of the role of callers."""
    pages = (
        session.client("cloudwatch")
        .get_paginator("list_metrics")
        .paginate(Namespace=NAMESPACE, MetricName=INVOCATIONS.name)
    )
    role = caller_role_name(str(session.region_name))
    callers = {
        dimension["Value"]
        for page in pages
        for metric in page["Metrics"]
        for dimension in metric["Dimensions"]
        if dimension["Name"] == IDENTITY_ARN
    }
    if around := [each for each in callers if each.startswith(_ARN) and f"/{role}" not in each]:
        yield (
            f"Within {_TRAFFIC_DAYS} days, {plural(len(around), 'caller')} called models around it:"
            f" {list_names(around)}. docs/gateway-deployment.md says how to stop that."
        )
