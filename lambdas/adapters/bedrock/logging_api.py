"""Bedrock's invocation logging configuration."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ParamValidationError

from lambdas.adapters.refusals import error_code, refusal_as_not_readable
from lambdas.domain.logging_configuration import YOUNG_FLAGS, LoggingConfiguration
from lambdas.domain.logging_configuration.ports import ConfigurationRefusedError

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

_MAX_ATTEMPTS = 8
_FIRST_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 15.0
# IAM takes a while to know a new role everywhere, and Bedrock tries it when it is named.
_NOT_YET = "validate permissions"


class BedrockLoggingApi:
    """Reads and writes the configuration of one account and Region."""

    def __init__(self, client: BedrockClient, pause: Callable[[float], None] = time.sleep) -> None:
        """Use a Bedrock client; `pause` waits some seconds for IAM."""
        self._client = client
        self._pause = pause

    def get(self) -> LoggingConfiguration | None:
        """Return the configuration; `None` where logging is off."""
        with refusal_as_not_readable():
            response = self._client.get_model_invocation_logging_configuration()
        configuration: LoggingConfiguration = dict(response.get("loggingConfig") or {})
        return configuration or None

    def put(self, configuration: LoggingConfiguration) -> None:
        """Configure, waiting until the role can be used.

        Raises:
            ConfigurationRefusedError: Bedrock does not take it.
            ClientError: Bedrock is busy or down, after the tries of boto3 itself.
        """
        flags = [flag for flag in YOUNG_FLAGS if flag in configuration]
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_MAX_ATTEMPTS):
            try:
                self._put(configuration)
            except (ClientError, ParamValidationError) as error:
                if isinstance(error, ClientError) and not _is_refusal(error):
                    raise
                refusal = str(error)
            else:
                return
            unknown = [flag for flag in flags if flag in configuration and flag in refusal]
            if unknown:
                configuration = {
                    name: value for name, value in configuration.items() if name not in unknown
                }
            elif _NOT_YET in refusal:
                self._pause(pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            else:
                break
        raise ConfigurationRefusedError(refusal)

    def remove(self) -> None:
        """Switch logging off."""
        self._client.delete_model_invocation_logging_configuration()

    def _put(self, configuration: LoggingConfiguration) -> None:
        self._client.put_model_invocation_logging_configuration(
            loggingConfig=configuration  # type: ignore[arg-type]  # as Bedrock gave it, or ours
        )


def _is_refusal(error: ClientError) -> bool:
    """True if trying again does not help."""
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_PutModelInvocationLoggingConfiguration.html
    return error_code(error) in {"AccessDeniedException", "ValidationException"}
