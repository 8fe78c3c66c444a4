"""Accepts requests for the logging configuration only while CloudFormation changes the stack."""

from __future__ import annotations

_IN_PROGRESS = "_IN_PROGRESS"
_CREATING_OR_UPDATING = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
_ENDING = {"DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}
_ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"
DELETE = "Delete"


class NotDeployingError(Exception):
    """CloudFormation cannot have sent a request: its stack is not being changed that way."""


def check_request(request_type: str, stack_status: str) -> None:
    """Check that CloudFormation can have sent a request.

    Anyone with `lambda:InvokeFunction` can send the same event. Resources are deleted while a stack
    is deleted, rolled back or cleaned up, and never while it is created or updated.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html

    Raises:
        NotDeployingError: It cannot.
    """
    impossible = _CREATING_OR_UPDATING if request_type == DELETE else _ENDING
    if not stack_status.endswith(_IN_PROGRESS) or stack_status in impossible:
        message = (
            f"The request {request_type} was refused: the stack is in status {stack_status}, in"
            " which CloudFormation does not send it. Deploy or destroy with make deploy or make"
            " destroy."
        )
        raise NotDeployingError(message)


def is_rollback(stack_status: str) -> bool:
    """Return whether the stack goes back to what it was before a failed update."""
    return stack_status == _ROLLING_BACK
