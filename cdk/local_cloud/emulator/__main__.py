"""Starts MiniStack with the additions: `python -m cdk.local_cloud.emulator`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib.metadata import version

from cdk.local_cloud.emulator import MINISTACK_VERSION


def _end_with_parent() -> None:
    """Wait for the end of standard input, then end this process and all that it has started."""
    sys.stdin.read()
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main() -> None:
    """Start, unless it is another version of MiniStack."""
    found = version("ministack")
    if found != MINISTACK_VERSION:
        sys.exit(
            f"The local cloud needs MiniStack {MINISTACK_VERSION}, and this is {found}: run make"
            " clean and try again."
        )
    from ministack import app  # noqa: PLC0415  # not before it is known to be the right one

    from cdk.local_cloud.emulator import (  # noqa: PLC0415
        alarms,
        authorisation,
        bedrock_calls,
        definitions,
        embedded_metrics,
        failure_destinations,
        inference_profiles,
        log_policies,
        parameter_names,
        partial_batches,
        partiql,
        permissions_boundaries,
        plain_metrics,
        requested_resources,
        stream_filters,
        subscriptions,
        table_settings,
        topic_keys,
    )

    for addition in (
        alarms,
        authorisation,
        bedrock_calls,
        definitions,
        embedded_metrics,
        failure_destinations,
        inference_profiles,
        log_policies,
        parameter_names,
        partial_batches,
        partiql,
        permissions_boundaries,
        plain_metrics,
        requested_resources,
        stream_filters,
        subscriptions,
        table_settings,
        topic_keys,
    ):
        addition.install()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app.main()


if __name__ == "__main__":
    main()
