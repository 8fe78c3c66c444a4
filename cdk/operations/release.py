"""Builds a release: the cloud assembly, its bills of materials, and checksums of all files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from cdk.components.bundle import ROOT, BundlingError
from cdk.config import CDK_JSON
from cdk.operations.assembly import SynthesisError, synthesize
from cdk.operations.bill_of_materials import list_development_packages, list_shipped_packages
from cdk.operations.boundary import BOUNDARY_FILE
from cdk.operations.checkout import clone_commit, read_checkout
from cdk.operations.deployer_policies import Subject
from cdk.operations.kept_release import KEPT_RELEASES, keep
from cdk.operations.terminal import CommandError
from lambdas.meter_name import NAME_VARIABLE

RELEASES = Path(".release")
ASSEMBLY = "assembly"
CHECKSUMS = "SHA256SUMS"

# With these, the assembly would be for one account and Region alone, or have other names.
_LEFT_OUT = frozenset({"CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION", NAME_VARIABLE})


def make_release(root: Path = ROOT) -> None:
    """Build the release of the current commit, and keep what upgrade tests need.

    Args:
        root: The clone.

    Raises:
        CommandError: The clone cannot be released, or the release differs from a kept one.
    """
    checkout = read_checkout(root)
    released_on = checkout.check()
    release, kept = (folder / checkout.version for folder in (RELEASES, KEPT_RELEASES))
    (root / RELEASES).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root / RELEASES, prefix="unfinished-") as unfinished:
        built = Path(unfinished) / checkout.version
        source = Path(unfinished) / "source"
        clone_commit(root, checkout.commit, source)
        _build_from(source, built, released_on)
        shutil.rmtree(root / release, ignore_errors=True)
        built.rename(root / release)
    is_new = keep(root / release / ASSEMBLY, root / kept, root / release / CHECKSUMS)
    print(f"Built {checkout.version} in {release}.")
    if is_new:
        print(f"Copied it to {kept}: commit that, then tag the commit {checkout.tag}.")
    else:
        print(f"It is identical to the copy in {kept}.")


def build(folder: Path, released_on: date, settings: Mapping[str, object] | None = None) -> None:
    """Build the files of a release.

    Args:
        folder: The folder of the release, which is made.
        released_on: The day of the release.
        settings: Settings that replace those of `cdk.json`.

    Raises:
        CommandError: The app cannot be synthesized, or the lock file cannot be read.
    """
    folder.mkdir(parents=True)
    context = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
    try:
        synthesize(folder / ASSEMBLY, {**context, **(settings or {})}, _list_variables())
        bills = {
            "sbom.cdx.json": list_shipped_packages(released_on),
            "sbom-development.cdx.json": list_development_packages(released_on),
        }
    except (BundlingError, SynthesisError) as error:
        raise CommandError(str(error)) from error
    for policy in (BOUNDARY_FILE, *(subject.file for subject in Subject)):
        shutil.copy(policy, folder)
    for name, bill in bills.items():
        (folder / name).write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    (folder / CHECKSUMS).write_text(sum_up(folder), encoding="utf-8")


def _build_from(source: Path, folder: Path, released_on: date) -> None:
    """Build by the code in a folder, which has no bundles yet.

    Raises:
        CommandError: It failed.
    """
    done = subprocess.run(  # noqa: S603  # our own arguments
        [sys.executable, "-m", "cdk.operations.release", str(folder), released_on.isoformat()],
        cwd=source,
        env=_list_variables() | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or ["it printed nothing"]
        message = f"the release cannot be built: {reason.strip()}"
        raise CommandError(message)


def _list_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}


def sum_up(folder: Path) -> str:
    """Return the checksum of each file, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
