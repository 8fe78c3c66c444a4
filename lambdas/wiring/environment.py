"""Settings that functions read from their environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Self

from pydantic_core import from_json

from lambdas.wiring.allowed_values import SettingsModel


class EnvironmentSettings(SettingsModel):
    """Settings that are environment variables, named as the fields in capitals."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            pydantic.ValidationError: A variable is missing or its value is not allowed.
        """
        names = {name: name.upper() for name in cls.model_fields}
        return cls.model_validate(
            {field: environ[name] for field, name in names.items() if name in environ}
        )

    def to_environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads back, as short as they can be.

        The text is ASCII. CloudFormation deploys other letters, but returns a template that has
        question marks instead, so that the template never matches the deployed one.
        Source: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814
        """
        values = self.model_dump(mode="json", exclude_none=True)
        return {
            name.upper(): value if isinstance(value, str) else _to_json_text(value)
            for name, value in values.items()
        }

    @classmethod
    def list_variables(cls) -> frozenset[str]:
        """List the names of all variables."""
        return frozenset(name.upper() for name in cls.model_fields)


def from_json_text(value: object) -> object:
    """Read a setting that is more than a word: text is JSON, other values stay as they are.

    Raises:
        ValueError: The text is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return from_json(value)
    except ValueError:
        message = "allowed: JSON, as in cdk.json"
        raise ValueError(message) from None


def _to_json_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
