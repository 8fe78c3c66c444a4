"""Structured logs of functions, without the names of metrics, which take long to import."""

from __future__ import annotations

import json
from functools import partial

from aws_lambda_powertools import Logger

REQUEST_ID = "function_request_id"
"""The key of an invocation's id in log lines, as `inject_lambda_context` names it."""
# ASCII alone: names of callers may hold characters that control the terminal of a reader of logs.
_to_json = partial(json.dumps, default=str, separators=(",", ":"))
logger = Logger(service="bedrock-meter", json_serializer=_to_json)
# Events hold prompts. An explicit choice goes before the variable POWERTOOLS_LOGGER_LOG_EVENT.
log_request_id = logger.inject_lambda_context(log_event=False)
"""Decorates a handler: each line that it logs has the id of its invocation."""
