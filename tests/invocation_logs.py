"""Invocation logs for tests, as messages and as files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any


def log(request_id: str = "request-1", **changes: Any) -> dict[str, Any]:
    """An invocation log of 10 input and 5 output tokens, but for the changes."""
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-09-08T12:10:33Z",
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": request_id,
        "operation": "Converse",
        "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
        "identity": {"arn": "arn:aws:iam::111122223333:user/ana"},
        "input": {"inputTokenCount": 10},
        "output": {"outputTokenCount": 5},
    } | changes


def as_lines(*logs: dict[str, Any]) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in logs)


def write(path: Path, content: bytes | str) -> Path:
    """Write a file, its folders too, gzipped if it is named so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
