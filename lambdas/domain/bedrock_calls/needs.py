"""Computes the most tokens that a call can use, before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from lambdas.domain.bedrock_calls.media import Media, list_media
from lambdas.domain.bedrock_calls.model_outputs import find_max_output
from lambdas.domain.bedrock_calls.paths import BedrockPath
from lambdas.domain.bedrock_calls.request_body import RequestBody
from lambdas.domain.invocations.decoding import JsonObject
from lambdas.domain.invocations.json_paths import get_object, list_objects
from lambdas.domain.invocations.model import foundation_model_id, is_foundation_model
from lambdas.domain.invocations.output_limits import CONVERSE, find_reader, list_output_limits
from lambdas.domain.invocations.token_counts import read_count

DEFAULT_OUTPUT_TOKENS = 128_000
"""The largest answer of any model on Bedrock when this was written."""
DEFAULT_IMAGE_TOKENS = 6_000
DEFAULT_DOCUMENT_TOKENS = 100_000
"""An estimate: a PDF is compressed, so that its size says little about its text."""
LARGE_IMAGE_TOKENS = 16_400
"""Of models that cut an image into more parts, such as Qwen's."""
TOOL_PROMPT_TOKENS = 1_000
"""More than the instructions that models get beside the tools of a request, beside each tool of the
provider's own, or to answer in a given form.

Source: https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview
"""


_WITHOUT_OUTPUT = (
    *("amazon.nova-2-multimodal-embeddings", "amazon.titan-embed", "cohere.embed"),
    *("twelvelabs.marengo-embed", "amazon.rerank", "cohere.rerank"),
    *("amazon.nova-canvas", "amazon.titan-image", "stability."),
)
"""The beginnings of the ids of models that generate no tokens: embeddings, ranks and images.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""


class NeedBounds(NamedTuple):
    """The bounds of what no request says.

    Attributes:
        output_tokens: The largest answers of models, by patterns of their ids; the first one that
            fits counts, before what is documented of the model.
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
        return find_max_output(model_id) or self.default_output_tokens


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


_ADDITIONAL = "additionalModelRequestFields"
"""The field of a Converse body with fields of the model's own."""
_SMALL_IMAGES = frozenset({"amazon", "anthropic", "mistral"})
_FRAME_TOKENS = {"amazon": 0, "anthropic": 0, "cohere": 1_000, "mistral": 0}
_DEFAULT_FRAME_TOKENS = 300
"""More than what a model's own template adds to a prompt. JSON covers that of the providers above:
a message takes 30 bytes at least."""
_INSTRUCTED = ("outputConfig", "output_config", "output_format", "response_format")
_SAMPLES = ("n", "best_of", "num_generations", "numResults")
"""Fields that ask for several answers."""
_OF_CALLERS = frozenset({"custom", "function"})
"""Types of tools whose whole description stands in the body."""


def measure_need(path: BedrockPath, body: RequestBody, bounds: NeedBounds) -> CallNeed:
    """Compute the most that a call can use.

    A token of text takes a byte of UTF-8 at least, and JSON is never shorter than the text in it.
    So the bound is the length of the body, with the maximum of each image in place of its bytes,
    and what Bedrock and the model add to it.
    """
    if not path.operation.uses_tokens:
        return NO_NEED
    model_id = foundation_model_id(path.model_id)
    media = list(list_media(path.operation, body.fields))
    searches = sum(map(_is_search, _list_tools(body.fields)))
    stored = model_id.startswith("prompt/")  # its text is on the server
    input_tokens = len(body.text.encode()) - sum(each.size_bytes for each in media)
    input_tokens += sum(_bound_media(each, model_id, bounds) for each in media)
    input_tokens += (searches + stored) * bounds.document_tokens
    input_tokens += _bound_instructions(model_id, body.fields)
    output_tokens = _bound_output(path, model_id, body.fields, bounds)
    samplings = _count_samplings(body.fields)
    is_certain = (
        is_foundation_model(model_id)
        and all(each.is_image for each in media)
        and not searches
        and samplings == 1
    )
    return CallNeed(input_tokens * samplings, output_tokens * samplings, is_certain)


