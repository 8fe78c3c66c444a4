"""Puts calls down to projects: in metrics to few, since each costs money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.attribution import (
    UNATTRIBUTED,
    Attribution,
    AttributionRules,
    TagDirectory,
    TagFacts,
    attribute,
    tagged_arns,
)
from lambdas.domain.invocations import CallVariant, UsageRecord
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES, Admission, IdentityRegistry
from lambdas.domain.pricing import Routing

MOST_PROJECTS = 50
"""How many projects a month have metrics of their own; the rest is one more."""
OTHER_PROJECTS = OTHER_IDENTITIES
"""The dimension value of every project past the bound."""


class AttributedCall(NamedTuple):
    """What is known of a call beside its record.

    Attributes:
        attribution: What it is put down to.
        priced: The call as it is priced: by the foundation model, behind an application inference
            profile as well, if it is known; and as through the model's own global profile where it
            went through a global one of the account's.
    """

    attribution: Attribution
    priced: UsageRecord


@dataclass(frozen=True, slots=True)
class AttributedCalls:
    """What calls are put down to, in metrics within a bound on projects.

    Attributes:
        directory: Knows the tags of resources.
        rules: What configuration says.
        projects: Admits projects, month by month; `None` admits every one.
    """

    directory: TagDirectory
    rules: AttributionRules
    projects: IdentityRegistry | None = None

    def __call__(
        self, records: Sequence[UsageRecord], now: datetime
    ) -> Mapping[UsageRecord, AttributedCall]:
        """Say it of some calls, by what was known when they were made."""
        readings = (reading for record in records for reading in _readings(record))
        arns = {arn for reading in readings for arn in tagged_arns(reading)}
        facts = self.directory.look_up(arns, now)
        return {
            record: AttributedCall(
                self._bounded(record, attribute(record, facts, self.rules)),
                _priced(record, facts),
            )
            for record in records
        }

    def _bounded(self, record: UsageRecord, attribution: Attribution) -> Attribution:
        """Fold a project past the bound; a failed call, of no project's metric, takes no place."""
        if self.projects is None or attribution.project == UNATTRIBUTED or record.is_failed:
            return attribution
        month = f"{record.timestamp:%Y-%m}"
        admission = self.projects.admit(month, dimension_value(attribution.project), None)
        if admission is Admission.ADMITTED:
            return attribution
        return attribution._replace(project=OTHER_PROJECTS)


def _readings(record: UsageRecord) -> list[UsageRecord]:
    """A call as each model and tier on which its readings disagree; else as it is."""
    variants = record.conflicts.variants if record.conflicts else ()
    return [record.with_variant(variant) for variant in variants or (None,)]


def _priced(record: UsageRecord, facts: TagFacts) -> UsageRecord:
    """Name the foundation model behind an application inference profile, in each reading."""
    conflicts = record.conflicts
    if conflicts is not None and conflicts.variants:
        named = [_named(reading, facts) for reading in _readings(record)]
        variants = tuple(
            CallVariant(call.model_id, call.invoked_model_id, call.service_tier) for call in named
        )
        record = record._replace(conflicts=conflicts._replace(variants=variants))
    return _named(record, facts)


def _named(record: UsageRecord, facts: TagFacts) -> UsageRecord:
    """The call as one of the model behind its profile, in its Region or global; else as it is."""
    model_id = facts.profiled_model_id(record)
    if model_id is None:
        return record
    invoked = f"{Routing.GLOBAL}.{model_id}" if facts.is_global(record) else model_id
    return record._replace(model_id=model_id, invoked_model_id=invoked)
