"""Marks of changes in items, by which the audit trail knows their actors."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from lambdas.domain.budgets.governance_table import CHANGE_ID, CHANGED_BY
from lambdas.domain.change_marks import ChangeMark

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.items import Item

_CHANGE_ID_BYTES = 8


def make_mark(changed_by: str) -> ChangeMark:
    """Make the mark of a change."""
    return ChangeMark(changed_by, secrets.token_hex(_CHANGE_ID_BYTES))


def write_mark(mark: ChangeMark) -> Item:
    """Write a mark as attributes of an item."""
    return {CHANGED_BY: {"S": mark.changed_by}, CHANGE_ID: {"S": mark.change_id}}
