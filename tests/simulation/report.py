"""The table of many runs: what each fault did, and how long it took until all was right again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from statistics import median

from tests.simulation.faults import Fault
from tests.simulation.simulation import Outcome

_HEAD = ("fault", "runs", "alone", "strikes", "lost", "doubled", "recovery: median", "longest")


def write_table(outcomes: Sequence[Outcome]) -> str:
    """Write the table, a line for each fault.

    Lost is what was missing in all runs with a fault; doubled, what metrics had twice, and
    recovery, the virtual time until nothing changed any more, are of the runs with it alone.
    """
    rows = [_HEAD, *(_row(fault, outcomes) for fault in Fault)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def write_strikes(outcome: Outcome) -> str:
    """Write how often each fault was injected in one run."""
    counts = [f"{fault} {count}" for fault, count in sorted(outcome.struck.items())]
    return ", ".join(counts) or "none"


def write_failures(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Name each failed seed, what does not hold, and the command that runs it again."""
    for outcome in outcomes:
        if outcome.violations:
            yield f"seed {outcome.seed} ({', '.join(sorted(outcome.faults))}):"
            yield from (f"  {violation}" for violation in outcome.violations[:5])
            if len(outcome.violations) > 5:
                yield f"  and {len(outcome.violations) - 5} more"
            yield f"  again: make chaos SEED={outcome.seed}"


def _row(fault: Fault, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    struck = [outcome for outcome in outcomes if outcome.struck[fault]]
    alone = [outcome for outcome in struck if outcome.faults == frozenset({fault})]
    recovery = sorted(outcome.recovery[fault] for outcome in alone)
    return (
        fault.value,
        str(len(struck)),
        str(len(alone)),
        str(sum(outcome.struck[fault] for outcome in struck)),
        str(sum(outcome.lost for outcome in struck)),
        str(sum(outcome.doubled for outcome in alone)),
        _write_time(timedelta(seconds=median(map(timedelta.total_seconds, recovery))))
        if recovery
        else "-",
        _write_time(recovery[-1]) if recovery else "-",
    )


def _write_time(time: timedelta) -> str:
    minutes, seconds = divmod(round(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
