"""Files that a command did not read, or not to their end, each with the reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

MAX_EXAMPLES = 5
"""The most files of one reason that are listed by name."""


class SkipReason(StrEnum):
    """A reason why a file was not read, or not to its end."""

    NOT_A_LOG = "not_a_log"
    """Its content is not an invocation log in a known format."""
    EMPTY = "empty"
    BODY = "body"
    """A body that Bedrock keeps beside its logs because it is too large for a record."""
    PERMISSION_CHECK = "permission_check"
    """A file by which AWS checked that it can write here."""
    LINK = "link"
    """A link to a folder, which is not followed, or a link that leads nowhere."""
    NOT_A_FILE = "not_a_file"
    """A pipe, a socket or a device."""
    UNREADABLE = "unreadable"
    """It cannot be opened, or read to its end; what could be read is counted."""

    @property
    def meaning(self) -> str:
        """The reason as people read it."""
        return _MEANINGS[self]


_MEANINGS = {
    SkipReason.NOT_A_LOG: "not an invocation log",
    SkipReason.EMPTY: "empty",
    SkipReason.BODY: "body that Bedrock keeps beside its log",
    SkipReason.PERMISSION_CHECK: "permission check of AWS",
    SkipReason.LINK: "link to a folder or to nowhere",
    SkipReason.NOT_A_FILE: "not a regular file",
    SkipReason.UNREADABLE: "not readable to its end",
}


class SkippedGroup(NamedTuple):
    """The files that were skipped for one reason.

    Attributes:
        reason: The reason.
        files: The number of files.
        examples: The first of them, at most `MAX_EXAMPLES`.
    """

    reason: SkipReason
    files: int
    examples: tuple[str, ...]


class SkippedFiles:
    """Counts skipped files by reason; memory does not grow with their number.

    Attributes:
        problems: The problems of the first unreadable files, at most `MAX_EXAMPLES`.
    """

    def __init__(self) -> None:
        """Start without files."""
        self.problems: list[str] = []
        self._files: Counter[SkipReason] = Counter()
        self._examples: defaultdict[SkipReason, list[str]] = defaultdict(list)

    def add(self, reason: SkipReason, path: Path) -> None:
        """Count a file."""
        self._files[reason] += 1
        if len(self._examples[reason]) < MAX_EXAMPLES:
            self._examples[reason].append(readable_name(path))

    def add_unreadable(self, path: Path, problem: str) -> None:
        """Count a file, or a folder, that cannot be read to its end."""
        self.add(SkipReason.UNREADABLE, path)
        if len(self.problems) < MAX_EXAMPLES:
            self.problems.append(problem)

    def include(self, other: SkippedFiles) -> None:
        """Add the files that were counted elsewhere."""
        self._files.update(other._files)
        for reason, examples in other._examples.items():
            self._examples[reason] = [*self._examples[reason], *examples][:MAX_EXAMPLES]
        self.problems = [*self.problems, *other.problems][:MAX_EXAMPLES]

    def count(self, reason: SkipReason) -> int:
        """The number of files that were skipped for a reason."""
        return self._files[reason]

    def __iter__(self) -> Iterator[SkippedGroup]:
        """The groups, in order of the reasons."""
        for reason in SkipReason:
            if files := self._files[reason]:
                yield SkippedGroup(reason, files, tuple(self._examples[reason]))

    def __str__(self) -> str:
        """The reasons in one line, each with its number of files."""
        return "; ".join(f"{group.reason.meaning}: {group.files:,}" for group in self)


def readable_name(path: Path) -> str:
    """A path as text that can be written as UTF-8, whatever bytes it has."""
    return str(path).encode("utf-8", "replace").decode()
