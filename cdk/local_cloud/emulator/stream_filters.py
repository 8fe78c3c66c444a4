"""A filter of a table's stream can ask for a field that is absent together with its parent.

MiniStack matches no field of an absent object.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc


def install() -> None:
    """Add it."""
    match_present = lambda_svc._match_esm_filter

    def match(record: dict[str, Any], pattern: Any) -> bool:
        matches: bool = match_present(_with_empty_parents(record, pattern), pattern)
        return matches

    lambda_svc._match_esm_filter = match


def _with_empty_parents(record: Mapping[str, Any], pattern: Any) -> dict[str, Any]:
    """Add an empty object where a pattern asks for fields of an absent one."""
    names = pattern if isinstance(pattern, dict) else {}
    absent: dict[str, Any] = {
        name: {}
        for name, inner in names.items()
        if isinstance(inner, dict) and record.get(name) is None
    }
    return {**record, **absent}
