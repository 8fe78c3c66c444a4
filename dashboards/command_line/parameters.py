"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

# Files are checked where they are opened: the message there says what to do.
PATH = click.Path(path_type=Path, readable=False)

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def logs_argument(*, required: bool = True) -> _Decorator:
    """Take files and folders of invocation logs."""
    return click.argument("logs", nargs=-1, required=required, type=PATH, metavar="LOGS...")


def out_option(text: str, *, required: bool = False) -> _Decorator:
    """Take a file to write to; `text` says what is written."""
    return click.option("--out", required=required, type=PATH, metavar="FILE", help=text)
