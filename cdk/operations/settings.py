"""Reads the settings that a command works with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cdk.config import CDK_JSON, Config, ConfigurationError, read_config
from cdk.operations.terminal import CommandError


def read_settings(settings: Iterable[str] = (), path: Path = CDK_JSON) -> Config:
    """Read the settings of a deployment.

    Args:
        settings: Settings for one command, as `regions=[...]`.
        path: The file with the others.

    Raises:
        CommandError: A setting cannot be read or used.
    """
    try:
        return read_config(path, dict(setting.partition("=")[::2] for setting in settings))
    except ConfigurationError as error:
        raise CommandError(*error.lines) from None
