"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
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


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    name = "whole number"


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
