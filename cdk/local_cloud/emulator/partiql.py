"""PartiQL statements are authorized one by one, and inserted items are in the table's stream.

MiniStack checks an action `dynamodb:BatchExecuteStatement`, which AWS does not have, and writes no
stream records for items that statements insert.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb

_BATCH = "dynamodb:BatchExecuteStatement"


def install() -> None:
    """Add it."""
    insert = dynamodb._partiql_insert
    checks = iam_actions.dynamodb_transaction_checks

    def insert_with_stream(table: dict[str, Any], parsed: dict[str, Any]) -> Any:
        answer = insert(table, parsed)
        if answer[0] == 200:  # noqa: PLR2004  # HTTP
            dynamodb._emit_stream_event(parsed["table"], "INSERT", None, parsed["item"])
        return answer

    def checks_with_statements(
        action: str, body: bytes, region: str, account_id: str
    ) -> list[tuple[str, str]]:
        if action != _BATCH:
            found: list[tuple[str, str]] = checks(action, body, region, account_id)
            return found
        return [
            (
                f"dynamodb:PartiQL{parsed['op'].capitalize()}",
                f"arn:aws:dynamodb:{region}:{account_id}:table/{parsed['table']}",
            )
            for parsed in _parse_statements(json.loads(body))
        ]

    dynamodb._partiql_insert = insert_with_stream
    iam_actions.dynamodb_transaction_checks = checks_with_statements


def _parse_statements(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Parse the statements of a request; those that cannot be parsed are refused later."""
    for statement in request.get("Statements", ()):
        try:
            yield dynamodb._parse_partiql(statement["Statement"], statement.get("Parameters", []))
        except ValueError:
            continue
