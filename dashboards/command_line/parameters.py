"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class NamedPath(click.Path):
    """A path that is not empty: an empty one would mean the current folder."""

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401  # likewise
        """Read a path."""
        if not value:
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


_MAX_SHOWN = 40
_MAX_DIGITS = 18


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    name = "whole number"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401  # likewise
        """Read a number."""
        shown = str(value)[:_MAX_SHOWN]
        try:
            number = int(value)
        except ValueError:
            meant = _read_whole(shown)
            hint = "" if meant is None else f" Write {meant}."
            self.fail(f"{shown!r} is not a whole number {self._range}.{hint}", param, ctx)
        if (self.min is not None and number < self.min) or (
            self.max is not None and number > self.max
        ):
            self.fail(f"{shown} is not a whole number {self._range}.", param, ctx)
        return number

    @property
    def _range(self) -> str:
        if self.max is None:
            return f"of {self.min} or more"
        return f"from {self.min} to {self.max}"


def _read_whole(text: str) -> int | None:
    """Read a whole number that is spelled otherwise, as 1e6 or 1,000."""
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    is_whole = number.is_finite() and number.adjusted() < _MAX_DIGITS and number % 1 == 0
    return int(number) if is_whole else None


class IsoTime(click.ParamType[datetime]):
    """A time in ISO 8601, returned in UTC; without a zone it is UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time."""
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time in ISO 8601, as 2026-01-31T08:00.", param, ctx)
        try:
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        except OverflowError:
            self.fail(f"{value!r} has no time in UTC, whose years are 1 to 9999.", param, ctx)


class Day(click.ParamType[datetime]):
    """A day in UTC, as its start."""

    name = "day"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a day."""
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-01-31.", param, ctx)


# Files are checked where they are opened: the message there says what to do.
PATH = NamedPath(path_type=Path, readable=False)


def logs_argument(*, required: bool = True) -> _Decorator:
    """Add an argument for files and folders of invocation logs."""
    metavar = "LOGS..." if required else "[LOGS]..."
    return click.argument("logs", nargs=-1, required=required, type=PATH, metavar=metavar)


def out_option(text: str, *, required: bool = False) -> _Decorator:
    """Add an option for a file to write; `text` is its help."""
    return click.option("--out", required=required, type=PATH, metavar="FILE", help=text)


context_option: _Decorator = click.option(
    "-c", "--context", multiple=True, metavar="NAME=VALUE", help="A setting for this command."
)
"""Adds an option for settings that replace those of cdk.json, as the CDK's own command line has."""
