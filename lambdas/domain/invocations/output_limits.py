"""Reads how many tokens a request allows for its answer, in the shapes of all providers."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.domain.invocations.decoding import JsonObject
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.token_counts import read_count

# At the top of a body, or within an object there.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
_PATHS = (
    ("max_tokens",),
    ("max_completion_tokens",),
    ("max_tokens_to_sample",),
    ("max_gen_len",),
    ("maxTokens",),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
    ("textGenerationConfig", "maxTokenCount"),
)
_PATHS_BY_PROVIDER = {
    "ai21": (("max_tokens",),),
    "ai21.j2": (("maxTokens",),),
    "amazon": (("inferenceConfig", "maxTokens"), ("inferenceConfig", "max_new_tokens")),
    "amazon.titan": (("textGenerationConfig", "maxTokenCount"),),
    "anthropic": (("max_tokens",), ("max_tokens_to_sample",)),
    "cohere": (("max_tokens",),),
    "meta": (("max_gen_len",),),
    "mistral": (("max_tokens",),),
    "openai": (("max_completion_tokens",), ("max_tokens",)),
    **dict.fromkeys(
        ("deepseek", "google", "minimax", "moonshot", "moonshotai", "nvidia", "qwen"),
        (("max_tokens",),),
    ),
    **dict.fromkeys(("writer", "xai", "zai"), (("max_tokens",),)),
}
"""The paths that the models of a provider read, so that no other field passes for a limit.

Some models are listed by the beginning of their ids.
"""
CONVERSE = "converse"
_CONVERSE_PATHS = (("inferenceConfig", "maxTokens"),)


def list_output_limits(body: JsonObject, reader: str = "") -> Iterator[int]:
    """List the limits of a request body; normally it has one at most.

    Args:
        body: The body.
        reader: The provider of the model that reads the body, or `CONVERSE`. All shapes are read
            where it is not known.
    """
    paths = _CONVERSE_PATHS if reader == CONVERSE else _PATHS_BY_PROVIDER.get(reader, _PATHS)
    for *within, name in paths:
        parent = get_object(body, within[0]) if within else body
        count = read_count(parent.get(name))
        if count:
            yield count


def find_reader(model_id: str) -> str | None:
    """Find who reads the bodies of a model, for `list_output_limits`; `None` if not known."""
    readers = [
        reader for reader in _PATHS_BY_PROVIDER if model_id.startswith((f"{reader}.", f"{reader}-"))
    ]
    return max(readers, key=len, default=None)
