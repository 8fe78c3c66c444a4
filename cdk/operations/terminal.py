"""Output of commands that fits a terminal, and the error that ends a command."""

from __future__ import annotations

import sys
from contextlib import suppress

from rich.console import Console

from lambdas.domain.words import printable

__all__ = ["CommandError", "confirm", "open_console", "printable", "printable_name"]

_WIDTH_OF_A_FILE = 200
_MAX_NAME_LENGTH = 300


class CommandError(Exception):
    """The command cannot be carried out. Its text is one line that says what to do.

    Attributes:
        details: Further lines.
    """

    def __init__(self, text: str, *details: str) -> None:
        """Explain in a line, with further lines for a list."""
        super().__init__(text)
        self.details = details


def confirm(word: str, *, otherwise: str) -> None:
    """Ask for a typed word.

    Raises:
        CommandError: Another answer, or none; its text is `otherwise`.
    """
    answer = ""
    with suppress(EOFError):
        answer = input(f"Type '{word}' to continue: ")
    if answer.strip() != word:
        raise CommandError(otherwise)


def open_console() -> Console:
    """Open a console on standard output: as wide as the terminal, or wide enough for tables."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(
            errors="replace"
        )  # names may contain characters that the terminal cannot show
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else _WIDTH_OF_A_FILE, highlight=False, markup=False)


def printable_name(text: str) -> str:
    """Make a name printable, and shorten it if it would push others off the screen."""
    is_long = len(text) > _MAX_NAME_LENGTH
    return printable(f"{text[:_MAX_NAME_LENGTH]}..." if is_long else text)
