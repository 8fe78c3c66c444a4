"""Sources of the scopes without credits that cover a call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath


class MissingCredits(NamedTuple):
    """The scopes without credits that cover a call.

    Attributes:
        scopes: Their names, as callers see them.
        is_enforced: True if the call is refused.
    """

    scopes: Sequence[str] = ()
    is_enforced: bool = False


class CreditSource(Protocol):
    """Finds the scopes without credits that cover calls."""

    def find(
        self, key: ApiKey, path: BedrockPath, at: datetime, *, invoked_model_id: str | None = None
    ) -> MissingCredits:
        """Find those of a call.

        Args:
            key: The caller's key.
            path: The operation and the model.
            at: The time.
            invoked_model_id: The id or ARN that the caller named, where the path may have another.

        Raises:
            SubjectsUnavailableError: They cannot be read, and were not read before.
        """


class NoCredits:
    """Finds none."""

    def find(
        self,
        key: ApiKey,  # noqa: ARG002  # the port's
        path: BedrockPath,  # noqa: ARG002  # the port's
        at: datetime,  # noqa: ARG002  # the port's
        *,
        invoked_model_id: str | None = None,  # noqa: ARG002  # the port's
    ) -> MissingCredits:
        """Find no scope."""
        return MissingCredits()
