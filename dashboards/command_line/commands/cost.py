"""The command `cost`."""

from __future__ import annotations

import click

from dashboards.command_line.parameters import WholeNumber, context_option

MAX_COUNT = 10**12
"""The highest number of anything that an estimate takes."""
_COUNT = WholeNumber(0, MAX_COUNT)


@click.command(
    epilog="With make: make cost CALLS=1000000 IDENTITIES=50 MODELS=6 [PROJECTS=5] [UNPRICED=1000]"
    ' [SET="-c NAME=VALUE"]'
)
@click.option("--calls", type=_COUNT, required=True, help="Calls per month.")
@click.option("--identities", type=_COUNT, required=True, help="Identities that call.")
@click.option("--models", type=_COUNT, required=True, help="Models that they call.")
@click.option(
    "--projects",
    type=_COUNT,
    default=5,
    show_default=True,
    help="Projects that the calls are attributed to, with one for all unattributed calls.",
)
@click.option(
    "--unpriced", type=_COUNT, default=0, help="The number of calls without a known price."
)
@context_option
def command(  # noqa: PLR0913  # each is an option
    *,
    calls: int,
    identities: int,
    models: int,
    projects: int,
    unpriced: int,
    context: tuple[str, ...],
) -> None:
    """Estimate the monthly cost of the meter, in US dollars."""
    if unpriced > calls:
        message = f"--unpriced {unpriced} is more than --calls {calls}."
        raise click.UsageError(message)
    counts = {"--identities": identities, "--models": models, "--projects": projects}
    for name, count in counts.items():
        if calls and not count:
            message = f"{name} 0 cannot be with --calls {calls}: give 1 or more."
            raise click.UsageError(message)
    from cdk.operations.billed_metrics import Usage
    from cdk.operations.cost import print_cost
    from cdk.operations.settings import read_settings

    usage = Usage(calls, identities, models, projects=projects, unpriced=unpriced)
    print_cost(usage, read_settings(context))
