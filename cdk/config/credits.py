"""Settings of credits: prepaid amounts that usage draws down."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cdk.config.setting_types import EachOnce, Words
from lambdas.domain.credits import LOW_PERCENT, ExhaustedAction
from lambdas.wiring.allowed_values import SettingsModel


class CreditSettings(SettingsModel):
    """Settings that switch credits on.

    Attributes:
        credits: Deploy the function that books usage against grants.
        credits_low_percent: The rest of a scope's grants at which people are notified, in percent
            of their amounts.
        credits_exhausted: The parts of the meter that stop usage without credits. None by default:
            people are notified.
    """

    credits: bool = False
    credits_low_percent: Annotated[int, Field(ge=1, le=99)] = LOW_PERCENT
    credits_exhausted: Annotated[tuple[ExhaustedAction, ...], EachOnce, Words] = ()
