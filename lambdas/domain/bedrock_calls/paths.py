"""Reads operation and model from the path of a request, and writes the path for Bedrock."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from lambdas.domain.invocations.model import MAX_MODEL_ID_LENGTH


class BedrockOperation(Enum):
    """An operation of bedrock-runtime, by the last segment of its path."""

    CONVERSE = "converse"
    CONVERSE_STREAM = "converse-stream"
    INVOKE = "invoke"
    INVOKE_STREAM = "invoke-with-response-stream"
    COUNT_TOKENS = "count-tokens"

    @property
    def log_name(self) -> str:
        """The name that invocation logs have."""
        return _LOG_NAMES[self]

    @property
    def is_converse(self) -> bool:
        """True if the body has one shape for all models, with request metadata in it."""
        return self in {self.CONVERSE, self.CONVERSE_STREAM}

    @property
    def uses_tokens(self) -> bool:
        """True if the model reads and generates tokens, and the call is logged and billed."""
        return self is not self.COUNT_TOKENS


_LOG_NAMES = {
    BedrockOperation.CONVERSE: "Converse",
    BedrockOperation.CONVERSE_STREAM: "ConverseStream",
    BedrockOperation.INVOKE: "InvokeModel",
    BedrockOperation.INVOKE_STREAM: "InvokeModelWithResponseStream",
    BedrockOperation.COUNT_TOKENS: "CountTokens",
}
# Greedy: an ARN may stand with its slashes, and its parts may be called `invoke`.
_PATH = re.compile(rf"/model/(.+)/({'|'.join(operation.value for operation in BedrockOperation)})")
_SEGMENT = "[A-Za-z0-9][A-Za-z0-9._:-]*"
# Wider than the service's own pattern, which has changed with every kind of model. No segment is
# `.` or `..`, none is empty, and no `%` is left that another decoder could read.
_MODEL_ID = re.compile(
    rf"arn:aws[a-z-]*:(?:bedrock|sagemaker):[a-z0-9-]{{1,20}}:(?:\d{{12}})?:{_SEGMENT}(?:/{_SEGMENT}){{1,3}}"
    rf"|{_SEGMENT}",
    re.ASCII,
)


class BedrockPath(NamedTuple):
    """The operation and the model that a request names.

    Attributes:
        operation: The operation.
        model_id: The id or ARN, as the caller named it.
    """

    operation: BedrockOperation
    model_id: str

    def write(self) -> str:
        """Write the path as AWS's SDKs do: with the id in one segment."""
        return f"/model/{quote(self.model_id, safe='')}/{self.operation.value}"


def read_path(raw_path: str) -> BedrockPath | None:
    """Read a path as it was sent; `None` for any other path.

    The id is decoded once. What is then no id of a known form is refused: `..`, a second
    encoding, control characters, letters outside ASCII.

    Example:
        >>> read_path("/model/amazon.nova-lite-v1%3A0/converse").model_id
        'amazon.nova-lite-v1:0'
    """
    match = _PATH.fullmatch(raw_path)
    if match is None:
        return None
    encoded, operation = match.groups()
    try:
        model_id = unquote_to_bytes(encoded).decode("ascii")
    except UnicodeDecodeError:
        return None
    if len(model_id) > MAX_MODEL_ID_LENGTH or _MODEL_ID.fullmatch(model_id) is None:
        return None
    return BedrockPath(BedrockOperation(operation), model_id)
