"""People in the audit trail: ids in place of names, so that a name can be erased."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from lambdas.domain.audit.entry import Json

PERSON_PREFIX = "person-"
PERSON_ID = r"person-[0-9a-f]{16}"
"""A pattern of the ids of people, which are random: a hash of a name could be guessed."""
_ACTOR = re.compile(rf"{PERSON_ID}|meter:[a-z_]{{1,40}}", re.ASCII)
_NAME = r"[\w+=,.@-]{1,64}"
_PERSON = re.compile(
    r"arn:aws[a-z-]*:"
    rf"(?:iam::\d{{12}}:user(?:/{_NAME}){{1,8}}"
    rf"|sts::\d{{12}}:assumed-role/{_NAME}/{_NAME}"
    rf"|sts::\d{{12}}:federated-user/{_NAME})",
    re.ASCII,
)


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


def replace_people(document: Json, get_id: Callable[[str], str]) -> Json:
    """Replace the ARNs of people in a document, in keys too, by their ids.

    Roles stay: they name no person. A name that is not part of an ARN is not recognized.
    """

    def replace(text: str) -> str:
        return _PERSON.sub(lambda found: get_id(found[0]), text)

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
