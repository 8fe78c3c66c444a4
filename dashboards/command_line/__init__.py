"""The console script `bedrock-meter`: one command per file of `commands`, see docs/commands.md."""

from __future__ import annotations

import sys
from typing import NoReturn

_EXIT_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command of this process's arguments, and exit without a traceback on Ctrl-C."""
    try:
        from dashboards.command_line.entry_point import main as run  # noqa: PLC0415  # may be interrupted

        run()
    except KeyboardInterrupt:  # while modules were imported
        sys.exit(_EXIT_INTERRUPTED)


__all__ = ["main"]
