"""Sources of subjects of calls beside those of policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.limit_policies.subjects import PolicySubject


class SubjectSource(Protocol):
    """Finds subjects of calls beside those of policies, such as those of budgets."""

    def find(
        self,
        key: ApiKey,
        path: BedrockPath | None,
        at: datetime,
        *,
        is_released: bool,
        invoked_model_id: str | None = None,
    ) -> Sequence[PolicySubject]:
        """Find the subjects of a call.

        Args:
            key: The caller's key.
            path: The operation and the model; `None` for the subjects of all calls of the key.
            at: The time.
            is_released: True if its calls are counted and never refused.
            invoked_model_id: The id or ARN that the caller named, where the path may have another.

        Raises:
            SubjectsUnavailableError: They cannot be found, and were not found before.
            CallNotCountableError: An enforced limit counts by a label that is not known.
        """


class NoSubjects:
    """Finds none."""

    def find(
        self,
        key: ApiKey,  # noqa: ARG002  # the port's
        path: BedrockPath | None,  # noqa: ARG002  # the port's
        at: datetime,  # noqa: ARG002  # the port's
        *,
        is_released: bool,  # noqa: ARG002  # the port's
        invoked_model_id: str | None = None,  # noqa: ARG002  # the port's
    ) -> Sequence[PolicySubject]:
        """Find no subject."""
        return ()
