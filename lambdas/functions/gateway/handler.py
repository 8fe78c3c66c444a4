"""Answers requests of the function URL, as the script `run` starts it."""

from __future__ import annotations

import asyncio
import gc
import os

from starlette.applications import Starlette

from lambdas.functions.gateway.app import log_failure, make_app
from lambdas.functions.gateway.runtime import Invocation, RuntimeApi, run
from lambdas.functions.gateway.settings import Settings
from lambdas.logs import REQUEST_ID, logger
from lambdas.wiring.gateway import make_call_relay
from lambdas.wiring.gateway_limits import make_gateway_limits

_RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"


class LoggedRuntimeApi(RuntimeApi):
    """A Runtime API whose invocations name themselves in the log."""

    async def get_next(self) -> Invocation:
        """Wait for the next invocation, and log its id with each line from now on."""
        invocation = await super().get_next()
        logger.append_keys(**{REQUEST_ID: invocation.request_id})
        return invocation


def make_gateway() -> Starlette:
    """Make the app by the environment's settings."""
    settings = Settings.from_environment(os.environ)
    limits = make_gateway_limits(settings)
    return make_app(make_call_relay(settings, limits.admission), limits.view, note_unknown_key)


def note_unknown_key() -> None:
    """Count a request without a valid key."""
    # The names of metrics take long to import, and callers with a key do not wait for that.
    from lambdas.domain.metrics.catalog import UNKNOWN_KEYS  # noqa: PLC0415
    from lambdas.observability import record_health  # noqa: PLC0415

    record_health({UNKNOWN_KEYS: 1})


def start_gateway() -> Starlette:
    """Make the app, and start the garbage collector, which `run` has stopped.

    What exists by then stays as long as the environment: the collector no longer looks at it.
    """
    app = make_gateway()
    gc.freeze()
    gc.enable()
    return app


def main() -> None:
    """Answer requests until the environment ends."""
    api = LoggedRuntimeApi.at(os.environ[_RUNTIME_API])
    asyncio.run(run(start_gateway, api, log_failure))
