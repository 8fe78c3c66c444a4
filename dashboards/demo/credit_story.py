"""The text of the demo about credits: what was granted, and what calls leave of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboards.demo.company_credits import AMOUNT_USD, GRANT, PROJECT, CreditState
from dashboards.demo.story import Event
from lambdas.domain.credits import write_usd
from lambdas.domain.words import plural

_DAYS_LEFT = re.compile(r"^Days left: ([\d,.]+)$", re.MULTILINE)
_FIGURE = re.compile(r"^(Balance|Granted): (.+)$", re.MULTILINE)


def describe_grant() -> str:
    """Describe how the credits were granted."""
    return (
        f"Credits: bedrock-meter credits grant {GRANT} {AMOUNT_USD} --project {PROJECT} prepays"
        f" ${AMOUNT_USD} of the project {PROJECT}. Its application then calls a model."
    )


def describe_credit_alert(notification: Mapping[str, Any], at: datetime) -> Event:
    """Describe the message about credits: what is left of the amount, and for how long.

    Args:
        notification: The message of the topic.
        at: The time of the message.
    """
    text = notification["Message"]
    figures = dict(_FIGURE.findall(text))
    if not {"Balance", "Granted"} <= figures.keys():
        return Event(at, notification["Subject"], text)
    why = f"{figures['Balance']} of {figures['Granted']} left"
    if days := _DAYS_LEFT.search(text):
        why += f", for {days[1]} days"
    return Event(at, notification["Subject"], why)


def describe_credits(state: CreditState) -> str:
    """Describe the credits after some calls, and the check that they are those of the calls."""
    days = "unknown" if state.days_left is None else f"{state.days_left:.1f}"
    burned = write_usd(state.burned_picodollars)
    return (
        f"After {plural(state.calls, 'call')}: ${state.granted} granted, ${burned} burned,"
        f" ${state.balance} left, ${state.overage} overage, days left: {days}. Checked: booked ="
        " counted = the tokens of the answers at list prices, to the pico-dollar."
    )
