"""Enriches calls with in-memory state."""

from __future__ import annotations

from lambdas.domain.attribution import AttributionRules, TagDirectory
from lambdas.domain.calls import CallBooks
from lambdas.domain.calls.current_books import CurrentBooks
from lambdas.domain.metrics import DimensionNamer
from lambdas.domain.metrics.project_limit import MAX_PROJECTS, BoundedProjects
from lambdas.domain.metrics.role_roll_up import SESSIONS_PER_ROLE
from lambdas.domain.pricing import DatedPrices, Pricing
from lambdas.domain.pricing.current_pricing import CurrentPricing
from tests.builders import PRICING
from tests.fakes import InMemoryIdentityRegistry, InMemoryTagCache, InMemoryTagSource


def call_books(
    source: InMemoryTagSource | None = None,
    rules: AttributionRules | None = None,
    prices: DatedPrices = PRICING,
) -> CallBooks:
    """Make books with the tags of a source."""
    rules = rules or AttributionRules()
    directory = TagDirectory(
        InMemoryTagCache(),
        source or InMemoryTagSource(),
        rules.label_names,
        lambda _: None,
        lambda: 0.0,
    )
    return CallBooks(directory, rules, prices)


def current_books(
    source: InMemoryTagSource | None = None,
    rules: AttributionRules | None = None,
    pricing: Pricing = PRICING,
) -> CurrentBooks:
    """Make books with the tags of a source and the shipped prices."""
    books = call_books(source, rules)
    return CurrentBooks(books.tags, books.rules, CurrentPricing(pricing))


def dimension_namer(max_projects: int = MAX_PROJECTS) -> DimensionNamer:
    """Name dimensions with a limit only on projects."""
    registry = InMemoryIdentityRegistry(max_projects, SESSIONS_PER_ROLE)
    return DimensionNamer(projects=BoundedProjects(registry))
