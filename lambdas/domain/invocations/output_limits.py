"""Reads how many tokens a request allows for its answer, in the shapes of all providers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations.decoding import JsonObject
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.token_counts import read_count

_Path: TypeAlias = tuple[str, ...]

# At the top of a body, or within an object there.
_PATHS: tuple[_Path, ...] = (
    ("max_tokens",),
    ("max_completion_tokens",),
    ("max_tokens_to_sample",),
    ("max_gen_len",),
    ("maxTokens",),
    ("maxOutputTokens",),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
    ("textGenerationConfig", "maxTokenCount"),
)


class _Reader(NamedTuple):
    """Paths of the limits that a model looks for.

    Attributes:
        certain: Those that AWS documents for it, or that are the usual one of chat completions.
        possible: Those that it may read as well. They are no limit without a certain one.
    """

    certain: tuple[_Path, ...]
    possible: tuple[_Path, ...] = ()


_CHAT = _Reader((("max_tokens",),), (("max_completion_tokens",),))
_READERS = {
    "ai21": _Reader((("max_tokens",),)),
    "ai21.j2": _Reader((("maxTokens",),)),
    "amazon": _Reader((("inferenceConfig", "maxTokens"), ("inferenceConfig", "max_new_tokens"))),
    "amazon.titan": _Reader((("textGenerationConfig", "maxTokenCount"),)),
    "anthropic": _Reader((("max_tokens",), ("max_tokens_to_sample",))),
    "cohere": _Reader((("max_tokens",),)),
    "meta": _Reader((("max_gen_len",),)),
    "mistral": _CHAT,
    "openai": _Reader((("max_completion_tokens",),), (("max_tokens",),)),
    "twelvelabs": _Reader((("maxOutputTokens",),)),
    **dict.fromkeys(("deepseek", "google", "minimax", "moonshot", "moonshotai"), _CHAT),
    **dict.fromkeys(("nvidia", "qwen", "writer", "xai", "zai"), _CHAT),
}
"""The paths that models of a provider read, so that no other field passes for a limit.

Some models are listed by the beginning of their ids. Source, for each provider:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""
CONVERSE = "converse"
_OF_CONVERSE = _Reader((("inferenceConfig", "maxTokens"),))


def list_output_limits(body: JsonObject, reader: str = "") -> Iterator[int]:
    """List the limits of a request body; normally it has one at most.

    Args:
        body: The body.
        reader: The provider of the model that reads the body, or `CONVERSE`. All shapes are read
            where it is not known.
    """
    paths = _OF_CONVERSE if reader == CONVERSE else _READERS.get(reader, _Reader(_PATHS))
    certain = list(_read_limits(body, paths.certain))
    yield from certain
    if certain:
        yield from _read_limits(body, paths.possible)


def _read_limits(body: JsonObject, paths: Iterable[_Path]) -> Iterator[int]:
    for *within, name in paths:
        parent = get_object(body, within[0]) if within else body
        count = read_count(parent.get(name))
        if count:
            yield count


def find_reader(model_id: str) -> str | None:
    """Find who reads the bodies of a model, for `list_output_limits`; `None` if not known."""
    readers = [reader for reader in _READERS if model_id.startswith((f"{reader}.", f"{reader}-"))]
    return max(readers, key=len, default=None)
