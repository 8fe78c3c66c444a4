"""What calls are put down to: a project, a department, a use case."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from lambdas.domain.invocations.remembering import remembered

UNATTRIBUTED = "unattributed"
"""The label of calls of which nobody knows better."""
LONGEST_LABEL = 256
"""Characters; as many as a tag's value has."""

_RESERVED_PREFIX = "__"
_INVISIBLE = frozenset(
    {
        *"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0",
        *map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))),
    }
)
"""Printable by their category; the Braille blank is not ignorable but empty."""
_WORD = re.compile(r"\w+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_LOOKALIKE = re.compile(r"[\u0370-\u052f\u1f00-\u1fff]")


class Labels(NamedTuple):
    """What one source knows of a call; `None` where it does not.

    Attributes:
        project: The project, which metrics are published for.
        department: The department.
        use_case: The use case.
    """

    project: str | None = None
    department: str | None = None
    use_case: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no other source need be asked."""
        return None not in self

    def filled_from(self, other: Labels) -> Labels:
        """Keep every label that is here, and take from `other` those that are not."""
        return Labels(
            other.project if self.project is None else self.project,
            other.department if self.department is None else self.department,
            other.use_case if self.use_case is None else self.use_case,
        )


NO_LABELS = Labels()


@remembered
def read_label(text: str) -> str | None:
    """Read text as a label: visible, without blanks at its ends, not too long.

    Compatible letters become one (NFKC), and a letter that cannot be seen, or that looks like a
    Latin one in a Latin word, becomes a question mark: no label looks like another one.

    Names that the meter keeps for itself are none: `unattributed`, and what starts with two
    underscores (`__other__`, say, for all past a bound).
    """
    normal = unicodedata.normalize("NFKC", text.strip()[:LONGEST_LABEL]).strip()
    visible = "".join("?" if _is_invisible(letter) else letter for letter in normal)
    label = _WORD.sub(_mark_lookalikes, visible)[:LONGEST_LABEL].strip()
    is_reserved = label.startswith(_RESERVED_PREFIX) or label.casefold() == UNATTRIBUTED
    return label if label.strip("? ") and not is_reserved else None


def _is_invisible(letter: str) -> bool:
    """Say if a letter shows nothing, by Unicode's property Default_Ignorable_Code_Point.

    Source: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
    """
    return not letter.isprintable() or letter in _INVISIBLE


def _mark_lookalikes(word: re.Match[str]) -> str:
    """Mark Cyrillic and Greek letters in a word that has Latin ones."""
    has_latin = _LATIN.search(word[0]) is not None
    return _LOOKALIKE.sub("?", word[0]) if has_latin else word[0]