def _list_parts(fields: JsonObject) -> tuple[JsonObject, JsonObject]:
    """List the objects in which models read fields of their own."""
    return fields, get_object(fields, _ADDITIONAL)


def _list_tools(fields: JsonObject) -> Iterator[JsonObject]:
    yield from list_objects(get_object(fields, "toolConfig").get("tools"))
    for part in _list_parts(fields):
        yield from list_objects(part.get("tools"))


def _is_search(tool: JsonObject) -> bool:
    """Say if a tool runs on the server, whose results the model reads as input."""
    kind = tool.get("type")
    return "systemTool" in tool or (isinstance(kind, str) and kind.startswith("web_"))


def _bound_media(media: Media, model_id: str, bounds: NeedBounds) -> int:
    if not media.is_image:
        return bounds.document_tokens
    is_small = model_id.partition(".")[0] in _SMALL_IMAGES
    return bounds.image_tokens if is_small else max(bounds.image_tokens, LARGE_IMAGE_TOKENS)


def _bound_instructions(model_id: str, fields: JsonObject) -> int:
    """Bound what Bedrock and the model add to the text of a request."""
    parts = _list_parts(fields)
    has_tools = "toolConfig" in fields or any("tools" in part for part in parts)
    has_form = any(name in part for part in parts for name in _INSTRUCTED)
    own_tools = sum(
        isinstance(kind := tool.get("type"), str) and kind not in _OF_CALLERS
        for tool in _list_tools(fields)
    )
    frame = _FRAME_TOKENS.get(model_id.partition(".")[0], _DEFAULT_FRAME_TOKENS)
    return frame + TOOL_PROMPT_TOKENS * (has_tools + has_form + own_tools)


def _bound_output(path: BedrockPath, model_id: str, fields: JsonObject, bounds: NeedBounds) -> int:
    """The limit that the request sets where its reader looks for it, else the model's own.

    Raised by each way to get more: several answers, and thoughts that do not count as output.
    """
    if model_id.startswith(_WITHOUT_OUTPUT):
        return 0
    requested = find_requested_output(path, model_id, fields)
    tokens = bounds.get_max_output(model_id) if requested is None else requested
    samples, thoughts = [1], 0
    for part in _list_parts(fields):
        samples += [read_count(part.get(name)) or 1 for name in _SAMPLES]
        for name in ("thinking", "reasoning_config"):
            thoughts = max(thoughts, read_count(get_object(part, name).get("budget_tokens")) or 0)
    # Thoughts between tools may be more than `max_tokens`; else they are a part of it:
    # https://docs.claude.com/en/docs/build-with-claude/extended-thinking
    return max(samples) * (tokens + (thoughts if thoughts >= tokens else 0))


def find_requested_output(path: BedrockPath, model_id: str, fields: JsonObject) -> int | None:
    """Find the most output tokens that a request asks for; `None` if it sets no limit.

    Args:
        path: The operation.
        model_id: The foundation model.
        fields: The fields of the body.
    """
    return max(_list_limits(path, model_id, fields), default=None)


def _list_limits(path: BedrockPath, model_id: str, fields: JsonObject) -> list[int]:
    """List the limits of a request if its reader is certain to read one of them.

    Any field may be one that a hidden model, or one of an unknown provider, does not read. If the
    request has others, too, the reader may read any of them.
    """
    if path.operation.is_converse:
        limits = list(list_output_limits(fields, CONVERSE))
        return [*limits, *list_output_limits(get_object(fields, _ADDITIONAL))] if limits else []
    if not is_foundation_model(model_id):
        return []
    reader = find_reader(model_id)
    limits = [] if reader is None else list(list_output_limits(fields, reader))
    return [*limits, *list_output_limits(fields)] if limits else []


def _count_samplings(fields: JsonObject) -> int:
    """Count the times that the model may read the prompt: to compact it is one more."""
    edits = (get_object(part, "context_management").get("edits") for part in _list_parts(fields))
    kinds = [str(edit.get("type")) for each in edits for edit in list_objects(each)]
    return 2 if any(kind.startswith("compact") for kind in kinds) else 1
