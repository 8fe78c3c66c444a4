"""Types of values in files that people write. Each refusal says what to write instead."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Annotated, TypeAlias, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from lambdas.wiring.allowed_values import allowed, like

_T = TypeVar("_T")
MAX_NAMES = 20
MAX_NAME_LENGTH = 1_024
"""The letters of a name in a condition: more than ARNs have."""
_NAMES_FORM = f"a name or a list of up to {MAX_NAMES} different ones; leave the field out for all"
_NOT_ZONES = frozenset({"localtime", "posixrules", "Factory"})


@cache
def _list_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_ZONES


def _to_list(value: object) -> object:
    if not isinstance(value, (str, list, tuple)):
        message = f"allowed: {_NAMES_FORM}"
        raise ValueError(message)  # noqa: TRY004  # pydantic reports this one alone
    return [value] if isinstance(value, str) else value


def are_different(values: tuple[_T, ...]) -> bool:
    """Say if no value is given twice."""
    return len(set(values)) == len(values)


def _check_zone(name: str) -> str:
    zones = _list_zones()
    if name not in zones:
        near = difflib.get_close_matches(name, zones, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        message = f"allowed: the IANA name of a time zone, such as Europe/Berlin{hint}"
        raise ValueError(message)
    return name


EntryName: TypeAlias = Annotated[
    str,
    like(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        "1 to 64 letters, digits, periods, underscores and hyphens, with a letter or digit first",
    ),
    Field(json_schema_extra={"pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
]
Names: TypeAlias = Annotated[
    tuple[_T, ...],
    BeforeValidator(_to_list),
    allowed(
        _NAMES_FORM,
        lambda names: 0 < len(names) <= MAX_NAMES and are_different(names),
    ),
    allowed(
        f"names of up to {MAX_NAME_LENGTH:,} letters",
        lambda names: all(len(name) <= MAX_NAME_LENGTH for name in names),
    ),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": MAX_NAME_LENGTH},
                {
                    "type": "array",
                    "items": {"type": "string", "maxLength": MAX_NAME_LENGTH},
                    "minItems": 1,
                    "maxItems": MAX_NAMES,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_check_zone)]
