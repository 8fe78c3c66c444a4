"""The console script `bedrock-meter`: one command per file of `commands`, see docs/commands.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit, without a traceback on Ctrl-C.

    Args:
        arguments: The command's name and its arguments; `None` for those of this process.
    """
    try:
        from dashboards.command_line.entry_point import main as run  # noqa: PLC0415  # may be interrupted

        run(arguments)
    except KeyboardInterrupt:  # while modules were imported
        sys.exit(_EXIT_INTERRUPTED)


__all__ = ["main"]
