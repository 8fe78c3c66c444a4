"""Computes the most tokens that a call can use, before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from lambdas.domain.bedrock_calls.paths import BedrockOperation, BedrockPath
from lambdas.domain.bedrock_calls.request_body import RequestBody
from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.model import foundation_model_id, is_foundation_model
from lambdas.domain.invocations.output_limits import CONVERSE, list_output_limits

DEFAULT_OUTPUT_TOKENS = 128_000
"""The largest answer of any model on Bedrock when this was written."""
DEFAULT_IMAGE_TOKENS = 6_000
DEFAULT_DOCUMENT_TOKENS = 100_000
"""An estimate: a PDF is compressed, so that its size says little about its text."""
TOOL_PROMPT_TOKENS = 1_000
"""More than the instructions that models get beside the tools of a request.

Source: https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview
"""


class NeedBounds(NamedTuple):
    """The bounds of what no request says.

    Attributes:
        output_tokens: The largest answers of models, by patterns of their ids; the first one that
            fits counts.
        default_output_tokens: The largest answer of all other models.
        image_tokens: The most tokens of an image.
        document_tokens: The tokens of a document, a video or a sound, which are an estimate.
    """

    output_tokens: Mapping[str, int] = {}
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS
    image_tokens: int = DEFAULT_IMAGE_TOKENS
    document_tokens: int = DEFAULT_DOCUMENT_TOKENS

    def get_max_output(self, model_id: str) -> int:
        """The largest answer of a model that a request does not limit."""
        for pattern, tokens in self.output_tokens.items():
            if fnmatchcase(model_id, pattern):
                return tokens
        return self.default_output_tokens


class CallNeed(NamedTuple):
    """The tokens that a call can use at most.

    Attributes:
        input_tokens: Of the prompt, cached ones included.
        output_tokens: Of the answer.
        is_certain: False where a part is an estimate: a document, a video, a prompt that lies on
            the server, or a model that is not known.
    """

    input_tokens: int
    output_tokens: int
    is_certain: bool


NO_NEED = CallNeed(0, 0, is_certain=True)
"""Of operations that use no tokens."""


def measure_need(path: BedrockPath, body: RequestBody, bounds: NeedBounds) -> CallNeed:
    """Compute the most that a call can use.

    A token of text takes a byte of UTF-8 at least, and JSON is never shorter than the text in it.
    So the bound is the length of the body, with the maximum of each image in place of its bytes.
    """
    if not path.operation.uses_tokens:
        return NO_NEED
    model_id = foundation_model_id(path.model_id)
    media = list(_list_media(path.operation, body.fields))
    input_tokens = len(body.text.encode()) - sum(each.size_bytes for each in media)
    input_tokens += sum(
        bounds.image_tokens if each.is_image else bounds.document_tokens for each in media
    )
    if "toolConfig" in body.fields or "tools" in body.fields:
        input_tokens += TOOL_PROMPT_TOKENS
    is_known = is_foundation_model(model_id)
    is_certain = is_known and all(each.is_image for each in media)
    return CallNeed(input_tokens, _get_max_output(path, model_id, body.fields, bounds), is_certain)


def _get_max_output(
    path: BedrockPath, model_id: str, fields: JsonObject, bounds: NeedBounds
) -> int:
    """The limit that the request sets where its reader looks for it, else the model's own."""
    requested = find_requested_output(path, model_id, fields)
    return bounds.get_max_output(model_id) if requested is None else requested


def find_requested_output(path: BedrockPath, model_id: str, fields: JsonObject) -> int | None:
    """Find the most output tokens that a request asks for; `None` if it sets no limit.

    Args:
        path: The operation.
        model_id: The foundation model.
        fields: The fields of the body.
    """
    provider = model_id.partition(".")[0] if is_foundation_model(model_id) else ""
    reader = CONVERSE if path.operation.is_converse else provider
    return max(list_output_limits(fields, reader), default=None)


_TEXT_SOURCES = frozenset({"text", "content"})
"""The sources of documents whose text stands in the body, and counts as such."""


class _Media(NamedTuple):
    """A part of a prompt other than text.

    Attributes:
        is_image: False for what has no known maximum.
        size_bytes: The bytes of the body that it takes.
    """

    is_image: bool
    size_bytes: int


def _list_media(operation: BedrockOperation, fields: JsonObject) -> Iterator[_Media]:
    """List images and documents where messages have them.

    Only there: the arguments of a tool may look like an image, and the model reads them as text.
    """
    messages = fields.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                yield from _read_block(block)
                yield from _list_results(block)
    if not operation.is_converse:
        images = fields.get("images")  # Llama's
        for image in images if isinstance(images, list) else ():
            yield _Media(is_image=True, size_bytes=_get_length(image))


def _list_results(block: JsonObject) -> Iterator[_Media]:
    """List the media in the result of a tool, in Converse's shape or in Anthropic's."""
    result = get_object(block, "toolResult") or (
        block if block.get("type") == "tool_result" else {}
    )
    content = result.get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            yield from _read_block(part)


def _read_block(block: JsonObject) -> Iterator[_Media]:
    """Read a block in the shape of Converse and Nova, Anthropic or OpenAI."""
    for kind in ("image", "document", "video", "audio"):
        source = get_object(get_object(block, kind), "source")
        if source and _TEXT_SOURCES.isdisjoint(source):
            yield _Media(kind == "image", _get_length(source.get("bytes")))
    declared = block.get("type")
    if declared in {"image", "document"}:
        source = get_object(block, "source")
        if source.get("type") not in _TEXT_SOURCES:
            yield _Media(declared == "image", _get_length(source.get("data")))
    elif declared == "image_url":
        url = get_object(block, "image_url").get("url")
        is_data = isinstance(url, str) and url.startswith("data:image/")
        yield _Media(is_image=True, size_bytes=_get_length(url) if is_data else 0)


def _get_length(value: JsonValue) -> int:
    return len(value) if isinstance(value, str) and value.isascii() else 0
