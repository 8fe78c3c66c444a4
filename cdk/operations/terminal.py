"""What commands share of a terminal: output that fits it, and a clean end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console

EXIT_UNUSABLE = 2
_EXIT_INTERRUPTED = 130
_WIDTH_OF_A_FILE = 200
_MAX_NAME_LENGTH = 300
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


class CommandError(Exception):
    """The command cannot do what it was asked to. Its text is one line that says what to do.

    Attributes:
        details: Further lines.
    """

    def __init__(self, text: str, *details: str) -> None:
        """Explain with a line, and further ones where there is a list."""
        super().__init__(text)
        self.details = details


def open_console() -> Console:
    """Open a console on standard output: as wide as the terminal, or wide enough for tables."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # names may hold what the terminal cannot show
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else _WIDTH_OF_A_FILE, highlight=False, markup=False)


def printable(text: str) -> str:
    """Text that cannot steer a terminal: names in logs are the callers' own choice."""
    return "".join(letter if letter.isprintable() else _UNPRINTABLE for letter in text)


def printable_name(text: str) -> str:
    """A name as `printable`, cut where it would push others off the screen."""
    is_long = len(text) > _MAX_NAME_LENGTH
    return printable(f"{text[:_MAX_NAME_LENGTH]}..." if is_long else text)


def run_command(name: str, command: Callable[[], None]) -> NoReturn:
    """Run a command and exit: 0 if all went well, 2 with the reason if it cannot be done."""
    try:
        command()
    except CommandError as error:
        _complain(f"{name}: {error}", *error.details)
    except OSError as error:  # standard output is full or gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain(f"{name}: cannot write: {error.strerror}.")
    except KeyboardInterrupt:
        sys.exit(_EXIT_INTERRUPTED)
    sys.exit(0)


def _complain(*lines: str) -> NoReturn:
    for line in lines:
        print(printable(line), file=sys.stderr)
    sys.exit(EXIT_UNUSABLE)
