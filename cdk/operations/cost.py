"""Dollars a month before deploying: `make cost CALLS=... IDENTITIES=... MODELS=...`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.table import Table

from cdk.config import Config
from cdk.operations.billed_metrics import Usage
from cdk.operations.cost_items import CostItem, UnitPrices
from cdk.operations.credit_cost import credit_cost
from cdk.operations.gateway_cost import gateway_cost, get_trace_gb, refusals_usd
from cdk.operations.running_cost import (
    governance_cost,
    metering_cost,
    occasional_usd,
    worst_case_usd,
)
from cdk.operations.terminal import open_console
from cdk.operations.webhook_cost import webhook_cost
from lambdas.domain.words import plural


def print_cost(usage: Usage, config: Config) -> None:
    """Print the cost of a usage with the settings of a deployment."""
    prices = UnitPrices()
    parts = [
        ("Metering", metering_cost(usage, config, prices)),
        ("Governance", governance_cost(usage, config, prices)),
        ("Credits", credit_cost(usage, config, prices)),
        ("Gateway", gateway_cost(usage, config, prices)),
        ("Webhooks", webhook_cost(config, prices)),
    ]
    parts = [(name, items) for name, items in parts if items]

    table = Table("Service", "Item")
    table.add_column("Per month", justify="right")
    for name, items in parts:
        for item in items:
            table.add_row(item.service, item.what, _dollars(item.usd))
        table.add_section()
        if len(parts) > 1:
            table.add_row(name, "", _sum_up(items))
            table.add_section()
    table.add_row("Total", "", _sum_up([item for _, items in parts for item in items]))
    console = open_console()
    console.print(table)
    console.print(
        f"List prices of {prices.region} at {prices.date}, without free tiers, with the settings of"
        " cdk.json and of the command line, and with calls of"
        f" {plural(usage.projects, 'project')}. The cost of"
        " Bedrock itself is not included. Metrics grow with identities (up to max_identities),"
        " models (up to max_models) and projects; other items grow with calls. Whatever"
        " callers do, metrics, their alarms and audits cost at most"
        f" {_dollars(worst_case_usd(config, prices))} per month."
    )
    console.print(
        "CloudWatch bills a metric only in hours with data. Metrics of unusual calls (no price, an"
        " assumed price, uncertain counts ...) are not in the table: with all of them in every"
        f" hour, they would cost {_dollars(occasional_usd(usage, config, prices))} more."
    )
    if config.gateway:
        console.print(
            "A million requests to the gateway without a valid key would cost"
            f" {_dollars(refusals_usd(prices))} more. gateway_concurrency limits how many there"
            " can be at a time."
        )
    if config.has_gateway_traces:
        console.print(
            f"Traces have {get_trace_gb(usage, config):,.2f} GB of spans a month. AWS's price of"
            " spans is not in the table."
        )


def _sum_up(items: Sequence[CostItem]) -> str:
    return _dollars(sum((item.usd for item in items), Decimal(0)))


def _dollars(usd: Decimal) -> str:
    return f"${usd:,.2f}"
