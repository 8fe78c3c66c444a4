"""People in the audit trail: ids in place of names, so that a name can be erased."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lambdas.domain.audit.entry import Json
from lambdas.domain.budgets.governance_table import CHANGE_ID, CHANGED_BY

PERSON_PREFIX = "person-"
PERSON_ID = r"person-[0-9a-f]{16}"
"""A pattern of the ids of people, which are random: a hash of a name could be guessed."""
_ACTOR = re.compile(rf"{PERSON_ID}|meter:[a-z_]{{1,40}}", re.ASCII)
_WORD = re.compile(r"\S+")
_PERSON = re.compile(r"(?:^|[:*])(?:user|federated-user|assumed-role/[^/]*)/")
"""The part of an ARN, or of a pattern of ARNs, after which a path and a person's name follow."""
_ARN = "arn:"
_MAX_LETTERS = 1_000  # a key of DynamoDB has 1,024 bytes; the name is at the end


class PersonDirectory(Protocol):
    """Stores the name of each person once, in an item that can be deleted."""

    def get_or_create_id(self, arn: str) -> str:
        """Return the id of a person, and make a random one for a new person."""

    def read_names(self) -> dict[str, str]:
        """Read the names (ARNs) of all people, by their ids."""

    def delete(self, arn: str) -> bool:
        """Delete the name of a person for good; `False` if it is not stored."""


def read_actor(claimed: object) -> str | None:
    """Read the actor that a change claims; `None` if it is neither a person nor the meter."""
    return claimed if isinstance(claimed, str) and _ACTOR.fullmatch(claimed) else None


def read_marked_actor(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str | None:
    """Read the actor of a change of an item; `None` if the change has no mark of its own."""
    is_marked = CHANGE_ID in after and (before or {}).get(CHANGE_ID) != after[CHANGE_ID]
    return read_actor(after.get(CHANGED_BY)) if is_marked else None


def replace_people(document: Json, get_id: Callable[[str], str]) -> Json:
    """Replace the ARNs of people in a document, in keys too, by their ids.

    Patterns of ARNs that have a part of a name are replaced too. An ARN ends with its word, since
    its path may have any letter. Roles stay: they name no person. A name that is not part of an ARN
    is not recognized.
    """

    def replace_word(word: re.Match[str]) -> str:
        text = word[0]
        found = _PERSON.search(text)
        if found is None or not re.search(r"\w", text[found.end() :]):
            return text
        begin = max(text.rfind(_ARN, 0, found.end()), 0)
        arn = text[begin:].encode("ascii", "backslashreplace").decode()
        return text[:begin] + get_id(arn[-_MAX_LETTERS:])

    def replace(text: str) -> str:
        return _WORD.sub(replace_word, text)

    def walk(part: Any) -> Any:  # noqa: ANN401  # JSON
        match part:
            case str():
                return replace(part)
            case list():
                return [walk(each) for each in part]
            case dict():
                return {replace(key): walk(value) for key, value in part.items()}
            case _:
                return part

    return walk(document)
