"""The command `backtest`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make backtest [WRITE=1]")
@click.option(
    "--write",
    "writes",
    is_flag=True,
    help="Write the results to docs/forecasts.md, and the errors that are shipped.",
)
def command(*, writes: bool) -> None:
    """Test forecasts on public usage of a model service.

    Prints errors, the coverage of intervals and probabilities, beside three simple methods.
    """
    from dashboards.reports.backtest.backtest import print_backtest

    print_backtest(writes=writes)
