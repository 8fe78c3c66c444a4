"""Bugs in how usage is booked on credits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lambdas.domain.counters.table import CHANGED_HOURS
from lambdas.domain.credits import BookedCell, ChangedHour, CreditEntry, GrantBalance
from lambdas.domain.governance_keys import PARTITION_KEY, SORT_KEY
from tests.simulation.planted.clients import ChangedClient
from tests.simulation.planted.plant import Plant

_BOOKER, _COUNTER = "credit_booker", "usage_counter"


class _WritesAnyway(ChangedClient):
    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> Any:  # noqa: N803
        return self.client.transact_write_items(
            TransactItems=[_put_anyway(action) for action in TransactItems]
        )


class ChecksNoVersions(Plant):
    """Two runs at the same time book the same usage."""

    def change_client(self, function: str, client: Any) -> Any:
        return _WritesAnyway(client) if function == _BOOKER else client


class _NotesOnce(ChangedClient):
    """Leaves out the notes of hours that it has noted before."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._noted: list[Any] = []

    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> Any:  # noqa: N803
        hours = [action["Put"]["Item"][SORT_KEY] for action in TransactItems if _is_note(action)]
        actions = [
            action
            for action in TransactItems
            if not _is_note(action) or action["Put"]["Item"][SORT_KEY] not in self._noted
        ]
        answer = self.client.transact_write_items(TransactItems=actions)
        self._noted += hours
        return answer


class NotesEachHourOnce(Plant):
    """A counter notes an hour for its first change alone."""

    def change_client(self, function: str, client: Any) -> Any:
        return _NotesOnce(client) if function == _COUNTER else client


class _RemovesFirst:
    """Removes notes when they are listed."""

    def __init__(self, hours: Any) -> None:
        self._hours = hours

    def list_changed(self) -> Sequence[ChangedHour]:
        found: Sequence[ChangedHour] = self._hours.list_changed()
        for note in found:
            self._hours.remove(note)
        return found

    def remove(self, _changed: ChangedHour) -> None:
        pass


class RemovesNotesFirst(Plant):
    """A run ends after its notes are gone, and before it has booked their hours."""

    def change_service(self, function: str, service: Any) -> Any:
        return (
            replace(service, hours=_RemovesFirst(service.hours)) if function == _BOOKER else service
        )


class _WritesEntriesAlone:
    """Writes an entry before the grants and cells that it changes."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(
        self,
        entry: CreditEntry,
        grants: Sequence[GrantBalance],
        cells: Sequence[BookedCell] = (),
    ) -> None:
        self._store.commit(entry, ())
        self._store.commit(replace(entry, id=f"{entry.id}-items", postings=()), grants, cells)


class WritesInTwoSteps(Plant):
    """A run ends between an entry and what it changes."""

    def change_service(self, function: str, service: Any) -> Any:
        return (
            replace(service, store=_WritesEntriesAlone(service.store))
            if function == _BOOKER
            else service
        )


def _put_anyway(action: Mapping[str, Any]) -> Mapping[str, Any]:
    if "Put" not in action:
        return action
    put = action["Put"]
    return {"Put": {"TableName": put["TableName"], "Item": put["Item"]}}


def _is_note(action: Mapping[str, Any]) -> bool:
    item = action.get("Put", {}).get("Item", {})
    is_note: bool = item.get(PARTITION_KEY) == {"S": CHANGED_HOURS}
    return is_note
