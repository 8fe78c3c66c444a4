"""Which model was called: one spelling for the many that callers use."""

from __future__ import annotations

import re

from lambdas.domain.invocations.remembering import remembered

# A system-defined inference profile is a foundation model's id behind a geography: `us.`,
# `eu.`, `apac.`, `global.`, `us-gov.`, ... AWS adds new ones, so the form is matched, not a list.
_REGION_PREFIX = re.compile(r"[a-z-]{2,8}\.(?=[a-z0-9]+\.)")
# Providers short enough to look like a geography when a model's own name has a dot in it.
_SHORT_PROVIDERS = frozenset(
    {"amazon", "cohere", "deepseek", "google", "luma", "meta", "minimax", "mistral", "moonshot"}
    | {"nvidia", "openai", "qwen", "writer", "xai", "zai"}
)
_ARN_PARTS = 6
APPLICATION_PROFILE = "application-inference-profile/"
"""How the id of a model begins that an application inference profile hides."""
_NAMES_ITS_MODEL = frozenset({"foundation-model", "inference-profile"})


@remembered
def foundation_model_id(invoked_id: str) -> str:
    """Name the foundation model behind what was called, version kept.

    Ids and ARNs of foundation models and of system-defined (cross-Region) inference profiles
    give the foundation model's id. Whatever hides its model gives `<kind>/<id>`:
    `application-inference-profile/...`, `provisioned-model/...`, `custom-model/...`,
    `imported-model/...`, `prompt-router/...`, `endpoint/...` (SageMaker). Text of no known form
    is kept as it is.

    Example:
        >>> foundation_model_id("us.anthropic.claude-sonnet-4-20250514-v1:0")
        'anthropic.claude-sonnet-4-20250514-v1:0'
    """
    parts = invoked_id.split(":", _ARN_PARTS - 1)
    if parts[0] != "arn" or len(parts) != _ARN_PARTS:
        return _without_region_prefix(invoked_id)
    resource = parts[-1]
    kind, _, name = resource.partition("/")
    if kind in _NAMES_ITS_MODEL and name:
        return _without_region_prefix(name)
    return resource or invoked_id


def _without_region_prefix(model_id: str) -> str:
    prefix = _REGION_PREFIX.match(model_id)
    if prefix is None or prefix[0][:-1] in _SHORT_PROVIDERS:
        return model_id
    return model_id[prefix.end() :]
