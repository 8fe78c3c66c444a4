"""Receivers of webhooks on this machine stand for hosts on the internet.

`webhook_sender` calls public addresses alone, and checks the names of certificates. All of that
holds here too. What is emulated is the internet beyond: `cdk/local_cloud/internet` gives the names
of `cdk.local_cloud.receiver` public addresses, and leads connections to these addresses to the
loopback address. No other function has it, and no setting of a deployment does the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

_SENDER = "-WebhookSender"
"""The end of the function's name."""
_INTERNET = Path(__file__).parents[1] / "internet"
AUTHORITY = "receivers.pem"
"""The file of the authority that has issued the certificates of receivers, in the home folder."""


def install() -> None:
    """Add it."""
    spawn = lambda_runtime.Worker._spawn

    def spawn_with_internet(worker: Any) -> None:
        if str(worker.config.get("FunctionName", "")).endswith(_SENDER):
            worker.config = _add_variables(worker.config)
        spawn(worker)

    lambda_runtime.Worker._spawn = spawn_with_internet


def _add_variables(config: dict[str, Any]) -> dict[str, Any]:
    environment = config.get("Environment", {})
    added = {
        "PYTHONPATH": str(_INTERNET),  # Python imports `sitecustomize` from there
        "SSL_CERT_FILE": str(Path(os.environ["HOME"]) / AUTHORITY),
    }
    variables = {**environment.get("Variables", {}), **added}
    return {**config, "Environment": {**environment, "Variables": variables}}
