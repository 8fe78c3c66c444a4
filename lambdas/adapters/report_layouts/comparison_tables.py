"""A comparison as tables and lines for people; the caller lays them out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from lambdas.adapters.report_layouts.tables import Table, shown_time
from lambdas.domain.metrics import OTHER_PROJECTS
from lambdas.domain.money import cost_legend, dollars
from lambdas.domain.reports.comparison import (
    MEANINGS,
    UNKNOWNS,
    ComparisonReport,
    ModelCost,
    ProjectComparison,
    TrafficComparison,
    TrafficMix,
    WasteKey,
    WasteTotals,
    model_family,
    saved_share,
)
from lambdas.domain.words import plural

FAMILY_SHOWN = 8
"""The number of models of the families in use that are shown; the JSON has all."""
OTHERS_SHOWN = 5
"""The number of models of other families that are shown."""
PROJECTS_SHOWN = 20
MAX_WASTE_ROWS = 25
_UNPRICED_SHOWN = 5
_OTHER_FAMILIES = "Other families:"


def report_tables(report: ComparisonReport) -> Iterator[Table]:
    """Lay out a report for people: the account, projects, waste, unknowns."""
    figures = set[str]()
    for table in _tables(report):
        figures.update(cell for row in table.rows for cell in row[table.texts :])
        yield table
    if legend := cost_legend(figures):
        yield Table("Marks of costs", (), [], tuple(legend))
    yield Table("What this cannot know", (), [], UNKNOWNS)


def _tables(report: ComparisonReport) -> Iterator[Table]:
    coverage = report.coverage
    about = plural(coverage.calls, "call")
    if coverage.start and coverage.end:
        about += f", {shown_time(coverage.start)} to {shown_time(coverage.end)} UTC"
    yield Table(about, (), [])
    projects = [each for each in report.projects if each.project != OTHER_PROJECTS]
    shown = projects[:PROJECTS_SHOWN]
    for project in (report.account, *(shown if len(report.projects) > 1 else ())):
        yield from _project(project)
    if (more := len(projects) - PROJECTS_SHOWN) > 0:
        yield Table(f"{plural(more, 'cheaper project')} left out; the JSON has all.", (), [])
    if len(projects) < len(report.projects):
        yield Table(
            f"There are more than {len(projects):,} projects; the JSON has the rest of them as one,"
            f" {OTHER_PROJECTS}.",
            (),
            [],
        )
    yield _waste(report)


def _project(project: ProjectComparison) -> Iterator[Table]:
    name = "All projects" if project.project is None else f"Project {project.project}"
    for traffic in project.traffic:
        yield _traffic(name, traffic)
    if project.unpriced:
        ranked = sorted(project.unpriced.items(), key=lambda item: (-item[1], item[0]))
        lines = [f"{key.model_id}: {calls:,} ({key.reason})" for key, calls in ranked]
        more = len(lines) - _UNPRICED_SHOWN
        lines[_UNPRICED_SHOWN:] = [f"and {more:,} more (the JSON has all)"] if more > 0 else []
        yield Table(f"{name}: calls that cannot be compared, in none of this", (), [], tuple(lines))


def _traffic(name: str, traffic: TrafficComparison) -> Table:
    mix = traffic.mix
    families = mix.families
    same = [cost for cost in traffic.costs if model_family(cost.model_id) in families]
    others = [cost for cost in traffic.costs if model_family(cost.model_id) not in families]
    shown = [cost for place, cost in enumerate(same) if place < FAMILY_SHOWN or cost.is_in_use]
    rows = [_row(cost, mix) for cost in shown]
    if others:
        rows += [
            (_OTHER_FAMILIES, "", "", "", ""),
            *(_row(cost, mix) for cost in others[:OTHERS_SHOWN]),
        ]
    tokens = mix.tokens_by_kind()
    used = ", ".join(f"{tokens[kind]:,} {kind}" for kind in sorted(tokens) if tokens[kind])
    is_assumed = any(mix.has_assumed_price(model_id) for model_id in mix.by_model)
    paid = dollars(mix.usd, is_assumed=is_assumed)
    notes = [f"Tokens: {used or 'none'}. Each line is all of these calls on one model."]
    if any(cost.is_in_use for cost in shown):
        notes.append("* in use")
    if mix.guardrail_usd:
        notes.append(
            f"Guardrails cost {dollars(mix.guardrail_usd)} beside that, on any model the same."
        )
    notes += _left_out(len(same) - len(shown), len(others) - OTHERS_SHOWN, traffic)
    return Table(
        f"{name}, {traffic.purpose}: {plural(mix.calls, 'call')} for {paid}",
        ("Model", "As cached", "Change", "Uncached", "Change"),
        rows,
        tuple(notes),
    )


def _left_out(of_families: int, of_others: int, traffic: TrafficComparison) -> Iterator[str]:
    if of_families > 0 or of_others > 0:
        yield (
            f"Left out: {max(of_families, 0):,} more models of the same families and"
            f" {max(of_others, 0):,} of others; the JSON has them."
        )
    if traffic.unlisted_models:
        yield (
            f"Left out: {traffic.unlisted_models:,} without a listed price where these calls ran,"
            " which may not be offered there."
        )


def _row(cost: ModelCost, mix: TrafficMix) -> tuple[str, ...]:
    is_assumed = cost.has_assumed_price
    return (
        f"{cost.model_id}{' *' if cost.is_in_use else ''}",
        dollars(cost.as_cached_usd, is_assumed=is_assumed) if not cost.lacks else "no cache price",
        _change(saved_share(cost.as_cached_usd, mix.usd)),
        dollars(cost.uncached_usd, is_assumed=is_assumed),
        _change(saved_share(cost.uncached_usd, mix.usd)),
    )


def _waste(report: ComparisonReport) -> Table:
    if not report.waste:
        return Table("Where money is lost: nothing found", (), [], _content_note(report))
    ways = sorted({key.waste for key, _ in report.waste})
    rows = [_waste_row(key, totals) for key, totals in report.waste[:MAX_WASTE_ROWS]]
    notes = [f"{way}: {MEANINGS[way]}." for way in ways]
    if (more := len(report.waste) - MAX_WASTE_ROWS) > 0:
        notes.insert(0, f"{more:,} smaller ones are in the JSON.")
    return Table(
        "Where money is lost",
        ("What", "Project", "Model", "Calls", "Tokens", "Cost", "Without a price"),
        rows,
        (*notes, *_content_note(report)),
        texts=3,
    )


def _waste_row(key: WasteKey, totals: WasteTotals) -> tuple[str, ...]:
    usd = dollars(totals.usd) if totals.priced_calls else "-"
    cells = (f"{totals.calls:,}", f"{totals.tokens:,}", usd)
    return key.waste, key.project, key.model_id, *cells, f"{totals.unpriced_calls:,}"


def _content_note(report: ComparisonReport) -> tuple[str, ...]:
    coverage = report.coverage
    if coverage.outlined_calls == coverage.calls:
        return ()
    calls = plural(coverage.calls, "call")
    note = (
        f"The requests of {coverage.outlined_calls:,} of {calls} were looked at; only those are"
        " searched for repeated prefixes and oversize max_tokens."
    )
    return (note,)


def _change(saved: Decimal | None) -> str:
    """The change of cost for a saved share: below 0 it is cheaper."""
    if saved is None:
        return "-"
    return f"{-saved:+.1%}" if saved else "0.0%"
