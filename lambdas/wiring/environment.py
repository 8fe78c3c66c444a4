"""How functions read their settings."""

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

        In ASCII: CloudFormation deploys all letters, but tells of a template with question marks
        instead, so that nothing ever were as deployed.
        Source: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814
        """
        values = self.model_dump(mode="json", exclude_none=True)
        return {
            name.upper(): value if isinstance(value, str) else _to_json_text(value)
            for name, value in values.items()
        }


def from_json_text(value: object) -> object:
    """What a variable says of a setting that is more than a word: JSON."""
    return from_json(value) if isinstance(value, str) else value


def _to_json_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
