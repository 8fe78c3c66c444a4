"""All health checks of the meter, except those of scheduled functions."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.counting_symptoms import counting_symptoms
from cdk.alarms.function_symptoms import function_symptoms
from cdk.alarms.price_symptoms import price_symptoms
from cdk.alarms.symptom import Symptom


def symptoms() -> Iterator[Symptom]:
    """Health checks that are in every deployment."""
    yield from counting_symptoms()
    yield from price_symptoms()
    yield from function_symptoms()
