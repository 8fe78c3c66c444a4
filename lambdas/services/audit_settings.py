"""Finds changes of settings for the audit trail: each hour, with what is deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.audit import (
    AuditedChange,
    AuditedSetting,
    AuditStore,
    InvalidEntryError,
    PersonDirectory,
    describe_setting_change,
    read_entry,
    replace_people,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsAuditor:
    """Compares settings with the chain.

    Attributes:
        store: The chain.
        people: The ids of people, as the chain has them in place of their names.
        settings: The settings as they are deployed.
        append: Appends changes to the chain.
    """

    store: AuditStore
    people: PersonDirectory
    settings: Sequence[AuditedSetting]
    append: Callable[[Iterable[AuditedChange], datetime], int]

    def audit(self, now: datetime) -> int:
        """Append settings that are not as the chain has them; returns the number of entries."""
        found = (self._describe(setting, now) for setting in self.settings)
        return self.append([change for change in found if change is not None], now)

    def _describe(self, setting: AuditedSetting, now: datetime) -> AuditedChange | None:
        last = self.store.read_last(setting.subject)
        known = None
        if last is not None:
            try:
                known = read_entry(last.text).change
            except InvalidEntryError:  # it was tampered with: the verification reports it
                known = None
        state = replace_people(setting.state, self.people.get_or_create_id)
        place = last.place if last else 0
        return describe_setting_change(setting._replace(state=state), known, place, now)
