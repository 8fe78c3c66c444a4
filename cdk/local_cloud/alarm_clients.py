"""Clients with which alarms that are evaluated outside of the emulator act as CloudWatch does."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cdk.config.resource_names import NAME_PREFIX
from cdk.local_cloud.cloud import ACCOUNT, LocalCloud

_ROLE = f"{NAME_PREFIX}LocalCloudWatch"
"""The topic denies publishing to all but AWS's services and roles with the meter's name."""


def open_alarm_clients(cloud: LocalCloud) -> Callable[[str], Any]:
    """Make clients of services; that of topics may publish, in CloudWatch's place."""
    iam, actor = cloud.client("iam"), f"arn:aws:iam::{ACCOUNT}:root"
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(
            RoleName=_ROLE,
            AssumeRolePolicyDocument=_write_policy("sts:AssumeRole", Principal={"AWS": actor}),
        )
    iam.put_role_policy(
        RoleName=_ROLE,
        PolicyName="publish",
        PolicyDocument=_write_policy("sns:Publish", "kms:*", Resource="*"),
    )
    found = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{_ROLE}", RoleSessionName="alarms"
    )["Credentials"]
    credentials = found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]

    def open_client(service: str) -> Any:  # a client of any service
        return cloud.client(service, *credentials) if service == "sns" else cloud.client(service)

    return open_client


def _write_policy(*actions: str, **other: object) -> str:
    statement = {"Effect": "Allow", "Action": actions, **other}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
