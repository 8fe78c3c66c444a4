"""Rolls projects past the limit up into one series, which limits the cost of metrics."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES, Admission, IdentityRegistry

MAX_PROJECTS = 50
"""The number of projects a month that have metrics of their own; the rest is one more."""
OTHER_PROJECTS = OTHER_IDENTITIES
"""The dimension value of every project past the limit."""


@dataclass(frozen=True, slots=True)
class BoundedProjects:
    """Chooses the value of the dimension `Project` for a call.

    Attributes:
        projects: Admits projects, month by month.
    """

    projects: IdentityRegistry

    def name(self, call: EnrichedCall, month: str) -> str:
        """Name the project of a call; a failed call is in no project's metric, and takes no place.

        Args:
            call: The call.
            month: The month in which metrics show it.
        """
        project = dimension_value(call.attribution.project)
        if call.attribution.project == UNATTRIBUTED or call.record.is_failed:
            return project
        is_admitted = self.projects.admit(month, project, None) is Admission.ADMITTED
        return project if is_admitted else OTHER_PROJECTS
