"""Reads `limits.json`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.limit_policies import PolicySet
from lambdas.wiring.declared_files import InvalidFileError, read_file
from lambdas.wiring.declared_files import write_schema as write_file_schema
from lambdas.wiring.limit_policy_settings import PoliciesFile

_FORM = "allowed: an object with policies, tiers and break_glass; docs/gateway.md has an example"

MAX_STORED_BYTES = 190_000
"""One item has all policies, and one event of the audit trail has them before and after a change.

An item has 400 kB at most:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


class DeclaredPolicies(NamedTuple):
    """The policies of a file.

    Attributes:
        policies: The policies.
        text: The same as JSON without spaces and defaults, as it is stored.
    """

    policies: PolicySet
    text: str


def read_policies(text: str) -> DeclaredPolicies:
    """Read the text of a file.

    Raises:
        InvalidFileError: The file has faults.
    """
    declared = read_file(text, PoliciesFile, _FORM)
    content = declared.model_dump(exclude_defaults=True, exclude={"schema_"})
    stored = json.dumps(content, default=_write_number)
    if len(stored) > MAX_STORED_BYTES:  # which is ASCII
        message = (
            f"the file: {len(stored):,} bytes without spaces; allowed: up to {MAX_STORED_BYTES:,},"
            " so use patterns in place of many names"
        )
        raise InvalidFileError(message)
    return DeclaredPolicies(declared.to_domain(), stored)


def write_schema() -> str:
    """Write the JSON Schema of the file."""
    return write_file_schema(PoliciesFile)


def _write_number(value: object) -> object:
    """Write an amount: a whole number as such, any other as text with all its digits."""
    if not isinstance(value, Decimal):
        raise TypeError(value)
    return int(value) if value == int(value) else format(value, "f")
