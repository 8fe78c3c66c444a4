"""The error that names a wrong setting."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A setting cannot be used. The text names it, its value and the allowed values."""

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return str(self).splitlines()
