"""Runs a command in an AWS account, and explains errors in one line."""

from __future__ import annotations

import os
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError

from cdk.config.region_names import explain_unknown_region
from cdk.operations.deployment import NotDeployedError
from cdk.operations.terminal import CommandError


def open_session(profile: str | None = None, region: str | None = None) -> boto3.Session:
    """Open a session with the Region of the environment and, if there are some, its credentials.

    Args:
        profile: The profile with the credentials; `None` for those of the environment.
        region: Another Region than the environment's.

    Raises:
        CommandError: The profile is not there.
    """
    # The CDK's command line and other SDKs read AWS_REGION; boto3 does not.
    region = region or os.environ.get("AWS_REGION")
    try:
        return boto3.Session(profile_name=profile, region_name=region)
    except BotoCoreError as error:
        message = f"{error}: correct AWS_PROFILE or ~/.aws/config."
        raise CommandError(message) from None


def in_account(
    command: Callable[[boto3.Session], None],
    profile: str | None = None,
    region: str | None = None,
) -> None:
    """Run a command.

    Args:
        command: Takes the session.
        profile: The profile with the credentials; `None` for those of the environment.
        region: Another Region than the environment's.

    Raises:
        CommandError: There is no Region, no credentials or no deployment, or AWS refuses or
            does not answer.
    """
    session = open_session(profile, region)
    if session.region_name is None:
        message = "no Region is configured: set AWS_REGION or AWS_PROFILE."
        raise CommandError(message)
    if problem := explain_unknown_region(session.region_name):
        message = f"correct AWS_REGION or the profile's Region: {session.region_name} is {problem}"
        raise CommandError(message)
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        message = f"{error}: correct AWS_PROFILE or ~/.aws/config."
        raise CommandError(message) from None
    if credentials is None:
        message = (
            "there are no credentials: run aws configure or aws sso login, or set AWS_PROFILE."
        )
        raise CommandError(message)
    try:
        command(session)
    except NotDeployedError as error:
        raise CommandError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(_explain(error)) from None


def _explain(error: BotoCoreError | ClientError) -> str:
    """Explain in one line; an error without an answer is not a refusal."""
    text = " ".join(str(error).split())
    match error:
        case ClientError():
            return f"AWS refused: {text}"
        case UnreachableError() | HTTPClientError():
            return f"AWS does not answer: {text}"
    return text
