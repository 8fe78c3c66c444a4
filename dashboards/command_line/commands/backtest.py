"""The command `backtest`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make backtest [WRITE=1]")
@click.option(
    "--write",
    "writes",
    is_flag=True,
    help="Write the results to docs/forecasts.md and docs/brake.md, and the shipped errors.",
)
def command(*, writes: bool) -> None:
    """Test forecasts and the brake on public usage of model services.

    Prints errors, the coverage of intervals and probabilities, beside three simple methods. Then
    it prints what is used at the last call that the brake accepts, with and without a reserve.
    """
    from dashboards.reports.backtest.backtest import print_backtest

    print_backtest(writes=writes)
