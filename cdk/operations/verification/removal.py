"""Removes all that a verification made, whatever state it is in, and finds what is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.config import stack_names
from cdk.operations.deployment import Deployment, NotDeployedError
from cdk.operations.purge import purge
from cdk.operations.terminal import CommandError
from cdk.operations.verification.denied_role import delete_roles, list_roles
from cdk.operations.verification.notification_queue import QUEUE_NAME, delete_queue, has_queue
from cdk.operations.verification.preconditions import is_logged_by_verification, list_stacks
from cdk.operations.verification.waiting import Waiting

_IN_PROGRESS = "_IN_PROGRESS"
_NOT_BEGUN = "REVIEW_IN_PROGRESS"
"""The status of a stack whose first change set was made, and not executed."""
_DELETED = {None, "DELETE_COMPLETE"}
_DELETE_FAILED = "DELETE_FAILED"


def remove_all(session: boto3.Session, waiting: Waiting) -> list[str]:
    """Remove the stacks with all data, the queue and roles that were made to be denied.

    Returns:
        What is left, or an error that stopped the removal of a part; empty after a full removal.
    """
    errors: list[str] = []
    removals: list[Callable[[], None]] = [
        *(partial(_delete_stack, session, waiting, stack) for stack in _STACKS),
        partial(_purge, session, waiting),
        partial(delete_queue, session),
        partial(delete_roles, session),
    ]
    for remove in removals:
        try:
            remove()
        except (BotoCoreError, ClientError, CommandError) as error:
            errors.append(" ".join(str(error).split()))
    return [*_find_left(session, waiting), *errors]


_STACKS = (
    *(stack_names.MONITORING, stack_names.WEBHOOKS, stack_names.GATEWAY),
    stack_names.GOVERNANCE,
    *(stack_names.REPORTING, stack_names.INGESTION),
)
"""The stacks to delete before the data, in this order."""


def _delete_stack(session: boto3.Session, waiting: Waiting, stack: str) -> None:
    if _await_end(session, waiting, stack) in _DELETED:
        return
    session.client("cloudformation").delete_stack(StackName=stack)
    status = waiting.until(
        lambda: _get_status(session, stack),
        lambda status: status in _DELETED or status == _DELETE_FAILED,
    )
    if status not in _DELETED:
        message = f"{stack} is in status {status}"
        raise CommandError(message)


def _purge(session: boto3.Session, waiting: Waiting) -> None:
    _await_end(session, waiting, stack_names.STORAGE)
    try:
        purge(session)
    except NotDeployedError:
        return
    except CommandError as error:
        message = f"the data of {stack_names.STORAGE} stays while another stack is there"
        raise CommandError(message) from error


def _await_end(session: boto3.Session, waiting: Waiting, stack: str) -> str | None:
    """Wait until a stack is no longer being changed, as it is after an interrupted deployment."""
    return waiting.until(
        lambda: _get_status(session, stack),
        lambda status: status in {None, _NOT_BEGUN} or not str(status).endswith(_IN_PROGRESS),
    )


def _get_status(session: boto3.Session, stack: str) -> str | None:
    return Deployment(session.client("cloudformation")).status(stack)


def _find_left(session: boto3.Session, waiting: Waiting) -> list[str]:
    try:
        left = [f"stack {stack}" for stack in list_stacks(session, f"{stack_names.PREFIX}-")]
        if is_logged_by_verification(session):
            left.append("Bedrock's invocation logging configuration, which logs to it")
        # SQS takes up to 60 seconds to delete a queue.
        if not waiting.until(lambda: not has_queue(session)):
            left.append(f"queue {QUEUE_NAME}")
        left += [f"role {name}" for name in list_roles(session)]
    except (BotoCoreError, ClientError) as error:
        return [f"cannot look for what is left: {' '.join(str(error).split())}"]
    return left
