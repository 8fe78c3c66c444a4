"""The called model, in one spelling."""

from __future__ import annotations

import re

from lambdas.domain.invocations.memoize import memoize

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
"""The prefix of the id of a model that an application inference profile hides."""
MAX_MODEL_ID_LENGTH = 2048
"""Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""
_PROMPT_ROUTERS = ("prompt-router/", "default-prompt-router/")
_NAMES_ITS_MODEL = frozenset({"foundation-model", "inference-profile"})
_MODEL_ID = re.compile(r"[a-z0-9-]+\.[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}")
# How responses name models: `claude-sonnet-4-20250514`, `claude-opus-4-8`, `gpt-5.6-terra`.
_CLAUDE_NAME = re.compile(r"claude-[a-z0-9-]{1,60}")
_OPENAI_NAME = re.compile(r"(gpt-[a-z0-9.-]{1,60}?)(-\d{4}-\d\d-\d\d)?")
_DATE_AT_THE_END = re.compile(r"-\d{8}$")
_IDS_OF_THEIR_OWN_FORM = {
    "claude-instant-1.2": "anthropic.claude-instant-v1",
    "claude-2.0": "anthropic.claude-v2",
    "claude-2.1": "anthropic.claude-v2:1",
    "claude-3-5-sonnet-20241022": "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "claude-opus-4-1": "anthropic.claude-opus-4-1-20250805-v1:0",
    "claude-sonnet-4-5": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-haiku-4-5": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "claude-opus-4-5": "anthropic.claude-opus-4-5-20251101-v1:0",
    "claude-opus-4-6": "anthropic.claude-opus-4-6-v1",
    "gpt-oss-20b": "openai.gpt-oss-20b-1:0",
    "gpt-oss-120b": "openai.gpt-oss-120b-1:0",
}
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html"""


@memoize
def foundation_model_id(invoked_id: str) -> str:
    """Name the foundation model behind a called id or ARN, with its version.

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


def is_prompt_router(model_id: str) -> bool:
    """Say if `foundation_model_id` gave the id of a prompt router, which chooses a model."""
    return model_id.startswith(_PROMPT_ROUTERS)


def is_foundation_model(model_id: str) -> bool:
    """Say if `foundation_model_id` gave a foundation model's id, of a known form."""
    return _MODEL_ID.fullmatch(model_id) is not None


@memoize
def read_model_name(name: str) -> str | None:
    """The id of the foundation model that a response names; `None` where it is not known.

    Example:
        >>> read_model_name("claude-opus-4-8")
        'anthropic.claude-opus-4-8'
    """
    if name in _IDS_OF_THEIR_OWN_FORM:
        return _IDS_OF_THEIR_OWN_FORM[name]
    if _CLAUDE_NAME.fullmatch(name):
        return f"anthropic.{name}-v1:0" if _DATE_AT_THE_END.search(name) else f"anthropic.{name}"
    openai = _OPENAI_NAME.fullmatch(name)
    if openai is not None:
        return _IDS_OF_THEIR_OWN_FORM.get(openai[1], f"openai.{openai[1]}")
    model_id = _without_region_prefix(name)
    is_known = model_id.startswith(("anthropic.", "openai.")) and is_foundation_model(model_id)
    return model_id if is_known else None


def _without_region_prefix(model_id: str) -> str:
    prefix = _REGION_PREFIX.match(model_id)
    if prefix is None or prefix[0][:-1] in _SHORT_PROVIDERS:
        return model_id
    return model_id[prefix.end() :]
