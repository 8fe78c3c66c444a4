"""The command `cost`."""

from __future__ import annotations

import click

from dashboards.command_line.parameters import WholeNumber

_COUNT = WholeNumber(min=0)


@click.command(epilog="With make: make cost CALLS=1000000 IDENTITIES=50 MODELS=6 [UNPRICED=1000]")
@click.option("--calls", type=_COUNT, required=True, help="Calls per month.")
@click.option("--identities", type=_COUNT, required=True, help="Identities that call.")
@click.option("--models", type=_COUNT, required=True, help="Models that they call.")
@click.option(
    "--unpriced", type=_COUNT, default=0, help="The number of calls without a known price."
)
def command(calls: int, identities: int, models: int, unpriced: int) -> None:
    """Estimate the monthly cost of the meter, in US dollars."""
    from cdk.operations.billed_metrics import Usage
    from cdk.operations.cost import print_cost

    print_cost(Usage(calls, identities, models, unpriced=unpriced))
