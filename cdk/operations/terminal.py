"""Output of commands that fits a terminal, and the error that ends a command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console

from lambdas.domain.words import printable

__all__ = [
    "CommandError",
    "IncompleteError",
    "confirm",
    "fold_name",
    "open_console",
    "printable",
    "printable_name",
    "share_width",
    "show_time",
]

_WIDTH_OF_A_FILE = 200
_MAX_NAME_LENGTH = 300
_BEST_BREAKS = "/ "
_OTHER_BREAKS = "@:-_."


class CommandError(Exception):
    """The command cannot be carried out. Its text is one line that says what to do.

    Attributes:
        details: Further lines.
    """

    def __init__(self, text: str, *details: str) -> None:
        """Explain in a line, with further lines for a list."""
        super().__init__(text)
        self.details = details


class DamageError(CommandError):
    """A record that a command verifies was tampered with. It ends with a code of its own."""


class IncompleteError(CommandError):
    """The command has written its result, but its input lacks something or could not be read."""


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


def open_console(width_of_a_file: int = _WIDTH_OF_A_FILE) -> Console:
    """Open a console on standard output, as wide as the terminal.

    Args:
        width_of_a_file: The width where standard output is no terminal, in characters.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(
            errors="replace"
        )  # names may contain characters that the terminal cannot show
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else width_of_a_file, highlight=False, markup=False)


def show_time(moment: datetime | None) -> str:
    """Show a time to the minute, in UTC.

    >>> show_time(None)
    '-'
    """
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def printable_name(text: str) -> str:
    """Make a name printable, and shorten it if it would push others off the screen."""
    is_long = len(text) > _MAX_NAME_LENGTH
    return printable(f"{text[:_MAX_NAME_LENGTH]}..." if is_long else text)


def fold_name(name: str, width: int) -> str:
    """Break a long name into lines between its parts; within a part only if that is too long.

    >>> fold_name("assumed-role/agents/hugo@example.com", 24).splitlines()
    ['assumed-role/agents/', 'hugo@example.com']
    """
    lines = []
    while len(name) > width:
        end = _last_break(name, _BEST_BREAKS, width) or _last_break(name, _OTHER_BREAKS, width)
        lines.append(name[: end or width].rstrip())
        name = name[end or width :]
    return "\n".join([*lines, name])


def _last_break(name: str, marks: str, width: int) -> int:
    """The end of the longest beginning that fits and ends with a mark; 0 without one."""
    return max(name.rfind(mark, 0, width) for mark in marks) + 1


def share_width(wanted: Sequence[int], width: int) -> list[int]:
    """Share a width among columns of names: a narrow column takes what it wants.

    >>> share_width([10, 60, 40], 80)
    [10, 35, 35]
    """
    shares = list(wanted)
    remaining = width
    by_width = sorted(range(len(shares)), key=lambda place: shares[place])
    for done, place in enumerate(by_width):
        shares[place] = max(1, min(shares[place], remaining // (len(shares) - done)))
        remaining -= shares[place]
    return shares
