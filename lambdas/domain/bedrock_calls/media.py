"""Finds the images, documents, videos and sounds in the body of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lambdas.domain.bedrock_calls.paths import BedrockOperation
from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import get_object

_KINDS = {"image": True, "document": False, "video": False, "audio": False}
"""Blocks of Converse, Nova and Anthropic, and if they are images."""
_LINKED_KINDS = {
    **dict.fromkeys(("image_url", "input_image"), True),
    **dict.fromkeys(("audio_url", "file", "input_audio", "input_file", "video_url"), False),
    "mediaSource": False,
}
"""Blocks of OpenAI's shape, and TwelveLabs' videos."""
_ALL_KINDS = _KINDS.keys() | _LINKED_KINDS.keys()
_TEXT_SOURCES = frozenset({"text", "content"})
"""The sources of documents whose text stands in the body, and counts as such."""
_TEXTS = frozenset({"toolUse", "toolConfig", "tools"})
"""Fields in which nothing is an image: the model reads them as text."""


class Media(NamedTuple):
    """A part of a prompt other than text.

    Attributes:
        is_image: False for what has no known maximum.
        size_bytes: The bytes of the body that it takes, and that the model does not read as text.
            0 where that is not certain.
    """

    is_image: bool
    size_bytes: int


def list_media(operation: BedrockOperation, fields: JsonObject) -> Iterator[Media]:
    """List all that may be an image, a document, a video or a sound, wherever it stands.

    A model may read it where no documentation says so. Only in the content of messages, its bytes
    are certain to be no text.
    """
    certain = {id(block) for block in _list_blocks(fields)}
    for block in _list_objects(fields):
        for media in _read_block(block):
            yield media if id(block) in certain else media._replace(size_bytes=0)
    if not operation.is_converse:
        images = fields.get("images")  # Llama's
        for image in images if isinstance(images, list) else ():
            yield Media(is_image=True, size_bytes=_get_length(image))


def _list_objects(fields: JsonObject) -> Iterator[JsonObject]:
    """List all objects, but for the arguments of tools, which are text."""
    waiting: list[JsonValue] = [fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(each for each in value if isinstance(each, (dict, list)))
        elif isinstance(value, dict):
            yield value
            texts = _TEXTS | {"input"} if value.get("type") == "tool_use" else _TEXTS
            waiting.extend(
                each
                for name, each in value.items()
                if name not in texts and isinstance(each, (dict, list))
            )


def _list_blocks(fields: JsonObject) -> Iterator[JsonObject]:
    """List the blocks of messages, and those in the results of tools."""
    messages = fields.get("messages")
    for message in messages if isinstance(messages, list) else ():
        for block in _list_content(message):
            yield block
            yield get_object(block, "guardContent")
            yield from _list_content(block.get("toolResult"))
            if block.get("type") == "tool_result":
                yield from _list_content(block)


def _list_content(parent: JsonValue) -> Iterator[JsonObject]:
    content = parent.get("content") if isinstance(parent, dict) else None
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict):
            yield block


def _read_block(block: JsonObject) -> Iterator[Media]:
    """Read a block in the shape of Converse and Nova, Anthropic or OpenAI."""
    declared = block.get("type")
    declared = declared if isinstance(declared, str) else ""
    if declared not in _ALL_KINDS and _ALL_KINDS.isdisjoint(block):
        return
    for kind, is_image in _KINDS.items():
        source = get_object(get_object(block, kind), "source")
        given = {name for name, value in source.items() if value is not None}
        if given - _TEXT_SOURCES:
            yield Media(is_image, _get_length(source.get("bytes")))
    if declared in _KINDS:
        source = get_object(block, "source")
        kind_of_source = source.get("type")
        if not isinstance(kind_of_source, str) or kind_of_source not in _TEXT_SOURCES:
            yield Media(_KINDS[declared], _get_length(source.get("data")))
    for kind, is_image in _LINKED_KINDS.items():
        if declared == kind or block.get(kind) is not None:
            url = get_object(block, kind).get("url")
            is_data = isinstance(url, str) and url.startswith("data:image/")
            yield Media(is_image, _get_length(url) if is_data else 0)


def _get_length(value: JsonValue) -> int:
    return len(value) if isinstance(value, str) and value.isascii() else 0
