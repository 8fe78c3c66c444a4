"""Dollars a month before deploying: `make cost CALLS=... IDENTITIES=... MODELS=...`."""

from __future__ import annotations

import argparse
from decimal import Decimal

from rich.table import Table

from cdk.config import ConfigurationError, read_config
from cdk.operations.running_cost import (
    UnitPrices,
    Usage,
    occasional_usd,
    running_cost,
    worst_case_usd,
)
from cdk.operations.terminal import CommandError, open_console, run_command


def main() -> None:
    """Print the cost of what the command line and cdk.json say."""
    usage = _parse_arguments()
    try:
        config = read_config()
    except ConfigurationError as error:
        raise CommandError(*error.lines) from None
    prices = UnitPrices()
    items = running_cost(usage, config, prices)

    table = Table("Service", "What")
    table.add_column("USD a month", justify="right")
    for it in items:
        table.add_row(it.service, it.what, _dollars(it.usd))
    table.add_section()
    table.add_row("Total", "", _dollars(sum((it.usd for it in items), Decimal(0))))
    console = open_console()
    console.print(table)
    console.print(
        f"List prices of {prices.region} at {prices.date}, free tiers not deducted, settings from"
        " cdk.json. What Bedrock itself costs is not in it. Metrics grow with identities (up to"
        " identity_bound) and models (up to max_models); the rest with calls. Whatever callers do,"
        " metrics, their alarms and audits cost at most"
        f" {_dollars(worst_case_usd(config, prices))} US dollars a month."
    )
    console.print(
        "CloudWatch bills a metric in hours with data. Metrics of unusual calls alone (no price, an"
        " assumed price, doubtful counts ...) are not in the table: if each hour had all of them,"
        f" they would cost {_dollars(occasional_usd(usage, config, prices))} more."
    )


def _parse_arguments() -> Usage:
    parser = argparse.ArgumentParser(prog="cost")
    for name in ("calls", "identities", "models"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--unpriced", default="0")
    options = parser.parse_args()
    try:
        usage = Usage(
            int(options.calls),
            int(options.identities),
            int(options.models),
            unpriced=int(options.unpriced or 0),
        )
    except ValueError:
        usage = Usage(-1, 0, 0)
    if min(usage.calls, usage.identities, usage.models, usage.unpriced) < 0:
        message = (
            "name whole numbers: make cost CALLS=1000000 IDENTITIES=50 MODELS=6 (a month), and"
            " UNPRICED=1000 where so many of the calls have no known price"
        )
        raise CommandError(message)
    return usage


def _dollars(usd: Decimal) -> str:
    return f"{usd:,.2f}"


if __name__ == "__main__":
    run_command("cost", main)
