"""Runs a command in an AWS account, and says in one line why it could not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.operations.deployment import NotDeployedError
from cdk.operations.terminal import CommandError, run_command


def run_in_account(name: str, command: Callable[[boto3.Session], None]) -> NoReturn:
    """Run a command with the credentials and the Region of the environment."""
    run_command(name, lambda: in_account(command))


def in_account(command: Callable[[boto3.Session], None]) -> None:
    """Run a command.

    Raises:
        CommandError: There is no Region, nothing deployed, or AWS refused.
    """
    session = boto3.Session()
    if session.region_name is None:
        message = "no Region is configured: set AWS_REGION or AWS_PROFILE."
        raise CommandError(message)
    try:
        command(session)
    except NotDeployedError as error:
        raise CommandError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        message = f"AWS refused: {' '.join(str(error).split())}"
        raise CommandError(message) from None
