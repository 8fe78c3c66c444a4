"""Builds a release for tests, and completes kept ones, so that the local cloud can deploy them."""

import atexit
import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from zipfile import ZipFile

from cdk.operations.kept_release import read_assets
from cdk.operations.release import CHECKSUMS, build

DAY = date(2026, 3, 4)


@cache
def build_once() -> Path:
    """Build a release of the current code once; returns its folder."""
    folder = Path(tempfile.mkdtemp(prefix="bedrock-meter-release-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build(folder / "current", DAY)
    return folder / "current"


def complete(kept: Path, assembly: Path, folder: Path) -> None:
    """Make a deployable folder of a kept release.

    Args:
        kept: The kept release.
        assembly: An assembly of the current code, whose layers and CDK function are used.
        folder: The folder, which is made.
    """
    current = {asset["displayName"]: asset for asset in read_assets(assembly).values()}
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.zip", CHECKSUMS))
    for digest, asset in read_assets(kept).items():
        code, target = kept / f"{digest}.zip", folder / asset["source"]["path"]
        if code.exists():
            ZipFile(code).extractall(target)
        elif not target.exists():
            shutil.copytree(assembly / current[asset["displayName"]]["source"]["path"], target)
