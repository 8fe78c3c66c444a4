"""Names of models in rules and settings, as records name them."""

from __future__ import annotations

import re

from lambdas.domain.invocations import foundation_model_id

_MODELS = re.compile(r"[!-)+-~]+\*?|\*")
_REST = "*"
_ARN = "arn:"
_GEOGRAPHIES = frozenset({"us", "us-gov", "eu", "apac", "au", "jp", "in", "ca", "sa", "global"})
"""Every other beginning is taken for a provider, which may be new."""
_SOME_MODEL = "x.x"
"""A continuation of an id, so that a provider follows the geography."""
_EXAMPLE = "such as anthropic.claude-sonnet-4-6"


def called_model(model: str) -> str:
    """Accept a foundation model, or the beginning of some and a `*`.

    Raises:
        ValueError: Records have another id. The text names it.
    """
    if _MODELS.fullmatch(model) is None:
        message = "allowed: a foundation model's id, or its beginning and a * at the end"
        raise ValueError(message)
    return foundation_model(model)


def foundation_model(model: str) -> str:
    """Accept a model without its geography or ARN.

    Raises:
        ValueError: It has one. The text says what to write instead.
    """
    instead = suggest_model(model)
    if instead is not None:
        message = f"allowed: {instead}"
        raise ValueError(message)
    return model


def suggest_model(model: str) -> str | None:
    """Suggest a replacement for a model that no call is named by; `None` for a valid one.

    Calls are named by their foundation model: a rule with a geography or an ARN never matches.

    Args:
        model: An id, or the beginning of some and a `*`.
    """
    beginning = model.removesuffix(_REST)
    rest = "" if beginning == model else _SOME_MODEL
    if rest and not beginning.startswith(_ARN) and beginning.split(".")[0] not in _GEOGRAPHIES:
        return None
    behind = foundation_model_id(beginning + rest)
    if behind == beginning + rest and not beginning.startswith(_ARN):
        return None
    meant = behind.removesuffix(rest)
    is_known = meant and not meant.startswith(_ARN)
    example = f"so {meant}{_REST if rest else ''}" if is_known else _EXAMPLE
    return f"the foundation model without its geography or ARN, {example}"
