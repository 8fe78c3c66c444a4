"""Publishes the cost of calls whose price became known, now: `make reprice`."""

from __future__ import annotations

from typing import Any

import boto3

from cdk.operations.deployment import Deployment
from cdk.operations.invocation import FunctionFailedError, invoke, open_functions
from cdk.operations.terminal import CommandError, printable


def reprice(session: boto3.Session) -> None:
    """Call the deployed function and print its report.

    Raises:
        CommandError: The function failed.
    """
    function = Deployment(session.client("cloudformation")).price_refresher
    try:
        report: dict[str, Any] = invoke(open_functions(session), function, {})
    except FunctionFailedError as error:
        message = f"{error}: its log group says more."
        raise CommandError(message) from None
    for model_id, repriced in report["by_model"].items():
        model, prices = printable(model_id), printable("; ".join(repriced["prices"]))
        print(f"{model}: {repriced['calls']:,} calls cost {repriced['usd']} US dollars ({prices})")
    if report["too_old"]:
        print(
            f"{report['too_old']:,} calls now have a price but are too old for CloudWatch: only"
            " reports show their cost."
        )
    for model_id, day in report["waiting"].items():
        model, since = printable(model_id), printable(day)
        print(f"{model}: calls since {since} wait for a price (contracted_prices in cdk.json)")
    for correction in report["corrections"]:
        print_correction(correction)
    if report["reason"]:
        print(f"Incomplete: {report['reason']}. The next run continues.")
    elif not any(report[part] for part in ("by_model", "too_old", "waiting")):
        print("No calls wait for a price.")


def print_correction(correction: dict[str, Any]) -> None:
    """Print the corrected cost of calls that were priced by a superseded edition."""
    name = f"edition {printable(correction['edition'])} (superseded)"
    if not correction["is_begun"]:
        print(f"{name}: the corrected cost of its calls is calculated within hours.")
        return
    if not correction["is_done"]:
        name += ", so far"
    print(
        f"{name}: {correction['raised_calls']:,} calls cost {printable(correction['raised_usd'])}"
        " US dollars more, which is published."
    )
    if correction["lowered_calls"]:
        less = printable(correction["lowered_usd"].removeprefix("-"))
        print(
            f"{name}: {correction['lowered_calls']:,} calls cost {less} US dollars less. Metrics"
            " keep the higher cost; reports show the correct one."
        )
    if correction["too_old_calls"]:
        print(
            f"{name}: {correction['too_old_calls']:,} calls cost more but are too old for"
            " CloudWatch."
        )
    if correction["unpriced_calls"]:
        print(f"{name}: {correction['unpriced_calls']:,} calls have no price without it.")
