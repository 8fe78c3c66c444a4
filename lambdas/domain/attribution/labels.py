"""What calls are put down to: a project, a department, a use case."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.invocations.remembering import remembered

UNATTRIBUTED = "unattributed"
"""The label of calls of which nobody knows better."""
LONGEST_LABEL = 256
"""Characters; as many as a tag's value has."""

_RESERVED_PREFIX = "__"


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
    """Read text as a label: printable, without blanks at its ends, not too long.

    Names that the meter keeps for itself are none: `unattributed`, and what starts with two
    underscores (`__other__`, say, for all past a bound).
    """
    printable = "".join(letter if letter.isprintable() else "?" for letter in text.strip())
    label = printable[:LONGEST_LABEL].strip()
    is_reserved = label.startswith(_RESERVED_PREFIX) or label.casefold() == UNATTRIBUTED
    return label if label and not is_reserved else None
