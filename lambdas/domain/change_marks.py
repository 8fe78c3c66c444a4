"""Marks of changes: the actor that made a change, and an id that no earlier change has."""

from __future__ import annotations

from typing import NamedTuple

BUDGET_BUILDER = "meter:budget_builder"
PRICE_UPDATER = "meter:price_updater"
DEPLOYMENT = "meter:deployment"
BRAKE_CONTROLLER = "meter:brake_controller"
CREDIT_BOOKER = "meter:credit_booker"
BRAKE_WATCHDOG = "meter:brake_watchdog"
ERASURE = "meter:erase_identity"
"""Actors that are parts of the meter. People are `person-` and a random id."""


class ChangeMark(NamedTuple):
    """A mark that a change leaves in what it writes.

    A write that does not come from the meter leaves the mark of the change before it, so the same
    mark twice shows that the actor of the second change is unknown.

    Attributes:
        changed_by: The actor, as the writer says.
        change_id: A random id of the change.
    """

    changed_by: str
    change_id: str
