"""Commands of `bedrock-meter` in the local cloud, as people run them."""

from __future__ import annotations

import subprocess

from cdk.local_cloud.cloud import LocalCloud
from cdk.operations.terminal import CommandError


def run_command(cloud: LocalCloud, *arguments: str, typed: str = "") -> str:
    """Run a command of `bedrock-meter`; returns what it prints.

    Args:
        cloud: The local cloud.
        arguments: The words of the command.
        typed: Its standard input.

    Raises:
        CommandError: It failed.
    """
    command = ("bedrock-meter", *arguments)
    process = subprocess.run(  # noqa: S603  # a command of our own
        command,
        env=dict(cloud.environment),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        message = f"{' '.join(command)} failed: {process.stderr.strip()}"
        raise CommandError(message)
    return process.stdout
