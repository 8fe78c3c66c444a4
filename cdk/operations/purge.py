"""Permanently deletes resources that `make destroy` retains, after a confirmation: `make purge`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.operations.aws_errors import ignore_errors
from cdk.operations.deployment import Deployment, NotDeployedError
from cdk.operations.logging_state import load_logging_state
from cdk.operations.terminal import CommandError, confirm
from lambdas.domain.logging_configuration import DamagedStateError, LoggingConfiguration

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DAYS_UNTIL_A_KEY_GOES = 7
_GONE = {
    *("ResourceNotFoundException", "NoSuchBucket", "ParameterNotFound"),
    "KMSInvalidStateException",  # the key is being deleted already
}


class _LockedError(Exception):
    """Objects of a bucket are locked, so that no one can delete them yet."""


def purge(session: boto3.Session) -> list[str]:
    """Delete the storage stack and all resources that it retains; return their names.

    A bucket with locked objects stays, and is named: no one can delete them before their retention
    ends. Can be repeated after an interruption: the stack, which lists the others, is deleted last.

    Raises:
        CommandError: Other stacks are still there.
        NotDeployedError: There is no storage stack.
    """
    cloudformation = session.client("cloudformation")
    deployment = Deployment(cloudformation)
    for stack in (
        *(stack_names.MONITORING, stack_names.WEBHOOKS, stack_names.GATEWAY),
        *(stack_names.GOVERNANCE, stack_names.REPORTING, stack_names.INGESTION),
    ):
        if deployment.status(stack) is not None:
            message = f"{stack} is still deployed: run make destroy first."
            if stack == stack_names.REPORTING:
                message += (
                    " If it stays, both reports are switched off: run aws cloudformation"
                    f" delete-stack --stack-name {stack}."
                )
            raise CommandError(message)
    if deployment.status(stack_names.STORAGE) is None:
        message = (
            f"{stack_names.STORAGE} is not deployed in this Region: there is nothing to delete."
        )
        raise NotDeployedError(message)

    deleted = []
    deleting = _deleting(session)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=stack_names.STORAGE
    )
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            delete = deleting.get(resource["ResourceType"])
            if delete is None or "PhysicalResourceId" not in resource:
                continue
            name = resource["PhysicalResourceId"]
            try:
                _unless_gone(delete, name)
            except _LockedError:
                print(
                    f"{name} stays: anchors of the audit trail are locked in it (audit_lock)."
                    " Delete it by hand when their retention has ended."
                )
            else:
                deleted.append(f"{resource['ResourceType']} {name}")
    cloudformation.update_termination_protection(
        StackName=stack_names.STORAGE, EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName=stack_names.STORAGE)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_names.STORAGE)
    return deleted


def _deleting(session: boto3.Session) -> dict[str, Callable[[str], object]]:
    """The functions that delete resources, by CloudFormation type."""
    s3, dynamodb = session.client("s3"), session.client("dynamodb")
    logs, ssm, kms = session.client("logs"), session.client("ssm"), session.client("kms")

    def delete_bucket(name: str) -> None:
        _empty(s3, name)
        s3.delete_bucket(Bucket=name)

    def delete_table(name: str) -> None:
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)  # until it accepts changes again
        dynamodb.delete_table(TableName=name)

    return {
        "AWS::S3::Bucket": delete_bucket,
        "AWS::DynamoDB::Table": delete_table,
        "AWS::Logs::LogGroup": lambda name: logs.delete_log_group(logGroupName=name),
        "AWS::SSM::Parameter": lambda name: ssm.delete_parameter(Name=name),
        "AWS::KMS::Key": lambda key: kms.schedule_key_deletion(
            KeyId=key, PendingWindowInDays=_DAYS_UNTIL_A_KEY_GOES
        ),
    }


def _unless_gone(delete: Callable[[str], object], name: str) -> None:
    with ignore_errors(_GONE):
        delete(name)


def _has_lock(s3: S3Client, bucket: str) -> bool:
    """Say if objects of a bucket can be locked."""
    with ignore_errors({"ObjectLockConfigurationNotFoundError"}):
        s3.get_object_lock_configuration(Bucket=bucket)
        return True
    return False


def _empty(s3: S3Client, bucket: str) -> None:
    is_lockable = _has_lock(s3, bucket)
    # Retention of the mode `governance` ends for whoever may say so; that of `compliance` does not.
    bypass: dict[str, Any] = {"BypassGovernanceRetention": True} if is_lockable else {}
    if is_lockable:
        s3.delete_bucket_policy(Bucket=bucket)  # it lets no one delete
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        keys = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if keys:
            answer = s3.delete_objects(
                Bucket=bucket,
                Delete={"Objects": keys, "Quiet": True},  # type: ignore[typeddict-item]  # a list of keys
                **bypass,
            )
            for error in answer.get("Errors", []):
                if is_lockable and error.get("Code") == "AccessDenied":
                    raise _LockedError
                message = f"{bucket}: {error.get('Key')} was not deleted: {error.get('Message')}"
                raise CommandError(message)


def _read_unrestored(session: boto3.Session) -> LoggingConfiguration | None:
    with suppress(ClientError, DamagedStateError):  # it may be deleted, or owned by others
        return load_logging_state(session, Deployment(session.client("cloudformation"))).found
    return None


def confirm_and_purge(session: boto3.Session) -> None:
    """Ask, then purge.

    Raises:
        CommandError: The answer was not to purge.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    print(
        "This permanently deletes the ledger, state, invocation logs, quarantine, reports, price"
        " editions, budgets, API keys and limits of the gateway, receivers of webhooks, and audit"
        " trail of Bedrock Meter"
        f" in account {account}, {session.region_name}."
    )
    found = _read_unrestored(session)
    if found is not None:
        print(
            "It also deletes the only copy of the logging configuration that Bedrock Meter replaced"
            f" and could not restore:\n{json.dumps(found, indent=2)}"
        )
    confirm("purge", otherwise="nothing was deleted.")
    for resource in purge(session):
        print(f"deleted {resource}")
