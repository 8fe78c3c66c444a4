"""Synthesizes the cloud assembly: the stacks' templates, and the assets that they name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cdk.components.bundle import ROOT


class SynthesisError(Exception):
    """The app cannot be synthesized. The text is the reason."""


def synthesize(
    folder: Path, settings: Mapping[str, object], environment: Mapping[str, str]
) -> None:
    """Synthesize the app into a folder, in a process of its own.

    Args:
        folder: The folder of the assembly, which is made.
        settings: The context: settings and feature flags.
        environment: The environment variables of the process.

    Raises:
        SynthesisError: A setting may be wrong, or a bundle cannot be made.
    """
    process = subprocess.run(
        [sys.executable, "-m", "cdk.app"],
        cwd=ROOT,
        env={
            **environment,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": json.dumps(dict(settings)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        *_, reason = process.stderr.strip().splitlines() or ["it printed nothing"]
        raise SynthesisError(reason.strip())
