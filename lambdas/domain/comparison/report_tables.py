"""A comparison as tables and lines, for people: laid out by whoever shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from lambdas.domain.comparison.candidates import ModelCost, saved_share
from lambdas.domain.comparison.losses import MEANINGS, LossFigures, LossKey
from lambdas.domain.comparison.report import (
    ComparisonReport,
    ProjectComparison,
    TrafficComparison,
)
from lambdas.domain.comparison.unknowns import UNKNOWNS
from lambdas.domain.metering.attributed_calls import OTHER_PROJECTS
from lambdas.domain.report_text import Table, dollars

CHEAPEST_SHOWN = 8
"""So many of the cheapest models are shown beside those in use; the JSON has all."""
PROJECTS_SHOWN = 20
LOSSES_SHOWN = 25
_UNPRICED_SHOWN = 5
_GAP = "  "


def report_tables(report: ComparisonReport) -> Iterator[Table]:
    """What people are shown of a report: the account, projects, losses, what is not known."""
    coverage = report.coverage
    about = f"{coverage.calls:,} calls"
    if coverage.start and coverage.end:
        about += f", {coverage.start:%Y-%m-%d %H:%M:%S} to {coverage.end:%Y-%m-%d %H:%M:%S} UTC"
    yield Table(about, (), [])
    projects = [it for it in report.projects if it.project != OTHER_PROJECTS]
    shown = projects[:PROJECTS_SHOWN]
    for project in (report.account, *(shown if len(report.projects) > 1 else ())):
        yield from _project(project)
    if (more := len(projects) - PROJECTS_SHOWN) > 0:
        yield Table(f"{more:,} more projects cost less; the JSON has them.", (), [])
    if len(projects) < len(report.projects):
        yield Table(
            f"There are more than {len(projects):,} projects; the JSON has the rest of them as one,"
            f" {OTHER_PROJECTS}.",
            (),
            [],
        )
    yield _losses(report)
    yield Table("What this cannot know", (), [], UNKNOWNS)


def _project(project: ProjectComparison) -> Iterator[Table]:
    name = "All projects" if project.project is None else f"Project {project.project}"
    for traffic in project.traffic:
        yield _traffic(name, traffic)
    if project.unpriced:
        ranked = sorted(project.unpriced.items(), key=lambda item: (-item[1], item[0]))
        lines = [f"{it.model_id}: {calls:,} ({it.reason})" for it, calls in ranked]
        more = len(lines) - _UNPRICED_SHOWN
        lines[_UNPRICED_SHOWN:] = [f"and {more:,} more (the JSON has all)"] if more > 0 else []
        yield Table(f"{name}: calls without a known cost, in none of this", (), [], tuple(lines))


def _traffic(name: str, traffic: TrafficComparison) -> Table:
    actual = traffic.mix.usd
    used = [cost for cost in traffic.costs if cost.is_in_use]
    shown = {cost.model_id: cost for cost in (*traffic.costs[:CHEAPEST_SHOWN], *used)}
    rows = [_row(cost, actual) for cost in sorted(shown.values(), key=lambda it: it.usd)]
    tokens = traffic.mix.tokens_by_kind()
    mix = ", ".join(f"{tokens[kind]:,} {kind}" for kind in sorted(tokens) if tokens[kind])
    notes = [f"Tokens: {mix or 'none'}. Each line is all of these calls on one model."]
    if used:
        notes.append("* in use")
    if (more := len(traffic.costs) - len(rows)) > 0:
        notes.append(f"{more:,} more models are in the JSON.")
    return Table(
        f"{name}, {traffic.purpose}: {traffic.mix.calls:,} calls for {dollars(actual)} USD",
        ("Model", "As cached, USD", "Saves", "Uncached, USD", "Saves"),
        rows,
        tuple(notes),
    )


def _row(cost: ModelCost, actual: Decimal) -> tuple[str, ...]:
    return (
        f"{cost.model_id}{' *' if cost.is_in_use else ''}",
        dollars(cost.as_cached_usd) if not cost.lacks else "no cache price",
        _percent(saved_share(cost.as_cached_usd, actual)),
        dollars(cost.uncached_usd),
        _percent(saved_share(cost.uncached_usd, actual)),
    )


def _losses(report: ComparisonReport) -> Table:
    if not report.losses:
        return Table("Where money is lost: nothing found", (), [], _content_note(report))
    ways = sorted({key.loss for key, _ in report.losses})
    rows = [_loss(key, figures) for key, figures in report.losses[:LOSSES_SHOWN]]
    notes = [f"{way}: {MEANINGS[way]}." for way in ways]
    if (more := len(report.losses) - LOSSES_SHOWN) > 0:
        notes.insert(0, f"{more:,} smaller ones are in the JSON.")
    return Table(
        "Where money is lost",
        ("What", "Project", "Model", "Calls", "Tokens", "USD", "Without a price"),
        rows,
        (*notes, *_content_note(report)),
        texts=3,
    )


def _loss(key: LossKey, figures: LossFigures) -> tuple[str, ...]:
    usd = dollars(figures.usd) if figures.priced_calls else "-"
    figures_shown = (f"{figures.calls:,}", f"{figures.tokens:,}", usd)
    return key.loss, key.project, key.model_id, *figures_shown, f"{figures.unpriced_calls:,}"


def _content_note(report: ComparisonReport) -> tuple[str, ...]:
    coverage = report.coverage
    if coverage.outlined_calls == coverage.calls:
        return ()
    note = (
        f"The requests of {coverage.outlined_calls:,} of {coverage.calls:,} calls were looked"
        " at; only those are searched for repeated prefixes and oversize max_tokens."
    )
    return (note,)


def _percent(share: Decimal | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def plain_text(tables: Iterator[Table]) -> str:
    """Lay tables out as plain text; names in them cannot steer what shows them."""
    return "\n\n".join("\n".join(map(_printable, _lines(table))) for table in tables) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield table.title
    if table.rows:
        grid: list[Sequence[str]] = [table.headings, *table.rows]
        widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
        for row in grid:
            cells = (
                cell.ljust(width) if place < table.texts else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield _GAP.join(cells).rstrip()
    for note in table.notes:
        yield f"{_GAP}{note}"


def _printable(line: str) -> str:
    return "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in line)
