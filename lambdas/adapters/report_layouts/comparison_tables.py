"""A comparison as tables and lines for people; the caller lays them out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from lambdas.adapters.report_layouts.tables import Table, shown_time
from lambdas.domain.metrics import OTHER_PROJECTS
from lambdas.domain.money import cost_legend, count_places, dollars
from lambdas.domain.reports.comparison import (
    ABSENCES,
    COMPARABLE,
    CONDITIONS,
    DAYS_OF_A_MONTH,
    MEANINGS,
    UNKNOWNS,
    AbsenceReason,
    ComparisonReport,
    Coverage,
    OptionKind,
    ProjectComparison,
    SavingsOption,
    WasteKey,
    WasteKind,
    WasteTotals,
    saved_share,
)
from lambdas.domain.words import list_first, plural

OPTION_NAMES = {
    OptionKind.MOVE: "move to",
    OptionKind.FLEX: "flex tier",
    OptionKind.BATCH: "batch jobs",
    OptionKind.CACHE: "prompt caching",
}
"""The options as people read them."""
_KIND_NAMES = {**OPTION_NAMES, OptionKind.MOVE: "another model"}
WASTE_NAMES = {
    WasteKind.FAILED_CALLS: "Failed calls",
    WasteKind.THROTTLED_CALLS: "Throttled calls",
    WasteKind.RETRIED_CALLS: "Retried calls",
    WasteKind.UNREAD_CACHE_WRITES: "Cache writes that no call read",
    WasteKind.REPEATED_PREFIXES: "Repeated prefixes",
    WasteKind.OVERSIZE_MAX_TOKENS: "Oversized max_tokens",
}
"""The kinds of waste as people read them."""
OPTIONS_SHOWN = 25
"""The number of options that are shown; the JSON has all."""
MAX_WASTE_ROWS = 25
_UNPRICED_SHOWN = 5
_WORKLOADS_SHOWN = 3
_SHORT_PERIOD_DAYS = 7
_A_MONTH = f"In {DAYS_OF_A_MONTH} days"


def report_tables(report: ComparisonReport, *, has_period: bool = True) -> Iterator[Table]:
    """Lay out a report for people: totals, options, waste, unknowns.

    Args:
        report: The report.
        has_period: False where the period stands above the tables already.
    """
    figures = set[str]()
    for table in _tables(report, has_period=has_period):
        figures.update(cell for row in table.rows for cell in row[table.texts :])
        yield table
    if legend := cost_legend(figures):
        yield Table("Marks of costs", (), [], tuple(legend))
    yield Table("What this comparison does not know", (), [], UNKNOWNS)


def _tables(report: ComparisonReport, *, has_period: bool) -> Iterator[Table]:
    coverage = report.coverage
    about = f"{plural(coverage.calls, 'call')}, failed ones included"
    if has_period and coverage.start and coverage.end:
        about += f", {shown_time(coverage.start)} to {shown_time(coverage.end)} UTC"
    yield Table(about, (), [], tuple(_totals(report)))
    yield _options(report)
    if report.absent_options:
        yield _absent_options(report)
    if report.account.unpriced:
        yield _unpriced(report.account)
    yield _waste(report)


def _totals(report: ComparisonReport) -> Iterator[str]:
    for traffic in report.account.traffic:
        mix = traffic.mix
        tokens = mix.tokens_by_kind()
        used = ", ".join(f"{tokens[kind]:,} {kind}" for kind in sorted(tokens) if tokens[kind])
        is_assumed = any(mix.has_assumed_price(model_id) for model_id in mix.by_model)
        cost = dollars(mix.usd, is_assumed=is_assumed)
        a_month = dollars(report.coverage.scale_to_month(mix.usd), is_assumed=is_assumed)
        yield (
            f"{traffic.purpose.capitalize()}: {plural(mix.calls, 'call')} for {cost}, {a_month} in"
            f" {DAYS_OF_A_MONTH} days. Tokens: {used or 'none'}."
        )
        if mix.guardrail_usd:
            yield (
                f"Guardrails cost {dollars(mix.guardrail_usd)} beside that, on any model the same."
            )
    if len(report.projects) > 1 and report.projects[-1].project == OTHER_PROJECTS:
        yield (
            f"There are more than {len(report.projects) - 1:,} projects; the rest of them are one,"
            f" {OTHER_PROJECTS}."
        )


def _options(report: ComparisonReport) -> Table:
    """The options that save money; those of the same calls exclude each other."""
    title = f"What would be cheaper, in dollars for {DAYS_OF_A_MONTH} days"
    if not report.options:
        return Table(f"{title}: nothing found", (), [], (COMPARABLE,))
    shown = report.options[:OPTIONS_SHOWN]
    places = count_places(report.coverage.scale_to_month(max(option.usd for option in shown)))
    notes = [
        f"{OPTION_NAMES[kind]}: {CONDITIONS[kind]}."
        for kind in sorted({option.kind for option in shown})
    ]
    if (more := len(report.options) - OPTIONS_SHOWN) > 0:
        notes.insert(0, f"{plural(more, 'smaller option')} not shown here; the JSON has all.")
    notes.append("Options for the same calls exclude each other: do not add them up.")
    if report.coverage.days < _SHORT_PERIOD_DAYS:
        notes.append("The logs cover less than a week, which says little about a month.")
    return Table(
        title,
        ("Project", "Calls of the model", "Option", "Calls", "Cost", "Saves", "Saves %"),
        [_option(option, report.coverage, places) for option in shown],
        (*notes, COMPARABLE),
        texts=3,
        droppable=("Calls", "Saves %"),
    )


def _option(option: SavingsOption, coverage: Coverage, places: int) -> tuple[str, ...]:
    name = OPTION_NAMES[option.kind]
    usd, saved_usd = map(coverage.scale_to_month, (option.usd, option.saved_usd))
    share = saved_share(option.option_usd, option.usd)
    return (
        option.project,
        option.model_id,
        name if option.target is None else f"{name} {option.target}",
        f"{option.calls:,}",
        dollars(usd, is_assumed=option.is_assumed, places=places),
        dollars(saved_usd, is_assumed=option.is_assumed, places=places),
        "-" if share is None else f"{share:.1%}",
    )


def _absent_options(report: ComparisonReport) -> Table:
    """A line for each kind of option and reason, with the most costly calls that it is for."""
    calls: defaultdict[tuple[OptionKind, AbsenceReason], list[str]] = defaultdict(list)
    has_projects = len(report.projects) > 1
    for option in report.absent_options:
        name = f"{option.project}: {option.model_id}" if has_projects else option.model_id
        calls[option.kind, option.reason].append(name)
    lines = (
        f"{_KIND_NAMES[kind]}: {ABSENCES[reason]} ({list_first(names, _WORKLOADS_SHOWN)})."
        for (kind, reason), names in sorted(calls.items())
    )
    return Table("Options that do not appear, and why", (), [], tuple(lines))


def _unpriced(account: ProjectComparison) -> Table:
    ranked = sorted(account.unpriced.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{key.model_id}: {calls:,} ({key.reason})" for key, calls in ranked]
    more = len(lines) - _UNPRICED_SHOWN
    lines[_UNPRICED_SHOWN:] = [f"and {more:,} more (the JSON has all)"] if more > 0 else []
    return Table("Calls that are not in this comparison", (), [], tuple(lines))


def _waste(report: ComparisonReport) -> Table:
    known = [(key, totals) for key, totals in report.waste if totals.priced_usd or totals.tokens]
    unknown = _unknown_waste(report)
    if not known:
        title = "Where money is lost: nothing found"
        return Table(title, (), [], (*unknown, *_content_note(report)))
    days = plural(int(report.coverage.days), "day")
    ways = sorted({key.waste for key, _ in known})
    rows = [*_waste_rows(known[:MAX_WASTE_ROWS], report.coverage)]
    notes = [f"{WASTE_NAMES[way]}: {MEANINGS[way]}." for way in ways]
    if (more := len(known) - MAX_WASTE_ROWS) > 0:
        notes.insert(0, f"{plural(more, 'smaller row')} not shown here; the JSON has all.")
    return Table(
        f"Where money is lost, in the whole period ({days})",
        ("What", "Project", "Model", "Calls", "Tokens", "Cost", _A_MONTH, "Cost unknown"),
        rows,
        (*notes, *unknown, *_content_note(report)),
        texts=3,
        droppable=("Tokens",),
    )


def _unknown_waste(report: ComparisonReport) -> tuple[str, ...]:
    """Count the calls that may waste something, but whose tokens are in no log."""
    calls = Counter[WasteKind]()
    for key, totals in report.waste:
        if not totals.priced_usd and not totals.tokens:
            calls[key.waste] += totals.calls
    if not calls:
        return ()
    counted = ", ".join(f"{WASTE_NAMES[way].lower()} {calls[way]:,}" for way in sorted(calls))
    return (f"Not in the table, because the logs have no tokens of them: {counted}.",)


def _waste_rows(
    waste: Sequence[tuple[WasteKey, WasteTotals]], coverage: Coverage
) -> Iterator[tuple[str, ...]]:
    largest_usd = max(totals.priced_usd for _, totals in waste)
    places = count_places(largest_usd)
    places_a_month = count_places(coverage.scale_to_month(largest_usd))
    for key, totals in waste:
        usd, a_month = "-", "-"
        if totals.priced_calls:
            usd = dollars(totals.priced_usd, places=places)
            usd_a_month = coverage.scale_to_month(totals.priced_usd)
            a_month = dollars(usd_a_month, places=places_a_month)
        yield (
            *(WASTE_NAMES[key.waste], key.project, key.model_id),
            *(f"{totals.calls:,}", f"{totals.tokens:,}"),
            *(usd, a_month, f"{totals.unpriced_calls:,}"),
        )


def _content_note(report: ComparisonReport) -> tuple[str, ...]:
    coverage = report.coverage
    if coverage.outlined_calls == coverage.calls:
        return ()
    searched = "repeated prefixes and oversized max_tokens"
    if not coverage.outlined_calls:
        return (f"The logs have no requests, so {searched} were not searched for.",)
    calls = plural(coverage.calls, "call")
    note = f"The logs have the requests of {coverage.outlined_calls:,} of {calls}. Only those were"
    return (f"{note} searched for {searched}.",)
