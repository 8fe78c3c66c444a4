"""The command `demo`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make demo")
def command() -> None:
    """Meter a made-up company in a local cloud.

    Deploys there as on AWS, and prints the notifications that a subscriber gets.
    """
    from dashboards.demo.demo import run_demo

    run_demo()
