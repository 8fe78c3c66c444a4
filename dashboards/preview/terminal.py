"""What the preview's commands share of a terminal: output that fits it, and a clean end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console

EXIT_UNUSABLE = 2
_EXIT_INTERRUPTED = 130
_WIDTH_OF_A_FILE = 160


class CommandError(Exception):
    """The command cannot do what it was asked to. Its text is one line that says what to do."""


def open_console() -> Console:
    """Open a console on standard output: as wide as the terminal, or wide enough for tables."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # names may hold what the terminal cannot show
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else _WIDTH_OF_A_FILE, highlight=False, markup=False)


def run_command(name: str, command: Callable[[], None]) -> NoReturn:
    """Run a command and exit: 0 if all went well, 2 with one line if it cannot be done."""
    try:
        command()
    except CommandError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(EXIT_UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(_EXIT_INTERRUPTED)
    sys.exit(0)
