"""The labels that calls are attributed to: a project, a department, a use case."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from lambdas.domain.invocations.memoize import memoize

UNATTRIBUTED = "unattributed"
"""The label of calls that no source attributes."""
MAX_LABEL_LENGTH = 256
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
# Greek, Cyrillic, Armenian, Cherokee, Coptic and Lisu, and the phonetic extensions of Latin.
_LOOKALIKE = re.compile(
    r"[\u0250-\u02af\u0370-\u058f\u13a0-\u13ff\u1c80-\u1c8f\u1d00-\u1dbf\u1f00-\u1fff"
    r"\u2c80-\u2cff\ua4d0-\ua4ff\ua640-\ua69f\uab70-\uabbf]"
)
_TWINS = frozenset(
    {
        *"\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04af\u04bb\u04cf\u0501\u051b\u051d",
        *"\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u04ae\u04c0",
        *"\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c5\u03f2\u03f3\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c",
        *"\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03f9\u037f",
        *map(chr, (*range(0x13A0, 0x13F6), *range(0xA4D0, 0xA4F8))),
    }
)
"""Letters of other scripts that look like Latin ones: Cyrillic, Greek, Cherokee, Lisu.

Source: https://www.unicode.org/Public/security/latest/confusables.txt
"""
_NOT_LATIN = " (not Latin)"


class Labels(NamedTuple):
    """The labels that one source has for a call; `None` where it has none.

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
        """True when no other source needs to be asked."""
        return None not in self

    def filled_from(self, other: Labels) -> Labels:
        """Keep every label that is here, and take from `other` those that are not."""
        return Labels(
            other.project if self.project is None else self.project,
            other.department if self.department is None else self.department,
            other.use_case if self.use_case is None else self.use_case,
        )


NO_LABELS = Labels()


@memoize
def read_label(text: str) -> str | None:
    """Read text as a label: visible, without blanks at its ends, not too long.

    Compatible letters become one (NFKC), and a letter that cannot be seen, or that looks like a
    Latin one in a Latin word, becomes a question mark. A label whose letters of other scripts all
    look like Latin ones says so at its end. So no label looks like another one.

    Names that the meter reserves are not labels: `unattributed`, and names that start with two
    underscores (such as `__other__`, the overflow bucket).
    """
    normal = unicodedata.normalize("NFKC", text.strip()[:MAX_LABEL_LENGTH]).strip()
    visible = "".join("?" if _is_invisible(letter) else letter for letter in normal)
    label = _WORD.sub(_mark_lookalikes, visible)[:MAX_LABEL_LENGTH].strip()
    is_reserved = label.startswith(_RESERVED_PREFIX) or label.casefold() == UNATTRIBUTED
    return _mark_twin(label) if label.strip("? ") and not is_reserved else None


def _is_invisible(letter: str) -> bool:
    """Say if a letter shows nothing, by Unicode's property Default_Ignorable_Code_Point.

    Source: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
    """
    return not letter.isprintable() or letter in _INVISIBLE


def _mark_lookalikes(word: re.Match[str]) -> str:
    """Mark Cyrillic and Greek letters in a word that has Latin ones."""
    has_latin = _LATIN.search(word[0]) is not None
    return _LOOKALIKE.sub("?", word[0]) if has_latin else word[0]


def _mark_twin(label: str) -> str:
    """Mark a label that has the look of a Latin one."""
    letters = set(_LOOKALIKE.findall(label))
    if not letters or letters - _TWINS or label.endswith(_NOT_LATIN):
        return label
    return label[: MAX_LABEL_LENGTH - len(_NOT_LATIN)].rstrip() + _NOT_LATIN
