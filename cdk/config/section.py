"""The base of the sections of the configuration, and the error that names a wrong setting."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings that belong together; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigurationError(Exception):
    """A setting cannot be used. The text names it, its value and what is allowed."""

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return str(self).splitlines()
