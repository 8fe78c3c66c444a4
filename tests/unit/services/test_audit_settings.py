"""Changes of settings are found by a comparison with the last entries about them."""

from __future__ import annotations

from typing import Any

from lambdas.domain.audit import (
    BRAKE_SETTINGS,
    CONTRACTED_PRICES,
    AuditAction,
    AuditedChange,
    AuditedSetting,
    read_entry,
)
from lambdas.services.append_audit import AuditWriter
from lambdas.services.audit_settings import SettingsAuditor
from tests.audit import InMemoryAuditStore, InMemoryPersonDirectory
from tests.builders import NOON

TERMS = [{"model": "anthropic.*", "discount_percent": "7.5"}]
OFF = {"brake": False, "brake_exempt": []}
USER = "arn:aws:iam::111122223333:user/ben"
ON = {"brake": True, "brake_exempt": [USER, "arn:aws:iam::111122223333:role/BreakGlass*"]}


class Audited:
    """A chain, and the settings that it is compared with."""

    def __init__(self, terms: Any = (), brake: Any = OFF) -> None:
        self.store, self.people = InMemoryAuditStore(), InMemoryPersonDirectory()
        self.terms, self.brake = [*terms], brake

    def audit(self) -> int:
        auditor = SettingsAuditor(
            store=self.store,
            people=self.people,
            settings=[
                AuditedSetting(
                    CONTRACTED_PRICES, AuditAction.CHANGE_CONTRACTED_PRICES, [], self.terms
                ),
                AuditedSetting(BRAKE_SETTINGS, AuditAction.CHANGE_BRAKE_SETTINGS, OFF, self.brake),
            ],
            append=AuditWriter(self.store, self.people).append,
        )
        return auditor.audit(NOON)

    @property
    def changes(self) -> list[AuditedChange]:
        return [read_entry(entry.text).change for entry in self.store.entries]


def test_contracted_prices_make_an_entry_when_a_deployment_changes_them() -> None:
    audited = Audited(TERMS)
    assert (audited.audit(), audited.audit()) == (1, 0)
    audited.terms = []
    assert (audited.audit(), audited.audit()) == (1, 0)
    audited.terms = TERMS
    assert audited.audit() == 1
    assert [change.after for change in audited.changes] == [TERMS, [], TERMS]


def test_settings_of_the_brake_make_an_entry_without_the_names_of_people() -> None:
    audited = Audited(brake=ON)
    assert (audited.audit(), audited.audit()) == (1, 0)
    (change,) = audited.changes
    assert (change.action.value, change.subject) == ("brake_settings.change", "brake_settings")
    assert (change.changed_by, change.before) == ("meter:deployment", OFF)
    exempt = [audited.people.ids[USER], ON["brake_exempt"][1]]  # type: ignore[index]
    assert change.after == {"brake": True, "brake_exempt": exempt}
    audited.brake = OFF
    assert (audited.audit(), audited.audit()) == (1, 0)
    assert audited.changes[-1].before == change.after


def test_each_changed_setting_makes_an_entry() -> None:
    audited = Audited(TERMS, ON)
    assert (audited.audit(), audited.audit()) == (2, 0)
    assert {change.subject for change in audited.changes} == {CONTRACTED_PRICES, BRAKE_SETTINGS}


def test_a_deployment_with_the_defaults_makes_no_entry() -> None:
    assert Audited().audit() == 0
