"""Says what calls are put down to, with nothing but memory behind it."""

from __future__ import annotations

from dashboards.reports.temporary_store import InMemoryIdentityRegistry
from lambdas.domain.attribution import AttributionRules, TagDirectory
from lambdas.domain.calls.attributed_calls import MOST_PROJECTS, AttributedCalls
from lambdas.domain.metrics.role_roll_up import SESSIONS_PER_ROLE
from tests.fakes import InMemoryTagMemory, InMemoryTagSource


def attributed_calls(
    source: InMemoryTagSource | None = None,
    rules: AttributionRules | None = None,
    most_projects: int = MOST_PROJECTS,
) -> AttributedCalls:
    """Who puts calls down to projects, by the tags that a source knows."""
    rules = rules or AttributionRules()
    return AttributedCalls(
        TagDirectory(
            InMemoryTagMemory(),
            source or InMemoryTagSource(),
            rules.label_names,
            lambda _: None,
            lambda: 0.0,
        ),
        rules,
        InMemoryIdentityRegistry(most_projects, SESSIONS_PER_ROLE),
    )
