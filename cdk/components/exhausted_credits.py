"""The items that functions read to stop usage whose credits are exhausted."""

from __future__ import annotations

from cdk.config import Config
from lambdas.domain.budgets.governance_table import CREDIT_EXHAUSTED, CREDIT_GRANTS, CREDITS
from lambdas.domain.credits import ExhaustedAction


def list_credit_keys(config: Config, action: ExhaustedAction) -> list[str]:
    """List the keys of exhausted scopes, grants and the switch, if a part of the meter needs them.

    They are in the statement of budgets: a statement of their own would not fit into the role of
    the brake beside all exempt principals.

    Args:
        config: The setting `credits_exhausted`.
        action: The part.
    """
    is_on = action in config.credits_exhausted
    return [CREDIT_EXHAUSTED, CREDIT_GRANTS, CREDITS] if is_on else []
